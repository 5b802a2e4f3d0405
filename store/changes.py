"""Changes that wait until Xero has been asked, and their answers: each is answered exactly once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select, update

from store.tables import Change
from store.tables.columns import word
from store.unit_of_work import Work


def add(work: Work, change: Change) -> Change:
    """File a change; gives it with its id."""
    work.session.add(change)
    work.session.flush()
    return change


def companies_due(work: Work) -> Sequence[str]:
    """The companies with a change that is due, the one that waits longest first."""
    asked = (
        select(Change.company)
        .where(Change.state == word("waiting"), col(Change.due_at) <= work.now)
        .group_by(col(Change.company))
        .order_by(func.min(Change.id))
    )
    return work.session.exec(asked).all()


def due(work: Work, company: str, most: int) -> Sequence[Change]:
    """The company's next changes, in the order in which they came."""
    asked = select(Change).where(
        Change.company == company, Change.state == word("waiting"), col(Change.due_at) <= work.now
    )
    return work.session.exec(asked.order_by(col(Change.id)).limit(most)).all()


def of_event(work: Work, company: str, event: str) -> Change | None:
    """The change that an event (its source and its id) asked for."""
    asked = select(Change).where(Change.company == company, Change.event == event)
    return work.session.exec(asked.order_by(col(Change.id).desc())).first()


def waiting(work: Work, company: str, after: int = 0) -> int:
    """How many changes of the company have no answer yet, of those filed after this id."""
    asked = select(func.count()).select_from(Change)
    return work.session.exec(
        asked.where(Change.company == company, Change.state == word("waiting"), col(Change.id) > after)
    ).one()


def newest_id(work: Work) -> int:
    """The id of the change that was filed last; 0 when there is none."""
    return work.session.exec(select(func.max(Change.id))).one() or 0


def after(work: Work, company: str, id_: int) -> Sequence[Change]:
    """The company's changes filed after this id, oldest first."""
    asked = select(Change).where(Change.company == company, col(Change.id) > id_)
    return work.session.exec(asked.order_by(col(Change.id)).execution_options(populate_existing=True)).all()


def settle(work: Work, change: Change, state: str, reason: str = "") -> bool:
    """Mark it answered; False when somebody else has answered it. Locks the row, so say this first."""
    mine = update(Change).where(col(Change.id) == change.id, col(Change.state) == "waiting")
    done = mine.values(state=state, reason=reason, answered_at=work.now)
    return bool(work.session.exec(done).rowcount)


def postpone(work: Work, company: str, seconds: float) -> None:
    """Xero cannot be asked just now: everything of the company waits so long, in its order."""
    waiting = update(Change).where(col(Change.company) == company, col(Change.state) == "waiting")
    work.session.exec(waiting.values(due_at=work.after(seconds), tries=col(Change.tries) + 1))


def hasten(work: Work, company: str) -> int:
    """The company's changes need not wait any longer; gives how many there are."""
    waiting = update(Change).where(col(Change.company) == company, col(Change.state) == "waiting")
    return work.session.exec(waiting.values(due_at=work.now)).rowcount


def waiting_for(work: Work, company: str, subject: str) -> Change | None:
    """The newest change of this client that still waits."""
    asked = select(Change).where(
        Change.company == company,
        Change.kind == "contact",
        Change.subject == subject,
        Change.state == word("waiting"),
    )
    return work.session.exec(asked.order_by(col(Change.id).desc())).first()


def newer_than(work: Work, change: Change) -> bool:
    """Whether the same client's contact was changed after this change was asked for."""
    asked: Any = select(func.count()).where(
        Change.company == change.company,
        Change.kind == change.kind,
        Change.subject == change.subject,
        col(Change.id) > change.id,
        Change.state == word("updated"),
    )
    return bool(work.session.exec(asked).one())


def history(work: Work, company: str, subject: str, most: int = 20) -> Sequence[Change]:
    """The newest changes of a client's contact first."""
    asked = select(Change).where(Change.company == company, Change.kind == "contact", Change.subject == subject)
    return work.session.exec(asked.order_by(col(Change.id).desc()).limit(most)).all()
