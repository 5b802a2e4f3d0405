"""After trouble with a whole call: give the batch back when nothing happened, park it when nobody knows.

Nothing waits for ever: what waits longer than the stated time is answered (ARCHITECTURE.md, promise 2).
The one way back to the queue: rows that become pending again, and those a person has called back meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from events import wording
from events.accounting_target import AccountingTarget, Organisation, Trouble
from events.export import InvoiceExportDeferred
from events.failures import WAITED_FOR_CONNECTION, Failure
from events.lane import Lane
from events.reasons import Reason
from store import batches, exports, lanes, metrics_rows, outbox, requests
from store.batches import Hold
from store.connections import NOT_YET
from store.outbox import Outgoing
from store.tables import Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import merge_rules, precedence, turns
from worker.decisions.merge_rules import ExportStanding, Move
from worker.export import answering, recording
from worker.export.export_results import ExportRefusal
from worker.tools import Tools
from worker.waiting import login_block


def to_pending(work: Work, back: Sequence[Export], changes: Callable[[Export], dict[str, Any]]) -> None:
    """Make the exports pending; one that was cancelled or excluded in flight is answered instead."""
    called_back = [
        ExportRefusal(export, Failure(_word(export))) for export in back if export.cancelled or export.excluded
    ]
    recording.fail(work, called_back)
    exports.change(
        work,
        [
            {"id": export.id, "state": "pending", "batch_id": None, **changes(export)}
            for export in back
            if not (export.cancelled or export.excluded)
        ],
    )


def _word(export: Export) -> Reason:
    return Reason.EXCLUDED if export.excluded else Reason.CANCELLED


_CAUSES: dict[str, Any] = {"limited": "limit", "offline": "offline"}
WORTH_TELLING_SECONDS = 5.0
_log = logs.log("exporter")


def after(tools: Tools, organisation: Organisation, hold: Hold, trouble: Trouble) -> None:
    """What a batch and its lane do after trouble with its call."""
    _log.warning(
        "exporter.call_failed",
        lane=organisation.lane.key,
        batch=hold.batch_id,
        effect=trouble.effect,
        status=trouble.status,
        correlation_id=trouble.correlation_id,
        limit=trouble.limit,
        wait=trouble.wait,
    )
    if trouble.effect in ("unknown", "offline"):
        _park(tools, organisation, hold, trouble)
    else:
        give_back(tools, organisation, hold, trouble)


def give_back(
    tools: Tools, organisation: Organisation, hold: Hold, trouble: Trouble, from_state: str = "sent"
) -> None:
    """Nothing reached Xero: the invoices are pending again, and no attempt is charged."""
    with tools.store.write() as work:
        if _back(work, hold, from_state, **_traces(trouble)):
            rest(work, organisation, trouble, 0)


def after_look(tools: Tools, organisation: Organisation, hold: Hold, trouble: Trouble) -> None:
    """A look before anything was sent met trouble: the invoices are pending again, and the lane waits as it asks."""
    with tools.store.write() as work:
        if _back(work, hold, "claimed", **_traces(trouble)):
            count = lanes.count_unknown(work, organisation.lane) if trouble.effect == "unknown" else 0
            rest(work, organisation, trouble, count)


def hand_back(tools: Tools, holds: Sequence[Hold]) -> None:
    """The same for frozen batches whose turn never came; the lane need not wait for that."""
    for hold in holds:
        with tools.store.write() as work:
            _back(work, hold, "sent")


def _back(work: Work, hold: Hold, from_state: str, **traces: Any) -> bool:
    """Whether the batch was still ours."""
    if not batches.move(work, hold, from_state, state="given_back", closed_at=work.now, **traces):
        return False
    back = exports.of_batches(work, hold.batch_id)
    batches.forget_attempts(work, hold.batch_id)
    exports.uncount(work, back)
    to_pending(work, back, lambda _export: {"crashes": 0})
    return True


def _park(tools: Tools, organisation: Organisation, hold: Hold, trouble: Trouble) -> None:
    """Nobody knows what happened: the batch waits until it can be looked up, the lane goes on."""
    with tools.store.write() as work:
        free = {"state": "uncertain", "lease_until": work.now, **_traces(trouble)}
        if not batches.move(work, hold, "sent", **free):
            return
        parked = exports.of_batches(work, hold.batch_id)
        exports.change(work, [{"id": export.id, "state": "uncertain", "crashes": 0} for export in parked])
        rest(work, organisation, trouble, lanes.count_unknown(work, organisation.lane))


def rest(work: Work, organisation: Organisation, trouble: Trouble, unknown_in_a_row: int) -> None:
    """Let the lane wait as long as the trouble asks, and say so when it is long; counted last, after all locks."""
    _let_wait(work, organisation, trouble, unknown_in_a_row)
    metrics_rows.add_counts(work, "troubles", {(trouble.effect, trouble.limit or ""): 1})


def _let_wait(work: Work, organisation: Organisation, trouble: Trouble, unknown_in_a_row: int) -> None:
    if trouble.effect == "needs_login":
        login_block.after_refusal(work, organisation, trouble)
        return
    if trouble.effect == "refused":
        _wait_for_recovery(work, organisation, trouble)
        return
    cause = _CAUSES.get(trouble.effect, "trouble")
    seconds = turns.lane_wait(trouble, unknown_in_a_row)
    if seconds <= 0:
        return
    until = work.after(seconds)
    if cause == "limit":
        lanes.name_limit(work, organisation.lane, trouble.limit or "", until)
    if lanes.block(work, organisation.lane, cause, trouble.message, until) and seconds >= WORTH_TELLING_SECONDS:
        _tell(work, organisation, cause, until, once=work.now.isoformat(), limit=trouble.limit or "")


def _wait_for_recovery(work: Work, organisation: Organisation, trouble: Trouble) -> None:
    """Xero refuses a login that lives: growing pauses, then one call; told once, a person is asked if it lasts."""
    refusals = lanes.count_refused(work, organisation.lane)
    lasts = turns.refusal_lasts(refusals.in_a_row, refusals.seconds, refusals.others)
    if trouble.problem and lasts:
        login_block.after_refusal(work, organisation, trouble)
        return
    until = work.after(trouble.wait or turns.refused_wait(refusals.in_a_row))
    lanes.block(work, organisation.lane, "trouble", trouble.message, until)
    _tell(work, organisation, "trouble", until, once=refusals.since.isoformat())


def tell_of_limit(work: Work, organisation: Organisation, limit: str, until: datetime) -> None:
    """Our own books say that a limit is reached: said at most once in ten minutes, of the day once an hour.

    Until then the lane is not blocked, and what it waits for is noted for those who ask.
    """
    once = f"{until:%Y-%m-%dT%H}:{until.minute // 10}"
    if limit == "day":
        once = f"day {work.now:%Y-%m-%dT%H}"
        lanes.name_limit(work, organisation.lane, limit, until)
    _tell(work, organisation, "limit", until, once, limit)


def _tell(work: Work, organisation: Organisation, cause: Any, until: datetime, once: str, limit: str = "") -> None:
    """One `deferred` for each request that waits in this lane, on one occasion."""
    told, words = [], precedence.deferred_in_words(cause, limit)
    for request in requests.unfinished(work, organisation.lane):
        event = InvoiceExportDeferred(
            company=request.company, request=request.id, cause=cause, message=words, until=until, limit=limit or None
        )
        key = f"deferred/{request.company}/{request.id}/{cause}/{once}"
        told.append(Outgoing(event, request.company, request.id, key, request.source_event, request.trace))
    outbox.publish_new(work, told)


def _traces(trouble: Trouble) -> dict[str, Any]:
    return {
        "http_status": trouble.status,
        "correlation_id": trouble.correlation_id,
        "trouble": wording.shortened(f"{trouble.effect}: {trouble.message}", 500),
    }


def expire(work: Work, tools: Tools, seconds: float) -> int:
    """Answer the exports that have been live for longer than this; give how many.

    What Xero has as it was sent waited for a look alone: it is answered from what is known, and until when.
    """
    overdue = exports.live_longer_than(work, seconds)
    unknown = batches.unknown_bodies(work, [export.id for export in overdue if export.id is not None])
    for export in overdue:
        organisation = tools.organisation(work, Lane(export.company, export.tenant))
        target = tools.target(organisation) if organisation else None
        move = None if export.id in unknown else _known(work, target, export)
        if move == "unchanged" and organisation:
            recording.rest_as_known(work, tools, organisation, export)
        else:
            failure = move if isinstance(move, Failure) else _failure(work, export)
            recording.fail(work, [ExportRefusal(export, failure)])
    return len(overdue)


def _known(work: Work, target: AccountingTarget | None, export: Export) -> Move | Failure | None:
    """What a request for it in bulk would come to, without a look; None where something is on its way to Xero."""
    if export.state != "pending" or export.raise_anew or export.xero_invoice_id is None:
        return None
    kept = answering.linked_contacts(work, Lane(export.company, export.tenant), [export.client])
    contact = target.contact_id(kept.get(export.client, "")) if target else None
    standing = ExportStanding.from_row(export, contact=contact)
    return merge_rules.decide(replace(standing, state="exported"), export.wanted_revision, export.wanted_hash)


def _failure(work: Work, export: Export) -> Failure:
    """Sent and never answered is not the same as never sent. Its number stays bound either way it matters."""
    if export.state == "uncertain":
        return Failure(Reason.OUTCOME_UNKNOWN)
    lane = Lane(export.company, export.tenant)
    unconnected = lane.tenant == NOT_YET or lanes.why_stopped(work, lane) == "needs_login"
    return Failure(Reason.EXPIRED, {"waited_for": WAITED_FOR_CONNECTION} if unconnected else {})
