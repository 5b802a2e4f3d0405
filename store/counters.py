"""What is counted for ever: answers, events, troubles. Survives every process, counts each once."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlmodel import col

from store import alerts, statements
from store.tables import Counter, LogEntry, OutboxEvent
from store.unit_of_work import Work

READER = "counters"
_SINCE_SECONDS = 3600.0


def add(work: Work, name: str, counts: Mapping[tuple[str, str], int]) -> None:
    """So many more of each (kind, detail); to be the last change of a transaction, for many may wait for the row."""
    rows = [
        {"name": name, "kind": kind, "detail": detail, "count": count}
        for (kind, detail), count in sorted(counts.items())
    ]
    for row in rows:
        more = {"count": Counter.__table__.c.count + row["count"]}  # type: ignore[attr-defined]
        statements.upsert(work, Counter, [row], more, ["name"])


def everything(work: Work) -> Sequence[Counter]:
    """All counts, as plain rows."""
    return statements.rows(work, select(Counter).order_by(col(Counter.name), col(Counter.kind), col(Counter.detail)))


def count_feed(work: Work, most: int = 2000) -> int:
    """Count the next events of our feed, and the answers among them; gives how many events. One reader at a time."""
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
    add(work, "events", {(kind, ""): count for kind, count in kinds})
    add(work, "invoices", {(outcome, why): count for outcome, why, count in answers})
    return end - begin
