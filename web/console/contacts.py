"""Clients and their Xero contacts: who holds invoices back, one client and its contact, a table that is pasted."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.codec import Unreadable
from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested, NotAContact
from store import changes as filed
from store import companies, connections, contacts, invoice_detail
from store.unit_of_work import Work
from web.console import rendering, setup
from web.console.forms import Form, Posted
from web.console.setup import Shown
from web.console.visitor import Looking, Missing, Must, NarrowedTo, Visitor
from worker.contacts import contact_answers, new_contacts, suggesting
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
_OTHERS_NOW = (
    "Clients or contacts have changed since these were shown, so nothing was linked. Look at them as they are now."
)
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
        shown = {one.company for some in (lists["held"], lists["linked"]) for one in some or ()}
        names = companies.names(work, shown)
        return rendering.page(request, visitor, "contacts", names=names, **{**facts, **lists})


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
    """Say what would become of the table, pasted or a file, or of the rows that were ticked; or import them."""
    done = Imported()
    told: Said = {"table": form.whole("table"), "imported": form.text("do") == "import"}
    try:
        told["table"], told["note"] = _table_in(form)
        _import(request.app.state.tools, visitor, form, told["table"], done)
    except (NoTable, Unreadable) as refused:
        return _table_page(request, visitor, form.text("company"), form, problem=str(refused), **told)
    except Trouble as trouble:
        return _table_page(request, visitor, form.text("company"), form, problem=rendering.away(trouble), **told)
    if form.every("row"):
        told["table"] = ""  # it was ticked, and nobody pasted it
    return _table_page(request, visitor, form.text("company"), form, done=done, **told)


@router.post("/contacts/matches")
def match(request: Request, visitor: Mapping, form: Posted) -> Response:
    """Ask Xero which contacts the clients without one may be; changes nothing."""
    return _matched(request, visitor, form)


@router.post("/contacts/matches/link")
def link_matches(request: Request, visitor: Mapping, form: Posted) -> Response:
    """Link each client that is one contact without doubt, if they are still those that were shown."""
    return _matched(request, visitor, form, link=True)


def _matched(request: Request, visitor: Visitor, form: Form, *, link: bool = False) -> Response:
    tools, company, done = visitor.tools, form.text("company"), Imported()
    try:
        _must_be_editable(tools, company)
        with tools.store.read() as work:
            organisation = contact_answers.organisation_of(work, tools, company)
        if organisation is None:
            return _table_page(request, visitor, company, form, problem=_UNCONNECTED)
        found = suggesting.matches(tools, organisation)
        still = link and form.text("seen") == found.seen()
        if still:
            change_submission.link_exact(tools, company, found, done, visitor.actor, _PATIENCE_SECONDS)
    except (NoTable, Unreadable) as refused:
        return _table_page(request, visitor, company, form, problem=str(refused))
    except Trouble as trouble:
        return _table_page(request, visitor, company, form, problem=rendering.away(trouble))
    if still:
        return _table_page(request, visitor, company, form, done=done, imported=True)
    others = {**found.several, **found.alike}
    matches = {
        "exact": [(card, one, _row(card, one)) for card, one in found.exact.items()][:MOST_LINES],
        "others": [(card, [(one, _row(card, one)) for one in some]) for card, some in others.items()][:MOST_LINES],
        "unlike": found.unlike[:MOST_LINES],
        "counts": {"exact": len(found.exact), "several": len(found.several), "others": len(others)},
        "seen": found.seen(),
    }
    note = _OTHERS_NOW if link else ""
    return _table_page(request, visitor, company, form, matches=matches, note=note)


def _row(card: Card, one: Suggestion) -> str:
    """The pair as a row of a table, as it is imported."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow((card.client, one.contact.id, card.name))
    return text.getvalue()


def _table_in(form: Form) -> tuple[str, str]:
    """The table that a form brings (ticked rows, a file, what was pasted), and what to look at. Raises NoTable."""
    if rows := form.every("row"):
        return "\n".join(("client,xero_contact,name", *rows)), ""
    if "file" in form.files:
        read = tables.decoded(form.files["file"])
        return read.text, read.note
    return form.whole("table"), ""


