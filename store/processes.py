"""The processes that run: each says so every few seconds, so that anybody can see who is there.

A lease per periodic duty: two processes never do one duty at once.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlmodel import col, delete, select, update

from store import statements
from store.tables import Duty, Process
from store.unit_of_work import Work

BEAT_SECONDS = 15.0
_SILENT_SECONDS = 60.0  # four beats: a busy database may swallow one or two
_FORGOTTEN_SECONDS = 86_400.0


@dataclass(frozen=True)
class Presence:
    """Who a process is: `kind` is web, worker or clock, `id` is another one after each start.

    `version` names the build too: 0.1.0+4f1c2ab93d.
    """

    id: str
    kind: str
    version: str
    host: str
    pid: int


def beat(work: Work, who: Presence) -> None:
    """The process is there; the first beat of each also forgets those that were killed more than a day ago."""
    seen = {"seen_at": work.now}
    if statements.change(work, Process, "id", [{"id": who.id, **seen}]):
        return
    statements.run(work, delete(Process).where(col(Process.seen_at) < work.after(-_FORGOTTEN_SECONDS)))
    statements.insert_new(work, Process, [{**asdict(who), "since": work.now, **seen}], returning="id")


def leave(work: Work, process_id: str) -> None:
    """The process ends in good order."""
    statements.run(work, delete(Process).where(col(Process.id) == process_id))


def try_to_write(work: Work) -> None:
    """Write a row and take it away again: once it is committed, the database takes what is new, and nobody saw it.

    Raises what the database raises.
    """
    who = Presence(f"try-{uuid.uuid4().hex}", "try", "", "", 0)
    statements.insert_new(work, Process, [{**asdict(who), "since": work.now, "seen_at": work.now}], returning="id")
    leave(work, who.id)


def everyone(work: Work) -> Sequence[Process]:
    """All that have not left, by kind and age, as plain rows; those killed within the last day are among them."""
    return statements.rows(work, select(Process).order_by(col(Process.kind), col(Process.since), col(Process.id)))


def is_any_at_work(work: Work, kind: str) -> bool:
    """Whether a process of the kind has been heard of lately."""
    fresh = select(Process.id).where(Process.kind == kind, col(Process.seen_at) >= work.after(-_SILENT_SECONDS))
    return bool(statements.rows(work, fresh.limit(1)))


def is_silent(work: Work, process: Process) -> bool:
    """Whether the process has missed so many beats that it is dead, suspended or cut off."""
    return process.seen_at < work.after(-_SILENT_SECONDS)


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def take_duty(work: Work, name: str, holder: str, seconds: float) -> bool:
    """Take or keep the duty for a while; False while somebody else has it."""
    free = (col(Duty.lease_until) < work.now) | (col(Duty.holder) == holder)
    mine = update(Duty).where(col(Duty.name) == name, free)
    took = mine.values(holder=holder, lease_until=work.after(seconds))
    if statements.run(work, took).rowcount:
        return True
    row = {"name": name, "holder": "", "lease_until": _LONG_AGO}
    new = statements.insert_new(work, Duty, [row], returning="name")
    return bool(new and statements.run(work, took).rowcount)


def leave_duty(work: Work, name: str, holder: str) -> None:
    """Give the duty back, so that the next process need not wait for the lease."""
    mine = update(Duty).where(col(Duty.name) == name, col(Duty.holder) == holder)
    work.session.exec(mine.values(lease_until=_LONG_AGO))
