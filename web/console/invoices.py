"""An invoice's page: where it stands and why, its whole story, and what a person may do about it."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import ValidationError

from events.changes import Picture
from events.drift import GONE, DriftFound
from events.invoice import Invoice
from store import companies, invoice_detail
from store.invoice_detail import InvoiceStory
from web.console import rendering, timeline, wording
from web.console.forms import Form, Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.bulk import order_submission
from worker.bulk.order_submission import Named, OrderRefused
from worker.commands import excluding
from worker.decisions import masking
from worker.decisions.roles import Action
from worker.tools import Tools
from worker.watching import views

_SHOWN_BODIES = 20
_RAISED_AFTER = ("invoice_finalised", "gone_from_xero", "perhaps_in_xero", "zero_marked_paid", "still_in_xero")
_LIVE = ("queued", "exporting", "uncertain", "waiting")
router = APIRouter(prefix="/invoices/{company}/{invoice:name}")


@router.get("")
def invoice_page(request: Request, visitor: Looking, company: str, invoice: str) -> Response:
    """Everything known of one invoice."""
    return _page(request, visitor, company, invoice)


@router.post("/replay")
def replay(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.REPLAY))],
    company: str,
    invoice: str,
) -> Response:
    """Try it again, with the newest content kept."""

    def act(tools: Tools, why: str) -> str:
        receipt = order_submission.replay(tools, Named(company, [invoice]), visitor.actor, why)
        return "It is on its way again." if receipt.invoices else _NOT_FAILED

    return _ordered(request, visitor, form, company, invoice, act)


@router.post("/raise_anew")
def raise_anew(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.RAISE_ANEW))],
    company: str,
    invoice: str,
) -> Response:
    """Raise it again, should it be voided, deleted or gone in Xero, which is looked at first."""

    def act(tools: Tools, why: str) -> str:
        receipt = order_submission.raise_anew(
            tools, Named(company, [invoice]), visitor.actor, why, form.text("number")
        )
        return "Xero is looked at, and it is raised again if it has ended there." if receipt.invoices else _NOT_RAISED

    return _ordered(request, visitor, form, company, invoice, act)


@router.post("/cancel")
def cancel(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.CANCEL))],
    company: str,
    invoice: str,
) -> Response:
    """Do not send it this time."""

    def act(tools: Tools, why: str) -> str:
        receipt = order_submission.cancel(tools, Named(company, [invoice]), visitor.actor, why)
        if receipt.invoices:
            return "It is cancelled."
        flying = (receipt.left_out or {}).get("in_flight")
        return "It is on its way: cancelled if it comes back, else answered by what Xero says." if flying else _LATE

    return _ordered(request, visitor, form, company, invoice, act)


@router.post("/exclude")
def exclude(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.EXCLUDE))],
    company: str,
    invoice: str,
) -> Response:
    """Mark it “do not send”."""

    def act(tools: Tools, why: str) -> str:
        done = excluding.exclude(
            tools, company, [invoice], visitor.user, order_submission.reason_given(why), ids=True
        )
        there = " It is in Xero already: only later changes are kept from it." if done.in_xero else ""
        return f"It is marked “do not send”.{there}"

    return _ordered(request, visitor, form, company, invoice, act)


@router.post("/include")
def include(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.EXCLUDE))],
    company: str,
    invoice: str,
) -> Response:
    """Take the mark off again."""

    def act(tools: Tools, why: str) -> str:
        excluding.include(tools, company, [invoice], visitor.user, order_submission.reason_given(why), ids=True)
        return "The mark is off. Nothing is sent by that: send it again, or export it from CrewCard."

    return _ordered(request, visitor, form, company, invoice, act)


_NOT_FAILED = "Nothing was done: it has not failed, or is on its way again already."
_NOT_RAISED = "Nothing was done: it was never sent to Xero, or is on its way right now."
_LATE = "Nothing was done: it has its answer already."


def _ordered(
    request: Request,
    visitor: Visitor,
    form: Form,
    company: str,
    invoice: str,
    act: Callable[[Tools, str], str],
) -> Response:
    """Carry an order about this invoice out, and say what came of it; or why not."""
    tools: Tools = request.app.state.tools
    _known(tools, company, invoice)
    try:
        said = act(tools, form.text("why"))
    except OrderRefused as refused:
        return _page(request, visitor, company, invoice, 422, str(refused))
    return rendering.redirect(f"/console/invoices/{wording.part(company)}/{wording.part(invoice)}", said)


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
    tools: Tools = request.app.state.tools
    whole = _known(tools, company, invoice)
    views.note(tools, visitor.user, "invoice viewed", company, {"invoice": invoice})
    with tools.store.read() as work:
        now, name = work.now, companies.name_of(work, company)
    export = whole.story.export
    proof = json.loads(export.xero_totals) if export and export.xero_totals else None
    at = proof.get("compared_at") if proof else None
    facts: dict[str, Any] = {
        "whole": whole,
        "company_name": name,
        "content": _content(export.wanted if export else ""),
        "copy": _copy(export.copy_kept if export else None),
        "can_be_raised": _can_be_raised(whole),
        "proof": proof,
        "compared_at": datetime.fromisoformat(at) if at else None,
        "moments": timeline.timeline_of(whole, _sent(tools, whole)),
        "steps": (whole.story.status.how or "").splitlines() if whole.story.status else [],
        "live": whole.marker in _LIVE,
        "problem": problem,
    }
    return rendering.page(request, visitor, "invoice", now, status, **facts)


def _can_be_raised(whole: InvoiceStory) -> bool:
    """Whether it may have ended in Xero, as far as is known without a look."""
    export, status = whole.story.export, whole.story.status
    if export is None or whole.marker in _LIVE or not (export.xero_invoice_id or export.number_bound):
        return False
    gone = DriftFound.kept(export.found)
    return bool(status and status.reason in _RAISED_AFTER) or bool(gone and gone.kind in GONE)


def _content(text: str) -> Invoice | None:
    """What CrewCard asked for last, as far as it can still be read."""
    try:
        return Invoice.of_kept(text) if text else None
    except ValidationError:
        return None


def _copy(text: str | None) -> Picture | None:
    try:
        return Picture.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _sent(tools: Tools, whole: InvoiceStory) -> Mapping[str, str]:
    """What the newest batches carried of this invoice, by batch, with nothing secret in it."""
    export = whole.story.export
    found = {}
    for attempt, batch in whole.story.attempts[-_SHOWN_BODIES:]:
        elements = tools.target.thaw(batch.body) if batch.body else {}
        mine = elements.get(attempt.number) or elements.get((export and export.xero_invoice_id) or "")
        if mine:
            found[batch.id] = masking.masked(json.dumps(mine, indent=2, ensure_ascii=False, default=str))
    return found
