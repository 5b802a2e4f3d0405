"""A contact in Xero is wished for, for a client that has none: by an admin, by a host, or by the company's setting.

`creating` answers the wish.
"""

from typing import Any

from events.accounting_target import Trouble
from events.codec import Envelope
from events.contacts import ClientXeroContactCreateRequested, ContactProblem, NotAContact
from events.invoice import Client, Invoice
from store import changes, companies, connections, contacts, processes
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_answers, suggesting
from worker.decisions.contact_checks import Card
from worker.decisions.merge_rules import Receipt
from worker.tools import Tools

DUTY, PASS_SECONDS = "new contacts", 30.0
SETTING = "setting"  # who asked, where the company's setting did
_BY_SETTING = "crewcard-xero"
_MOST_CLIENTS = 1000
_log = logs.log("contacts")


def file_new_contact(
    work: Work, tools: Tools, envelope: Envelope, asked: ClientXeroContactCreateRequested, *_others: Any
) -> Receipt:
    """Accept the wish; its one answer comes as an event, at once where nothing needs to be looked up."""
    change = _asked(work, asked.company, Card(asked.client, asked.client_name))
    change.source = contact_answers.SOURCES.get(envelope.source, "person")
    change.event, change.by = contact_answers.name_of_event(envelope.source, envelope.id), asked.requested_by.id
    try:
        contact_answers.admit(work, envelope.source, asked)
        client_wanted(work, tools, change)
    except NotAContact as refused:
        contact_answers.refuse_at_once(work, tools, change, refused)
    else:
        changes.add(work, change)
    return Receipt(envelope.id, asked.company, "", 0)


def preview(tools: Tools, company: str, client: str, name: str = "") -> Client:
    """The client as its contact would be created. Raises NotAContact where none would, with all its facts."""
    with tools.store.read() as work:
        wish = _asked(work, company, Card(client, name))
        wish.source = "person"
        try:
            return client_wanted(work, tools, wish)
        except NotAContact as refused:
            facts = {**contact_answers.contact_facts(work, company, client, name), **refused.facts}
            raise NotAContact(refused.problem, facts) from None


def lacks_permission(work: Work, tools: Tools, company: str) -> bool:
    """Whether the company's login is known not to carry the permission that creating contacts takes."""
    target, connection = tools.target_of(work, company), connections.of_company(work, company)
    scopes, login = connection.scopes.split() if connection else [], target.login if target else None
    return bool(login and scopes and login.contacts_scope not in scopes)


def ask_by_setting(tools: Tools, holder: str) -> int:
    """Ask for a contact for each client that blocks invoices, where the company's setting says so and Xero has
    nothing like it; what is like it is told. Each client is asked about once. Gives how many were, if on duty.
    """
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, PASS_SECONDS * 2):
            return 0
        wanted = companies.with_new_contacts(work, "automatic")
    return sum(_ask_of_company(tools, company) for company in tools.while_running(wanted))


def _ask_of_company(tools: Tools, company: str) -> int:
    with tools.store.read() as work:
        held = contacts.held_back(work, company, only_unmapped=True, most=_MOST_CLIENTS)
        fresh = {one.client for one in held} - changes.tried_by_setting(work, company)
        connection = connections.of_company(work, company)
        organisation = contact_answers.organisation_of(work, tools, company)
        found = [(client, _newest(work, company, client)) for client in sorted(fresh)]
        cards = [Card(one.id, one.name, email=one.email or "") for _, one in found if one]
    if not cards or organisation is None or connection is None or connection.state != "connected":
        return 0
    try:
        likely = suggesting.suggest(tools, organisation, cards)
    except Trouble as trouble:
        _log.warning("contacts.not_created", company=company, effect=trouble.effect)
        return 0
    for card, some in likely.items():
        with tools.store.write() as work:
            change = _asked(work, company, card)
            if some:
                names = ", ".join(f"“{one.contact.name}”" for one in some)
                contact_answers.refuse_at_once(
                    work, tools, change, NotAContact(ContactProblem.SIMILAR, {"name": names})
                )
            else:
                changes.add(work, change)
    tools.bells.wake_changes()
    tools.bells.wake_relay()
    return len(likely)


def _asked(work: Work, company: str, card: Card) -> AskedChange:
    """The wish for a contact, as the company's setting has it."""
    return AskedChange(
        kind="new_contact",
        company=company,
        subject=card.client,
        subject_name=card.name,
        wanted="",
        source=SETTING,
        by=_BY_SETTING,
        received_at=work.now,
        due_at=work.now,
    )


def client_wanted(work: Work, tools: Tools, change: AskedChange) -> Client:
    """The client as its contact is to be created. Raises NotAContact where none may be, or none has to be."""
    company = change.company
    settings = companies.settings_of(work, company)
    if change.source != SETTING and not settings.contact_ids_editable:
        raise NotAContact(ContactProblem.NOT_EDITABLE)
    if settings.new_contacts is None or (change.source == SETTING and settings.new_contacts != "automatic"):
        raise NotAContact(ContactProblem.CREATING_OFF)
    connection = connections.of_company(work, company)
    if connection is None or connection.state == "disconnected":
        raise NotAContact(ContactProblem.NOT_CONNECTED)
    if lacks_permission(work, tools, company):
        raise NotAContact(ContactProblem.NO_PERMISSION)
    known = contacts.known_links(work, company, [change.subject]).get(change.subject)
    if known and known.xero_contact_id:
        raise NotAContact(ContactProblem.LINKED_ALREADY, {"name": known.name or known.xero_contact_id})
    client = _newest(work, company, change.subject)
    if client is None and change.subject_name:
        client = Client(id=change.subject, name=change.subject_name)
    if client is None or not client.name:
        raise NotAContact(ContactProblem.NAMELESS)
    return client


def _newest(work: Work, company: str, client: str) -> Client | None:
    """The client as an invoice of it has it."""
    kept = contacts.newest_content(work, company, client)
    return Invoice.of_kept(kept).client if kept else None
