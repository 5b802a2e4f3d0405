"""A model of scale: measured with few companies and invoices, tried at a point held back, and asked about very many.

What is counted does not depend on how busy the machine is; processor time is that of the thread that does the work,
without the simulated Xero and without PostgreSQL.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import event

from benchmarks.duties import parts
from benchmarks.report import Report
from store import migrate, reconciliations
from tests import machines
from tests.builders import an_invoice
from tests.installation import Installation
from worker import logs
from worker.reconcile import reconciler

_SHORT = ((4, 1), (4, 20), (12, 5))  # companies, and invoices of each in one request
_LONG = ((50, 1), (50, 50), (200, 5), (400, 20))
_HELD_BACK = {True: (16, 12), False: (2_000, 10)}
# What is asked of it: the aim, sent in bulk, while the busiest hour has five times the average's.
_COMPANIES, _INVOICES_A_DAY, _IN_A_REQUEST, _PEAK = 100_000, 50_000_000, 50, 5.0
_DAY_SECONDS = 86_400.0
_COMPARED_SECONDS = 864.0  # a company's invoices are compared with Xero's so often
_CALL_SECONDS = 0.5
_THREADS = 8  # of a worker process
_AT_WORK, _AT_REST = 16, 4  # connections to PostgreSQL of a process
Cost = Mapping[str, float]
UNITS = {"statements": "", "transactions": "", "WAL": "bytes", "room": "bytes", "processor": "s"}


@dataclass(frozen=True)
class Point:
    """What one load cost: so many companies, that many requests and invoices; its exports and its comparisons."""

    companies: int
    invoices: int
    exports: Cost
    comparisons: Cost


def run(*, short: bool) -> Report:
    """Costs of a request, an invoice and a comparison; the error where it was held back; what the aim needs."""
    logs.set_up("ERROR")
    report = Report("capacity", "a model fitted to small loads, and what 100,000 companies need by it")
    with parts() as (server, redis_url, simulator, xero_url):

        def measured(companies: int, each: int) -> Point:
            address = machines.fresh_postgres_database(server, f"capacity_{companies}_{each}")
            migrate.upgrade(address)
            made = Installation(address, redis_url, simulator, xero_url, read_timeout_seconds=30, settle_seconds=60)
            return _point(made, companies, each)

        seen = [measured(*load) for load in (_SHORT if short else _LONG)]
        held_back = measured(*_HELD_BACK[short])
    request, invoice, comparison = fitted(seen)
    for name, unit in UNITS.items():
        report.add(f"{name} of a request", request[name], unit)
        report.add("  of each of its invoices", invoice[name], unit)
        report.add("  of a comparison with Xero", comparison[name], unit)
    for name in UNITS:
        expected = request[name] * held_back.companies + invoice[name] * held_back.invoices
        expected += comparison[name] * held_back.companies
        found = held_back.exports[name] + held_back.comparisons[name]
        report.add(f"held back: {name}, model ÷ measured", expected / found if found else 1.0)
    for name, value, unit in needs(request, invoice, comparison):
        report.add(name, value, unit)
    return report


def fitted(seen: Sequence[Point]) -> tuple[Cost, Cost, Cost]:
    """What a request, an invoice and a comparison cost, by least squares: a load is so many of each."""
    requests = {name: _two([(p.companies, p.invoices, p.exports[name]) for p in seen]) for name in UNITS}
    each = {
        name: sum(p.companies * p.comparisons[name] for p in seen) / sum(p.companies**2 for p in seen)
        for name in UNITS
    }
    return {name: a for name, (a, _) in requests.items()}, {name: b for name, (_, b) in requests.items()}, each


def _two(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The `a` and `b` by which a·x + b·y is nearest to z. Each load counts alike, however large."""
    weighed = [(x / z, y / z) for x, y, z in rows if z]
    xx, yy = sum(x * x for x, _ in weighed), sum(y * y for _, y in weighed)
    xy, x_, y_ = sum(x * y for x, y in weighed), sum(x for x, _ in weighed), sum(y for _, y in weighed)
    area = xx * yy - xy * xy
    return ((yy * x_ - xy * y_) / area, (xx * y_ - xy * x_) / area) if area else (0.0, 0.0)


