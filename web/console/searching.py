"""One box that finds anything, with suggestions while somebody types."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import companies, invoice_detail, searching
from store.invoice_detail import InvoiceNow
from store.searching import SearchHit
from store.unit_of_work import Work
from web.console import rendering
from web.console.visitor import Looking

_SUGGESTED = 8
_OF_EACH_KIND = 15
_KINDS = {
    "invoice": "Invoices",
    "client": "Clients",
    "company": "Companies",
    "request": "Requests",
    "event": "Events",
    "reason": "Reasons",
}
router = APIRouter()


@router.get("/search")
def search_page(request: Request, visitor: Looking, q: str = "", enter: str = "") -> Response:
    """Everything that what was typed finds, by kind; `enter` in the box opens the only hit."""
    with visitor.tools.store.read() as work:
        found = searching.search(work, q, _OF_EACH_KIND)
        names, now_of = companies.names(work, {one.company for one in found}), _now_of(work, found)
    if enter and len(found) == 1:
        return rendering.redirect(address(found[0]))
    by_kind = {title: [one for one in found if one.kind == kind] for kind, title in _KINDS.items()}
    shown = {title: hits for title, hits in by_kind.items() if hits}
    facts: dict[str, Any] = {
        "found": shown,
        "names": names,
        "now_of": now_of,
        "address": address,
        "most": _OF_EACH_KIND,
    }
    return rendering.page(request, visitor, "search", q=q, enough=_enough(q), **facts)


@router.get("/search/suggestions")
def suggest(request: Request, visitor: Looking, q: str = "") -> Response:
    """A few links, for below the box."""
    with visitor.tools.store.read() as work:
        found = searching.mixed(searching.search(work, q, _SUGGESTED), _SUGGESTED)
        names, now_of = companies.names(work, {one.company for one in found}), _now_of(work, found)
    facts: dict[str, Any] = {"found": found, "names": names, "now_of": now_of, "address": address}
    return rendering.page(request, visitor, "suggestions", q=q, enough=_enough(q), **facts)


def _now_of(work: Work, found: Sequence[SearchHit]) -> Mapping[tuple[str, str], InvoiceNow]:
    return invoice_detail.now_of(work, [(one.company, one.id) for one in found if one.kind == "invoice"])


def _enough(q: str) -> bool:
    return len(q.strip()) >= searching.SHORTEST


def address(one: SearchHit) -> str:
    """The page that shows it."""
    company = rendering.part(one.company)
    if one.kind == "event":
        return _of_event(one)
    if one.kind == "company":
        return f"/console/companies/{company}"
    if one.kind == "reason":
        return f"/console/log?reason={quote(one.id, safe='')}"
    pages = {"invoice": "invoices", "client": "contacts", "request": "requests"}
    return f"/console/{pages[one.kind]}/{company}/{rendering.part(one.id)}"


def _of_event(one: SearchHit) -> str:
    """What the event is about, as narrowly as it says."""
    company, (request, invoice) = rendering.part(one.company), (rendering.part(told) for told in one.about)
    if invoice:
        return f"/console/invoices/{company}/{invoice}"
    return f"/console/requests/{company}/{request}" if request else f"/console/companies/{company}"
