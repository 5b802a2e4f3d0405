"""Calls: how many a bulk costs, and how single sends travel together while a limit holds."""

from benchmarks.installation import Bench, bench, tenant_of
from benchmarks.report import Report

_HELD_SECONDS = 3600


def run(*, short: bool) -> Report:
    """First exports of one organisation; as many single sends of another that arrive while a limit holds."""
    count = 1_000 if short else 5_000
    report = Report("calls", "what reaches Xero for so many invoices of one organisation")
    with bench(limits=False) as made:
        bulk, clicks = made.companies(2)
        made.ask(bulk, "bulk", count)
        made.until_complete("bulk")
        report.add(f"calls for {count:,} first exports", len(made.calls(tenant_of(bulk))), at_most=count / 50 + 2)
        _behind_a_limit(made, clicks, count)
        travelled = len(made.calls(tenant_of(clicks)))
        report.add(f"calls for {count:,} single sends that a limit held up", travelled, at_most=count / 50 + 4)
        report.add("single sends in one call", count / travelled)
        report.add("failed", len(made.listener.failed), at_most=0)
    return report


def _behind_a_limit(made: Bench, company: str, count: int) -> None:
    tools, organisation = made.machines.tools, made.organisation(company)
    tools.targets["xero"].pace.pause(organisation, "minute", _HELD_SECONDS)
    requests = [f"click-{number}" for number in range(count)]
    made.ask_many([(company, request, 1) for request in requests], mode="single")
    tools.redis.delete(f"xp:pace:{tenant_of(company)}:pause")
    tools.bells.ring(organisation.lane.key)
    made.until_complete(*requests)
