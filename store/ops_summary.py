"""The installation at a glance, for a page that is asked for every few seconds: what moves, what stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from store import batches, failing, statements
from store.tables import Batch, DoorOut, Export, InvoiceStatus, OutboxEvent
from store.unit_of_work import Work

COUNTED_TO = 100_000  # nobody waits longer for a count


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
