"""The page that prepares a credit note for an invoice: what would be sent, and, once confirmed, its order."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import companies
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Must, Visitor
from worker.commands import registry
from worker.decisions import crediting as decisions
from worker.decisions import rights
from worker.submission import crediting
from worker.submission.orders import OrderRefused

router = APIRouter(prefix="/invoices/{company}/{invoice:name}/credit")
Ordering = Annotated[Visitor, Depends(Must(rights.ACTIONS[registry.CREDIT.effect]))]


@router.get("")
def prepared(request: Request, visitor: Looking, company: str, invoice: str) -> Response:
    """What would be sent; nothing is."""
    return _page(request, visitor, company, invoice)


@router.post("")
def raise_it(request: Request, form: Posted, visitor: Ordering, company: str, invoice: str) -> Response:
    """Hand it in, and lead on to its own page."""
    try:
        _, receipt = crediting.raise_credit(
            visitor.tools, company, invoice, visitor.actor, form.text("why"), form.text("extent")
        )
    except OrderRefused as refused:
        return _page(request, visitor, company, invoice, 422, str(refused))
    note = decisions.credit_id(invoice)
    here = f"/console/invoices/{rendering.part(company)}/{rendering.part(note)}"
    said = registry.CREDIT.shown
    return rendering.redirect(here, said.done if receipt else said.nothing)


def _page(
    request: Request, visitor: Visitor, company: str, invoice: str, status: int = 200, problem: str = ""
) -> Response:
    with visitor.tools.store.read() as work:
        name = companies.name_of(work, company)
    found = crediting.prepare(visitor.tools, company, invoice)
    amounts = {extent: crediting.amount_of(note) for extent, note in found.offers.items()}
    facts = {"found": found, "amounts": amounts, "company_name": name, "problem": problem}
    return rendering.page(request, visitor, "credit", status, **facts)
