"""Which Xero contact each client is billed as.

A client's Xero contact as a person sees it beside the client: value, name, editable or not; read-only.
Clients as setup staff see them: who holds invoices back for want of a contact, and who is linked; read-only.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, literal_column, tuple_, union
from sqlmodel import col, func, select

from events import failures
from events.contacts import ContactProblem
from events.snapshot import Person, is_admin
from store import changes, companies, connections, statements
from store.failing import failed, is_of
from store.tables import CompanyConnection, ContactLink, Export, InvoiceStatus
from store.tables.columns import word
from store.unit_of_work import Work

_AT_ONCE = 1000
_CHANGED = (
    "xero_contact_id",
    "name",
    "said_by",
    "changed_at",
    "source",
    "status",
    "merged_into",
    "checked_at",
    "checked_in",
)


def link(
    work: Work, company: str, client: str, xero_contact_id: str, said_by: str, name: str = "", **more: Any
) -> None:
    """Bill this client as that contact from now on; the newest word wins.

    `more` says what else is known: `source`, `status`, `checked_at`, and what is kept of the client itself.
    """
    row = {
        "company": company,
        "client": client,
        "xero_contact_id": xero_contact_id,
        "name": name,
        "said_by": said_by,
        "changed_at": work.now,
        "source": "",
        "status": "",
        "merged_into": "",
        "checked_at": None,
        "checked_in": "",
        "client_name": "",
        "host_id": "",
        **more,
    }
    kept = [name for name in ("client_name", "host_id") if more.get(name)]
    statements.upsert(work, ContactLink, [row], dict.fromkeys((*_CHANGED, *kept), "excluded"), returning=["client"])


def links(work: Work, company: str, clients: Collection[str]) -> Mapping[str, str]:
    """Xero contact id by client, for the clients that are linked."""
    found = statements.rows(work, _links(on_sqlite=work.on_sqlite), company=company, clients=sorted(set(clients)))
    return {row.client: row.xero_contact_id for row in found}


@functools.cache
def _links(*, on_sqlite: bool) -> Any:
    mine = statements.among(col(ContactLink.client), "clients", on_sqlite=on_sqlite)
    linked = select(ContactLink.client, ContactLink.xero_contact_id).where(ContactLink.xero_contact_id != "")
    return linked.where(ContactLink.company == bindparam("company"), mine)


def known_links(work: Work, company: str, clients: Collection[str]) -> Mapping[str, ContactLink]:
    """Everything kept about these clients' contacts, by client; an ended link has an empty id."""
    asked = select(ContactLink).where(
        ContactLink.company == company, col(ContactLink.client).in_(sorted(set(clients)))
    )
    return {row.client: row for row in work.session.exec(asked.execution_options(populate_existing=True))}


def winners(work: Work, company: str, clients: Collection[str]) -> Mapping[str, str]:
    """The contact that Xero merged each client's contact into, of those whose link still names the former one."""
    asked = select(ContactLink.client, ContactLink.merged_into).where(
        ContactLink.company == company,
        col(ContactLink.client).in_(sorted(set(clients))),
        ContactLink.status == "merged",
        ContactLink.merged_into != "",
    )
    return dict(work.session.exec(asked).all())


def of_company(work: Work, company: str) -> Sequence[ContactLink]:
    """The company's links by client, ended ones left out."""
    asked = select(ContactLink).where(ContactLink.company == company, ContactLink.xero_contact_id != "")
    return work.session.exec(asked.order_by(col(ContactLink.client))).all()


def sharing(work: Work, company: str, xero_contact_id: str, client: str) -> Sequence[ContactLink]:
    """The other clients that are billed as the same contact."""
    asked = select(ContactLink).where(
        ContactLink.company == company,
        ContactLink.xero_contact_id == xero_contact_id,
        ContactLink.client != client,
    )
    return work.session.exec(asked.order_by(col(ContactLink.client))).all()


