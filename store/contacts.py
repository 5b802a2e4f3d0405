"""Which Xero contact each client is billed as."""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, case, func
from sqlmodel import col, select

from store import statements
from store.tables import CompanyConnection, ContactLink, Export
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


def known(work: Work, company: str, clients: Collection[str]) -> Mapping[str, ContactLink]:
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
