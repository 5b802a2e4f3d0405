"""An invoice's page: where it stands and why, its whole story, and what a person may do about it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import ValidationError

from events.accounting_target import AccountingTarget
from events.changes import Picture
from events.drift import GONE, DriftFound
from events.invoice import Invoice
from store import companies, invoice_detail
from store.invoice_detail import InvoiceStory
from web.console import rendering, timeline, wording
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import masking, rights
from worker.submission import orders
from worker.submission.orders import Named, OrderRefused
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
        here = f"/console/invoices/{wording.part(company)}/{wording.part(invoice)}"
        return rendering.redirect(here, command.shown.sentence(receipt))

    router.add_api_route(f"/{address.rpartition('/')[2]}", act, methods=["POST"])


for _command in registry.COMMANDS:
    for _address in _command.pages:
        if _address.startswith("/invoices/"):
            _add_page(_address, _command)


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
    views.note(tools, visitor.user, "invoice viewed", company, {"invoice": invoice})
    with tools.store.read() as work:
        name, target = companies.name_of(work, company), tools.target_of(work, company)
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
        "moments": timeline.timeline_of(whole, _sent(target, whole)),
        "steps": (whole.story.status.how or "").splitlines() if whole.story.status else [],
        "live": whole.marker in _LIVE,
        "problem": problem,
    }
    return rendering.page(request, visitor, "invoice", status, **facts)


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


def _sent(target: AccountingTarget | None, whole: InvoiceStory) -> Mapping[str, str]:
    """What the newest batches carried of this invoice, by batch, with nothing secret in it."""
    export = whole.story.export
    found = {}
    for attempt, batch in whole.story.attempts[-_SHOWN_BODIES:]:
        elements = target.thaw(batch.body) if target and batch.body else {}
        mine = elements.get(attempt.number) or elements.get((export and export.xero_invoice_id) or "")
        if mine:
            found[batch.id] = masking.masked(json.dumps(mine, indent=2, ensure_ascii=False, default=str))
    return found