def unlinked(work: Work, company: str) -> Sequence[tuple[str, str, int]]:
    """Clients of the company's invoices without a link: client, an invoice's content, how many failed."""
    linked = select(ContactLink.client).where(ContactLink.company == company, ContactLink.xero_contact_id != "")
    failed = func.sum(case((col(Export.state) == "failed", 1), else_=0))
    grouped = (
        select(Export.client, func.max(Export.id), failed)
        .where(Export.company == company, Export.wanted != "", col(Export.client).not_in(linked))
        .group_by(col(Export.client))
        .order_by(col(Export.client))
    )
    rows: Sequence[Any] = work.session.exec(grouped).all()
    content: dict[Any, str] = {}
    for start in range(0, len(rows), _AT_ONCE):
        ids = [newest for _, newest, _ in rows[start : start + _AT_ONCE]]
        content.update(work.session.exec(select(Export.id, Export.wanted).where(col(Export.id).in_(ids))).all())
    return [(client, content[newest], int(count)) for client, newest, count in rows]


def newest_content(work: Work, company: str, client: str) -> str | None:
    """What an invoice of the client says, the newest of those that failed, else of all; None where there is none."""
    mine = (Export.company == company, Export.client == client, Export.wanted != "")
    for more in ((Export.state == word("failed"),), ()):
        asked = select(Export.wanted).where(*mine, *more).order_by(col(Export.id).desc()).limit(1)
        if found := work.session.exec(asked).first():
            return found
    return None


def note_host(work: Work, company: str, client: str, said: str) -> None:
    """Remember what the host last sent along for this client."""
    row = {"company": company, "client": client, "host_id": said}
    statements.change(work, ContactLink, ("company", "client"), [row])


