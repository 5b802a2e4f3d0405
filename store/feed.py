"""The feed: committed events in their order, in pages, for a host that asks for them.

A position is given after the commit, by one relay at a time whose row lock lasts until its own commit
(`store/outbox.stamp`, `store/duties.take`): whatever is at or below the highest position can be seen, so a reader
that goes on from there passes nothing that is committed later.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select

from store import statements
from store.tables import OutboxEvent
from store.unit_of_work import Work

LOOKED_AT = 10_000  # positions per page, so that a page of rare events costs no more than another


class Beyond(Exception):
    """A reader stands behind the feed's end, which is at position `end`: its cursor is of another feed."""

    def __init__(self, end: int) -> None:
        super().__init__(f"the feed ends at {end}")
        self.end = end


@dataclass(frozen=True)
class Page:
    """CloudEvents as JSON text, the position to go on from, and whether there is more to look at right now."""

    events: Sequence[str]
    next: int
    more: bool


def page(
    work: Work, after: int, most: int, companies: Collection[str] | None = None, types: Collection[str] | None = None
) -> Page:
    """The events behind a position, of these companies and types where they are named. Raises Beyond."""
    end = statements.run(work, select(func.max(OutboxEvent.position))).scalar_one() or 0
    if after > end:
        raise Beyond(end)
    until = min(end, after + LOOKED_AT)
    asked = select(OutboxEvent.position, OutboxEvent.body).where(
        col(OutboxEvent.position) > after, col(OutboxEvent.position) <= until
    )
    if companies is not None:
        asked = asked.where(col(OutboxEvent.company).in_(sorted(companies)))
    if types is not None:
        asked = asked.where(col(OutboxEvent.type).in_(sorted(types)))
    found = statements.rows(work, asked.order_by(col(OutboxEvent.position)).limit(most))
    at = found[-1].position if len(found) == most else until
    return Page([row.body for row in found], at, at < end)
