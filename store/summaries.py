"""Daily summaries that companies asked for: which are due, and from when each one tells."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import delete, update
from sqlmodel import col, select

from events.settings import DailySummary
from store import statements
from store.tables import PlannedSummary
from store.unit_of_work import Work


def plan(work: Work, company: str, chosen: DailySummary | None) -> None:
    """The company's settings ask for it, at another hour, or no longer; a day that was told is not told again."""
    if chosen is None:
        statements.run(work, delete(PlannedSummary).where(col(PlannedSummary.company) == company))
        return
    known = of_company(work, company)
    due = chosen.next_due(work.now, date.fromisoformat(known.told) if known and known.told else None)
    row = {"company": company, "due_at": due, "since": work.now, "told": None}
    statements.upsert(work, PlannedSummary, [row], {"due_at": "excluded"}, returning=["company"])


def of_company(work: Work, company: str) -> PlannedSummary | None:
    """What is planned for the company, to be read only."""
    found: PlannedSummary | None = statements.look_up(work, PlannedSummary, company=company)
    return found


def due(work: Work, until: datetime, most: int) -> Mapping[str, datetime]:
    """Companies whose summary was due by then, and when it was, the one that waits longest first."""
    asked = select(PlannedSummary.company, PlannedSummary.due_at).where(col(PlannedSummary.due_at) <= until)
    found = statements.rows(work, asked.order_by(col(PlannedSummary.due_at)).limit(most))
    return {row.company: row.due_at for row in found}


def put_off(work: Work, company: str, due_at: datetime, until: datetime) -> None:
    """The day that was due at that moment could not be ended: it is tried again by then, behind those of others."""
    still = update(PlannedSummary).where(col(PlannedSummary.company) == company, col(PlannedSummary.due_at) == due_at)
    statements.run(work, still.values(due_at=until))


def end_day(work: Work, seen: PlannedSummary, chosen: DailySummary, until: datetime) -> bool:
    """The day that was due is over, the next one tells from `until`; False where somebody else ended it meanwhile."""
    day = chosen.day_due(until)
    ended = update(PlannedSummary).where(
        col(PlannedSummary.company) == seen.company, col(PlannedSummary.due_at) == seen.due_at
    )
    values = {"told": day.isoformat(), "since": until, "due_at": chosen.next_due(until, day)}
    return statements.run(work, ended.values(values)).rowcount == 1
