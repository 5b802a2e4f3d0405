"""How much goes through and how long it takes, counted every few seconds by one clock; why what waits does."""

from collections import defaultdict
from datetime import datetime

from store import metrics_rows, processes
from store import throughput as kept
from store.unit_of_work import Work
from worker.decisions import estimating
from worker.status import companies
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


QUEUE_DUTY = "queues"
QUEUE_SECONDS = 60.0


def note_queues(tools: Tools, holder: str) -> int:
    """Look once at every queue, if on duty: why its invoices wait, and how long Xero took; gives how many wait."""
    with tools.store.write() as work:
        if not processes.take_duty(work, QUEUE_DUTY, holder, QUEUE_SECONDS * 2):
            return 0
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    with tools.store.read() as work:
        at_work = {one.company for one in metrics_rows.waiting(work) if one.invoices}
        for one in companies.of_companies(tools, work, at_work):
            if one.load.live:
                seen[one.health.company, one.status.cause or "sending"].append(one.load.live)
                waiting[one.status.cause or "sending"] += one.load.live
        for company, seconds in kept.answers(work, QUEUE_SECONDS):
            for whose in (company, ""):
                seen[whose, kept.ANSWERED].append(seconds)
    of_all = {("", kind): [float(count)] for kind, count in waiting.items()}
    with tools.store.write() as work:
        kept.note_queues(work, {**seen, **of_all, ("", kept.SEEN): [1.0]})
    return sum(waiting.values())
