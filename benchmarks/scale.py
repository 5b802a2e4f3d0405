"""Scale: intake on one core, a log of a million, many invoices through one worker, one worker process and two."""

import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import harmonic_mean
from typing import Any

from sqlalchemy import event

from benchmarks import seed
from benchmarks.chaos import world
from benchmarks.installation import Bench, bench
from benchmarks.overhead import processor_seconds, tree_seconds
from benchmarks.report import Report
from cli.publish import requests_for
from demo.world import invoice
from events import codec
from events.settings import CompanySettings
from store import companies, export_log, failing, migrate, ops_summary, queries, requests, searching
from store.export_log import LogFilter
from store.paging import PageWanted
from store.unit_of_work import Store, Work
from worker import wiring
from worker.intake import intake
from worker.tools import Tools

_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_ROUNDS = 3
_QUESTIONS: dict[str, Callable[[Work], Any]] = {
    "log": queries.log,
    "log of a company": lambda work: queries.log(work, "old-7"),
    "failures in the log": lambda work: queries.log(work, only_failed=True),
    "failures by cause": failing.groups,
    "failed for a cause": lambda work: failing.of_causes(work, "old-7", ["contact_archived"]),
    "invoices of a request": lambda work: queries.invoices_of(work, "old-7", "r7"),
    "story of an invoice": lambda work: queries.story(work, "old-7", "i7"),
    "an invoice by number": lambda work: queries.invoices_named(work, "N-7"),
    "log filtered by reason": lambda work: export_log.log_page(work, LogFilter(reason="contact_archived"), None, 51),
    "log filtered by number": lambda work: export_log.log_page(work, LogFilter(number="N-77"), None, 51),
    "a page of the groups": lambda work: failing.groups(work, None, 51),
    "search as you type": lambda work: searching.search(work, "n-77", 8),
    "a page of bulk sends": lambda work: requests.page_of_bulk(work, "", "", PageWanted(50)),
    "overview": ops_summary.overview,
}


def run(*, short: bool) -> Report:
    """Each figure as a ratio in one run, but intake and lists."""
    report = Report("scale", "intake, a long log, memory, a second process")
    _long_log(report, 100_000 if short else 1_000_000, 2_000 if short else 5_000)
    _memory(report, (2_000, 10_000) if short else (10_000, 200_000))
    _two_processes(report, 3_000 if short else 10_000)
    return report


def _long_log(report: Report, rows: int, count: int) -> None:
    with bench(limits=False) as made:
        (company,) = made.companies(1)
        _intake(report, made, count)
        made.ask(company, "warm", 500)
        made.until_complete("warm")
        empty = harmonic_mean(_rate(made, company, f"empty-{turn}", count) for turn in range(_ROUNDS))
        seed.fill(made.machines.settings.database_url, rows)
        full = harmonic_mean(_rate(made, company, f"full-{turn}", count) for turn in range(_ROUNDS))
        report.add(f"throughput with {rows:,} rows in the log ÷ empty", full / empty, at_least=0.9)
        slowest = {name: _milliseconds(made.machines.tools.store, ask) for name, ask in _QUESTIONS.items()}
        for name, took in slowest.items():
            report.add(f"  {name}, {rows:,} rows", took, "ms")
        report.add("slowest list", max(slowest.values()), "ms", at_most=50)


def _intake(report: Report, made: Bench, count: int) -> None:
    """In this process: what it and PostgreSQL use of a core; and the longest that SQLite's one lock was held."""
    (company,) = made.companies(1, "intake")
    postgres = made.machines.process("postgres").child
    before, of_postgres = time.process_time(), tree_seconds(postgres.pid) if postgres else 0.0
    _take_in(made.machines.tools, company, "intake", count)
    spent = time.process_time() - before + (tree_seconds(postgres.pid) if postgres else 0.0) - of_postgres
    report.add("intake on one core, PostgreSQL's work included", count / spent, "invoices/s", at_least=2000)
    made.until_complete("intake")  # or workers would want the cores on which the lock is measured
    report.add(
        "longest write lock of SQLite, 500 invoices in an event", _longest_lock(made, company), "ms", at_most=50
    )


def _take_in(tools: Tools, company: str, name: str, count: int) -> None:
    documents = [invoice(f"{name}-{number:05d}", client=_CLIENT) for number in range(count)]
    bodies = [json.dumps(one).encode() for one in requests_for(documents, company, "bulk", "anna", request=name)]
    for body in bodies:
        intake.accept(tools, codec.parse(body))


def _longest_lock(made: Bench, company: str) -> float:
    """On a database of its own: milliseconds from BEGIN IMMEDIATE to the end of COMMIT, the median of ten."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lock.sqlite"
        migrate.upgrade(url)
        tools = wiring.build(made.machines.settings.model_copy(update={"database_url": url}))
        with tools.store.write() as work:
            companies.set_up(work, company, company, CompanySettings(default_account_code="200"))
        held: list[float] = []
        begun: dict[str, float] = {}
        event.listen(tools.store.engine, "begin", lambda _one: begun.update(at=time.monotonic()))
        real = tools.store.engine.dialect.do_commit

        def commit(connection: Any) -> None:
            real(connection)
            held.append(1000 * (time.monotonic() - begun["at"]))

        tools.store.engine.dialect.do_commit = commit  # type: ignore[method-assign]
        _take_in(tools, company, "lock", 5_000)
        tools.store.engine.dispose()
    return sorted(held)[len(held) // 2]


def _rate(made: Bench, company: str, request: str, count: int) -> float:
    begun = made.ask(company, request, count)
    return count / (made.until_complete(request) - begun)


def _milliseconds(store: Store, ask: Callable[[Work], Any]) -> float:
    took = []
    for _ in range(5):
        with store.read() as work:
            begun = time.monotonic()
            ask(work)
            took.append(1000 * (time.monotonic() - begun))
    return sorted(took)[2]


def _memory(report: Report, sizes: tuple[int, int]) -> None:
    """Of the two worker processes together, after so many and after many more; the log keeps growing."""
    with bench(limits=False, workers=1) as made:
        (company,) = made.companies(1)
        seen, done = [], 0
        for size in sizes:
            while done < size:
                part = min(5_000, size - done)
                made.ask(company, f"until-{done}", part)
                made.until_complete(f"until-{done}")
                done += part
            seen.append(_resident(made))
        name = f"worker memory after {sizes[1]:,} invoices ÷ after {sizes[0]:,}"
        report.add(name, seen[1] / seen[0], at_most=1.1)
        report.add("worker memory", seen[1] / 1024, "MB")


def _resident(made: Bench) -> float:
    """Resident kB of the worker and its children."""
    worker = made.machines.process("worker-1").child
    return sum(_kilobytes(pid) for pid in _family(worker.pid)) if worker else 0.0


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _kilobytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def _two_processes(report: Report, count: int) -> None:
    spent = []
    for workers in (1, 2):
        with bench(limits=False, workers=workers) as made:
            (company,) = made.companies(1)
            made.ask(company, "warm", 500)
            made.until_complete("warm")
            before = processor_seconds(made)
            _rate(made, company, "bulk", count)
            spent.append(1000 * (processor_seconds(made) - before) / count)
    report.add("processor seconds per 1,000 invoices, one worker process", spent[0])
    report.add("with two ÷ with one", spent[1] / spent[0], at_most=1.15)
