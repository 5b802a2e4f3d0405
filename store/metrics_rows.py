"""What metrics are made of: a constant number of statements, each on an index, bounded by the work that is open.

What is counted for ever: answers, events, troubles. Survives every process, counts each once.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, func, literal, select, union_all
from sqlmodel import col

from store import alerts, endpoints, pauses, statements
from store.tables import (
    AskedChange,
    Batch,
    CompanyConnection,
    Counter,
    DeadLetter,
    DoorOut,
    Endpoint,
    Export,
    LaneState,
    LogEntry,
    OutboxEvent,
    Preview,
    Redelivery,
    Request,
)
from store.tables.columns import word
from store.unit_of_work import Work

COUNTED_TO = 100_000  # of what may be millions
_ANSWERED = col(Request.exported) + col(Request.failed)


class Waiting(NamedTuple):
    """A company's open requests: how many, invoices without an answer, since when the first of those waits."""

    company: str
    requests: int
    invoices: int
    since: datetime | None


@dataclass(frozen=True)
class OldestAndCount:
    """Rows of one kind: how many (at most `COUNTED_TO` where that is said), and since when the oldest is there."""

    count: int
    since: datetime | None


@dataclass(frozen=True)
class Open:
    """Batches in one state: `abandoned` ones are past their lease, `settles` is when the first may be looked up."""

    count: int
    since: datetime | None
    abandoned: int
    settles: datetime | None


@dataclass(frozen=True)
class Lanes:
    """Why companies wait: by company its lanes and its connection; and the scopes of pauses."""

    lanes: Mapping[str, Sequence[LaneState]]
    connections: Mapping[str, CompanyConnection]
    paused: frozenset[str]


@dataclass(frozen=True)
class Delivery:
    """A door out: how many events it is behind the feed, since when the first of them waits, and it takes nothing."""

    door: str
    behind: int
    since: datetime | None
    failing_since: datetime | None


def waiting(work: Work) -> list[Waiting]:
    """Open requests by company."""
    unanswered = col(Request.total) > _ANSWERED
    asked: Any = select(
        col(Request.company),
        func.count(),
        func.sum(col(Request.total) - _ANSWERED),
        func.min(case((unanswered, col(Request.created_at)))),
    )
    asked = asked.where(col(Request.completed_at).is_(None)).group_by(col(Request.company))
    return [Waiting(row[0], row[1], int(row[2] or 0), row[3]) for row in statements.rows(work, asked)]


def invoices(work: Work) -> dict[str, int]:
    """Invoices by state, each counted no further than `COUNTED_TO`; done ones are counted as answers."""
    states = ("pending", "exporting", "uncertain", "failed")
    each = [
        select(literal(state), func.count()).select_from(_first_rows(col(Export.id), col(Export.state) == state))
        for state in states
    ]
    return {row[0]: row[1] for row in statements.rows(work, union_all(*each))}


def batches(work: Work) -> dict[str, Open]:
    """Batches that are not over, by state."""
    late = func.sum(case((col(Batch.lease_until) < work.now, 1), else_=0))
    asked: Any = select(
        col(Batch.state), func.count(), func.min(col(Batch.created_at)), late, func.min(col(Batch.settle_at))
    )
    asked = asked.where(col(Batch.state).in_(("claimed", "sent", "uncertain"))).group_by(col(Batch.state))
    return {row[0]: Open(*row[1:]) for row in statements.rows(work, asked)}


def lanes(work: Work) -> Lanes:
    """Every lane, connection and pause: as many as there are companies."""
    connections: Any = statements.rows(
        work, select(col(CompanyConnection.company), col(CompanyConnection.tenant), col(CompanyConnection.state))
    )
    found: dict[str, list[LaneState]] = {}
    for row in statements.rows(work, select(LaneState)):
        found.setdefault(row.company, []).append(row)
    paused = frozenset(pause.scope for pause in pauses.active(work))
    return Lanes(found, {row.company: row for row in connections}, paused)


def unstamped(work: Work) -> OldestAndCount:
    """Events that are committed and not yet in the feed."""
    fresh: Any = select(col(OutboxEvent.created_at)).where(col(OutboxEvent.position).is_(None))
    some = fresh.order_by(col(OutboxEvent.created_at)).limit(COUNTED_TO).subquery()
    return OldestAndCount(
        *statements.rows(work, select(func.count(), func.min(some.c.created_at)).select_from(some))[0]
    )


def deliveries(work: Work) -> list[Delivery]:
    """Each door that ever took up an event, and how far it is behind the feed; not those that are switched off."""
    end = select(func.coalesce(func.max(col(OutboxEvent.position)), 0)).scalar_subquery()
    first = (
        select(col(OutboxEvent.created_at))
        .where(col(OutboxEvent.position) > col(DoorOut.position))
        .order_by(col(OutboxEvent.position))
        .limit(1)
        .correlate(DoorOut)
        .scalar_subquery()
    )
    asked: Any = select(col(DoorOut.door), end - col(DoorOut.position), first, col(DoorOut.failing_since))
    off = select(literal(endpoints.door_of("")) + col(Endpoint.id)).where(col(Endpoint.disabled_at).is_not(None))
    return [Delivery(*row) for row in statements.rows(work, asked.where(col(DoorOut.door).not_in(off)))]


