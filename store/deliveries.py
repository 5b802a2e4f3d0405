"""Deliveries of webhooks as they were tried, for people to look at: the newest of each endpoint, for some days.

Nothing rests on them: what has to be delivered is known by `store/sinks` alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlmodel import col

from store import statements
from store.tables import DeliveryTry, OutboxEvent
from store.unit_of_work import Work

KEPT_PER_DOOR = 2_000
_AT_ONCE = 5_000
_LONGEST_TROUBLE = 500


def note(work: Work, door: str, tried: Sequence[Mapping[str, Any]]) -> None:
    """Keep tries: event, how many it is, status, milliseconds, trouble, how the answer began; of a test its body."""
    rows = [
        {"body": None, **one, "door": door, "at": work.now, "trouble": one["trouble"][:_LONGEST_TROUBLE]}
        for one in tried
    ]
    if rows:
        statements.insert(work, DeliveryTry, rows)


def newest(
    work: Work, door: str = "", event: str = "", *, failed: bool = False, most: int = 50, before: int | None = None
) -> Sequence[Any]:
    """The newest first, with `company`, `type` and `subject` of the event (None where it is kept no longer).

    `before` is the id of the last one seen.
    """
    asked = _shown().order_by(col(DeliveryTry.id).desc()).limit(most)
    asked = asked.where(col(DeliveryTry.door) == door) if door else asked
    asked = asked.where(col(DeliveryTry.event_id) == event) if event else asked
    asked = asked.where(col(DeliveryTry.trouble) != "") if failed else asked
    return statements.rows(work, asked.where(col(DeliveryTry.id) < before) if before else asked)


def numbered(work: Work, number: int) -> Any:
    """One of them, with its event's `sent` body; None where there is none any more."""
    found = statements.rows(work, _shown(col(OutboxEvent.body).label("sent")).where(col(DeliveryTry.id) == number))
    return found[0] if found else None


def last(work: Work) -> Mapping[str, Any]:
    """When something was last `taken` and last `missed` there, by door."""
    taken = case((col(DeliveryTry.trouble) == "", col(DeliveryTry.at)))
    missed = case((col(DeliveryTry.trouble) != "", col(DeliveryTry.at)))
    asked: list[Any] = [col(DeliveryTry.door), func.max(taken).label("taken"), func.max(missed).label("missed")]
    return {row.door: row for row in statements.rows(work, select(*asked).group_by(col(DeliveryTry.door)))}


def doors_tried(work: Work, after: int) -> tuple[set[str], int]:
    """The doors with tries behind this id, and the id of the newest of all."""
    tried = statements.rows(work, select(col(DeliveryTry.door)).where(col(DeliveryTry.id) > after).distinct())
    return {row.door for row in tried}, statements.run(work, select(func.max(DeliveryTry.id))).scalar_one() or 0


def prune_old(work: Work, before: datetime) -> int:
    """Some thousands of those that are too old go; gives how many. Ids follow time: only the first are read."""
    first = select(col(DeliveryTry.id), col(DeliveryTry.at)).order_by(col(DeliveryTry.id)).limit(_AT_ONCE).subquery()
    old = select(first.c.id).where(first.c.at < before)
    return statements.run(work, delete(DeliveryTry).where(col(DeliveryTry.id).in_(old))).rowcount


def prune_door(work: Work, door: str) -> int:
    """All of a door's but the newest `KEPT_PER_DOOR` go, some thousands at a time; gives how many."""
    mine = select(col(DeliveryTry.id)).where(col(DeliveryTry.door) == door)
    found = statements.rows(work, mine.order_by(col(DeliveryTry.id).desc()).offset(KEPT_PER_DOOR).limit(1))
    if not found:
        return 0
    old = mine.where(col(DeliveryTry.id) <= found[0].id).order_by(col(DeliveryTry.id)).limit(_AT_ONCE)
    return statements.run(work, delete(DeliveryTry).where(col(DeliveryTry.id).in_(old))).rowcount


def _shown(*more: Any) -> Any:
    of_event = (col(OutboxEvent.company), col(OutboxEvent.type), col(OutboxEvent.subject))
    joined = DeliveryTry.__table__.outerjoin(  # type: ignore[attr-defined]
        OutboxEvent.__table__,  # type: ignore[attr-defined]
        col(OutboxEvent.id) == col(DeliveryTry.event_id),
    )
    return select(*DeliveryTry.__table__.c, *of_event, *more).select_from(joined)  # type: ignore[attr-defined]
