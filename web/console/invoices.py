"""An invoice's page: where it stands and why, its whole story, and what a person may do about it.

An invoice's story as a list of moments, newest first; pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import ValidationError

from events.accounting_target import AccountingTarget
from events.changes import GONE, DriftFound, Picture
from events.failures import NOT_MENDED
from events.invoice import Invoice
from store import attachments, audit, companies, invoice_detail
from store.invoice_detail import InvoiceStory
from store.tables import Attempt, Batch, Drift, Generation, Item, LogEntry
from store.tables import Request as SentRequest
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.attachments import attaching
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import mending, rights
from worker.submission import orders
from worker.submission.orders import Named, OrderRefused
from worker.tools import Tools
from worker.watching import attention

_TRIED: Mapping[str, tuple[str, str, str]] = {
    "sent": ("On its way to Xero", "", "exporting"),
    "unknown": ("Sent, and Xero's answer is not known", "warn", "uncertain"),
    "posted": ("Sent, and taken by Xero", "good", ""),
    "adopted": ("Sent, and found in Xero afterwards", "good", ""),
    "superseded": ("Sent, and left behind when the invoice was raised anew", "", ""),
    "rejected": ("Sent, and refused by Xero", "bad", ""),
    "not_sent": ("Not sent after all: given back to the queue", "", "queued"),
}
_ANSWERED: Mapping[str, str] = {
    "created": "Exported: a new {document} in Xero",
    "updated": "Exported: the {document} in Xero was changed",
    "adopted": "Found in Xero, and taken as exported",
    "unchanged": "Nothing to change: Xero has it so already",
    "failed": "Failed to export",
}


@dataclass(frozen=True)
class Moment:
    """Something that happened: its tone, the marker beside the invoice from then on, facts by name.

    `said` is Xero's own words, `sent` what was sent (JSON text), `lines` are differences and changes.
    """

    at: datetime
    title: str
    tone: str = ""
    marker: str = ""
    message: str = ""
    said: str = ""
    sent: str = ""
    request: str = ""
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()


def timeline_of(whole: InvoiceStory, sent: Mapping[str, str]) -> list[Moment]:
    """Every moment we know of; `sent` is what each batch carried of this invoice."""
    found = [
        *(_asked(item, request) for item, request in whole.asked),
        *(_tried(attempt, batch, sent.get(batch.id, "")) for attempt, batch in whole.story.attempts),
        *(_answered(entry, whole.called.lower()) for entry in whole.story.entries),
        *(_found(drift) for drift in whole.drifts),
        *(_raised(one) for one in whole.earlier),
    ]
    if whole.exclusion:
        mark = whole.exclusion
        found.append(
            Moment(mark.at, f"Marked “never send” by {mark.by}", marker="excluded", message=mark.why, tone="warn")
        )
    return [one for _, one in sorted(enumerate(found), key=lambda pair: (pair[1].at, pair[0]), reverse=True)]


def _asked(item: Item, request: SentRequest) -> Moment:
    how = "in a bulk send" if request.mode == "bulk" else "on its own"
    again = [("Repeats event", request.caused_by)] if request.caused_by else []
    return Moment(
        at=request.created_at,
        title=f"Requested by {request.requested_by_name or request.requested_by} {how}",
        marker="queued",
        request=request.id,
        facts=[("Revision", str(item.revision)), ("Event", request.source_event), *again],
    )


def _tried(attempt: Attempt, batch: Batch, sent: str) -> Moment:
    title, tone, marker = _TRIED.get(attempt.outcome, (attempt.outcome, "", ""))
    status = str(batch.http_status) if batch.http_status else ""
    document = batch.document.replace("_", " ")
    what = f"a change of the {document} in Xero" if batch.kind == "update" else f"a new {document}"
    facts = [
        ("As number", attempt.number),
        ("As", what),
        ("Batch", f"{batch.id}, {batch.size} invoices"),
        ("HTTP status", status),
        ("Xero's correlation id", batch.correlation_id or ""),
        ("Idempotency key", batch.key),
        ("Trouble", batch.trouble or ""),
        ("Looked up", f"{batch.look_ups} times" if batch.look_ups else ""),
    ]
    told = [(name, value) for name, value in facts if value]
    return Moment(attempt.at, title, tone, marker, said=attempt.said or "", sent=sent, facts=told)


def _answered(entry: LogEntry, document: str) -> Moment:
    good, cancelled = entry.outcome != "failed", entry.reason in NOT_MENDED
    verified = {True: "verified", False: "differs", None: ""}[entry.verified]
    facts = [("Compared with Xero", verified), ("Reason", entry.reason or ""), ("Event", entry.event_id)]
    told = [f"differs: {one}" for one in json.loads(entry.differences or "[]")]
    told += [f"changed: {one}" for one in json.loads(entry.changes or "[]")]
    proof = json.loads(entry.proof or "{}")
    facts += [
        ("Compared", ", ".join(proof.get("compared", ()))),
        ("Not compared", "; ".join(proof.get("not_compared", ()))),
        ("Cleaned before it was sent", " ".join(one["said"] for one in proof.get("cleaned", ()))),
    ]
    return Moment(
        at=entry.at,
        title="Not sent: cancelled"
        if cancelled
        else _ANSWERED.get(entry.outcome, entry.outcome).format(document=document),
        tone="good" if good else "" if cancelled else "bad",
        marker="exported" if good else _after(entry.reason),
        message=entry.message or "",
        said=entry.xero_words or "",
        request=entry.request,
        facts=[(name, value) for name, value in facts if value],
        lines=told,
    )


def _after(reason: str | None) -> str:
    return "excluded" if reason == "excluded" else rendering.apart("failed", reason)


def _raised(one: Generation) -> Moment:
    was = f"The one before, {one.number}, is {one.ended} in Xero."
    facts = [("In Xero it was", one.xero_invoice_id)] if one.xero_invoice_id else []
    return Moment(one.at, f"Raised anew by {one.by}", tone="warn", message=f"{was} {one.why}", facts=facts)


def _found(drift: Drift) -> Moment:
    return Moment(drift.found_at, f"Found {drift.kind} in Xero", tone="warn", lines=json.loads(drift.differences))


_SHOWN_BODIES = 20
_RAISED_AFTER = ("invoice_finalised", "gone_from_xero", "perhaps_in_xero", "zero_marked_paid", "still_in_xero")
_OPPOSITE = {"exclude": "include", "include": "exclude"}
_LIVE = ("queued", "exporting", "uncertain", "waiting")
router = APIRouter(prefix="/invoices/{company}/{invoice:name}")


@router.get("")
def invoice_page(request: Request, visitor: Looking, company: str, invoice: str) -> Response:
    """Everything known of one invoice."""
    return _page(request, visitor, company, invoice)


def _add_page(address: str, command: Command) -> None:
    """The page that gives this command about one invoice, and says what came of it; or why not."""
    must = Must(rights.ACTIONS[command.effect])

    def act(
        request: Request, form: Posted, visitor: Annotated[Visitor, Depends(must)], company: str, invoice: str
    ) -> Response:
        _known(visitor.tools, company, invoice)
        more: dict[str, Any] = {"number": form.text("number") or None} if command is registry.RAISE_ANEW else {}
        try:
            receipt = orders.order(
                visitor.tools, command, Named(company, [invoice]), visitor.actor, form.text("why"), **more
            )
        except OrderRefused as refused:
            return _page(request, visitor, company, invoice, 422, str(refused))
        here = f"/console/invoices/{rendering.part(company)}/{rendering.part(invoice)}"
        opposite = _OPPOSITE.get(command.name) if receipt.invoices else None
        undo = [opposite, company, invoice] if opposite else ()
        return rendering.redirect(here, command.shown.sentence(receipt), undo)

    router.add_api_route(f"/{address.rpartition('/')[2]}", act, methods=["POST"])


for _command in registry.COMMANDS:
    for _address in _command.pages:
        if _address.startswith("/invoices/") and _command is not registry.CREDIT:  # which has a page of its own
            _add_page(_address, _command)


@router.post("/attachments")
def try_files_again(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(rights.ACTIONS[rights.Effect.REPLAY]))],
    company: str,
    invoice: str,
) -> Response:
    """Have the invoice's failed files attached after all."""
    _known(visitor.tools, company, invoice)
    why = form.text("why")
    if not why:
        return _page(request, visitor, company, invoice, 422, "Say why; it is kept in the audit.")
    count = attaching.try_again(visitor.tools, company, invoice, visitor.user, why)
    here = f"/console/invoices/{rendering.part(company)}/{rendering.part(invoice)}"
    files = f"{count} {'file' if count == 1 else 'files'}"
    return rendering.redirect(here, f"{files} tried again." if count else "No file of it has failed.")


