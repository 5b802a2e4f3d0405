"""The pause switch: lanes take no new turn until somebody resumes; what is in flight ends by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events.export import InvoiceExportDeferred
from store import audit, batches, lanes, outbox, pauses, requests
from store.outbox import Outgoing
from store.pauses import EVERYBODY
from store.tables import Pause, Request
from store.unit_of_work import Work
from worker.tools import Tools

MESSAGE = "The export is paused; it goes on as soon as somebody resumes it."


@dataclass(frozen=True)
class Everybody:
    """A pause of everybody: who ordered it, why and when; and how many calls are still in flight."""

    by: str
    why: str
    at: datetime
    in_flight: int


def pause(tools: Tools, scope: str, by: str, why: str) -> bool:
    """Pause a company, or everybody, and tell who waits; False when that was so before."""
    with tools.store.write() as work:
        held = {one.scope for one in pauses.active(work)}
        if not pauses.pause(work, scope, by, why):
            return False
        waiting = [] if EVERYBODY in held else requests.open_ones(work, _company(scope))
        told = [request for request in waiting if request.company not in held]
        _tell(work, told)
        audit.note(work, by, "pause", scope, {}, len(told), why)
    tools.bells.wake_relay()
    return True


def resume(tools: Tools, scope: str, by: str, why: str) -> bool:
    """End a pause and ring what waited behind it; False when there was none."""
    with tools.store.write() as work:
        if not pauses.resume(work, scope):
            return False
        audit.note(work, by, "resume", scope, {}, 0, why)
        waiting = lanes.is_anything_due(work, _company(scope))
    for lane in waiting:
        tools.bells.ring(lane.key)
    return True


def in_flight(tools: Tools, scope: str) -> int:
    """How many calls to Xero are claimed or under way; exact once the pause is committed, and it only falls."""
    with tools.store.read() as work:
        return batches.in_flight(work, _company(scope))


def of_everybody(tools: Tools) -> Everybody | None:
    """The pause of everybody; None while there is none."""
    with tools.store.read() as work:
        held = pauses.of_everybody(work)
        return Everybody(held.by, held.why, held.at, batches.in_flight(work)) if held else None


def tell_newcomer(work: Work, company: str, request: str) -> None:
    """A request that comes while its company is paused is told so."""
    row = requests.known(work, company, request)
    if row and row.completed_at is None and pauses.of_company(work, company):
        _tell(work, [row])


def _tell(work: Work, waiting: Sequence[Request]) -> None:
    """One `deferred` for each request, in one pause."""
    for request in waiting:
        held = pauses.of_company(work, request.company)
        event = InvoiceExportDeferred(
            company=request.company, request=request.id, cause="paused", message=MESSAGE, until=None
        )
        key = f"deferred/{request.company}/{request.id}/paused/{_moment(held)}"
        outbox.publish_once(
            work, Outgoing(event, request.company, request.id, key, request.source_event, request.trace)
        )


def _moment(held: Pause | None) -> str:
    return held.at.isoformat() if held else ""


def _company(scope: str) -> str | None:
    return None if scope == EVERYBODY else scope
