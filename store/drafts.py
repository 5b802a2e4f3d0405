"""Test invoices: for each company the last draft that was sent to its accounting system to be deleted again there.

A draft is no export: no marker, no log, no event, no number claimed. What is written about one passes a fence, its
company, id and state.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlmodel import col, select, update

from store import statements
from store.tables import Draft
from store.unit_of_work import Work

OPEN = ("sending", "uncertain", "draft", "deleting")  # something of it is in the accounting system, or may be
UNCLEAR = ("sending", "uncertain", "deleting")


def begin(work: Work, row: Draft) -> bool:
    """Write a draft down before it is sent; False while an earlier one of the company is not over."""
    values = row.model_dump()
    if statements.insert_new(work, Draft, [values], returning="company"):
        return True
    elsewhere = col(Draft.tenant) != row.tenant  # the company exports to another organisation since
    over = update(Draft).where(col(Draft.company) == row.company, col(Draft.state).not_in(OPEN) | elsewhere)
    return bool(work.session.exec(over.values(**values)).rowcount)


def of_company(work: Work, company: str) -> Draft | None:
    """The company's last one."""
    asked = select(Draft).where(Draft.company == company)
    return work.session.exec(asked.execution_options(populate_existing=True)).first()


def move(work: Work, draft: Draft, states: Collection[str], to: str, **changes: Any) -> bool:
    """To another state from one of these; False where somebody else moved it, or there is another draft by now."""
    mine = update(Draft).where(
        col(Draft.company) == draft.company, col(Draft.id) == draft.id, col(Draft.state).in_(sorted(states))
    )
    moved = mine.values(state=to, moved_at=work.now, **changes)
    return bool(work.session.exec(moved).rowcount)


def to_look_up(work: Work, company: str = "") -> Sequence[Draft]:
    """Those of which nobody knows what became, and whose time to be looked up has come; of one company, or of all."""
    due = select(Draft).where(col(Draft.state).in_(UNCLEAR), col(Draft.due_at) <= work.now)
    due = due.where(Draft.company == company) if company else due
    return work.session.exec(due.order_by(col(Draft.company))).all()
