"""Xero is asked about the contacts that people want, up to 45 in one call; then each change is answered once.

A client's Xero contact is to change: what can be refused at once is, the rest waits until Xero has been asked.
What is said about a client's Xero contact: facts for the sentences, the events filled in and sent.
"""

import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from events.accounting_target import Lane, ListedContact, Organisation, Pasted
from events.codec import Envelope
from events.contacts import (
    ClientXeroContactCreateRequested,
    ClientXeroContactRejected,
    ClientXeroContactUpdated,
    ClientXeroContactUpdateRequested,
    ContactProblem,
    NotAContact,
    XeroContact,
)
from events.snapshot import Event, is_admin
from store import audit, changes, companies, connections, contacts, outbox
from store.outbox import Outgoing
from store.tables import AskedChange
from store.unit_of_work import Work
from worker import logs
from worker.contacts import permits
from worker.contacts.permits import Wait
from worker.decisions import contact_checks, rights
from worker.decisions.contact_checks import ContactVerdict
from worker.decisions.merge_rules import Receipt
from worker.tools import Tools
from worker.waiting import cause_resolved


def organisation_of(work: Work, tools: Tools, company: str) -> Organisation | None:
    """The organisation the company is connected to, however its login is; None when it is connected to none."""
    connection = connections.of_company(work, company)
    return tools.organisation(work, Lane(company, connection.tenant)) if connection else None


def contact_facts(work: Work, company: str, client: str, client_name: str = "") -> dict[str, str]:
    """What every sentence about this client's contact may say."""
    connection = connections.of_company(work, company)
    known = {"company": companies.name_of(work, company), "client": client_name or client}
    if connection:
        known |= {"organisation": connection.organisation, "ours": connection.short_code}
    return known


def contact_rejected(
    work: Work,
    tools: Tools,
    change: AskedChange,
    problem: ContactProblem,
    more: Mapping[str, str],
) -> ClientXeroContactRejected:
    """The answer to a change that was refused; where `more` names a contact to take instead, it is offered."""
    winner = more.get("winner_id", "")
    known = {**contact_facts(work, change.company, change.subject, change.subject_name), **more}
    return ClientXeroContactRejected(
        company=change.company,
        client=change.subject,
        reason=problem.code,
        message=problem.message(known),
        who=problem.value.who,
        how=problem.remedy(known),
        offered=contact_shown(work, tools, change.company, winner, more["winner"]) if winner else None,
    )


def contact_shown(work: Work, tools: Tools, company: str, contact_id: str, name: str) -> XeroContact:
    """A contact as a person recognises it."""
    connection = connections.of_company(work, company)
    target = tools.target_of(work, company)
    link = target.contact_link(connection.short_code if connection else "", contact_id) if target else ""
    return XeroContact(xero_contact_id=contact_id, name=name, link=link)