def _import(tools: Tools, visitor: Visitor, form: Form, table: str, done: Imported) -> None:
    """Raises NoTable, Unreadable, Trouble."""
    company = form.text("company")
    _must_be_editable(tools, company)
    lines = tables.wishes(table, "line", done.mistakes)
    if len(lines) > MOST_LINES:
        raise NoTable(f"These are {len(lines)} lines. Take at most {MOST_LINES} at once.")
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
    form: Form | None = None,
    *,
    done: Imported | None = None,
    problem: str = "",
    **told: Any,
) -> Response:
    """The page, or the step of setting the company up that has the same forms."""
    counts = {name: len(some) for name, some in asdict(done or Imported()).items() if name != "left"}
    with visitor.tools.store.read() as work:
        checking = len(filed.subjects_waiting(work, company)) if company else 0
    facts = {"table": "", "note": "", "imported": False, "matches": None, "checking": checking, **told}
    facts |= {"done": done, "counts": counts, "problem": problem, "most": MOST_LINES}
    status = 422 if problem else 200
    if form and form.text("at") == "setup" and visitor.may(Action.SET_UP.name):
        return setup.show(request, visitor, company, Shown(part="contacts", found=facts), status)
    return rendering.page(request, visitor, "contacts_import", status, company=company, at="", **facts)


@router.post("/contacts/create")
def create_many(request: Request, visitor: Mapping, form: Posted) -> Response:
    """Create a contact in Xero for each client that was ticked."""
    tools, company, done = visitor.tools, form.text("company"), Imported()
    told: Said = {"imported": True}
    try:
        _must_be_editable(tools, company)
        with tools.store.read() as work:
            known = {card.client: card for card in suggesting.unlinked(work, company)}
        cards = [known[client] for client in form.every("client")[:MOST_LINES] if client in known]
        by = GivenBy(visitor.actor, orders.CONSOLE)
        change_submission.create(tools, company, cards, done, by, _PATIENCE_SECONDS)
    except (NoTable, Unreadable) as refused:
        return _table_page(request, visitor, company, form, problem=str(refused))
    return _table_page(request, visitor, company, form, done=done, **told)


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
        organisation = contact_answers.organisation_of(work, tools, company)
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


@router.post("/contacts/{company}/{client:name}/create")
def create(request: Request, visitor: Mapping, company: str, client: str) -> Response:
    """Create a contact in Xero for the client, and bill it as that one."""
    with visitor.tools.store.read() as work:
        said = {"company": company, "client": client, "client_name": _name(work, company, client)}
    by = GivenBy(visitor.actor, orders.CONSOLE)
    try:
        told = change_submission.file_change(
            visitor.tools, ClientXeroContactCreateRequested, said, by, _PATIENCE_SECONDS
        )
    except Unreadable as refused:
        return _page(request, visitor, company, client, problem=str(refused))
    if told["state"] == "rejected":
        return _page(request, visitor, company, client, told=told)
    return rendering.redirect(address(company, client), _done(told, said["client_name"] or client))


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
    kept: dict[str, Any] = {"creates": None, "creates_not": ""}
    if not problem and likely is not None:
        try:
            kept["creates"] = new_contacts.preview(visitor.tools, company, client)
        except NotAContact as refused:
            kept["creates_not"] = refused.problem.message(refused.facts)
    with visitor.tools.store.read() as work:
        kept |= _facts(work, visitor.tools, company, client)
        status = 422 if problem or told else 200
        shown = {"pasted": pasted, "problem": problem, "found": found, "likely": likely, "links": links, "told": told}
        return rendering.page(request, visitor, "client", status, **shown, **kept)


def _facts(work: Work, tools: Tools, company: str, client: str) -> dict[str, Any]:
    """Raises Missing."""
    if not companies.exists(work, company):
        raise Missing(f"There is no company “{company}” here.")
    contact = contacts.contact_of(work, company, client)
    waits, since, _ = contacts.waiting_for(work, company, client)
    at = connections.of_company(work, company)
    target = tools.target_of(work, company)
    is_one = target is not None and target.contact_id(contact.value) is not None
    link = target.contact_link(at.short_code if at else "", contact.value) if target and is_one else ""
    return {
        "company": company,
        "company_name": companies.name_of(work, company),
        "client": client,
        "name": _name(work, company, client) or client,
        "contact": contact,
        "link": link,
        "organisation": at.organisation if at else "",
        "waits": waits,
        "since": since,
        "history": filed.history(work, company, client, most=10),
    }


def _name(work: Work, company: str, client: str) -> str:
    """The client's name as CrewCard last said it; empty where it never did."""
    known = contacts.contact_of(work, company, client).client_name or contacts.waiting_for(work, company, client)[2]
    return known or invoice_detail.newest_of_client(work, company, client)
