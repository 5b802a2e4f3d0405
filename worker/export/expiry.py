"""Nothing waits for ever: what waits longer than the stated time is answered (ARCHITECTURE.md, promise 2)."""

from dataclasses import replace

from events.accounting_target import AccountingTarget
from events.causes import WAITED_FOR_CONNECTION
from events.failures import Failure
from events.lane import Lane
from events.reasons import Reason
from store import batches, exports, lanes
from store.connections import NOT_YET
from store.tables import Export
from store.unit_of_work import Work
from worker.decisions import merge_rules
from worker.decisions.merge_rules import ExportStanding, Move
from worker.export import contact_lookup, recording
from worker.export.results import ExportRefusal
from worker.tools import Tools


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
    kept = contact_lookup.linked(work, Lane(export.company, export.tenant), [export.client])
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
