"""Clients and their Xero contacts: who holds invoices back, one client and its contact, a table that is pasted."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.codec import Unreadable
from events.contacts import ClientXeroContactUpdateRequested
from store import changes as filed
from store import companies, connections, contacts
from store.unit_of_work import Work
from web.console import rendering
from web.console.forms import Form, Posted
from web.console.visitor import Looking, Missing, Must, NarrowedTo, Visitor
from worker.contacts import changes, suggesting
from worker.decisions import tables
from worker.decisions.contact_checks import Card, Suggestion
from worker.decisions.rights import Action
from worker.decisions.tables import NoTable
from worker.submission import change_submission, orders
from worker.submission.change_submission import GivenBy, Imported, Said
from worker.tools import Tools

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
MOST_LINES = 500
_PATIENCE_SECONDS = 20.0
_UNCONNECTED = "The company is not connected to Xero, so no contacts can be looked up. Connect it on its setup page."
Mapping = Annotated[Visitor, Depends(Must(Action.MAP_CONTACTS))]
router = APIRouter()


@router.get("/contacts")
def contacts_page(
    request: Request, visitor: Looking, company: NarrowedTo, state: str = "", after: str = ""
) -> Response:
    """Who holds invoices back, and how linked clients are in Xero."""
    state = state if state in STATES else ""
    with visitor.tools.store.read() as work:
        facts: dict[str, Any] = {"company": company.id, "unknown": company.unknown, "state": state, "states": STATES}
        lists: dict[str, Any] = {
            **_held_back(work, company.id, state, after),
            **_linked(work, company.id, state, after),
        }
        return rendering.page(request, visitor, "contacts", **{**facts, **lists})


def _held_back(work: Work, company: str, state: str, after: str) -> dict[str, Any]:
    if state not in ("", "unmapped"):
        return {"held": None, "held_after": ""}
    found = contacts.held_back(
        work, company, after, only_unmapped=state == "unmapped", most=contacts.MOST_CLIENTS + 1
    )
    shown = found[: contacts.MOST_CLIENTS]
    return {"held": shown, "held_after": shown[-1].place if len(found) > len(shown) else ""}


def _linked(work: Work, company: str, state: str, after: str) -> dict[str, Any]:
    """None where the filter, or a further page of the first list, leaves them out."""
    if state == "unmapped" or (state == "" and after):
        return {"linked": None, "linked_after": ""}
    found = contacts.linked_clients(work, company, _STATUS.get(state, state), after, contacts.MOST_CLIENTS + 1)
    shown = found[: contacts.MOST_CLIENTS]
    more = contacts.place_of_client(shown[-1].company, shown[-1].client) if len(found) > len(shown) else ""
    return {"linked": shown, "linked_after": more}


@router.get("/contacts/import")
def ask_for_table(request: Request, visitor: Mapping, company: str = "") -> Response:
    """A table can be pasted."""
    return _table_page(request, visitor, company)


@router.post("/contacts/import")
def take_table(request: Request, visitor: Mapping, form: Posted) -> Response:
    """Say what would become of the table, or import it."""
    company, table, done = form.text("company"), form.whole("table"), Imported()
    try:
        _import(request.app.state.tools, visitor, form, done)
    except (NoTable, Unreadable) as refused:
        return _table_page(request, visitor, company, table, str(refused))
    except Trouble as trouble:
        return _table_page(request, visitor, company, table, rendering.away(trouble))
    return _table_page(request, visitor, company, table, done=done, imported=form.text("do") == "import")


def _import(tools: Tools, visitor: Visitor, form: Form, done: Imported) -> None:
    """Raises NoTable, Unreadable, Trouble."""
    company = form.text("company")
    _must_be_editable(tools, company)
    lines = tables.wishes(form.whole("table"), "line", done.mistakes)
    if len(lines) > MOST_LINES:
        raise NoTable(f"These are {len(lines)} lines. Paste at most {MOST_LINES} at once, or use the command line.")
    person = visitor.actor if form.text("do") == "import" else None
    change_submission.take(tools, company, lines, done, person, _PATIENCE_SECONDS)


def _must_be_editable(tools: Tools, company: str) -> None:
    """Raises NoTable."""
    with tools.store.read() as work:
        if not companies.exists(work, company):
            raise NoTable(f"There is no company “{company}” here.")
        closed = contacts.why_not_editable(work, company)
    if closed:
        raise NoTable(closed)


def _table_page(
    request: Request,
    visitor: Visitor,
    company: str,
    table: str = "",
    problem: str = "",
    *,
    done: Imported | None = None,
    imported: bool = False,
) -> Response:
    facts = {"company": company, "table": table, "problem": problem, "imported": imported, "most": MOST_LINES}
    told = {**facts, "done": done, "counts": {name: len(some) for name, some in asdict(done or Imported()).items()}}
    return rendering.page(request, visitor, "contacts_import", 422 if problem else 200, **told)


@router.get("/contacts/{company}/{client:name}")
def client_page(request: Request, visitor: Looking, company: str, client: str) -> Response:
    """The client's contact as it is kept, and what waits for it."""
    return _page(request, visitor, company, client)


