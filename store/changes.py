"""Changes that wait until Xero has been asked, and their answers: each is answered exactly once.

New contacts under way: written down before they are sent. What is written about one passes a fence, its key.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, delete, select, update

from store import statements
from store.tables import AskedChange, NewContact
from store.tables.columns import word
from store.unit_of_work import Work


def add(work: Work, change: AskedChange) -> AskedChange:
    """File a change; gives it with its id."""
    work.session.add(change)
    work.session.flush()
    return change


def add_many(work: Work, some: Sequence[AskedChange]) -> None:
    """File very many changes at once."""
    statements.insert(work, AskedChange, [one.model_dump(exclude={"id"}) for one in some])


def subjects_waiting(work: Work, company: str) -> set[str]:
    """The clients of the company with a change of their contact, or a new one, that has no answer yet."""
    asked = select(AskedChange.subject).where(
        AskedChange.company == company,
        col(AskedChange.kind).in_(["contact", "new_contact"]),
        AskedChange.state == word("waiting"),
    )
    return set(work.session.exec(asked))


def companies_due(work: Work) -> Sequence[str]:
    """The companies with a change that is due, the one that waits longest first."""
    asked = (
        select(AskedChange.company)
        .where(AskedChange.state == word("waiting"), col(AskedChange.due_at) <= work.now)
        .group_by(col(AskedChange.company))
        .order_by(func.min(AskedChange.id))
    )
    return work.session.exec(asked).all()


def due(work: Work, company: str, most: int) -> Sequence[AskedChange]:
    """The company's next changes, in the order in which they came."""
    asked = select(AskedChange).where(
        AskedChange.company == company, AskedChange.state == word("waiting"), col(AskedChange.due_at) <= work.now
    )
    return work.session.exec(asked.order_by(col(AskedChange.id)).limit(most)).all()


def of_event(work: Work, company: str, event: str) -> AskedChange | None:
    """The change that an event (its source and its id) asked for."""
    asked = select(AskedChange).where(AskedChange.company == company, AskedChange.event == event)
    return work.session.exec(asked.order_by(col(AskedChange.id).desc())).first()


def waiting(work: Work, company: str, after: int = 0) -> int:
    """How many changes of the company have no answer yet, of those filed after this id."""
    asked = select(func.count()).select_from(AskedChange)
    return work.session.exec(
        asked.where(AskedChange.company == company, AskedChange.state == word("waiting"), col(AskedChange.id) > after)
    ).one()


def newest_id(work: Work) -> int:
    """The id of the change that was filed last; 0 when there is none."""
    return work.session.exec(select(func.max(AskedChange.id))).one() or 0


def after(work: Work, company: str, id_: int) -> Sequence[AskedChange]:
    """The company's changes filed after this id, oldest first."""
    asked = select(AskedChange).where(AskedChange.company == company, col(AskedChange.id) > id_)
    return work.session.exec(asked.order_by(col(AskedChange.id)).execution_options(populate_existing=True)).all()


def settle(work: Work, change: AskedChange, state: str, reason: str = "") -> bool:
    """Mark it answered; False when somebody else has answered it. Locks the row, so say this first."""
    mine = update(AskedChange).where(col(AskedChange.id) == change.id, col(AskedChange.state) == "waiting")
    done = mine.values(state=state, reason=reason, answered_at=work.now)
    return bool(work.session.exec(done).rowcount)


def postpone(work: Work, company: str, seconds: float) -> None:
    """Xero cannot be asked just now: everything of the company waits so long, in its order."""
    waiting = update(AskedChange).where(col(AskedChange.company) == company, col(AskedChange.state) == "waiting")
    work.session.exec(waiting.values(due_at=work.after(seconds), tries=col(AskedChange.tries) + 1))


def put_off(work: Work, change: AskedChange, until: datetime) -> None:
    """Let one change wait until then; the others go on."""
    mine = update(AskedChange).where(col(AskedChange.id) == change.id, col(AskedChange.state) == "waiting")
    work.session.exec(mine.values(due_at=until, tries=col(AskedChange.tries) + 1))


def hasten(work: Work, company: str) -> int:
    """The company's changes need not wait any longer; gives how many there are."""
    waiting = update(AskedChange).where(col(AskedChange.company) == company, col(AskedChange.state) == "waiting")
    return work.session.exec(waiting.values(due_at=work.now)).rowcount


