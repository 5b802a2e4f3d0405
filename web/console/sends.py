"""Bulk sends: how far each is, what became of each invoice, and calling one off."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import audit, companies, invoice_detail, queries, requests
from store.progress import unwanted
from web.console import forms, rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, NarrowedTo, Visitor
from worker.commands import registry
from worker.decisions.rights import Action
from worker.delivery import progress
from worker.status import companies as statuses
from worker.submission import orders
from worker.submission.orders import Named, OrderRefused

STATES = ("waiting", "exported", "failed", "cancelled")
# What ends within moments; for the rest of what a company waits for, nobody knows when a bulk is done.
_SHORT = ("minute", "concurrent")
router = APIRouter(prefix="/requests")


@router.get("")
def sends_page(request: Request, visitor: Looking, company: NarrowedTo, state: str = "") -> Response:
    """The bulk sends, newest first."""
    with visitor.tools.store.read() as work:
        page = requests.page_of_bulk(work, company.id, state, forms.page_wanted(request))
        cancelled = unwanted(work, {(row.company, row.id) for row in page.rows if row.failed})
    facts: dict[str, Any] = {"page": page, "company": company, "state": state, "cancelled": cancelled}
    return rendering.page(request, visitor, "sends", states=list(requests.STATES), **facts)


@router.get("/{company}/{sent:name}")
def look_at_one(request: Request, visitor: Looking, company: str, sent: str) -> Response:
    """One of them, with a page of its invoices: those in a state, those of which a part is named so."""
    return _page(request, visitor, company, sent)


@router.post("/{company}/{sent:name}/cancel")
def cancel(
    request: Request,
    form: Posted,
    visitor: Annotated[Visitor, Depends(Must(Action.CANCEL))],
    company: str,
    sent: str,
) -> Response:
    """Do not send what of it has not been sent."""
    try:
        named = Named(company, request=sent)
        receipt = orders.order(visitor.tools, registry.CANCEL, named, visitor.actor, form.text("why"))
    except OrderRefused as refused:
        return _page(request, visitor, company, sent, 422, str(refused))
    left = receipt.left_out or {}
    flying = f" {left['in_flight']} are on their way: called back if they come back." if "in_flight" in left else ""
    done = f"{receipt.invoices} cancelled.{flying}" if receipt.invoices or flying else "Nothing was left to cancel."
    return rendering.redirect(f"/console/requests/{rendering.part(company)}/{rendering.part(sent)}", done)


def _page(
    request: Request, visitor: Visitor, company: str, sent: str, status: int = 200, problem: str = ""
) -> Response:
    state, named = (request.query_params.get(name, "").strip() for name in ("state", "q"))
    state = state if state in STATES else ""
    with visitor.tools.store.read() as work:
        row = requests.known(work, company, sent)
        name = companies.name_of(work, company)
        page, now_of = invoice_detail.page_with_now(
            work,
            forms.page_wanted(request),
            lambda wanted: queries.page_of_items(work, company, sent, wanted, state, named),
        )
        cancelled = unwanted(work, [(company, sent)])[company, sent]
        by = audit.cancelling(work, company, sent) if row and row.cancelled_at else None
        now = statuses.of_company(visitor.tools, work, company) if row and not row.completed_at else None
    measured = progress.measured_progress(visitor.tools, company, sent)
    if row is None or measured is None:
        raise Missing(f"“{company}” has no request “{sent}”.")
    seen, left = measured
    facts: dict[str, Any] = {
        "row": row,
        "seen": seen,
        "left": rendering.span(left.soonest, left.latest) if left else "",
        "company_name": name,
        "page": page,
        "now_of": now_of,
        "state": state,
        "named": named,
        "cancelled": cancelled,
        "cancelled_by": by,
        "stands": now.status if now and now.status.state not in ("sending", "idle") else None,
        "stopped": bool(now and now.status.state not in ("sending", "idle") and now.status.limit not in _SHORT),
        "problem": problem,
        "parts_come": sum(map(bool, row.parts_received.split(","))),
    }
    return rendering.page(request, visitor, "send", status, states=STATES, **facts)
