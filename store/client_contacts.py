"""A client's Xero contact as a person sees it beside the client: value, name, editable or not; read-only."""

from dataclasses import dataclass
from datetime import datetime

from events.contact_problems import ContactProblem
from events.people import Person, is_admin
from store import changes, companies, connections, contacts
from store.tables import ContactLink
from store.unit_of_work import Work


@dataclass(frozen=True)
class ClientContact:
    """The field “Xero Client ID” of one client. `why_not` says why it is greyed out, None where it is editable.

    `status` is empty where Xero has not been asked yet, `being_checked` is what an admin pasted and Xero is still
    to be asked about, `whose` is who keeps the value: host, person, command or import.
    """

    company: str
    client: str
    client_name: str
    value: str
    name: str
    status: str
    merged_into: str
    checked_at: datetime | None
    changed_by: str
    changed_at: datetime | None
    whose: str
    editable: bool
    why_not: str | None
    being_checked: str | None


def contact_of(work: Work, company: str, client: str, person: Person | None = None) -> ClientContact:
    """What is kept of this client's contact, and whether the person (anybody, where none is named) may change it."""
    known = contacts.known(work, company, [client]).get(client)
    waits = changes.waiting_for(work, company, client)
    return _shown(company, client, known, why_not(work, company, person), waits.wanted if waits else None)


def all_of(work: Work, company: str) -> list[ClientContact]:
    """The same for every linked client of the company."""
    closed = why_not(work, company)
    return [_shown(company, one.client, one, closed, None) for one in contacts.of_company(work, company)]


def why_not(work: Work, company: str, person: Person | None = None) -> str | None:
    """Why the contacts of the company may not be changed now, by this person; None when they may."""
    facts = {"company": companies.name_of(work, company)}
    if not companies.settings_of(work, company).contact_ids_editable:
        return ContactProblem.NOT_EDITABLE.message(facts)
    if person is not None and not is_admin(person):
        return ContactProblem.NOT_ADMIN.message(facts)
    connection = connections.of_company(work, company)
    if connection is None or connection.state == "disconnected":
        return ContactProblem.NOT_CONNECTED.message(facts)
    return None


def _shown(
    company: str, client: str, known: ContactLink | None, closed: str | None, waits: str | None
) -> ClientContact:
    return ClientContact(
        company=company,
        client=client,
        client_name=known.client_name if known else "",
        value=known.xero_contact_id if known else "",
        name=known.name if known else "",
        status=known.status if known else "",
        merged_into=known.merged_into if known else "",
        checked_at=known.checked_at if known else None,
        changed_by=known.said_by if known else "",
        changed_at=known.changed_at if known else None,
        whose=(known.source or known.said_by) if known else "",
        editable=closed is None,
        why_not=closed,
        being_checked=waits,
    )
