"""Nothing waits for ever: what waits longer than the stated time is answered (DESIGN §1, promise 2)."""

from events.causes import WAITED_FOR_CONNECTION
from events.failures import Failure
from events.lane import Lane
from events.reasons import Reason
from store import exports, lanes
from store.connections import NOT_YET
from store.tables import Export
from store.unit_of_work import Work
from worker.exporting import recording
from worker.exporting.results import Refusal


def expire(work: Work, seconds: float) -> int:
    """Answer the exports that have been live for longer than this; give how many."""
    overdue = exports.live_longer_than(work, seconds)
    recording.fail(work, [Refusal(export, _failure(work, export)) for export in overdue])
    return len(overdue)


def _failure(work: Work, export: Export) -> Failure:
    """Sent and never answered is not the same as never sent. Its number stays bound either way it matters."""
    if export.state == "uncertain":
        return Failure(Reason.OUTCOME_UNKNOWN)
    lane = Lane(export.company, export.tenant)
    unconnected = lane.tenant == NOT_YET or lanes.why_stopped(work, lane) == "needs_login"
    return Failure(Reason.EXPIRED, {"waited_for": WAITED_FOR_CONNECTION} if unconnected else {})
