"""Limit efficiency: how many of each window's calls are used, and how many are refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from benchmarks.installation import bench, tenant_of
from benchmarks.report import Report

_MINUTE = 60.0


def run(*, short: bool) -> Report:
    """10,000 invoices of one organisation against Xero's real limits, at no latency and at 2 s per call."""
    count = 6_500 if short else 10_000
    report = Report("limits", f"{count:,} invoices, 60 calls in {_MINUTE:g} s that begin with a call, 5 at once")
    for latency in (0.0, 2.0):
        with bench(limits=True) as made:
            (company,) = made.companies(1)
            made.latency(latency)
            begun = made.ask(company, "bulk", count)
            seconds = made.until_complete("bulk") - begun
            _add(report, made.calls(tenant_of(company)), latency)
            report.add(f"seconds in all, a call takes {latency:g} s", seconds)
    report.add("one call at a time at 2 s would use of 60", _MINUTE / 2)
    return report


def _add(report: Report, calls: Sequence[dict[str, Any]], latency: float) -> None:
    used = windows([call for call in calls if call["status"] != 429])
    whole = used[1:-1]  # the first fills up from idle, the last runs out of work
    name = f"a call takes {latency:g} s"
    report.add(f"calls of 60 used, fewest in a window, {name}", min(whole), at_least=57)
    report.add(f"windows seen, {name}", len(whole))
    report.add(f"429s, {name}", sum(call["status"] == 429 for call in calls), at_most=0)


def windows(calls: Sequence[dict[str, Any]]) -> list[int]:
    """Calls in each window, which begins with the first call after the one before is over."""
    counts: list[int] = []
    begun = 0.0
    for moment in sorted(datetime.fromisoformat(call["time"]).timestamp() for call in calls):
        if moment - begun >= _MINUTE:
            begun = moment
            counts.append(0)
        counts[-1] += 1
    return counts
