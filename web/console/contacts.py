"""Clients and their Xero contacts: those that hold invoices back first."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import clients
from store.unit_of_work import Work
from web.console import rendering
from web.console.visitor import Looking

STATES = {
    "": "Needs somebody",
    "unmapped": "No contact yet",
    "amiss": "Cannot be billed in Xero",
    "archived": "Archived in Xero",
    "merged": "Merged in Xero",
    "missing": "Not in Xero",
    "erased": "Erased in Xero",
    "unchecked": "Not looked at yet",
    "fine": "Fine",
    "linked": "All that are linked",
}
_STATUS = {"": "amiss", "unchecked": "", "fine": "active", "linked": None}
router = APIRouter()


@router.get("/contacts")
def contacts_page(
    request: Request, visitor: Looking, company: str = "", state: str = "", after: str = ""
) -> Response:
    """Who holds invoices back, and how linked clients are in Xero."""
    state = state if state in STATES else ""
    with visitor.tools.store.read() as work:
        facts: dict[str, Any] = {"company": company, "state": state, "states": STATES}
        lists: dict[str, Any] = {**_held_back(work, company, state, after), **_linked(work, company, state, after)}
        return rendering.page(request, visitor, "contacts", **{**facts, **lists})


def _held_back(work: Work, company: str, state: str, after: str) -> dict[str, Any]:
    if state not in ("", "unmapped"):
        return {"held": None, "held_after": ""}
    found = clients.held_back(work, company, after, only_unmapped=state == "unmapped", most=clients.MOST + 1)
    shown = found[: clients.MOST]
    return {"held": shown, "held_after": shown[-1].place if len(found) > len(shown) else ""}


def _linked(work: Work, company: str, state: str, after: str) -> dict[str, Any]:
    """None where the filter, or a further page of the first list, leaves them out."""
    if state == "unmapped" or (state == "" and after):
        return {"linked": None, "linked_after": ""}
    found = clients.linked(work, company, _STATUS.get(state, state), after, clients.MOST + 1)
    shown = found[: clients.MOST]
    more = clients.place_of(shown[-1].company, shown[-1].client) if len(found) > len(shown) else ""
    return {"linked": shown, "linked_after": more}
