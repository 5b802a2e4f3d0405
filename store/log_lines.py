"""The export log as people filter it: pages of lines, newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, func, select

from store import statements
from store.beginnings import begins
from store.tables import LogEntry
from store.unit_of_work import Store, Work

# A line's moment is that of its transaction, its id that of its insert: they part by less than a transaction lasts.
_APART = timedelta(minutes=5)
_AT_ONCE = 1000
_FEW = 20_000
_MOST = 2**63 - 1


@dataclass(frozen=True)
class LogFilter:
    """Which lines; what is empty does not narrow. `number` is how it begins; from `since` until before `until`."""

    company: str = ""
    outcome: str = ""
    reason: str = ""
    client: str = ""
    number: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def narrows_failures(self) -> bool:
        """Whether it leaves out any failure of the company: each has a line in the log."""
        outcome = "" if self.outcome == "failed" else self.outcome
        return replace(self, company="", outcome=outcome) != LogFilter()


def page(work: Work, chosen: LogFilter, before: int | None, most: int) -> Sequence[Any]:
    """Plain rows of the newest lines that match, of those with a smaller id than `before`."""
    wanted = [*conditions(work, chosen), *_ids_between(chosen.since, chosen.until)]
    id_ = col(LogEntry.id)
    # Numbers follow time: those that begin alike lie together, and not among the newest lines, as planners believe.
    newest = id_ + 0 if chosen.number and _are_few(work, chosen.number) else id_
    asked = select(LogEntry).where(*wanted).order_by(newest.desc()).limit(most)
    return statements.rows(work, asked.where(col(LogEntry.id) < before) if before is not None else asked)


def _are_few(work: Work, number: str) -> bool:
    """Whether so few lines have a number that begins so that all of them can be looked at."""
    alike = select(LogEntry.id).where(begins(work, func.lower(LogEntry.number), number.lower())).limit(_FEW + 1)
    return work.session.exec(select(func.count()).select_from(alike.subquery())).one() <= _FEW


def pages(store: Store, chosen: LogFilter, most: int) -> Iterator[Sequence[Any]]:
    """All lines that match, at most so many, in pages that are a short transaction each."""
    before: int | None = None
    while most > 0:
        with store.read() as work:
            lines = page(work, chosen, before, min(_AT_ONCE, most))
        if not lines:
            return
        yield lines
        most, before = most - len(lines), lines[-1].id


def conditions(work: Work, chosen: LogFilter) -> list[Any]:
    """What a line has to be."""
    wanted: list[Any] = [
        getattr(LogEntry, name) == value
        for name in ("company", "outcome", "reason", "client")
        if (value := getattr(chosen, name))
    ]
    if chosen.number:
        wanted.append(begins(work, func.lower(LogEntry.number), chosen.number.lower()))
    if chosen.since:
        wanted.append(col(LogEntry.at) >= chosen.since)
    if chosen.until:
        wanted.append(col(LogEntry.at) < chosen.until)
    return wanted


def _ids_between(since: datetime | None, until: datetime | None) -> list[Any]:
    """Ids that enclose a time: the newest lines are found by id, so that old ones need not be passed over."""
    at, id_ = col(LogEntry.at), col(LogEntry.id)
    wanted: list[Any] = []
    if since:
        earlier = select(id_).where(at < since - _APART).order_by(at.desc()).limit(1).scalar_subquery()
        wanted.append(id_ > func.coalesce(earlier, 0))
    if until:
        later = select(id_).where(at > until + _APART).order_by(at).limit(1).scalar_subquery()
        wanted.append(id_ < func.coalesce(later, _MOST))
    return wanted
