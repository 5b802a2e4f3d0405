"""A contact created in Xero for a client that has none: exactly once, then the client is billed as it.

asked for → looked up by our number and by its name → written down → sent → linked

By the protocol of every export (exactly-once §a to §c): it is written down before the call, anything but a clear
answer waits for the settle time and is looked up by a number that only this client has, and every write passes a
fence. What is looked up before each call is also found after a restore, or where somebody asks a second time.
"""

import functools
import uuid
from collections.abc import Sequence
from typing import Any

from events.accounting_target import ListedContact, Organisation, Trouble
from events.codec import Envelope
from events.connections import ConnectionProblem
from events.contacts import ClientXeroContactCreateRequested, ContactProblem, NotAContact
from events.invoice import Client, Invoice
from store import changes, companies, connections, contacts, processes
from store.tables import AskedChange, CompanyConnection, NewContact
from store.unit_of_work import Work
from worker import logs
from worker.contacts import contact_answers, permits, suggesting
from worker.contacts.permits import Wait
from worker.decisions import contact_checks
from worker.decisions.contact_checks import Card
from worker.decisions.merge_rules import Receipt
from worker.export.freezing import SEND_WITHIN_SECONDS
from worker.tools import Tools

DUTY, PASS_SECONDS = "new contacts", 30.0
SETTING = "setting"  # who asked, where the company's setting did
_BY_SETTING = "crewcard-xero"
_NOT_CONNECTED_SECONDS = 60.0
_MOST_CLIENTS = 1000
_WITHOUT_WORD = ("not_sent", "refused", "limited", "needs_login")  # effects of trouble after which nothing is there
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
        _wanted(work, tools, change)
    except NotAContact as refused:
        contact_answers.refuse_at_once(work, tools, change, refused)
    else:
        changes.add(work, change)
    return Receipt(envelope.id, asked.company, "", 0)


def answer_new_contact(
    tools: Tools, organisation: Organisation | None, change: AskedChange, wait: Wait | None = None
) -> None:
    """Create the contact, or find that it is there; answered once its outcome is known. Raises Trouble."""
    with tools.store.read() as work:
        begun = changes.new_contact(work, change.company, change.subject)
        still = organisation is not None and begun is not None and begun.tenant == organisation.lane.tenant
        until = begun.due_at if begun and still and begun.due_at > work.now else None
    if until:
        with tools.store.write() as work:
            changes.put_off(work, change, until)
        return
    try:
        with tools.store.read() as work:
            client = _wanted(work, tools, change)
            at = connections.of_company(work, change.company)
        _create(tools, _writable(organisation, at), change, client, begun if still else None, wait)
    except NotAContact as refused:
        _refuse(tools, change, refused)


def _writable(organisation: Organisation | None, at: CompanyConnection | None) -> Organisation:
    """The organisation, while the company exports to it. Raises Trouble: what is asked for waits until it does."""
    if organisation is None or at is None or at.state != "connected":
        raise Trouble("not_sent", "nothing is written to Xero just now", wait=_NOT_CONNECTED_SECONDS)
    return organisation


def give_up(tools: Tools, tired: Sequence[AskedChange]) -> None:
    """Answer those about which Xero could not be asked for too long."""
    for change in tired:
        with tools.store.read() as work:
            begun = changes.new_contact(work, change.company, change.subject)
        _refuse(tools, change, NotAContact(ContactProblem.CREATED_PERHAPS if begun else ContactProblem.NOT_CHECKED))


def preview(tools: Tools, company: str, client: str, name: str = "") -> Client:
    """The client as its contact would be created. Raises NotAContact where none would, with all its facts."""
    with tools.store.read() as work:
        wish = _asked(work, company, Card(client, name))
        wish.source = "person"
        try:
            return _wanted(work, tools, wish)
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


def _wanted(work: Work, tools: Tools, change: AskedChange) -> Client:
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


def _create(
    tools: Tools,
    organisation: Organisation,
    change: AskedChange,
    client: Client,
    earlier: NewContact | None,
    wait: Wait | None,
) -> None:
    """Raises NotAContact, Trouble."""
    if _is_found(tools, organisation, change, client, earlier, wait):
        return
    begun = _begin(tools, organisation, change, client)
    if begun is None:
        return
    said = _send(tools, organisation, client, begun, wait)
    if isinstance(said, ListedContact):
        _link(tools, organisation, change, said, begun)
        return
    if isinstance(said, Trouble) and said.effect not in _WITHOUT_WORD:
        _wait_for(tools, begun, change)
        return
    with tools.store.write() as work:  # nothing came of the call, for certain
        changes.end_new_contact(work, begun)
    if isinstance(said, Trouble) and said.problem == ConnectionProblem.SCOPE_MISSING.code:
        raise NotAContact(ContactProblem.NO_PERMISSION)
    taken = isinstance(said, NotAContact) and said.problem is ContactProblem.NAME_TAKEN
    if not (taken and _is_found(tools, organisation, change, client, None, wait)):
        raise said


