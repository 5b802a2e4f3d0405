"""Bulk sends: how far each is, what became of each invoice, and calling one off."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import audit, companies, queries, requests
from store.progress import unwanted
from store.queries import ItemPage
from store.requests import RequestPosition
from web.console import rendering
from web.console.forms import PER_PAGE, Posted
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
def sends_page(request: Request, visitor: Looking, company: NarrowedTo, state: str = "", after: str = "") -> Response:
    """The bulk sends, newest first."""
    with visitor.tools.store.read() as work:
        rows = requests.page_of_bulk(work, company.id, state, _place(after), PER_PAGE + 1)
        cancelled = unwanted(work, {(row.company, row.id) for row in rows if row.failed})
    last = rows[PER_PAGE - 1] if len(rows) > PER_PAGE else None
    more = f"{last.created_at.isoformat()}~{last.company}~{last.id}" if last else ""
    facts: dict[str, Any] = {"rows": rows[:PER_PAGE], "more": more, "company": company, "state": state}
    facts["cancelled"] = cancelled
    return rendering.page(request, visitor, "sends", states=list(requests.STATES), **facts)


@router.get("/{company}/{sent:name}")
def look_at_one(
    request: Request, visitor: Looking, company: str, sent: str, state: str = "", after: str = ""
) -> Response:
    """One of them, with a page of its invoices."""
    return _page(request, visitor, company, sent, ItemPage(PER_PAGE + 1, after, state if state in STATES else ""))


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
        return _page(request, visitor, company, sent, ItemPage(PER_PAGE + 1), 422, str(refused))
    left = receipt.left_out or {}
    flying = f" {left['in_flight']} are on their way: called back if they come back." if "in_flight" in left else ""
    done = f"{receipt.invoices} cancelled.{flying}" if receipt.invoices or flying else "Nothing was left to cancel."
    return rendering.redirect(f"/console/requests/{rendering.part(company)}/{rendering.part(sent)}", done)


def _page(
    request: Request, visitor: Visitor, company: str, sent: str, page: ItemPage, status: int = 200, problem: str = ""
) -> Response:
    with visitor.tools.store.read() as work:
        row = requests.known(work, company, sent)
        name = companies.name_of(work, company)
        lines = queries.invoices_of(work, company, sent, page=page) if row else []
        cancelled = unwanted(work, [(company, sent)])[company, sent]
        by = audit.cancelling(work, company, sent) if row and row.cancelled_at else None
        now = statuses.of_company(visitor.tools, work, company) if row and not row.completed_at else None
    seen = progress.progress_of(visitor.tools, company, sent)
    if row is None or seen is None:
        raise Missing(f"“{company}” has no request “{sent}”.")
    facts: dict[str, Any] = {
        "row": row,
        "seen": seen,
        "company_name": name,
        "lines": lines[:PER_PAGE],
        "more": lines[PER_PAGE - 1].invoice if len(lines) > PER_PAGE else "",
        "state": page.state,
        "cancelled": cancelled,
        "cancelled_by": by,
        "stands": now.status if now and now.status.state not in ("sending", "idle") else None,
        "stopped": bool(now and now.status.state not in ("sending", "idle") and now.status.limit not in _SHORT),
        "problem": problem,
        "parts_come": sum(map(bool, row.parts_received.split(","))),
    }
    return rendering.page(request, visitor, "send", status, states=STATES, **facts)


def _place(after: str) -> RequestPosition | None:
    """Where the page before ended."""
    at, _, rest = after.partition("~")
    company, _, id_ = rest.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return RequestPosition(moment, company, id_) if moment.tzinfo else None
