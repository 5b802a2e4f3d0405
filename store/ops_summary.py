"""The installation at a glance, for a page that is asked for every few seconds: what moves, what stands.

The installation at a glance, for ops.
What a person has to look at: bounded lists for the top of a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func, union_all
from sqlmodel import col, select

from store import batches, failing, pauses, statements
from store.failing import COUNTED_TO
from store.tables import (
    Batch,
    CompanyConnection,
    DeadLetter,
    DoorOut,
    Export,
    InvoiceStatus,
    LaneState,
    OutboxEvent,
    Pause,
    Redelivery,
    Request,
    Token,
)
from store.tables.columns import word
from store.unit_of_work import Work


@dataclass(frozen=True)
class GlanceCount:
    """How many there are, counted up to `COUNTED_TO`, and since when the oldest waits."""

    count: int
    since: datetime | None

    @property
    def many(self) -> bool:
        """Whether there are more than were counted."""
        return self.count >= COUNTED_TO


@dataclass(frozen=True)
class Glance:
    """What moves, what stands. `untold` are events not in the feed yet, `behind` those each door has to take up."""

    pending: GlanceCount
    in_flight: int
    uncertain: int
    failed: GlanceCount
    untold: GlanceCount
    behind: Mapping[str, int]


def at_a_glance(work: Work) -> Glance:
    """All of it, in a constant number of questions that an index answers."""
    return Glance(
        pending=_pending(work),
        in_flight=batches.in_flight(work),
        uncertain=_count(work, select(Batch.id).where(Batch.state == "uncertain")),
        failed=GlanceCount(_count(work, select(InvoiceStatus.invoice).where(*failing.failed())), None),
        untold=_untold(work),
        behind=_behind(work),
    )


def _pending(work: Work) -> GlanceCount:
    count = _count(work, select(Export.id).where(Export.state == "pending"))
    waiting = select(func.min(Export.live_since)).where(col(Export.state).in_(("pending", "uncertain")))
    return GlanceCount(count, work.session.exec(waiting).one())


def _untold(work: Work) -> GlanceCount:
    unstamped = col(OutboxEvent.position).is_(None)
    count = _count(work, select(OutboxEvent.id).where(unstamped))
    return GlanceCount(count, work.session.exec(select(func.min(OutboxEvent.created_at)).where(unstamped)).one())


def _behind(work: Work) -> dict[str, int]:
    last = select(func.coalesce(func.max(OutboxEvent.position), 0)).scalar_subquery()
    asked: Any = select(DoorOut.door, last - col(DoorOut.position)).order_by(col(DoorOut.door))
    return {row[0]: row[1] for row in statements.rows(work, asked) if row[1]}


def _count(work: Work, asked: Any) -> int:
    return int(work.session.exec(select(func.count()).select_from(asked.limit(COUNTED_TO).subquery())).one())


_LIVE = ("pending", "exporting", "uncertain")


@dataclass(frozen=True)
class Overview:
    """The installation at a glance. Exported and failed ones are counted up to `COUNTED_TO`."""

    exports: dict[str, int]
    open_requests: int
    uncertain_batches: int
    in_flight: int
    outbox_waiting: int
    dead_letters: int
    pauses: Sequence[Pause]


def overview(work: Work) -> Overview:
    """Counts by state."""
    by_state = {state: _count_where(work, Export, Export.state == word(state)) for state in _LIVE}
    by_state |= {state: _count_some(work, state) for state in ("exported", "failed")}
    return Overview(
        exports={state: count for state, count in by_state.items() if count},
        open_requests=_count_where(work, Request, col(Request.completed_at).is_(None)),
        uncertain_batches=_count_where(work, Batch, Batch.state == word("uncertain")),
        in_flight=_count_where(work, Batch, col(Batch.state).in_((word("claimed"), word("sent")))),
        outbox_waiting=_count_where(work, OutboxEvent, col(OutboxEvent.position).is_(None)),
        dead_letters=_count_where(work, DeadLetter, DeadLetter.state == word("open")),
        pauses=pauses.active(work),
    )


def _count_some(work: Work, state: str) -> int:
    some = select(Export.id).where(Export.state == word(state)).limit(COUNTED_TO).subquery()
    return work.session.exec(select(func.count()).select_from(some)).one()


def _count_where(work: Work, table: Any, condition: Any) -> int:
    return work.session.exec(select(func.count()).select_from(table).where(condition)).one()


_SOME = 1000


@dataclass(frozen=True)
class Unsettled:
    """Calls whose outcome ought to be known by now: batches, their invoices, since when; `company` is one of them."""

    company: str
    companies: int
    batches: int
    invoices: int
    since: datetime


@dataclass(frozen=True)
class RefusedCompanies:
    """Companies whose calls Xero refuses, and since when the first of them."""

    companies: int
    since: datetime


def unsettled_batches(work: Work, seconds: float) -> Unsettled | None:
    """Calls whose outcome was due to be looked up longer ago than this, of all companies; None if there are none."""
    columns: list[Any] = [func.min(Batch.company), func.count(distinct(col(Batch.company)))]
    columns += [func.count(), func.sum(Batch.size), func.min(Batch.settle_at)]
    asked: Any = select(*columns)
    late = asked.where(Batch.state == "uncertain", col(Batch.settle_at) < work.after(-seconds))
    (row,) = statements.rows(work, late)
    return Unsettled(*row) if row[1] else None


def refused_companies(work: Work, seconds: float) -> RefusedCompanies | None:
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


def open_dead_letters(work: Work) -> int:
    """What no door could read and nobody dealt with, counted up to a thousand."""
    return _count_bounded(work, select(DeadLetter.id).where(DeadLetter.state == "open"))


def given_up_deliveries(work: Work) -> int:
    """Events that a webhook refused until its last try, counted up to a thousand."""
    return _count_bounded(work, select(Redelivery.event_id).where(Redelivery.state == word("given_up")))


def _count_bounded(work: Work, asked: Any) -> int:
    return int(work.session.exec(select(func.count()).select_from(asked.limit(_SOME).subquery())).one())