def contact_warnings(work: Work, company: str, client: str, contact_id: str) -> tuple[str, ...]:
    """What an admin should know though nothing is wrong: another client is billed as the same contact."""
    others = contacts.sharing(work, company, contact_id, client)
    named = ", ".join(one.client_name or one.client for one in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return (f"{named}{more} is billed as the same Xero contact.",) if others else ()


def contact_answer(work: Work, change: AskedChange, event: Event) -> None:
    """Send the one answer to a change."""
    about = change.subject or change.company
    outbox.publish(work, [Outgoing(event, change.company, about, _key(change), cause_of(change) or None)])


def contact_answered(work: Work, change: AskedChange) -> dict[str, Any]:
    """What the one answer to a change said; empty while there is none."""
    return outbox.said(work, _key(change))


def cause_of(change: AskedChange) -> str:
    """The id of the event that asked for the change; empty where no event did."""
    return change.event.rpartition(" ")[2]


def _key(change: AskedChange) -> str:
    return f"change/{change.company}/{change.id}/{change.event}"


def name_of_event(source: str, event_id: str) -> str:
    """An event in one word pair, as a change keeps it: its source and its id."""
    return f"{source} {event_id}"


SOURCES = {"crewcard-xero/command": "command", "crewcard-xero/import": "import"}


def file_contact(
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
        event=name_of_event(envelope.source, envelope.id),
        by=asked.requested_by.id,
        received_at=work.now,
        due_at=work.now,
    )
    try:
        admit(work, envelope.source, asked)
        wanted(work, tools, change)
    except NotAContact as refused:
        refuse_at_once(work, tools, change, refused)
    else:
        changes.add(work, change)
    return Receipt(envelope.id, asked.company, "", 0)


def file_links(
    work: Work, company: str, wanted: Sequence[tuple[str, str, str]], by: str, source: str
) -> list[AskedChange]:
    """File changes of clients (id, name) to contacts that Xero has just shown, together; each has its own answer.

    Left out is who waits for an answer already, or is linked: carried out again it files nothing. Raises NotAContact
    while the company lets no contact be changed.
    """
    settings = companies.locked_settings(work, company)  # of two at once the second sees what the first has filed
    if not settings.contact_ids_editable:
        raise NotAContact(ContactProblem.NOT_EDITABLE, contact_facts(work, company, ""))
    known = linked_or_asked(work, company, [client for client, _, _ in wanted])
    some = [
        AskedChange(
            kind="contact",
            company=company,
            subject=client,
            subject_name=name,
            wanted=contact_id,
            source=SOURCES.get(source, "person"),
            event=name_of_event(source, uuid.uuid4().hex),
            by=by,
            received_at=work.now,
            due_at=work.now,
        )
        for client, name, contact_id in wanted
        if client not in known
    ]
    changes.add_many(work, some)
    return some


def linked_or_asked(work: Work, company: str, clients: Sequence[str]) -> set[str]:
    """Those of these clients that have a contact, and all of the company's that wait for an answer about theirs."""
    return changes.subjects_waiting(work, company) | set(contacts.links(work, company, clients))


def refuse_at_once(work: Work, tools: Tools, change: AskedChange, refused: NotAContact) -> None:
    """File a change as it is answered: refused, with nothing to look up."""
    change.state, change.reason, change.answered_at = "rejected", refused.problem.code, work.now
    changes.add(work, change)
    contact_answer(work, change, contact_rejected(work, tools, change, refused.problem, refused.facts))


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


def admit(
    work: Work, source: str, asked: ClientXeroContactUpdateRequested | ClientXeroContactCreateRequested
) -> None:
    """Only a host's admins, and only while the company allows it. Raises NotAContact."""
    if rights.needs_admin_of_host(source) and not is_admin(asked.requested_by):
        raise NotAContact(ContactProblem.NOT_ADMIN)
    if not companies.settings_of(work, asked.company).contact_ids_editable:
        raise NotAContact(ContactProblem.NOT_EDITABLE)


_MOST_MERGES = 3  # a winner may have been merged itself
_log = logs.log("contacts")


def look_up(
    tools: Tools, organisation: Organisation, ids: Sequence[str], wait: Wait | None = None, *, single: bool = True
) -> Mapping[str, ListedContact]:
    """What Xero shows of a call's worth of contacts, and of those they were merged into: one call, rarely more.

    Raises Trouble.
    """
    target = tools.target(organisation)
    shown: dict[str, ListedContact] = {}
    asked = sorted(set(ids))
    for _ in range(1 + _MOST_MERGES):
        if not asked:
            break
        some = asked[: target.sizes.contacts]
        ask = functools.partial(target.contacts, organisation, some)
        shown |= permits.call(tools, organisation, ask, wait, single=single)
        asked = [one for one in contact_checks.unseen_winners(shown) if one not in some]
    return shown


def answer_contacts(
    tools: Tools, organisation: Organisation | None, asked: Sequence[AskedChange], wait: Wait | None = None
) -> int:
    """Answer these changes of contacts in their order; gives how many invoices go again. Raises Trouble.

    Without an organisation only the end of a link is obeyed.
    """
    with tools.store.read() as work:
        ids = [one for change in asked if (one := _id_wanted(work, tools, change))]
    shown = look_up(tools, organisation, ids, wait) if ids and organisation else {}
    tenant = organisation.lane.tenant if organisation else ""
    sent = 0
    for change in asked:
        with tools.store.write() as work:
            sent += _conclude(work, tools, change, tenant, shown)
    return sent


def refuse(work: Work, tools: Tools, change: AskedChange, refused: NotAContact) -> None:
    """Answer a change with what was wrong; nothing is changed."""
    if changes.settle(work, change, "rejected", refused.problem.code):
        told = contact_rejected(work, tools, change, refused.problem, refused.facts)
        contact_answer(work, change, told)


def _id_wanted(work: Work, tools: Tools, change: AskedChange) -> str:
    try:
        pasted = wanted(work, tools, change)
    except NotAContact:
        return ""
    return pasted.contact_id if pasted else ""


def _conclude(work: Work, tools: Tools, change: AskedChange, tenant: str, shown: Mapping[str, ListedContact]) -> int:
    """The one answer to a change, and what it moves; gives how many invoices go again."""
    try:
        pasted = wanted(work, tools, change)
    except NotAContact as refused:
        refuse(work, tools, change, refused)
        return 0
    if changes.newer_than(work, change):
        refuse(work, tools, change, NotAContact(ContactProblem.OVERTAKEN))
        return 0
    if pasted is None:
        _unlink(work, change)
        return 0
    seen = contact_checks.verdict(pasted.contact_id, shown)
    if seen.problem:
        refuse(work, tools, change, NotAContact(seen.problem, seen.facts()))
        return 0
    return link(work, tools, change, tenant, pasted.contact_id, seen)


def link(
    work: Work,
    tools: Tools,
    change: AskedChange,
    tenant: str,
    contact_id: str,
    seen: ContactVerdict,
    *,
    created: bool = False,
) -> int:
    """Answer a change with the link it brings about; gives how many invoices go again."""
    if not changes.settle(work, change, "updated"):
        return 0
    name = seen.contact.name if seen.contact else ""
    cause = cause_of(change)
    sent = cause_resolved.contact_linked(work, change.company, change.subject, change.by, cause)
    _keep_link(
        work, change, contact_id, name, created=created, status=seen.status, checked_at=work.now, checked_in=tenant
    )
    event = ClientXeroContactUpdated(
        company=change.company,
        client=change.subject,
        contact=contact_shown(work, tools, change.company, contact_id, name),
        status=seen.status,
        warnings=contact_warnings(work, change.company, change.subject, contact_id),
        changed_by=change.by,
        changed_at=work.now,
        sent_again=sent,
        created=created,
    )
    contact_answer(work, change, event)
    return sent


def _unlink(work: Work, change: AskedChange) -> None:
    if not changes.settle(work, change, "updated"):
        return
    _keep_link(work, change, "")
    event = ClientXeroContactUpdated(
        company=change.company,
        client=change.subject,
        status="unchecked",
        changed_by=change.by,
        changed_at=work.now,
    )
    contact_answer(work, change, event)


def _keep_link(
    work: Work, change: AskedChange, contact_id: str, name: str = "", *, created: bool = False, **more: object
) -> None:
    """The link from now on, and whose word it was."""
    company, client = change.company, change.subject
    known = contacts.known_links(work, company, [client]).get(client)
    before = known.xero_contact_id if known else ""
    more |= {"source": change.source, "client_name": change.subject_name}
    contacts.link(work, company, client, contact_id, change.by, name, **more)
    if before != contact_id:
        said = {"client": client, "before": before, "now": contact_id}
        audit.note(work, change.by, "contact created" if created else "contact", company, said, 0, "")
    _log.info("contacts.changed", company=company, kind=change.source)
