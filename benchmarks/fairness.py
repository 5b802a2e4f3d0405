"""Fairness: what a big company, or an organisation that answers slowly, costs the others."""

from collections.abc import Sequence

from benchmarks.installation import Bench, bench, tenant_of
from benchmarks.report import Report, percentile

_SMALL, _EACH = 50, 20
_QUICK, _SLOW, _SLOW_SECONDS = 20, 4, 30.0


def run(*, short: bool) -> Report:
    """50 companies of 20 invoices with and without one of 10,000; 20 quick organisations beside 4 slow ones."""
    report = Report("fairness", "p95 of the small or quick ones, beside the others ÷ alone")
    with bench(limits=True) as made:
        big, *small = made.companies(1 + _SMALL)
        made.latency(0.1)
        alone = _small_ones(made, small, "alone")
        size = 2_000 if short else 10_000
        made.ask(big, "big", size)
        beside = _small_ones(made, small, "beside")
        report.add("small ones, p95 alone", percentile(alone, 0.95), "s")
        report.add("small ones, p95 beside a big one", percentile(beside, 0.95), "s")
        ratio = percentile(beside, 0.95) / percentile(alone, 0.95)
        report.add(f"small ones, beside {size:,} ÷ alone, p95", ratio, at_most=2)
    with bench(limits=True) as made:
        *quick, _, _, _, _ = made.companies(_QUICK + _SLOW)
        slow = [f"crew-{number:04d}" for number in range(_QUICK + 1, _QUICK + _SLOW + 1)]
        alone = _small_ones(made, quick, "alone")
        made.latency(_SLOW_SECONDS, [tenant_of(one) for one in slow])
        made.ask_many([(one, f"slow-{one}", 500) for one in slow])
        beside = _small_ones(made, quick, "beside")
        report.add("quick ones, p95 alone", percentile(alone, 0.95), "s")
        report.add("quick ones, p95 beside four that take 30 s", percentile(beside, 0.95), "s")
        ratio = percentile(beside, 0.95) / percentile(alone, 0.95)
        report.add("quick ones, beside four that take 30 s ÷ alone, p95", ratio, at_most=2)
    return report


def _small_ones(made: Bench, companies: Sequence[str], name: str) -> list[float]:
    """Seconds from the send until `completed`, of each company; all are sent at the same moment."""
    asked = [(company, f"{name}-{company}", _EACH) for company in companies]
    begun = made.ask_many(asked)
    made.until_complete(*(request for _, request, _ in asked))
    return [made.listener.completed[request] - begun for _, request, _ in asked]
