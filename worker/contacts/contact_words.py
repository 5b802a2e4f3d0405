"""What is said about a client's Xero contact: facts for the sentences, the events filled in and sent."""

from collections.abc import Mapping
from typing import Any

from events.accounting_target import ListedContact
from events.contact_problems import ContactProblem
from events.contacts import ClientXeroContactRejected, XeroContact
from events.snapshot import Event
from store import companies, connections, contacts, outbox
from store.outbox import Outgoing
from store.tables import AskedChange
from store.unit_of_work import Work
from worker.tools import Tools


def facts(work: Work, company: str, client: str, client_name: str = "") -> dict[str, str]:
    """What every sentence about this client's contact may say."""
    connection = connections.of_company(work, company)
    known = {"company": companies.name_of(work, company), "client": client_name or client}
    if connection:
        known |= {"organisation": connection.organisation, "ours": connection.short_code}
    return known


def rejected(
    work: Work,
    tools: Tools,
    change: AskedChange,
    problem: ContactProblem,
    more: Mapping[str, str],
    winner: ListedContact | None,
) -> ClientXeroContactRejected:
    """The answer to a change that was refused."""
    known = {**facts(work, change.company, change.subject, change.subject_name), **more}
    return ClientXeroContactRejected(
        company=change.company,
        client=change.subject,
        reason=problem.code,
        message=problem.message(known),
        who=problem.value.who,
        how=problem.remedy(known),
        offered=shown(work, tools, change.company, winner.id, winner.name) if winner else None,
    )


def shown(work: Work, tools: Tools, company: str, contact_id: str, name: str) -> XeroContact:
    """A contact as a person recognises it."""
    connection = connections.of_company(work, company)
    target = tools.target_of(work, company)
    link = target.contact_link(connection.short_code if connection else "", contact_id) if target else ""
    return XeroContact(xero_contact_id=contact_id, name=name, link=link)


def warnings(work: Work, company: str, client: str, contact_id: str) -> tuple[str, ...]:
    """What an admin should know though nothing is wrong: another client is billed as the same contact."""
    others = contacts.sharing(work, company, contact_id, client)
    named = ", ".join(one.client_name or one.client for one in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return (f"{named}{more} is billed as the same Xero contact.",) if others else ()


def answer(work: Work, change: AskedChange, event: Event) -> None:
    """Send the one answer to a change."""
    about = change.subject or change.company
    outbox.publish(work, [Outgoing(event, change.company, about, _key(change), cause_of(change) or None)])


def answered(work: Work, change: AskedChange) -> dict[str, Any]:
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