def _known(tools: Tools, company: str, invoice: str) -> InvoiceStory:
    with tools.store.read() as work:
        whole = invoice_detail.whole(work, company, invoice)
    if whole is None:
        raise Missing(f"No invoice “{invoice}” of “{company}” was ever asked for.")
    return whole


def _page(
    request: Request, visitor: Visitor, company: str, invoice: str, status: int = 200, problem: str = ""
) -> Response:
    """Everything known of it; that somebody read it is in the audit, once an hour."""
    tools = visitor.tools
    whole = _known(tools, company, invoice)
    attention.note_view(tools, visitor.user, "invoice viewed", company, {"invoice": invoice})
    with tools.store.read() as work:
        name, target = companies.name_of(work, company), tools.target_of(work, company)
        last = whole.story.entries[-1] if whole.story.entries else None
        off = last is not None and last.reason in NOT_MENDED
        beside = {(company, one) for pair in whole.allocations for one in (pair.invoice, pair.credits)}
        now_of = invoice_detail.now_of(work, {(company, invoice), *beside})
        files = attachments.of_invoice(work, company, invoice)
        cancelled_by = audit.cancelling(work, company, last.request, invoice) if last and off else None
    export = whole.story.export
    proof = json.loads(export.xero_totals) if export and export.xero_totals else None
    at = proof.get("compared_at") if proof else None
    facts: dict[str, Any] = {
        "whole": whole,
        "company_name": name,
        "amount": now_of[company, invoice],
        "numbers": {key: one.number for key, one in now_of.items()},
        "content": Invoice.readable(export.wanted if export else ""),
        "copy": _copy(export.copy_kept if export else None),
        "can_be_raised": _can_be_raised(whole),
        "can_be_credited": export is not None and export.document == "invoice" and export.xero_invoice_id is not None,
        "proof": proof,
        "known": DriftFound.kept(export.found) if export else None,
        "compared_at": datetime.fromisoformat(at) if at else None,
        "moments": timeline_of(whole, _sent(target, whole)),
        "steps": (whole.story.status.how or "").splitlines() if whole.story.status else [],
        "live": whole.marker in _LIVE or any(row.state in ("waiting", "sending") for row in files),
        "problem": problem,
        "cancelled_by": cancelled_by,
        "files": [(row, attaching.outcome(row) if row.state in ("attached", "failed") else None) for row in files],
        "earlier": {one.xero_invoice_id: one.number for one in whole.earlier},
    }
    return rendering.page(request, visitor, "invoice", status, **facts)


def _can_be_raised(whole: InvoiceStory) -> bool:
    """Whether it may have ended in Xero, as far as is known without a look."""
    export, status = whole.story.export, whole.story.status
    if export is None or whole.marker in _LIVE or not (export.xero_invoice_id or export.number_bound):
        return False
    gone = DriftFound.kept(export.found)
    return bool(status and status.reason in _RAISED_AFTER) or bool(gone and gone.kind in GONE)


def _copy(text: str | None) -> Picture | None:
    try:
        return Picture.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _sent(target: AccountingTarget | None, whole: InvoiceStory) -> Mapping[str, str]:
    """What the newest batches carried of this invoice, by batch, with nothing secret in it."""
    export = whole.story.export
    found = {}
    for attempt, batch in whole.story.attempts[-_SHOWN_BODIES:]:
        elements = target.documents[batch.document].thaw(batch.body) if target and batch.body else {}
        mine = elements.get(attempt.number) or elements.get((export and export.xero_invoice_id) or "")
        if mine:
            found[batch.id] = mending.masked(json.dumps(mine, indent=2, ensure_ascii=False, default=str))
    return found