def _send(
    tools: Tools, organisation: Organisation, client: Client, begun: NewContact, wait: Wait | None
) -> ListedContact | NotAContact | Trouble:
    """What the one call says; what nobody foresaw leaves its outcome unknown."""
    before = tools.elapsed() + SEND_WITHIN_SECONDS
    create = tools.target(organisation).create_contact

    def call() -> ListedContact:
        return create(organisation, begun.number, client, begun.key, lambda: tools.elapsed() <= before)

    try:
        return permits.call(tools, organisation, call, wait)
    except (NotAContact, Trouble) as said:
        return said
    except Exception as broken:
        _log.exception("contacts.call_broke", company=begun.company)
        return Trouble("unknown", f"the call broke: {type(broken).__name__}")


def _is_found(
    tools: Tools,
    organisation: Organisation,
    change: AskedChange,
    client: Client,
    earlier: NewContact | None,
    wait: Wait | None,
) -> bool:
    """Whether the contact is there already, from an earlier call; then the client is billed as it.

    Raises NotAContact where it cannot be billed, or another contact has its name; Trouble.
    """
    find, number = tools.target(organisation).find_contacts, contact_checks.number_of(change.company, client.id)
    shown = permits.call(tools, organisation, functools.partial(find, organisation, number), wait)
    if mine := next((one for one in shown if one.number == number), None):
        _link(tools, organisation, change, mine, earlier, wait)
        return True
    shown = permits.call(tools, organisation, functools.partial(find, organisation, client.name), wait)
    if other := next(iter(contact_checks.namesakes(client.name, shown)), None):
        facts = {"name": other.name, "winner": other.name, "winner_id": other.id}
        raise NotAContact(ContactProblem.NAME_TAKEN, facts)
    return False


def _begin(tools: Tools, organisation: Organisation, change: AskedChange, client: Client) -> NewContact | None:
    """Write it down; None where another process was quicker, which the change then waits for.

    Raises NotAContact where this has been tried for too long.
    """
    tenant = organisation.lane.tenant
    with tools.store.write() as work:
        if change.received_at < work.after(-tools.settings.expiry_seconds):
            raise NotAContact(ContactProblem.NOT_CHECKED)
        row = NewContact(
            company=change.company,
            client=client.id,
            tenant=tenant,
            number=contact_checks.number_of(change.company, client.id),
            name=client.name,
            key=f"{tenant}-{uuid.uuid4().hex}",
            begun_at=work.now,
            due_at=work.after(tools.settings.settle_seconds),
        )
        if changes.begin_new_contact(work, row):
            return NewContact(**row.model_dump())
        changes.put_off(work, change, row.due_at)
    return None


def _wait_for(tools: Tools, begun: NewContact, change: AskedChange) -> None:
    """Nobody knows what became of the call: it is looked up after the settle time."""
    with tools.store.write() as work:
        until = work.after(tools.settings.settle_seconds)
        changes.wait_for_new_contact(work, begun, until)
        changes.put_off(work, change, until)
    _log.warning("contacts.outcome_unknown", company=change.company)


def _link(
    tools: Tools,
    organisation: Organisation,
    change: AskedChange,
    contact: ListedContact,
    begun: NewContact | None,
    wait: Wait | None = None,
) -> None:
    """Bill the client as the contact, if nobody has said otherwise meanwhile. Raises NotAContact, Trouble."""
    shown = {contact.id: contact}
    if not contact.active:
        shown = {**shown, **contact_answers.look_up(tools, organisation, [contact.id], wait)}
    seen = contact_checks.verdict(contact.id, shown)
    if seen.problem:
        raise NotAContact(seen.problem, seen.facts())
    with tools.store.write() as work:
        if begun is not None and not changes.end_new_contact(work, begun):
            return  # somebody else goes on with it
        known = contacts.known_links(work, change.company, [change.subject]).get(change.subject)
        if known and known.xero_contact_id not in ("", contact.id):
            facts = {"name": known.name or known.xero_contact_id}
            contact_answers.refuse(work, tools, change, NotAContact(ContactProblem.LINKED_ALREADY, facts))
        else:
            contact_answers.link(work, tools, change, organisation.lane.tenant, contact.id, seen, created=True)


def _refuse(tools: Tools, change: AskedChange, refused: NotAContact) -> None:
    with tools.store.write() as work:
        contact_answers.refuse(work, tools, change, refused)
