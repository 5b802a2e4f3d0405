"""The feed: committed events in their order, in pages, for a host that asks for them.

A position is given after the commit, by one relay at a time whose row lock lasts until its own commit
(`store/outbox.stamp`, `store/duties.take`): whatever is at or below the highest position can be seen, so a reader
that goes on from there passes nothing that is committed later.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from store import statements
from store.tables import OutboxEvent
from store.unit_of_work import Work

MOST_BYTES = 8_000_000
LOOKED_AT = 10_000  # positions per page, so that a page of rare events costs no more than another


class Beyond(Exception):
    """A reader stands behind the feed's end, which is at position `end`: its cursor is of another feed."""

    def __init__(self, end: int) -> None:
        super().__init__(f"the feed ends at {end}")
        self.end = end


@dataclass(frozen=True)
class FeedPage:
    """CloudEvents as JSON text, the position to go on from, and whether there is more to look at right now."""

    events: Sequence[str]
    next: int
    more: bool


def page(
    work: Work, after: int, most: int, companies: Collection[str] | None = None, types: Collection[str] | None = None
) -> FeedPage:
    """The events behind a position, of these companies and types where they are named. Raises Beyond."""
    end = statements.run(work, select(func.max(OutboxEvent.position))).scalar_one() or 0
    if after > end:
        raise Beyond(end)
    until = min(end, after + LOOKED_AT)
    where = [col(OutboxEvent.position) > after, col(OutboxEvent.position) <= until]
    if companies is not None:
        where.append(col(OutboxEvent.company).in_(sorted(companies)))
    if types is not None:
        where.append(col(OutboxEvent.type).in_(sorted(types)))
    last = _last(work, where, most)
    at = until if last is None else last
    asked = select(OutboxEvent.body).where(*where, col(OutboxEvent.position) <= at)
    found = statements.rows(work, asked.order_by(col(OutboxEvent.position)))
    return FeedPage([row.body for row in found], at, at < end)


def _last(work: Work, where: Sequence[Any], most: int) -> int | None:
    """The position at which a page is full; None while all there is to look at fits."""
    size = func.length(OutboxEvent.body) if work.on_sqlite else func.octet_length(OutboxEvent.body)
    asked = select(OutboxEvent.position, size.label("size")).where(*where).order_by(col(OutboxEvent.position))
    left, found = MOST_BYTES, statements.rows(work, asked.limit(most))
    for row, following in itertools.pairwise(found):
        left -= row.size
        if following.size > left:
            return int(row.position)
    return int(found[-1].position) if len(found) == most else None