def needs(request: Cost, invoice: Cost, comparison: Cost) -> Iterator[tuple[str, float, str]]:
    """What the aim needs by these costs."""
    requests, compared = _INVOICES_A_DAY / _IN_A_REQUEST, _COMPANIES * _DAY_SECONDS / _COMPARED_SECONDS
    day = {
        name: requests * request[name] + _INVOICES_A_DAY * invoice[name] + compared * comparison[name]
        for name in UNITS
    }
    calls = requests / _DAY_SECONDS * _PEAK * _CALL_SECONDS
    workers = max(calls / _THREADS, day["processor"] / _DAY_SECONDS * _PEAK)
    clocks = compared / _DAY_SECONDS * _CALL_SECONDS
    about = "100,000 companies, 50 million invoices a day: statements on average"
    yield about, day["statements"] / _DAY_SECONDS, "/s"
    yield "  transactions on average", day["transactions"] / _DAY_SECONDS, "/s"
    yield "  WAL a day", day["WAL"] / 1e9, "GB"
    yield "  room a day, before anything is pruned", day["room"] / 1e9, "GB"
    yield "  cores of our processes at the peak", day["processor"] / _DAY_SECONDS * _PEAK, ""
    yield "  worker processes at the peak", workers, ""
    yield "  clock processes (DUTY_SHARDS at least as many)", clocks, ""
    yield "  connections at rest; at work four times as many", (workers + clocks) * _AT_REST, ""


def _point(made: Installation, companies: int, each: int) -> Point:
    names = [f"company-{number}" for number in range(companies)]
    for number, name in enumerate(names):
        made.company(name, f"{number:08d}-2222-4333-8444-555555555555")
    _compare(made)  # the first look at each is a long one

    def export() -> None:
        for name in names:
            made.ask(*(an_invoice(f"{name}-{place}") for place in range(each)), company=name, request=f"r-{name}")
        made.run(most=20 * companies)
        made.relay()

    exports = _cost(made, export)
    made.later(_COMPARED_SECONDS + 60)
    return Point(companies, companies * each, exports, _cost(made, lambda: _compare(made)))


def _compare(made: Installation) -> None:
    """Compare each company once; a pass ends after a minute."""
    while _is_any_due(made):
        reconciler.reconcile(made.tools, "host/1")


def _is_any_due(made: Installation) -> bool:
    with made.store.write() as work:
        return bool(reconciliations.due(work))


def _cost(made: Installation, work: Callable[[], object]) -> Cost:
    """What this costs: statements and transactions of PostgreSQL, bytes of its WAL and tables, processor seconds."""
    with psycopg.connect(made.settings.database_url.replace("+psycopg", ""), autocommit=True) as looking:
        before, began = _sizes(looking), time.thread_time()
        with _counted(made) as counts:
            work()
        took, after = time.thread_time() - began, _sizes(looking)
    grown = {name: max(0.0, after[name] - before[name]) for name in before}
    return {**grown, **{name: float(value) for name, value in counts.items()}, "processor": took}


@contextmanager
def _counted(made: Installation) -> Iterator[dict[str, int]]:
    """Statements and transactions as they go."""
    counts = {"statements": 0, "transactions": 0}

    def statement(*_: object) -> None:
        counts["statements"] += 1

    def begun(*_: object) -> None:
        counts["transactions"] += 1

    listened = ((made.store.engine, "before_cursor_execute", statement), (made.store.engine, "begin", begun))
    for of_what in listened:
        event.listen(*of_what)
    try:
        yield counts
    finally:
        for of_what in listened:
            event.remove(*of_what)


def _sizes(looking: psycopg.Connection) -> Cost:
    asked = "SELECT pg_current_wal_insert_lsn() - '0/0', pg_database_size(current_database())"
    wal, room = looking.execute(asked).fetchone() or (0, 0)
    return {"WAL": float(wal), "room": float(room)}
