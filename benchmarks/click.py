"""Single click: from the door to the `succeeded` event on the stream, less what the simulated Xero takes itself.

What it takes is the median of bare calls with as many invoices over the same wire: one for a click alone, fifty for
one beside a backlog, whose call is filled up.
"""

import threading
import time

import httpx

from benchmarks.bare import bodies
from benchmarks.host import FeedReader
from benchmarks.installation import Bench, bench, tenant_of
from benchmarks.report import Report, percentile
from tests.machines import wait_for

_LATENCY = 0.3


def run(*, short: bool) -> Report:
    """Idle; then at 300 ms per call while 10,000 of the same company and 10,000 of another one are running."""
    clicks, size = (60, 5_000) if short else (500, 10_000)
    report = Report("click", "milliseconds from the door to the event, less Xero's own")
    with bench(limits=False) as made:
        (company,) = made.companies(1)
        own = _own_time(made, company, 1)
        with made.reading_the_feed() as feed:
            idle = [_click(made, company, f"idle-{number}") - own for number in range(clicks)]
            later = _later(made, feed)
        report.add("clicks, idle", len(idle))
        report.add("idle, p50", 1000 * percentile(idle, 0.5), "ms", at_most=60)
        report.add("idle, p99", 1000 * percentile(idle, 0.99), "ms", at_most=250)
        report.add("idle, at the feed's wait, p50", 1000 * (percentile(idle, 0.5) + percentile(later, 0.5)), "ms")
        report.add("the feed's wait behind the stream, p50", 1000 * percentile(later, 0.5), "ms", at_most=20)
        report.add("Xero's own time for a call of one", 1000 * own, "ms")
    with bench(limits=True) as made:
        company, other = made.companies(2)
        made.latency(_LATENCY)
        for who in (company, other):
            made.ask(who, f"bulk-{who}", size)
        own = _own_time(made, other, 50)
        beside, waits = _beside(made, company, 24 if short else 100, own)
        report.add("Xero's own time for a call of fifty, latency included", 1000 * own, "ms")
        report.add(f"clicks beside two bulks of {size:,}", len(beside))
        for share in (0.5, 0.95):
            name = f"p{round(share * 100)}"
            report.add(f"beside, {name}, waits at the limit included", 1000 * percentile(beside, share), "ms")
        free = [seconds for seconds, wait in zip(beside, waits, strict=True) if wait == 0]
        report.add("clicks that found a call at once", len(free) / len(beside))
        report.add("beside ÷ idle, p95, of those", percentile(free, 0.95) / percentile(idle, 0.95), at_most=2)
    return report


def _click(made: Bench, company: str, request: str) -> float:
    begun = made.ask(company, request, 1, "single")
    key = (request, f"{request}-00000")
    wait_for(lambda: key in made.listener.answered, 120, every=0.0005)
    return made.listener.answered[key] - begun


def _later(made: Bench, feed: FeedReader) -> list[float]:
    """How much later than on the stream each answer was at the feed."""
    wait_for(lambda: made.listener.answered.keys() <= feed.answered.keys(), 30)
    return [feed.answered[key] - at for key, at in made.listener.answered.items()]


def _beside(made: Bench, company: str, count: int, own: float) -> tuple[list[float], list[float]]:
    """Clicks two seconds apart, less Xero's own time; and how long pace would have let a click wait just before."""
    seconds, waits = [], []
    organisation, pace = made.organisation(company), made.machines.tools.targets["xero"].pace
    for number in range(count):
        threading.Event().wait(1.2)
        permit = pace.ask(organisation, single=True)
        waits.append(permit.wait)
        if not permit.wait:
            pace.abandon(permit)
        seconds.append(_click(made, company, f"beside-{number}") - own)
    return seconds, waits


def _own_time(made: Bench, company: str, size: int) -> float:
    """What the simulated Xero and the wire take for a call with so many invoices, without us: the median of some."""
    headers = {
        "Authorization": f"Bearer {made.machines.tools.targets['xero'].login.auth.bearer(made.organisation(company))}"
    }
    headers |= {"Xero-Tenant-Id": tenant_of(company), "Accept": "application/json"}
    took = []
    with httpx.Client(base_url=made.machines.xero_url, headers=headers) as bare:
        for number in range(10):
            body = bodies(company, f"own-{size}-{number}", size, size)[0]
            begun = time.monotonic()
            bare.put("/api.xro/2.0/Invoices?summarizeErrors=false&unitdp=4", content=body).raise_for_status()
            took.append(time.monotonic() - begun)
    return percentile(took, 0.5)