def waiting_for(work: Work, company: str, subject: str) -> AskedChange | None:
    """The newest change of this client that still waits."""
    asked = select(AskedChange).where(
        AskedChange.company == company,
        AskedChange.kind == "contact",
        AskedChange.subject == subject,
        AskedChange.state == word("waiting"),
    )
    return work.session.exec(asked.order_by(col(AskedChange.id).desc())).first()


def newer_than(work: Work, change: AskedChange) -> bool:
    """Whether the same client's contact was changed after this change was asked for."""
    asked: Any = select(func.count()).where(
        AskedChange.company == change.company,
        AskedChange.kind == change.kind,
        AskedChange.subject == change.subject,
        col(AskedChange.id) > change.id,
        AskedChange.state == word("updated"),
    )
    return bool(work.session.exec(asked).one())


def history(work: Work, company: str, subject: str, most: int = 20) -> Sequence[AskedChange]:
    """The newest changes of a client's contact first, contacts created for it among them."""
    asked = select(AskedChange).where(
        AskedChange.company == company, col(AskedChange.kind) != "settings", AskedChange.subject == subject
    )
    return work.session.exec(asked.order_by(col(AskedChange.id).desc()).limit(most)).all()


def tried_by_setting(work: Work, company: str) -> set[str]:
    """The clients for which the company's setting has asked for a contact, whatever came of it."""
    asked = select(AskedChange.subject).where(
        AskedChange.company == company, AskedChange.kind == "new_contact", AskedChange.source == "setting"
    )
    return set(work.session.exec(asked))


def begin_new_contacts(work: Work, rows: Sequence[NewContact]) -> set[str]:
    """Write new contacts of one company down before they are sent; gives the clients whose contact may be.

    The others wait: an earlier call for the client may still arrive.
    """
    found = statements.insert_new(work, NewContact, [row.model_dump() for row in rows], returning="client")
    begun = set(found)
    over = (col(NewContact.due_at) <= work.now) | (col(NewContact.tenant) != rows[0].tenant)
    for row in rows:
        if row.client not in begun:
            mine = update(NewContact).where(*_of_client(row), over)
            begun |= {row.client} if work.session.exec(mine.values(**row.model_dump())).rowcount else set()
    return begun


def new_contacts(work: Work, company: str, clients: Collection[str]) -> Mapping[str, NewContact]:
    """The contacts that are being created for these clients, by client."""
    asked = select(NewContact).where(NewContact.company == company, col(NewContact.client).in_(sorted(set(clients))))
    found = work.session.exec(asked.execution_options(populate_existing=True))
    return {row.client: NewContact(**row.model_dump()) for row in found}


def sent_together(work: Work, company: str) -> Mapping[str, int]:
    """How many of the company's new contacts are open of each call, by its key."""
    asked = select(NewContact.key, func.count()).where(NewContact.company == company)
    return dict(work.session.exec(asked.group_by(col(NewContact.key))).all())


def wait_for_new_contacts(work: Work, company: str, key: str, until: datetime) -> None:
    """Nobody knows what became of those that are left of this call."""
    mine = update(NewContact).where(col(NewContact.company) == company, col(NewContact.key) == key)
    work.session.exec(mine.values(due_at=until))


def end_new_contacts(work: Work, company: str, key: str) -> None:
    """Nothing came of this call, for certain."""
    mine = delete(NewContact).where(col(NewContact.company) == company, col(NewContact.key) == key)
    work.session.exec(mine)


def end_new_contact(work: Work, row: NewContact) -> bool:
    """Its outcome is known; False where somebody else has begun another since, or ended it."""
    mine = delete(NewContact).where(*_of_client(row), col(NewContact.key) == row.key)
    return bool(work.session.exec(mine).rowcount)


def _of_client(row: NewContact) -> tuple[Any, ...]:
    return (col(NewContact.company) == row.company, col(NewContact.client) == row.client)


def still_waiting(work: Work, some: Sequence[AskedChange]) -> set[int]:
    """The ids of those of these changes that nobody has answered meanwhile."""
    asked: Any = select(AskedChange.id).where(col(AskedChange.id).in_([one.id for one in some]))
    return set(work.session.exec(asked.where(AskedChange.state == word("waiting"))))
