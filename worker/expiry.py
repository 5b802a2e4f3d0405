"""Nothing waits for ever: what waits longer than the stated time is answered (DESIGN §1, promise 2)."""

from events.failures import Failure
from events.reasons import Reason
from store import exports
from store.tables import Export
from store.unit_of_work import Work
from worker import recording
from worker.recording import Refusal


def expire(work: Work, seconds: float) -> int:
    """Answer the exports that have been live for longer than this; give how many."""
    overdue = exports.live_longer_than(work, seconds)
    recording.fail(work, [Refusal(export, Failure(_reason(export))) for export in overdue])
    return len(overdue)


def _reason(export: Export) -> Reason:
    """Sent and never answered is not the same as never sent. Its number stays bound either way it matters."""
    return Reason.OUTCOME_UNKNOWN if export.state == "uncertain" else Reason.EXPIRED
