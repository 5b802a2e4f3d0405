"""Orders to erase a client or to remove a company: written down, carried out in pieces, kept when they are done.

A piece is one transaction that locks the order's row first: of several clocks one goes on with it, and whoever is
killed leaves it where the last commit did.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select as pick
from sqlalchemy import update
from sqlmodel import col, func, select

from store import statements
from store.tables import Erasure
from store.unit_of_work import Work


@dataclass
class StepProgress:
    """How far a step is after a piece: `place` in it, or it is over; what it waits for; what went, by kind."""

    place: str = ""
    over: bool = False
    waits: str = ""
    wait_seconds: float = 60.0
    went: Counter[str] = field(default_factory=Counter)


def make(
    work: Work, company: str, client: str, by: str, why: str, step: str, first: StepProgress | None = None
) -> int:
    """Write an order down; `first` is what it waits for before its first piece. Gives its number."""
    waits, due_at = (first.waits, work.after(first.wait_seconds)) if first else ("", work.now)
    made = Erasure(company=company, client=client, by=by, why=why, at=work.now, step=step, due_at=due_at, waits=waits)
    work.session.add(made)
    work.session.flush()
    if made.id is None:
        raise ValueError("an order without a number was never stored")
    return made.id


def known(work: Work, number: int) -> Any:
    """The order with this number, as a plain row; None where there is none."""
    return statements.look_up(work, Erasure, id=number)


def newest(work: Work, most: int, company: str | None = None) -> Sequence[Any]:
    """The newest orders first, as plain rows."""
    asked = select(Erasure).order_by(col(Erasure.id).desc()).limit(most)
    return statements.rows(work, asked.where(Erasure.company == company) if company else asked)


def total(work: Work) -> int:
    """How many orders there are."""
    return work.session.exec(select(func.count()).select_from(Erasure)).one()


def open_one(work: Work, company: str, client: str) -> int | None:
    """The number of the order about this client, or with none about the company, that is not done yet."""
    asked = select(Erasure.id).where(col(Erasure.done_at).is_(None), Erasure.company == company)
    return work.session.exec(asked.where(Erasure.client == client)).first()


def due(work: Work, most: int) -> list[int]:
    """Numbers of orders that can go on now, those that waited longest first."""
    asked = pick(col(Erasure.id)).where(col(Erasure.done_at).is_(None), col(Erasure.due_at) <= work.now)
    return [row.id for row in statements.rows(work, asked.order_by(col(Erasure.due_at)).limit(most))]


def locked(work: Work, number: int) -> Any:
    """The order, if it can go on now and nobody else is at it; locked until the commit."""
    asked = select(Erasure).where(
        Erasure.id == number, col(Erasure.done_at).is_(None), col(Erasure.due_at) <= work.now
    )
    found = statements.rows(work, asked.with_for_update(skip_locked=True))
    return found[0] if found else None


def keep_progress(work: Work, order: Any, reached: StepProgress, following: str) -> None:
    """Write down how far the order is; with no `following` step it is done."""
    counts = Counter(json.loads(order.erased))
    counts.update(reached.went)
    row: dict[str, Any] = {"place": reached.place, "waits": reached.waits, "erased": json.dumps(counts)}
    if reached.waits:
        row["due_at"] = work.after(reached.wait_seconds)
    if reached.over:
        row |= {"place": "", "step": following} if following else {"step": "done", "done_at": work.now}
    change(work, order.id, **row)


def change(work: Work, number: int, **columns: Any) -> None:
    """Set columns of the order."""
    statements.run(work, update(Erasure).where(col(Erasure.id) == number).values(**columns))


def counts(order: Any) -> Mapping[str, int]:
    """What went so far, by kind."""
    found: dict[str, int] = json.loads(order.erased)
    return found
