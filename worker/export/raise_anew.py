"""Raise invoices anew: Xero is looked at, what is alive there stays the only one, the rest go in as a further one.

The look and the next generation's number are one step behind the fence; the invoice then goes like any new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.accounting_target import AccountingTarget, Lane, Organisation, Posted, Rejected, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import attachments, batches, companies, exports, generations, lanes, number_claims
from store.batches import Hold
from store.number_claims import Owner
from store.tables import Attempt, Export, Generation, InvoiceStatus
from store.unit_of_work import Work
from worker import logs
from worker.decisions import guard
from worker.export import deferral, export_results, recording, recovery
from worker.export.export_results import ExportRefusal, Result
from worker.export.recovery import LookedUp, Unclear
from worker.export.xero_call import Called
from worker.tools import Tools

_LOOK_AGAIN_SECONDS = 300.0
_UNANSWERED = ("sent", "unknown")
_log = logs.log("exporter")


@dataclass(frozen=True)
class _Ended:
    """How an export's present invoice ended, and what Xero shows of it."""

    how: str
    copy: Posted | None


@dataclass(frozen=True)
class _NextGeneration:
    """How an export begins again: its present invoice's end, and the columns of the further one."""

    ended: str
    row: dict[str, Any]


def raise_some(tools: Tools, organisation: Organisation, hold: Hold) -> Called:
    """Look at what Xero has of these invoices, and let begin again what has ended there."""
    with tools.store.read() as work:
        claimed = list(exports.seen_in_batch(work, hold.batch_id).values())
        sent = exports.numbers_sent(work, [export.id for export in claimed if export.id is not None])
    try:
        seen = recovery.ask(tools, organisation, claimed, sent)
    except Trouble as trouble:
        deferral.after_look(tools, organisation, hold, trouble)
        return "answered"
    with tools.store.write() as work:
        if not batches.move(work, hold, "claimed", state="settled", closed_at=work.now):
            return "answered"
        rows = exports.of_batches(work, hold.batch_id)
        lanes.note_answer(work, organisation.lane)
        exports.uncount(work, rows)
        _decide(work, tools, organisation, rows, seen)
    tools.bells.wake_relay()
    _log.info("exporter.raised", lane=organisation.lane.key, batch=hold.batch_id, size=len(rows))
    return "answered"


def _decide(work: Work, tools: Tools, organisation: Organisation, rows: Sequence[Export], seen: LookedUp) -> None:
    """What becomes of each: refused, found to be ours after all, looked at once more later, or begun again."""
    if not rows:
        return
    target = tools.target(organisation, rows[0].document)
    ordered = generations.ordered(work, rows)
    sent = exports.numbers_sent(work, [export.id for export in rows if export.id is not None])
    refused: list[ExportRefusal] = []
    adopted: list[Result] = []
    again: dict[int | None, _NextGeneration] = {}
    later: dict[int | None, float] = {}
    for export in rows:
        if not export.raise_anew:  # withdrawn while Xero was asked
            later[export.id] = 0.0
            continue
        ended = _end(work, target, export, sent.get(export.id or 0, ()), seen)
        following = _next(work, export, ordered.get(export.id or 0), ended) if isinstance(ended, _Ended) else ended
        if isinstance(following, Result):
            adopted.append(following)
        elif isinstance(following, Failure):
            refused.append(ExportRefusal(export, following))
        elif following is None:
            later[export.id] = _LOOK_AGAIN_SECONDS
        else:
            again[export.id] = following
    recording.apply(work, tools, organisation, adopted)
    generations.withdraw(work, [result.export for result in adopted])
    recording.fail(work, refused)

    def begun(export: Export) -> dict[str, Any]:
        following = again[export.id]
        generations.end(work, export, following.ended)
        return following.row

    def looked_again(export: Export) -> dict[str, Any]:
        return {"due_at": work.after(later[export.id]), "crashes": 0}

    begins = [export for export in rows if export.id in again]
    deferral.to_pending(work, begins, begun)
    if begins and companies.settings_of(work, organisation.lane.company).attachments:
        attachments.follow(work, organisation.lane.company, [export.invoice for export in begins])
    deferral.to_pending(work, [export for export in rows if export.id in later], looked_again)


def _end(
    work: Work, target: AccountingTarget, export: Export, tries: Sequence[Attempt], seen: LookedUp
) -> _Ended | Failure | Result | None:
    """How its present invoice ended and what is left of it; why it has not; or None while nobody can say."""
    if export.xero_invoice_id:
        copy = seen.by_id.get(export.xero_invoice_id)
        how = guard.ended_generation(copy, export.exported_at, work.now)
        return _Ended(how, copy) if isinstance(how, str) else how
    elements = recovery.elements(target, work, {export.id or 0: tries})
    found = recovery.match_create(target, export, tries, seen.by_number, elements, seen.ours)
    if isinstance(found, Result) and not isinstance(found.answer, Rejected):
        return found
    if any(guard.may_show_yet(attempt.at, work.now) for attempt in tries if attempt.outcome in _UNANSWERED):
        return None
    if isinstance(found, Unclear) and not _was_asked(work, export):
        return Failure(Reason.PERHAPS_IN_XERO)
    return _Ended(guard.NOT_FOUND, None)


def _was_asked(work: Work, export: Export) -> bool:
    """Whether a person was asked before if Xero has it: whoever orders it raised anew after that has looked."""
    status = work.session.get(InvoiceStatus, (export.company, export.invoice))
    return status is not None and status.reason == Reason.PERHAPS_IN_XERO.code


def _next(work: Work, export: Export, ordered: Generation | None, ended: _Ended) -> _NextGeneration | Failure:
    """The further invoice, under a number that is nobody else's here."""
    content = export_results.newest_content(export)
    base = export.raised_from if export.raised_as == content.number and export.raised_from else content.number
    given = ordered.number if ordered else ""
    number = guard.raised_number(content.number, base, given, ended.copy, ended.how, export.generation)
    renumbered = content.model_copy(update={"number": number})
    lane = Lane(export.company, export.tenant)
    owner = number_claims.claim(work, [(lane, renumbered)])[number_claims.key(lane, number)]
    if owner != Owner(export.company, export.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice, "number": number})
    row = {**_as_it_is(export), "generation": export.generation + 1, "raise_anew": False, "number": number}
    row |= {"due_at": work.now, "attempts": 0, "number_bound": False, "crashes": 0, "in_flight": None, "found": None}
    row |= {"xero_invoice_id": None, "xero_totals": None, "exported_at": None, "sent_hash": "", "sent_revision": -1}
    row |= {"sent_contact": "", "copy_seen": None, "copy_kept": None}
    if number != content.number:
        content_hash = renumbered.content_hash()
        generations.renumber_waiting(work, export, content_hash)
        row |= {"wanted": renumbered.kept(), "wanted_hash": content_hash}
        row |= {"raised_from": base, "raised_as": number}
    return _NextGeneration(ended.how, row)


_KEPT = (
    "generation", "raise_anew", "number", "due_at", "attempts", "number_bound", "crashes", "in_flight", "found",
    "xero_invoice_id", "xero_totals", "exported_at", "sent_hash", "sent_revision", "sent_contact", "copy_seen",
    "copy_kept", "wanted", "wanted_hash", "raised_from", "raised_as",
)  # fmt: skip


def _as_it_is(export: Export) -> dict[str, Any]:
    """The columns that beginning again may change, unchanged: rows that are written together name the same ones."""
    return {name: getattr(export, name, None) for name in _KEPT}