def redeliveries(work: Work) -> Mapping[tuple[str, str], int]:
    """Events that a door did not take, by door and state (waiting or given_up)."""
    asked = []
    for state in ("waiting", "given_up"):
        mine = select(col(Redelivery.door)).where(col(Redelivery.state) == word(state))
        some = mine.order_by(col(Redelivery.door)).limit(COUNTED_TO).subquery()  # in the index alone
        asked.append(select(some.c.door, literal(state), func.count()).group_by(some.c.door))
    return {(row[0], row[1]): row[2] for row in statements.rows(work, union_all(*asked))}


def asked_of_xero(work: Work) -> dict[str, OldestAndCount]:
    """Changes and previews that wait for their answer."""
    changes = select(literal("changes"), func.count(), func.min(col(AskedChange.received_at))).where(
        col(AskedChange.state) == "waiting"
    )
    previews = select(literal("previews"), func.count(), func.min(col(Preview.created_at))).where(
        col(Preview.state) == "waiting"
    )
    return {row[0]: OldestAndCount(row[1], row[2]) for row in statements.rows(work, union_all(changes, previews))}


def dead_letters(work: Work) -> int:
    """What no door could read and nobody has dealt with."""
    some = select(func.count()).select_from(_first_rows(col(DeadLetter.id), col(DeadLetter.state) == "open"))
    return int(statements.rows(work, some)[0][0])


def _first_rows(column: Any, condition: Any) -> Any:
    return select(column).where(condition).limit(COUNTED_TO).subquery()


READER = "counters"
MILLISECONDS = "milliseconds"
AT_ONCE = 2000
_SINCE_SECONDS = 3600.0


def add_counts(work: Work, name: str, counts: Mapping[tuple[str, str], int]) -> None:
    """So many more of each (kind, detail); to be the last change of a transaction, for many may wait for the row."""
    rows = [
        {"name": name, "kind": kind, "detail": detail, "count": count}
        for (kind, detail), count in sorted(counts.items())
    ]
    for row in rows:
        more = {"count": Counter.__table__.c.count + row["count"]}  # type: ignore[attr-defined]
        statements.upsert(work, Counter, [row], more, ["name"])


def all_counts(work: Work) -> Sequence[Counter]:
    """All counts, as plain rows."""
    return statements.rows(work, select(Counter).order_by(col(Counter.name), col(Counter.kind), col(Counter.detail)))


def bucket_name(seconds: float) -> str:
    """The `detail` under which answers are counted that took so long at most."""
    return f"{seconds:g}"


def count_feed(work: Work, buckets: Sequence[float], most: int = AT_ONCE) -> int:
    """Count the next events of our feed, and the answers among them; gives how many events. One reader at a time.

    Of each answer it is counted by kind of send how long it took since its request was accepted: in the smallest of
    the `buckets` (seconds, rising) that is long enough, and as milliseconds in all.
    """
    begin, end = alerts.take_stretch(work, READER, _SINCE_SECONDS, most)
    if end <= begin:
        return 0
    stretch = (col(OutboxEvent.position) > begin, col(OutboxEvent.position) <= end)
    kinds = statements.rows(
        work, select(col(OutboxEvent.type), func.count()).where(*stretch).group_by(col(OutboxEvent.type))
    )
    reason = func.coalesce(col(LogEntry.reason), "")
    told = select(col(LogEntry.outcome), reason, func.count()).join(
        OutboxEvent, col(OutboxEvent.id) == col(LogEntry.event_id)
    )
    answers = statements.rows(work, told.where(*stretch).group_by(col(LogEntry.outcome), reason))
    add_counts(work, "answer_seconds", _waits(work, stretch, [*buckets, math.inf]))
    add_counts(work, "events", {(kind, ""): count for kind, count in kinds})
    add_counts(work, "invoices", {(outcome, why): count for outcome, why, count in answers})
    return end - begin


def _waits(work: Work, stretch: tuple[Any, Any], buckets: Sequence[float]) -> Mapping[tuple[str, str], int]:
    asked_for = (col(Request.company) == col(LogEntry.company)) & (col(Request.id) == col(LogEntry.request))
    asked = select(col(Request.mode), col(LogEntry.at), col(Request.created_at)).join(
        OutboxEvent, col(OutboxEvent.id) == col(LogEntry.event_id)
    )
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for mode, answered, accepted in statements.rows(work, asked.join(Request, asked_for).where(*stretch)):
        seconds = max(0.0, (answered - accepted).total_seconds())  # the clocks of two machines
        counts[mode, bucket_name(next(bound for bound in buckets if seconds <= bound))] += 1
        counts[mode, MILLISECONDS] += round(seconds * 1000)
    return counts
