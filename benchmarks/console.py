"""The console: every page of it beside a long log and many companies, as a browser gets it."""

import re
import time
from collections.abc import Iterator

import httpx
import uvicorn

from benchmarks import seed_console
from benchmarks.report import Report
from store import migrate
from store.unit_of_work import database_time
from tests import machines
from tests.installation import Installation
from web import main
from web.console.app import PAGES, PREFIX
from worker.tools import Tools
from worker.users import accounts
from worker.watching import throughput

_TIMES = 20
_OF_A_NAME = {
    "company": "c7",
    "client": "client-7",
    "invoice": "i456",
    "sent": "r0",
    "id": "7",
    "number": "7",
    "user": "anna",
}
_FILTERED = (
    "/companies?state=needs_person",
    "/companies?state=waiting&after=c300",
    "/companies?q=pany+7",
    "/failures/c51?cause=contact_archived:client-0",
    "/log?company=c7",
    "/log?outcome=failed",
    "/log?company=c7&number=N-456",
    "/search?q=N-456",
    "/search?q=company+7",
    "/search/suggestions?q=N-45",
    "/search/suggestions?q=company+7",
    "/search/suggestions?q=i99999",
    "/search/suggestions?q=nothing+of+the+kind",
    "/replay?company=c51&cause=contact_archived:client-0",
    "/replay?outcome=failed",
    "/audit?who=user-7",
    "/audit?company=c7",
)


def run(*, short: bool) -> Report:
    """Each page's p95 and the rows it holds; every address answers 200."""
    rows = 100_000 if short else 1_000_000
    report = Report("console", f"every page with {rows:,} rows in the log and {seed_console.COMPANIES} companies")
    with machines.a_valkey() as redis_url, machines.a_postgres() as server, machines.a_simulator() as (xero, url):
        address = machines.fresh_postgres_database(server, "console")
        migrate.upgrade(address)
        made = Installation(address, redis_url, xero, url)
        made.store._time_source = database_time  # noqa: SLF001  # its round trip is counted too
        made.company()
        seed_console.fill(address, rows)
        _count(report, made.tools)
        with machines.served(uvicorn.Config(main.build(made.tools), log_level="error", lifespan="off")) as web:
            _walk(report, _signed_in(made.tools, web))
        made.store.engine.dispose()
    return report


def _count(report: Report, tools: Tools) -> None:
    """What the clock does for the charts: a whole day at its first start, then the newest quarter of an hour."""
    for name in ("count a day for the charts", "count again for the charts"):
        begun = time.monotonic()
        throughput.count(tools, "clock")
        report.add(name, 1000 * (time.monotonic() - begun), "ms")


def _signed_in(tools: Tools, web: str) -> httpx.Client:
    accounts.add(tools, "benchmark", "anna", "Anna", "admin")
    link, _ = accounts.link(tools, "benchmark", "anna", 600)
    browser = httpx.Client(base_url=web, timeout=60, headers={"origin": web, "sec-fetch-site": "same-origin"})
    browser.post(f"{PREFIX}/enter", data={"link": link.rpartition("=")[2]})
    return browser


def _walk(report: Report, browser: httpx.Client) -> None:
    slowest, longest, typing = 0.0, 0, 0.0
    for address in _addresses():
        took, rows = _seen(browser, address)
        if took is None:
            continue
        report.add(f"  {address}", took, "ms")
        if "/suggestions" in address:
            typing = max(typing, took)
        else:
            slowest, longest = max(slowest, took), max(longest, rows)
    report.add("slowest page, p95", slowest, "ms", at_most=200)
    report.add("slowest search as one types, p95", typing, "ms", at_most=100)
    report.add("rows of the longest page", longest, "", at_most=100)


def _addresses() -> Iterator[str]:
    """Every page there is, with names that exist; then some with filters."""
    for route in (route for page in PAGES for route in page.router.routes):
        if "GET" in route.methods and not route.path.endswith(".csv"):  # a file, not a page
            yield PREFIX + re.sub(r"\{(\w+)\}", lambda found: _OF_A_NAME.get(found[1], "7"), route.path)
    yield from (PREFIX + address for address in _FILTERED)


def _seen(browser: httpx.Client, address: str) -> tuple[float | None, int]:
    """The p95 in milliseconds and the rows of the longest table; None for a page that is not there."""
    took, rows = [], 0
    for _ in range(_TIMES):
        begun = time.monotonic()
        page = browser.get(address)
        took.append(1000 * (time.monotonic() - begun))
        if page.status_code in (303, 404):
            return None, 0
        page.raise_for_status()
        tables = re.findall(r"<table.*?</table>", page.text, re.DOTALL)
        rows = max([rows, *(table.count("<tr") - 1 for table in tables)])
    return sorted(took)[int(_TIMES * 0.95) - 1], rows
