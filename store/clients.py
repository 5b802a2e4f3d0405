"""Clients as setup staff see them: who holds invoices back for want of a contact, and who is linked; read-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, literal_column, tuple_
from sqlmodel import col, func, select

from events import causes
from store import statements
from store.failing import failed, is_of
from store.tables import ContactLink, InvoiceStatus
from store.unit_of_work import Work

AMISS = ("archived", "erased", "merged", "missing")
MOST = 50
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
    work: Work, company: str = "", after: str = "", *, only_unmapped: bool = False, most: int = MOST
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
    mine = (*failed(company), _OF_CONTACTS, is_of(causes.gone_with_contact(client)))
    asked: Any = select(func.count(), func.min(InvoiceStatus.changed_at), func.max(InvoiceStatus.about)).where(*mine)
    count, oldest, name = work.session.exec(asked).one()
    return count, oldest, name or ""


def linked(
    work: Work, company: str = "", status: str | None = None, after: str = "", most: int = MOST
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


def place_of(company: str, client: str) -> str:
    """Where the list of linked clients goes on."""
    return f"{company}{_BETWEEN}{client}"


def _held_back(row: Any) -> HeldBack:
    company, cause, name, invoices, oldest, rank = row
    reason, client = causes.reason_of(cause), causes.thing_of(cause)
    title = reason.value.title if reason else ""
    place = _BETWEEN.join((str(rank), str(invoices), company, cause))
    return HeldBack(company, client, name or client, cause.partition(":")[0], title, invoices, oldest, place)


def _place(after: str) -> Any:
    """Where to go on, as the order compares it; None from the start, or for what is no place of ours."""
    parts = after.split(_BETWEEN)
    if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return tuple_(int(parts[0]), -int(parts[1]), parts[2], parts[3])
