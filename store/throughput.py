"""What went through, by quarters of an hour: counted from the log once, looked at often."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func
from sqlmodel import col, delete, select

from events.failures import NOT_MENDED
from store import statements
from store.tables import LogEntry, Quarter, Request
from store.unit_of_work import Work

QUARTER = timedelta(minutes=15)
_LAST_COMMIT = timedelta(seconds=90)  # a transaction writes its moment first and may last a minute
_SAMPLE = 5_000
_KEPT_SECONDS = 35 * 86_400.0


def beginning(moment: datetime) -> datetime:
    """When the quarter of an hour began that this moment is in."""
    return moment - (moment - moment.min.replace(tzinfo=moment.tzinfo)) % QUARTER


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


def _in(begins_at: datetime) -> tuple[Any, Any]:
    return col(LogEntry.at) >= begins_at, col(LogEntry.at) < begins_at + QUARTER


def _within(quarters: Sequence[datetime]) -> tuple[Any, Any]:
    return col(Quarter.begins_at) >= quarters[0], col(Quarter.begins_at) <= quarters[-1]
