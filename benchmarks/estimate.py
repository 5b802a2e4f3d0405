"""The finish estimate of a bulk send: what a page says meanwhile, beside how long it then took, at three speeds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.installation import Bench, bench
from benchmarks.report import Report
from store.progress import Progress
from worker.decisions.estimating import TimeLeft
from worker.delivery import progress

_EVERY_SECONDS = 0.25
_LEAST_SECONDS = 2.0  # with less left than this, or than a tenth of the whole, “a moment” is what a person reads


@dataclass(frozen=True)
class Speed:
    """How quick Xero is: what a call takes, whether its limits are on, and how many invoices are sent then."""

    name: str
    call: float
    limits: bool
    invoices: int
    short: int


@dataclass(frozen=True)
class EstimateSeen:
    """What a page said at a moment: seconds left, and between which two; None where it said nothing."""

    at: float
    likely: float | None
    soonest: float = 0.0
    latest: float = 0.0


SPEEDS = (
    Speed("a call takes 0.3 s", 0.3, limits=False, invoices=12_000, short=6_000),
    Speed("a call takes 2 s", 2.0, limits=False, invoices=4_000, short=2_000),
    Speed("60 calls a minute", 0.1, limits=True, invoices=9_000, short=4_500),
)


def run(*, short: bool) -> Report:
    """From the first tenth of each bulk on: the least and the greatest of estimated ÷ true seconds left."""
    report = Report("estimate", f"asked every {_EVERY_SECONDS:g} s from the first tenth of a bulk on")
    for speed in SPEEDS:
        with bench(limits=speed.limits) as made:
            _measure(report, made, speed, speed.short if short else speed.invoices)
    return report


def _measure(report: Report, made: Bench, speed: Speed, count: int) -> None:
    (company,) = made.companies(1)
    made.latency(speed.call)
    begun = made.ask(company, "bulk", count)
    seen: list[EstimateSeen] = []
    while "bulk" not in made.listener.completed:
        found = progress.measured_progress(made.machines.tools, company, "bulk")
        if found and not found[0].complete and (found[0].exported + found[0].failed) * 10 >= count:
            seen.append(_seen(made, *found))
        time.sleep(_EVERY_SECONDS)
    _add(report, speed.name, seen, begun, made.listener.completed["bulk"])


def _seen(made: Bench, told: Progress, left: TimeLeft | None) -> EstimateSeen:
    """As a page says it: from the bulk's own speed, else from what Xero's limits and answers let expect."""
    now = time.monotonic()
    if left:
        return EstimateSeen(now, left.likely, left.soonest, left.latest)
    if told.estimated_finish is None:
        return EstimateSeen(now, None)
    with made.machines.tools.store.read() as work:
        seconds = (told.estimated_finish - work.now).total_seconds()
    return EstimateSeen(now, seconds, seconds, seconds)


def _add(report: Report, name: str, seen: Sequence[EstimateSeen], begun: float, done: float) -> None:
    told = [one for one in seen if done - one.at >= max(_LEAST_SECONDS, (done - begun) / 10)]
    known = [(one, done - one.at) for one in told if one.likely is not None]
    ratios = sorted((one.likely or 0.0) / true for one, true in known)
    inside = sum(one.soonest <= true <= one.latest for one, true in known)
    report.add(f"seconds in all, {name}", done - begun, "s")
    report.add(f"estimates, {name}", len(ratios), at_least=5)
    report.add(f"moments without one, {name}", len(told) - len(ratios), at_most=0)
    if ratios:
        report.add(f"estimated ÷ true, least, {name}", ratios[0], at_least=0.7)
        report.add(f"estimated ÷ true, median, {name}", ratios[len(ratios) // 2])
        report.add(f"estimated ÷ true, greatest, {name}", ratios[-1], at_most=1.3)
        report.add(f"share of them whose span held the truth, {name}", inside / len(ratios))