@router.post("/contacts/{company}/{client:name}/check")
def check(request: Request, visitor: Mapping, form: Posted, company: str, client: str) -> Response:
    """Ask Xero about a pasted contact; changes nothing."""
    pasted = form.text("contact")
    try:
        found = suggesting.preview_one(visitor.tools, company, client, pasted)
    except Trouble as trouble:
        return _page(request, visitor, company, client, pasted, problem=rendering.away(trouble))
    return _page(request, visitor, company, client, pasted, found=found)


@router.post("/contacts/{company}/{client:name}/suggestions")
def suggest(request: Request, visitor: Mapping, company: str, client: str) -> Response:
    """Ask Xero for contacts that the client may be; changes nothing."""
    tools = visitor.tools
    with tools.store.read() as work:
        organisation = changes.organisation_of(work, tools, company)
        card = Card(client, _name(work, company, client))
    if organisation is None:
        return _page(request, visitor, company, client, problem=_UNCONNECTED)
    try:
        likely = suggesting.suggest(tools, organisation, [card], most=5)[card]
    except Trouble as trouble:
        return _page(request, visitor, company, client, problem=rendering.away(trouble))
    target, at = tools.target(organisation), organisation.short_code
    links = {one.contact.id: target.contact_link(at, one.contact.id) for one in likely}
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
    by = GivenBy(visitor.actor, orders.CONSOLE)
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
    return f"/console/contacts/{rendering.part(company)}/{rendering.part(client)}"


def _done(told: Said, name: str) -> str:
    if told["state"] == "waiting":
        return "Accepted. Xero cannot be asked just now; it is checked, and answered here, as soon as it can."
    if not told.get("contact"):
        return f"{name} is not linked to a Xero contact any more."
    again = rendering.count(
        told.get("sent_again", 0), "invoice that waits for it goes", "invoices that wait for it go"
    )
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
    found: suggesting.ContactLook | None = None,
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
    contact = contacts.contact_of(work, company, client)
    waits, since, named = contacts.waiting_for(work, company, client)
    at = connections.of_company(work, company)
    target = tools.target_of(work, company)
    is_one = target is not None and target.contact_id(contact.value) is not None
    link = target.contact_link(at.short_code if at else "", contact.value) if target and is_one else ""
    return {
        "company": company,
        "company_name": companies.name_of(work, company),
        "client": client,
        "name": contact.client_name or named or client,
        "contact": contact,
        "link": link,
        "organisation": at.organisation if at else "",
        "waits": waits,
        "since": since,
        "history": filed.history(work, company, client, most=10),
    }


def _name(work: Work, company: str, client: str) -> str:
    """The client's name as CrewCard last said it; empty where it never did."""
    return contacts.contact_of(work, company, client).client_name or contacts.waiting_for(work, company, client)[2]
