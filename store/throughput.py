"""What went through, by quarters of an hour: counted from the log once, looked at often.

Why what waited did, and how long Xero took to answer, by five minutes: looked at once a minute, kept for eight days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Float, Integer, case, cast, func, literal_column, text
from sqlmodel import col, delete, select

from events.failures import NOT_MENDED
from store import statements
from store.tables import Batch, LogEntry, Quarter, QueueStretch, Request
from store.tables.columns import word
from store.unit_of_work import Work

QUARTER, STRETCH = timedelta(minutes=15), timedelta(minutes=5)
_LAST_COMMIT = timedelta(seconds=90)  # a transaction writes its moment first and may last a minute
_SAMPLE = 5_000
_KEPT_SECONDS = 35 * 86_400.0
_QUEUES_KEPT_SECONDS = 8 * 86_400.0
SEEN, ANSWERED = "seen", "answer"


def beginning(moment: datetime, size: timedelta = QUARTER) -> datetime:
    """When the stretch of this size began that this moment is in."""
    return moment - (moment - moment.min.replace(tzinfo=moment.tzinfo)) % size


def uncounted(work: Work, most: int = 96) -> list[datetime]:
    """The quarters that are new, or may have grown since they were counted, oldest first."""
    newest = beginning(work.now)
    quarters = [newest - place * QUARTER for place in range(most)][::-1]
    known = dict(work.session.exec(select(Quarter.begins_at, Quarter.counted_at).where(*_within(quarters))).all())
    return [one for one in quarters if one not in known or known[one] < one + QUARTER + _LAST_COMMIT]


def counts(work: Work, begins_at: datetime) -> tuple[int, int]:
    """How many invoices were exported and failed in the quarter; what a person cancelled is neither."""
    failed = case((col(LogEntry.outcome) == "failed", 1), else_=0)
    wanted = func.coalesce(col(LogEntry.reason), "").not_in(sorted(NOT_MENDED))
    asked = select(failed, func.count()).where(*_in(begins_at), wanted).group_by(failed)
    found = dict(work.session.exec(asked).all())
    return found.get(0, 0), found.get(1, 0)


def seconds(work: Work, begins_at: datetime) -> list[float]:
    """How long the newest answers of the quarter took since they were asked for, 5,000 at most."""
    answers: Any = select(LogEntry.company, LogEntry.request, LogEntry.at).where(*_in(begins_at))
    newest = answers.order_by(col(LogEntry.at).desc()).limit(_SAMPLE).subquery()
    joined = (col(Request.company) == newest.c.company) & (col(Request.id) == newest.c.request)
    rows = work.session.exec(select(newest.c.at, Request.created_at).join(Request, joined))
    return [max(0.0, (answered - asked_at).total_seconds()) for answered, asked_at in rows]


def save_quarters(work: Work, quarters: Sequence[Mapping[str, object]]) -> None:
    """Write down what was counted; what is older than five weeks goes."""
    counted = dict.fromkeys(("exported", "failed", "median", "slow", "counted_at"), "excluded")
    rows = [{**one, "counted_at": work.now} for one in quarters]
    statements.upsert(work, Quarter, rows, counted, ["begins_at"])
    statements.run(work, delete(Quarter).where(col(Quarter.begins_at) < work.after(-_KEPT_SECONDS)))


def since(work: Work, moment: datetime) -> Sequence[Quarter]:
    """The quarters that began since then, oldest first, as plain rows."""
    asked = select(Quarter).where(col(Quarter.begins_at) >= moment)
    return statements.rows(work, asked.order_by(col(Quarter.begins_at)))


@dataclass(frozen=True)
class Bin:
    """How many invoices were exported and failed in a stretch of time."""

    begins_at: datetime
    exported: int
    failed: int


def exported_since(work: Work, moment: datetime, company: str = "") -> int:
    """How many invoices were exported since then, of a company or of all."""
    asked = select(func.count()).select_from(LogEntry).where(col(LogEntry.at) >= moment)
    asked = asked.where(LogEntry.company == company) if company else asked
    return work.session.exec(asked.where(col(LogEntry.outcome) != word("failed"))).one()


def bins(work: Work, moment: datetime, size: timedelta, company: str = "") -> list[Bin]:
    """What went through since then, in stretches of this size: of a company from the log, of all as it was counted.

    Of all there is nothing finer than a quarter of an hour: the log of an hour may have millions of rows.
    """
    size = size if company else max(size, QUARTER)
    step = size.total_seconds()
    first = int(moment.timestamp() // step) + 1
    last = int(work.now.timestamp() // step)
    counted = _logged(work, moment, step, company) if company else _counted(work, moment, step)
    return [
        Bin(datetime.fromtimestamp(number * step, UTC), *counted.get(number, (0, 0)))
        for number in range(first, last + 1)
    ]


def answers(work: Work, seconds: float) -> list[tuple[str, float]]:
    """The company and the seconds of each call that Xero answered within the last so many seconds, 5,000 at most."""
    asked: Any = select(Batch.company, Batch.sent_at, Batch.closed_at)
    late = col(Batch.lease_until) >= work.after(-seconds)  # its lease is longer than a call, so an index finds it
    mine = asked.where(Batch.state == word("settled"), late, col(Batch.closed_at) >= work.after(-seconds))
    rows = statements.rows(work, mine.where(col(Batch.http_status).is_not(None), Batch.look_ups == 0).limit(_SAMPLE))
    return [(row[0], max(0.0, (row[2] - row[1]).total_seconds())) for row in rows if row[1]]


_ADDED: Mapping[str, Any] = {
    "samples": literal_column("queue_quarters.samples + excluded.samples"),
    "total": literal_column("queue_quarters.total + excluded.total"),
    "most": literal_column(
        "CASE WHEN excluded.most > queue_quarters.most THEN excluded.most ELSE queue_quarters.most END"
    ),
}


def note_queues(work: Work, seen: Mapping[tuple[str, str], Sequence[float]]) -> None:
    """Add what was seen just now to these five minutes, by company ("": all) and kind; kept for eight days."""
    begins_at = beginning(work.now, STRETCH)
    rows = [
        {"company": company, "begins_at": begins_at, "kind": kind}
        | {"samples": len(values), "total": sum(values), "most": max(values)}
        for (company, kind), values in sorted(seen.items())
        if values
    ]
    statements.upsert(work, QueueStretch, rows, _ADDED, ["company"])
    statements.run(work, delete(QueueStretch).where(col(QueueStretch.begins_at) < work.after(-_QUEUES_KEPT_SECONDS)))


@dataclass(frozen=True)
class QueueBin:
    """How a queue was in a stretch of time: the most that waited at once by why, how long Xero's answers took.

    Seconds; None where nothing was answered, or nobody looked.
    """

    begins_at: datetime
    waits: Mapping[str, int] | None
    typical: float | None
    slowest: float | None


def queue_bins(work: Work, moment: datetime, size: timedelta, company: str = "") -> list[QueueBin]:
    """How the queue of a company, or of all, was since then, in stretches of this size or of five minutes."""
    step = max(size, STRETCH).total_seconds()
    first, last = int(moment.timestamp() // step) + 1, int(work.now.timestamp() // step)
    since_then = col(QueueStretch.begins_at) >= datetime.fromtimestamp(first * step, UTC)
    mine = statements.rows(work, select(QueueStretch).where(QueueStretch.company == company, since_then))
    looked = select(QueueStretch.begins_at).where(QueueStretch.company == "", QueueStretch.kind == SEEN, since_then)
    seen = {int(row[0].timestamp() // step) for row in statements.rows(work, looked)}
    by_number: dict[int, list[Any]] = {number: [] for number in range(first, last + 1)}
    for row in mine:
        by_number[int(row.begins_at.timestamp() // step)].append(row)
    return [
        _queue_bin(datetime.fromtimestamp(number * step, UTC), rows, seen=number in seen)
        for number, rows in by_number.items()
    ]


def _queue_bin(begins_at: datetime, rows: Sequence[Any], *, seen: bool) -> QueueBin:
    waits: dict[str, int] = {}
    for row in rows:
        if row.kind not in (SEEN, ANSWERED):
            waits[row.kind] = max(int(row.most), waits.get(row.kind, 0))
    taken = [row for row in rows if row.kind == ANSWERED]
    calls = sum(row.samples for row in taken)
    typical = sum(row.total for row in taken) / calls if calls else None
    return QueueBin(begins_at, waits if seen else None, typical, max((row.most for row in taken), default=None))


def _counted(work: Work, moment: datetime, step: float) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for one in since(work, moment):
        number = int(one.begins_at.timestamp() // step)
        exported, failed = found.get(number, (0, 0))
        found[number] = (exported + one.exported, failed + one.failed)
    return found


def _logged(work: Work, moment: datetime, step: float, company: str) -> dict[int, tuple[int, int]]:
    seconds: Any = func.strftime("%s", LogEntry.at) if work.on_sqlite else func.extract("epoch", col(LogEntry.at))
    number = func.floor(cast(seconds, Float) / step) if not work.on_sqlite else cast(seconds, Integer) // int(step)
    failed = case((col(LogEntry.outcome) == "failed", 1), else_=0)
    wanted = func.coalesce(col(LogEntry.reason), "").not_in(sorted(NOT_MENDED))
    asked: Any = select(number.label("stretch"), func.sum(1 - failed), func.sum(failed))
    mine = asked.where(LogEntry.company == company) if company else asked
    mine = mine.where(col(LogEntry.at) >= moment, wanted).group_by(text("stretch"))
    return {int(row[0]): (int(row[1]), int(row[2])) for row in statements.rows(work, mine)}


def _in(begins_at: datetime) -> tuple[Any, Any]:
    return col(LogEntry.at) >= begins_at, col(LogEntry.at) < begins_at + QUARTER


def _within(quarters: Sequence[datetime]) -> tuple[Any, Any]:
    return col(Quarter.begins_at) >= quarters[0], col(Quarter.begins_at) <= quarters[-1]
