"""How much goes through and how long it takes, counted every few seconds by one clock."""

from datetime import datetime

from store import processes
from store import throughput as kept
from store.unit_of_work import Work
from worker.decisions import estimating
from worker.tools import Tools

DUTY = "throughput"
PASS_SECONDS = 15.0


def count(tools: Tools, holder: str) -> int:
    """Count the quarters of an hour that may have grown; gives how many, if on duty."""
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, PASS_SECONDS * 4):
            return 0
    with tools.store.read() as work:
        counted = [_quarter_of(work, begins_at) for begins_at in kept.uncounted(work)]
    with tools.store.write() as work:
        kept.save_quarters(work, counted)
    return len(counted)


def _quarter_of(work: Work, begins_at: datetime) -> dict[str, object]:
    exported, failed = kept.counts(work, begins_at)
    took = sorted(kept.seconds(work, begins_at))
    return {
        "begins_at": begins_at,
        "exported": exported,
        "failed": failed,
        "median": estimating.percentile(took, 0.5),
        "slow": estimating.percentile(took, 0.95),
    }
