"""Erase a client or remove a company: what would go and what stays, a reason, how far each order is. For admins."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import companies, erasures
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Missing, Must, MustProve, Visitor
from worker.commands import registry
from worker.decisions.rights import Action
from worker.erasing import erase_client, remove_company
from worker.erasing.erasure import ErasureRefused

_ALL = "/console/erasures"
_MOST = 100
Admin = Annotated[Visitor, Depends(Must(Action.ERASE))]
Proven = Annotated[Visitor, Depends(MustProve(Action.ERASE))]
router = APIRouter()


@router.get("/erasures")
def erasures_page(request: Request, visitor: Admin) -> Response:
    """The orders, the newest first: how far each is and what it waits for."""
    with visitor.tools.store.read() as work:
        found, total = erasures.newest(work, _MOST), erasures.total(work)
    orders = [(row, erasures.counts(row)) for row in found]
    return rendering.page(request, visitor, "erasures", orders=orders, total=total)


@router.get("/erasures/{company}")
def company_page(request: Request, visitor: Admin, company: str) -> Response:
    """What removing the company would do, and the form that orders it."""
    return _page(request, visitor, company, "")


@router.get("/erasures/{company}/{client}")
def client_page(request: Request, visitor: Admin, company: str, client: str) -> Response:
    """What erasing the client would do, and the form that orders it."""
    return _page(request, visitor, company, client)


@router.post("/erasures/{company}")
def remove(request: Request, form: Posted, visitor: Proven, company: str) -> Response:
    """The company is removed from now on."""
    try:
        registry.REMOVE_COMPANY.run(visitor.tools, company, visitor.user, form.text("why"))
    except ErasureRefused as refused:
        return _page(request, visitor, company, "", str(refused))
    return rendering.redirect(_ALL, registry.REMOVE_COMPANY.shown.done)


@router.post("/erasures/{company}/{client}")
def erase(request: Request, form: Posted, visitor: Proven, company: str, client: str) -> Response:
    """The client is erased from now on."""
    try:
        registry.ERASE_CLIENT.run(visitor.tools, company, client, visitor.user, form.text("why"))
    except ErasureRefused as refused:
        return _page(request, visitor, company, client, str(refused))
    return rendering.redirect(_ALL, registry.ERASE_CLIENT.shown.done)


def _page(request: Request, visitor: Visitor, company: str, client: str, problem: str = "") -> Response:
    tools = visitor.tools
    try:
        seen = erase_client.preview(tools, company, client) if client else remove_company.preview(tools, company)
    except ErasureRefused as nothing:
        raise Missing(str(nothing)) from None
    with tools.store.read() as work:
        name = companies.name_of(work, company)
    facts: dict[str, Any] = {"company": company, "client": client, "name": name, "seen": seen, "problem": problem}
    facts["here"] = "/".join([_ALL, *(quote(one, safe="") for one in (company, client) if one)])
    return rendering.page(request, visitor, "erasure", 422 if problem else 200, **facts)
