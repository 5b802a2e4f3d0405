"""What a person has to look at: bounded lists for the top of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func, or_, union_all
from sqlmodel import col, select

from events.causes import CONNECTION
from store import failing, statements
from store.tables import Alert, Batch, CompanyConnection, DeadLetter, InvoiceStatus, LaneState, Redelivery, Token
from store.tables.columns import word
from store.unit_of_work import Work

_SOME = 1000


@dataclass(frozen=True)
class StandingAlert:
    """An alert whose cause still holds invoices back, and how many."""

    alert: Alert
    invoices: int


@dataclass(frozen=True)
class Unsettled:
    """Calls of a company whose outcome ought to be known by now: batches, their invoices, since when it is due."""

    company: str
    batches: int
    invoices: int
    since: datetime


@dataclass(frozen=True)
class RefusedCompanies:
    """Companies whose calls Xero refuses, and since when the first of them."""

    companies: int
    since: datetime


def alerts(work: Work, most: int) -> list[StandingAlert]:
    """The causes that still hold invoices back, what happened last first; connections are told elsewhere."""
    still = (
        select(InvoiceStatus.invoice)
        .where(*failing.failed(), _has_cause(col(Alert.company), col(Alert.cause)))
        .exists()
    )
    asked = select(Alert).where(still, col(Alert.cause).not_like(f"{CONNECTION}:%"))
    found = statements.rows(work, asked.order_by(col(Alert.last_at).desc(), col(Alert.cause)).limit(most))
    held = _held(work, [(row.company, row.cause) for row in found])
    return [StandingAlert(row, held.get((row.company, row.cause), 0)) for row in found]


def unsettled(work: Work, seconds: float, most: int) -> Sequence[Unsettled]:
    """Companies with calls whose outcome was due to be looked up longer ago than this, the oldest first."""
    since = func.min(Batch.settle_at)
    asked: Any = select(Batch.company, func.count(), func.sum(Batch.size), since)
    late = asked.where(Batch.state == "uncertain", col(Batch.settle_at) < work.after(-seconds))
    rows = statements.rows(work, late.group_by(col(Batch.company)).order_by(since).limit(most))
    return [Unsettled(*row) for row in rows]


def refused(work: Work, seconds: float) -> RefusedCompanies | None:
    """Companies whose calls Xero has refused for longer than this although their logins live; None if there are none.

    Logins that the token service refuses now, which is no proof yet, are counted with them.
    """
    lane: Any = select(col(LaneState.company).label("company"), col(LaneState.refused_since).label("since")).where(
        LaneState.state == "open", col(LaneState.refused_in_a_row) > 0
    )
    login = (
        select(col(CompanyConnection.company), col(Token.refused_since))
        .join(
            Token,
            (col(Token.client_id) == col(CompanyConnection.client_id))
            & (col(Token.xero_user) == col(CompanyConnection.xero_user)),
        )
        .where(Token.problem == "", col(Token.refusals) > 0, CompanyConnection.state == "connected")
    )
    some: Any = union_all(lane, login).subquery()
    asked = select(func.count(distinct(some.c.company)), func.min(some.c.since))
    count, since = statements.rows(work, asked.where(some.c.since < work.after(-seconds)))[0]
    return RefusedCompanies(count, since) if count else None


def dead_letters(work: Work) -> int:
    """What no door could read and nobody dealt with, counted up to a thousand."""
    return _count(work, select(DeadLetter.id).where(DeadLetter.state == "open"))


def given_up(work: Work) -> int:
    """Events that a webhook refused until its last try, counted up to a thousand."""
    return _count(work, select(Redelivery.event_id).where(Redelivery.state == word("given_up")))


def _held(work: Work, causes: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    if not causes:
        return {}
    mine = or_(*(_has_cause(company, cause) for company, cause in causes))
    counted: Any = select(InvoiceStatus.company, failing.cause(), func.count()).where(*failing.failed(), mine)
    rows = statements.rows(work, counted.group_by(col(InvoiceStatus.company), failing.cause()))
    return {(row[0], row[1]): row[2] for row in rows}


def _has_cause(company: Any, cause: Any) -> Any:
    """Whether a failed invoice is of this cause, asked so that the index helps."""
    before = col(InvoiceStatus.cause).is_(None) & (col(InvoiceStatus.reason) == cause)
    return (col(InvoiceStatus.company) == company) & ((col(InvoiceStatus.cause) == cause) | before)


def _count(work: Work, asked: Any) -> int:
    return int(work.session.exec(select(func.count()).select_from(asked.limit(_SOME).subquery())).one())
