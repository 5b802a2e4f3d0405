"""One client and its Xero contact: what Xero says of it, contacts it may be, and setting it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.codec import Unreadable
from events.contacts import ClientXeroContactUpdateRequested
from store import changes as filed
from store import client_contacts, clients, companies, connections
from store.unit_of_work import Work
from web.console import rendering, wording
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.contacts import changes, contact_previews, suggesting
from worker.decisions.fuzzy_match import Card, Suggestion
from worker.decisions.roles import Action
from worker.submission import change_submission
from worker.submission.change_submission import GivenBy, Said
from worker.tools import Tools

SOURCE = "crewcard-xero/console"
_PATIENCE_SECONDS = 20.0
_UNCONNECTED = "The company is not connected to Xero, so no contacts can be looked up. Connect it on its setup page."
router = APIRouter()
Mapping = Annotated[Visitor, Depends(Must(Action.MAP_CONTACTS))]


@router.get("/contacts/{company}/{client:name}")
def client_page(request: Request, visitor: Looking, company: str, client: str) -> Response:
    """The client's contact as it is kept, and what waits for it."""
    return _page(request, visitor, company, client)


@router.post("/contacts/{company}/{client:name}/check")
def check(request: Request, visitor: Mapping, form: Posted, company: str, client: str) -> Response:
    """Ask Xero about a pasted contact; changes nothing."""
    pasted = form.text("contact")
    try:
        found = contact_previews.preview_one(visitor.tools, company, client, pasted)
    except Trouble as trouble:
        return _page(request, visitor, company, client, pasted, problem=wording.away(trouble))
    return _page(request, visitor, company, client, pasted, found=found)


@router.post("/contacts/{company}/{client:name}/suggestions")
def suggest(request: Request, visitor: Mapping, company: str, client: str) -> Response:
    """Ask Xero for contacts that the client may be; changes nothing."""
    tools = visitor.tools
    with tools.store.read() as work:
        organisation = changes.organisation_of(work, company)
        card = Card(client, _name(work, company, client))
    if organisation is None:
        return _page(request, visitor, company, client, problem=_UNCONNECTED)
    try:
        likely = suggesting.suggest(tools, organisation, [card], most=5)[card]
    except Trouble as trouble:
        return _page(request, visitor, company, client, problem=wording.away(trouble))
    links = {one.contact.id: tools.lists.contact_link(organisation.short_code, one.contact.id) for one in likely}
    return _page(request, visitor, company, client, likely=likely, links=links)


@router.post("/contacts/{company}/{client:name}")
def choose(request: Request, visitor: Mapping, form: Posted, company: str, client: str) -> Response:
    """Bill the client as this contact, once Xero has been asked; nothing pasted ends the link."""
    pasted = form.text("contact")
    if not pasted and form.text("do") != "end":
        return _page(request, visitor, company, client, problem="Paste the contact's address in Xero, or its ID.")
    with visitor.tools.store.read() as work:
        name = _name(work, company, client)
    said = {"company": company, "client": client, "client_name": name, "xero_contact": pasted}
    by = GivenBy(visitor.actor, SOURCE)
    try:
        told = change_submission.file_change(
            visitor.tools, ClientXeroContactUpdateRequested, said, by, _PATIENCE_SECONDS
        )
    except Unreadable as refused:
        return _page(request, visitor, company, client, pasted, problem=str(refused))
    if told["state"] == "rejected":
        return _page(request, visitor, company, client, pasted, told=told)
    return rendering.redirect(address(company, client), _done(told, name or client))


def address(company: str, client: str) -> str:
    """The page of one client."""
    return f"/console/contacts/{wording.part(company)}/{wording.part(client)}"


def _done(told: Said, name: str) -> str:
    if told["state"] == "waiting":
        return "Accepted. Xero cannot be asked just now; it is checked, and answered here, as soon as it can."
    if not told.get("contact"):
        return f"{name} is not linked to a Xero contact any more."
    again = wording.count(told.get("sent_again", 0), "invoice that waits for it goes", "invoices that wait for it go")
    sent = f" {again} again by themselves." if told.get("sent_again") else ""
    return " ".join([f"{name} is billed as “{told['contact']['name']}”.{sent}", *told.get("warnings", ())])


def _page(
    request: Request,
    visitor: Visitor,
    company: str,
    client: str,
    pasted: str = "",
    *,
    problem: str = "",
    found: contact_previews.ContactLook | None = None,
    likely: Sequence[Suggestion] | None = None,
    links: dict[str, str] | None = None,
    told: Said | None = None,
) -> Response:
    with visitor.tools.store.read() as work:
        kept = _facts(work, visitor.tools, company, client)
        status = 422 if problem or told else 200
        shown = {"pasted": pasted, "problem": problem, "found": found, "likely": likely, "links": links, "told": told}
        return rendering.page(request, visitor, "client", status, **shown, **kept)


def _facts(work: Work, tools: Tools, company: str, client: str) -> dict[str, Any]:
    """Raises Missing."""
    if not companies.exists(work, company):
        raise Missing(f"There is no company “{company}” here.")
    contact = client_contacts.contact_of(work, company, client)
    waits, since, named = clients.waiting_for(work, company, client)
    at = connections.of_company(work, company)
    link = tools.lists.contact_link(at.short_code if at else "", contact.value)
    return {
        "company": company,
        "company_name": companies.name_of(work, company),
        "client": client,
        "name": contact.client_name or named or client,
        "contact": contact,
        "link": link if tools.target.contact_id(contact.value) else "",
        "organisation": at.organisation if at else "",
        "waits": waits,
        "since": since,
        "history": filed.history(work, company, client, most=10),
    }


def _name(work: Work, company: str, client: str) -> str:
    """The client's name as CrewCard last said it; empty where it never did."""
    return (
        client_contacts.contact_of(work, company, client).client_name or clients.waiting_for(work, company, client)[2]
    )
