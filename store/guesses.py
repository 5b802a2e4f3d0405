"""Guesses at passwords and codes, counted before each is looked at."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlmodel import col, delete, select

from store import statements
from store.tables import Guesses
from store.unit_of_work import Work


def take(work: Work, pauses: Mapping[str, Callable[[int], float]], forgotten: float) -> tuple[float, dict[str, int]]:
    """Count one guess on each account: (0, how many each has now), or seconds to wait, and nothing is counted.

    `pauses` says for each account how many seconds follow a count; `forgotten`: seconds after which a count is over.
    Two at once wait for each other, so that no more are let through than there are.
    """
    names = sorted(pauses)
    for name in names:
        fresh = {"whose": name, "count": 0, "at": work.now, "free_at": work.now}
        statements.upsert(work, Guesses, [fresh], {"whose": name}, ["whose"])  # the row is ours until we commit
    now = work.moment()
    found = {row.whose: row for row in work.session.exec(select(Guesses).where(col(Guesses.whose).in_(names))).all()}
    for row in found.values():
        if row.at < now - timedelta(seconds=forgotten):
            row.count = 0
    wait = max((row.free_at - now).total_seconds() for row in found.values())
    if wait > 0:
        return wait, {name: row.count for name, row in found.items()}
    for name, row in found.items():
        row.count, row.at = row.count + 1, now
        row.free_at = now + timedelta(seconds=pauses[name](row.count))
    work.session.add_all(found.values())
    work.session.flush()
    return 0.0, {name: row.count for name, row in found.items()}


def count(work: Work, whose: str) -> int:
    """How many wrong guesses stand on this account."""
    found = work.session.get(Guesses, whose)
    return found.count if found else 0


def forget(work: Work, whose: str) -> None:
    """What was given was right after all."""
    work.session.exec(delete(Guesses).where(col(Guesses.whose) == whose))


def take_back(work: Work, whose: str) -> None:
    """One guess on a shared account was right: it alone is taken off, so that nobody wipes the others' away."""
    found = work.session.get(Guesses, whose)
    if found and found.count:
        found.count, found.free_at = found.count - 1, work.now
        work.session.add(found)


def forget_old(work: Work, before: datetime) -> None:
    """Accounts without a guess since then go."""
    work.session.exec(delete(Guesses).where(col(Guesses.at) < before, col(Guesses.free_at) < before))