def note_checks(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what Xero said; each row names its company and client, and changes nothing else."""
    statements.change(work, ContactLink, ("company", "client"), rows)


def due_for_check(work: Work, after_seconds: float) -> Sequence[str]:
    """The companies with a link that nobody has looked at, for so long, in the organisation they export to."""
    asked = (
        select(ContactLink.company)
        .where(ContactLink.xero_contact_id != "", _unchecked_since(work, after_seconds))
        .distinct()
    )
    return sorted(work.session.exec(asked))


def to_check(work: Work, company: str, after_seconds: float) -> Sequence[ContactLink]:
    """The company's links that were not looked at for so long, the longest ago first."""
    asked = select(ContactLink).where(
        ContactLink.company == company, ContactLink.xero_contact_id != "", _unchecked_since(work, after_seconds)
    )
    return work.session.exec(asked.order_by(col(ContactLink.client))).all()


def _unchecked_since(work: Work, seconds: float) -> Any:
    """Not looked at for so long; or in another organisation than the company exports to now."""
    here = (
        select(CompanyConnection.tenant)
        .where(CompanyConnection.company == col(ContactLink.company))
        .scalar_subquery()
    )
    old = col(ContactLink.checked_at).is_(None) | (col(ContactLink.checked_at) <= work.after(-seconds))
    return old | (col(ContactLink.checked_in) != func.coalesce(here, col(ContactLink.checked_in)))


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
    known = known_links(work, company, [client]).get(client)
    waits = changes.waiting_for(work, company, client)
    return _shown(company, client, known, why_not_editable(work, company, person), waits.wanted if waits else None)


def linked_among(work: Work, clients: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these clients, each with its company, have a contact in Xero."""
    keys = [{"company": company, "client": client} for company, client in sorted(set(clients))]
    return {(row.company, row.client) for row in statements.find(work, ContactLink, keys) if row.xero_contact_id}


def contacts_of_company(work: Work, company: str) -> list[ClientContact]:
    """The same for every linked client of the company."""
    closed = why_not_editable(work, company)
    return [_shown(company, one.client, one, closed, None) for one in of_company(work, company)]


def why_not_editable(work: Work, company: str, person: Person | None = None) -> str | None:
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


class ContactCounts(NamedTuple):
    """Clients of a company: how many are linked, how many of those Xero refuses, how many have no contact."""

    linked: int
    amiss: int
    unlinked: int


def counted(work: Work, company: str, most: int = 1000) -> ContactCounts:
    """The company's clients; `unlinked` are those whose invoices wait or failed, at most so many."""
    of_company = (ContactLink.company == company, ContactLink.xero_contact_id != "")
    linked = select(func.count(), func.coalesce(func.sum(case((_AMISS, 1), else_=0)), 0)).where(*of_company)
    without = col(Export.client).not_in(select(ContactLink.client).where(*of_company))
    states = [
        select(Export.client).where(Export.company == company, Export.state == word(state), without)
        for state in ("pending", "failed")
    ]
    unlinked = work.session.exec(select(func.count()).select_from(union(*states).limit(most).subquery())).one()
    return ContactCounts(*work.session.exec(linked).one(), unlinked)


AMISS = ("archived", "erased", "merged", "missing")
MOST_CLIENTS = 50
# Spelled as the indexes have it, so that they serve.
_OF_CONTACTS: Any = literal_column("substr(cause, 1, 8) = 'contact_'")
_UNMAPPED: Any = literal_column("substr(cause, 1, 19) = 'contact_not_mapped:'")
_AMISS: Any = literal_column("status IN ('archived', 'erased', 'merged', 'missing')")
_BETWEEN = "~"


@dataclass(frozen=True)
class HeldBack:
    """A client whose invoices failed for its Xero contact: how many, since when, and for which reason."""

    company: str
    client: str
    name: str
    reason: str
    title: str
    invoices: int
    oldest: datetime
    place: str


def held_back(
    work: Work, company: str = "", after: str = "", *, only_unmapped: bool = False, most: int = MOST_CLIENTS
) -> Sequence[HeldBack]:
    """Clients whose invoices wait for a contact: those without any first, then those with most invoices."""
    rank: Any = case((_UNMAPPED, 0), else_=1)
    columns: list[Any] = [InvoiceStatus.company, InvoiceStatus.cause, func.max(InvoiceStatus.about), func.count()]
    columns += [func.min(InvoiceStatus.changed_at), rank]
    grouped = select(*columns).where(*failed(company or None), _OF_CONTACTS)
    grouped = grouped.where(_UNMAPPED) if only_unmapped else grouped
    grouped = grouped.group_by(col(InvoiceStatus.company), col(InvoiceStatus.cause))
    order = (rank, -func.count(), col(InvoiceStatus.company), col(InvoiceStatus.cause))
    started = _place(after)
    if started is not None:
        grouped = grouped.having(tuple_(*order) > started)
    return [_held_back(row) for row in work.session.exec(grouped.order_by(*order).limit(most))]


def waiting_for(work: Work, company: str, client: str) -> tuple[int, datetime | None, str]:
    """How many of the client's invoices wait for its contact, since when, and the client's name there."""
    mine = (*failed(company), _OF_CONTACTS, is_of(failures.gone_with_contact(client)))
    asked: Any = select(func.count(), func.min(InvoiceStatus.changed_at), func.max(InvoiceStatus.about)).where(*mine)
    count, oldest, name = work.session.exec(asked).one()
    return count, oldest, name or ""


def linked_clients(
    work: Work, company: str = "", status: str | None = None, after: str = "", most: int = MOST_CLIENTS
) -> Sequence[Any]:
    """Linked clients by company and id, plain rows; `status` as Xero said, `amiss` for what cannot be billed."""
    asked: Any = select(ContactLink).where(ContactLink.xero_contact_id != "")
    if company:
        asked = asked.where(col(ContactLink.company) == company)
    if status == "amiss" or status in AMISS:
        asked = asked.where(_AMISS)
    if status not in (None, "amiss"):
        asked = asked.where(col(ContactLink.status) == status)
    begun = after.split(_BETWEEN)
    if len(begun) == 2:
        asked = asked.where(tuple_(col(ContactLink.company), col(ContactLink.client)) > tuple_(*begun))
    ordered = asked.order_by(col(ContactLink.company), col(ContactLink.client)).limit(most)
    return statements.rows(work, ordered)


def place_of_client(company: str, client: str) -> str:
    """Where the list of linked clients goes on."""
    return f"{company}{_BETWEEN}{client}"


def _held_back(row: Any) -> HeldBack:
    company, cause, name, invoices, oldest, rank = row
    reason, client = failures.reason_of(cause), failures.thing_of(cause)
    title = reason.value.title if reason else ""
    place = _BETWEEN.join((str(rank), str(invoices), company, cause))
    return HeldBack(company, client, name or client, cause.partition(":")[0], title, invoices, oldest, place)


def _place(after: str) -> Any:
    """Where to go on, as the order compares it; None from the start, or for what is no place of ours."""
    parts = after.split(_BETWEEN)
    if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return tuple_(int(parts[0]), -int(parts[1]), parts[2], parts[3])
