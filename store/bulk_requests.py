"""Requests of many invoices, as pages list them: newest first, of one company or of all, by state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import col, select

from store import statements
from store.tables import Company, Request
from store.unit_of_work import Work

STATES: Mapping[str, Any] = {
    "open": col(Request.completed_at).is_(None),
    "done": col(Request.completed_at).is_not(None),
    "failures": col(Request.failed) > 0,
    "cancelled": col(Request.cancelled_at).is_not(None),
}


class RequestPosition(NamedTuple):
    """Where a request stands in the list."""

    at: datetime
    company: str
    id: str


def page(work: Work, company: str, state: str, after: RequestPosition | None, most: int) -> Sequence[Any]:
    """Plain rows of bulk requests, newest first, those behind `after`, each with its company's name."""
    place = (col(Request.created_at), col(Request.company), col(Request.id))
    columns: list[Any] = [*Request.__table__.c, col(Company.name).label("company_name")]  # type: ignore[attr-defined]
    asked: Any = (
        select(*columns)
        .outerjoin(Company, col(Company.id) == col(Request.company))
        .where(Request.mode == "bulk")
        .order_by(*(column.desc() for column in place))
        .limit(most)
    )
    if company:
        asked = asked.where(Request.company == company)
    if state in STATES:
        asked = asked.where(STATES[state])
    if after:
        at, whose, id_ = place
        behind = (whose < after.company) | ((whose == after.company) & (id_ < after.id))
        # The first comparison lets the index begin there; the second finds the exact place.
        asked = asked.where(at <= after.at, (at < after.at) | behind)
    return statements.rows(work, asked)
