"""What an invoice of five lines leaves in PostgreSQL: bytes of each table with its indexes, and of its WAL."""

from collections.abc import Mapping

import psycopg

from benchmarks.chaos import world
from benchmarks.installation import Bench, bench
from benchmarks.report import Report
from cli.publish import requests_for
from demo.world import invoice

_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_LINES = [
    {
        "description": f"Crew of four, day {day}: rigging, transport and standby",
        "quantity": "7.5",
        "unit_amount": "45.00",
    }
    for day in range(1, 6)
]
# What the pruner takes in the end (worker/pruner); all other tables are kept for ever.
_PRUNED = frozenset({"outbox", "attempts", "batches", "inbox", "deliveries", "dead_letters", "previews"})
_OURS = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables WHERE schemaname = 'public'"
_LEAST_BYTES = 20.0


def run(*, short: bool) -> Report:
    """Bytes per invoice in the end, and bytes of WAL per invoice of a bulk and per click (without full pages)."""
    report = Report("footprint", "what an invoice of five lines leaves in PostgreSQL")
    bulk, clicks = (1_000, 100) if short else (10_000, 1_000)
    with bench(limits=False) as made, psycopg.connect(_address(made), autocommit=True) as database:
        (company,) = made.companies(1)
        _ask(made, company, "warm", 50, "bulk")
        before, began = _sizes(database), _written(database)
        _ask(made, company, "bulk", bulk, "bulk")
        report.add("WAL per invoice of a bulk", (_written(database) - began) / bulk, "bytes", at_most=6_000)
        after = _sizes(database)
        grown = {table: (after[table] - before[table]) / bulk for table in after}
        kept = sum(size for table, size in grown.items() if table not in _PRUNED)
        report.add("bytes per invoice kept for ever", kept, "bytes", at_most=1_500)
        report.add("bytes per invoice until the pruner comes", sum(grown.values()), "bytes")
        for table, size in sorted(grown.items(), key=lambda one: -one[1]):
            if size >= _LEAST_BYTES:
                report.add(f"  {table}{' (pruned)' if table in _PRUNED else ''}", size, "bytes")
        began = _written(database)
        for click in range(clicks):
            _ask(made, company, f"click-{click}", 1, "single")
        report.add("WAL per click", (_written(database) - began) / clicks, "bytes", at_most=14_000)
    return report


def _ask(made: Bench, company: str, request: str, count: int, mode: str) -> None:
    documents = [invoice(f"{request}-{number:05d}", client=_CLIENT, lines=_LINES) for number in range(count)]
    for event in requests_for(documents, company, mode, "anna", request=request):
        made.send(event)
    made.until_complete(request)


def _address(made: Bench) -> str:
    return made.machines.settings.database_url.replace("postgresql+psycopg://", "postgresql://")


def _sizes(database: psycopg.Connection) -> Mapping[str, int]:
    """Bytes of each table with its indexes; what is dead was taken out, so that its room is used again."""
    database.execute("VACUUM")
    return {str(table): int(size) for table, size in database.execute(_OURS)}


def _written(database: psycopg.Connection) -> int:
    """Bytes of WAL since the server was made; after a checkpoint every page that is touched is written whole."""
    (found,) = database.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone() or (0,)
    return int(found)
