"""Idle cost: what an installation with many connected companies does while nothing happens."""

import threading

import psycopg

from benchmarks.installation import Bench, bench
from benchmarks.overhead import processor_seconds
from benchmarks.report import Report

_COMPANIES = 500


def run(*, short: bool) -> Report:
    """500 connected companies, nothing to export: share of a core, statements and Redis commands per second."""
    seconds = 20 if short else 60
    report = Report("idle", f"{_COMPANIES} connected companies, {seconds} s of nothing")
    with bench(limits=True, workers=2) as made:
        made.companies(_COMPANIES)
        threading.Event().wait(5)
        before, processor = _counts(made), processor_seconds(made)
        threading.Event().wait(seconds)
        after, spent = _counts(made), processor_seconds(made) - processor
        report.add("share of one core, all processes", 100 * spent / seconds, "%")
        for name, unit in (("transactions", "/s"), ("commands", "/s")):
            where = "PostgreSQL" if name == "transactions" else "Redis"
            report.add(f"{where} {name}", (after[name] - before[name]) / seconds, unit)
    return report


def _counts(made: Bench) -> dict[str, int]:
    with psycopg.connect(made.machines.settings.database_url) as connection:
        row = connection.execute("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database").fetchone()
    commands = made.machines.tools.redis.info("stats")["total_commands_processed"]
    return {"transactions": int(row[0]) if row else 0, "commands": int(commands)}
