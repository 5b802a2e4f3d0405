"""A lease per periodic duty: two processes never do one duty at once."""

from datetime import UTC, datetime

from sqlmodel import col, update

from store import statements
from store.tables import Duty
from store.unit_of_work import Work

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def take(work: Work, name: str, holder: str, seconds: float) -> bool:
    """Take or keep the duty for a while; False while somebody else has it."""
    free = (col(Duty.lease_until) < work.now) | (col(Duty.holder) == holder)
    mine = update(Duty).where(col(Duty.name) == name, free)
    took = mine.values(holder=holder, lease_until=work.after(seconds))
    if statements.run(work, took).rowcount:
        return True
    row = {"name": name, "holder": "", "lease_until": _LONG_AGO}
    new = statements.insert_new(work, Duty, [row], returning="name")
    return bool(new and statements.run(work, took).rowcount)


def leave(work: Work, name: str, holder: str) -> None:
    """Give the duty back, so that the next process need not wait for the lease."""
    mine = update(Duty).where(col(Duty.name) == name, col(Duty.holder) == holder)
    work.session.exec(mine.values(lease_until=_LONG_AGO))
