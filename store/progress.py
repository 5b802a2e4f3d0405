"""How far requests are."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, tuple_
from sqlmodel import col, select

from events.accounting_target import Lane
from events.failures import NOT_MENDED
from store import statements
from store.tables import Item, Request
from store.tables.columns import word
from store.unit_of_work import Work


@dataclass(frozen=True)
class Progress:
    """How far a request is. `waiting` have no answer yet; `estimated_finish` is None while nobody can say."""

    company: str
    request: str
    total: int
    exported: int
    unchanged: int
    failed: int
    waiting: int
    complete: bool
    estimated_finish: datetime | None = None


def from_request(row: Request, estimated_finish: datetime | None = None) -> Progress:
    """How far the request of this row is."""
    return Progress(
        company=row.company,
        request=row.id,
        total=row.total,
        exported=row.exported,
        unchanged=row.unchanged,
        failed=row.failed,
        waiting=row.total - row.exported - row.failed,
        complete=row.completed_at is not None,
        estimated_finish=estimated_finish,
    )


def named(work: Work, request: str, company: str | None = None) -> Sequence[Request]:
    """The requests with this id, of one company or of all."""
    asked = select(Request).where(Request.id == request)
    return work.session.exec(asked.where(Request.company == company) if company else asked).all()


def locked(work: Work, company: str, request: str) -> Request:
    """The request's row, locked against others who count."""
    asked = select(Request).where(Request.company == company, Request.id == request)
    return work.session.exec(asked.with_for_update().execution_options(populate_existing=True)).one()


def backlog(work: Work, lane: Lane, until: datetime) -> int:
    """Invoices without an answer in the lane's requests made until then."""
    waiting = func.sum(Request.total - Request.exported - Request.failed)
    asked = select(waiting).where(
        Request.company == lane.company,
        Request.tenant == lane.tenant,
        col(Request.completed_at).is_(None),
        col(Request.created_at) <= until,
    )
    return int(work.session.exec(asked).one() or 0)


def pending_of(work: Work, company: str) -> int:
    """Invoices of the company that were asked for and have no answer yet, once per request."""
    waiting = func.sum(Request.total - Request.exported - Request.failed)
    asked = select(waiting).where(Request.company == company, col(Request.completed_at).is_(None))
    return int(work.session.exec(asked).one() or 0)


def unwanted(work: Work, requests: Collection[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How many invoices of each of these requests, by company and id, are failed only because a person wanted it so.

    They were cancelled, or are marked “never send”; a request counts them among its failed ones.
    """
    key = tuple_(col(Item.company), col(Item.request))
    asked: Any = select(Item.company, Item.request, func.count()).where(key.in_(sorted(requests)), is_unwanted())
    rows = statements.rows(work, asked.group_by(col(Item.company), col(Item.request)))
    return Counter({(company, request): count for company, request, count in rows})


def answers_of(work: Work, company: str, request: str) -> list[tuple[datetime, int]]:
    """When invoices of the request were answered by calls to Xero, and how many each time, oldest first.

    What was answered as it came, or cancelled, needed no call.
    """
    came = select(Request.created_at).where(Request.company == company, Request.id == request).scalar_subquery()
    asked: Any = select(Item.answered_at, func.count()).where(
        Item.company == company, Item.request == request, col(Item.answered_at) > came, ~is_unwanted()
    )
    rows = statements.rows(work, asked.group_by(col(Item.answered_at)).order_by(col(Item.answered_at)))
    return [(at, count) for at, count in rows]


def is_unwanted() -> Any:
    """Whether an invoice of a request is failed only because a person wanted it so."""
    return (col(Item.state) == word("failed")) & func.coalesce(col(Item.reason), "").in_(sorted(NOT_MENDED))


def reasons(work: Work, company: str, request: str) -> dict[str, int]:
    """How many invoices of the request failed, by reason."""
    counted = (
        select(Item.reason, func.count())
        .where(Item.company == company, Item.request == request, Item.state == word("failed"))
        .group_by(col(Item.reason))
    )
    return {reason or "xero_refused": count for reason, count in work.session.exec(counted)}
