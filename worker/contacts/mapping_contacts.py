"""A client's Xero contact is to change: what can be refused at once is, the rest waits until Xero has been asked."""

from typing import Any

from events.accounting_target import Pasted
from events.codec import Envelope
from events.contact_problems import ContactProblem, NotAContact
from events.contacts import ClientXeroContactUpdateRequested
from events.people import is_admin
from store import changes, companies, connections
from store.tables import AskedChange
from store.unit_of_work import Work
from worker.contacts import contact_words
from worker.decisions import contact_checks, rights
from worker.decisions.receipts import Receipt
from worker.tools import Tools

SOURCES = {"crewcard-xero/command": "command", "crewcard-xero/import": "import"}


def file(
    work: Work, tools: Tools, envelope: Envelope, asked: ClientXeroContactUpdateRequested, *_others: Any
) -> Receipt:
    """Accept the change; its one answer comes as an event, at once where nothing needs to be looked up."""
    change = AskedChange(
        kind="contact",
        company=asked.company,
        subject=asked.client,
        subject_name=asked.client_name,
        wanted=asked.xero_contact.strip(),
        source=SOURCES.get(envelope.source, "person"),
        event=contact_words.name_of_event(envelope.source, envelope.id),
        by=asked.requested_by.id,
        received_at=work.now,
        due_at=work.now,
    )
    try:
        _admit(work, envelope.source, asked)
        wanted(work, tools, change)
    except NotAContact as refused:
        change.state, change.reason, change.answered_at = "rejected", refused.problem.code, work.now
        changes.add(work, change)
        told = contact_words.rejected(work, tools, change, refused.problem, refused.facts, None)
        contact_words.answer(work, change, told)
    else:
        changes.add(work, change)
    return Receipt(envelope.id, asked.company, "", 0)


def wanted(work: Work, tools: Tools, change: AskedChange) -> Pasted | None:
    """The contact that a change wants; None where it ends the link. Raises NotAContact."""
    if not change.wanted:
        return None
    return readable(work, tools, change.company, change.wanted)


def readable(work: Work, tools: Tools, company: str, text: str) -> Pasted:
    """The contact in a pasted text, as far as can be told without asking Xero. Raises NotAContact."""
    target, connection = tools.target_of(work, company), connections.of_company(work, company)
    pasted = target.pasted(text) if target else None
    if pasted is None or connection is None or connection.state == "disconnected":
        raise NotAContact(ContactProblem.NOT_CONNECTED)
    if not contact_checks.same_short_code(pasted.short_code, connection.short_code):
        raise NotAContact(ContactProblem.OTHER_ORGANISATION, {"theirs": pasted.short_code})
    return pasted


def _admit(work: Work, source: str, asked: ClientXeroContactUpdateRequested) -> None:
    """Only a host's admins, and only while the company allows it. Raises NotAContact."""
    if rights.needs_admin_of_host(source) and not is_admin(asked.requested_by):
        raise NotAContact(ContactProblem.NOT_ADMIN)
    if not companies.settings_of(work, asked.company).contact_ids_editable:
        raise NotAContact(ContactProblem.NOT_EDITABLE)
