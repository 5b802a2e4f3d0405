"""The processes that run: each says so every few seconds, and how far its clock is off, so that anybody can see it.

A lease per periodic duty: two processes never do one duty at once. A duty with a call to make for each company is
leased in shards, by a hash of the company: as many processes as there are share it.
"""

import errno
import tempfile
import uuid
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, delete, select, update

from events import signing
from store import statements
from store.database_trouble import NoRoom
from store.tables import Duty, DutyShard, Process
from store.unit_of_work import Work

BEAT_SECONDS = 5.0
SKEW_SECONDS = 30.0  # a clock that is off by more is told; machines that ask for the time differ by milliseconds
REFUSING_SECONDS = signing.SKEW.total_seconds() / 2  # off by more, a web process refuses hosts whose clocks are right
SILENT_SECONDS = 20.0  # four beats: a busy database may swallow one or two
_FORGOTTEN_SECONDS = 86_400.0
_TRIED_BYTES = 350_000


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


def beat(work: Work, who: Presence, skew: float | None = None, *, at_rest: bool = False) -> bool:
    """The process is there, its clock so many seconds ahead (None: it could not be seen); whether it is to be quiet.

    `at_rest`: it was told so, and has nothing in hand any more. The first beat of each also forgets those that were
    killed more than a day ago.
    """
    seen = {"seen_at": work.now, "skew_seconds": skew, "at_rest": at_rest}
    if statements.change(work, Process, "id", [{"id": who.id, **seen}]):
        known = statements.look_up(work, Process, id=who.id)
        return known is not None and known.quiet_at is not None
    statements.run(work, delete(Process).where(col(Process.seen_at) < work.after(-_FORGOTTEN_SECONDS)))
    statements.insert_new(work, Process, [{**asdict(who), "since": work.now, **seen}], returning="id")
    return False


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


def try_to_grow(work: Work) -> None:
    """Have a third of a megabyte written where tables grow, into a file that is gone at once.

    A row finds room in pages that are there, even where none can be added. Raises what the database raises, and
    NoRoom where SQLite's folder has none.
    """
    if work.on_sqlite:
        _grow_beside(work.connection.engine.url.database)
        return
    for statement in (
        "SET LOCAL statement_timeout = '300ms'",  # one that is only slow is waited for elsewhere
        "SET LOCAL temp_tablespaces = ''",  # where the database itself is
        "SET LOCAL work_mem = '64kB'",
        "SELECT count(*) FROM generate_series(1, 25000)",
    ):
        work.connection.exec_driver_sql(statement)


def _grow_beside(database: str | None) -> None:
    """SQLite's own temporary files may be on another disk: this one is where its file and its log of writes are."""
    if not database:
        return
    try:
        with tempfile.TemporaryFile(dir=Path(database).parent) as file:
            file.write(bytes(_TRIED_BYTES))
            file.flush()
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(database) from failed


def everyone(work: Work) -> Sequence[Process]:
    """All that have not left, by kind and age, as plain rows; those killed within the last day are among them."""
    return statements.rows(work, select(Process).order_by(col(Process.kind), col(Process.since), col(Process.id)))


def is_any_at_work(work: Work, kind: str, within: float = SILENT_SECONDS) -> bool:
    """Whether a process of the kind has been heard of within so many seconds."""
    fresh = select(Process.id).where(Process.kind == kind, col(Process.seen_at) >= work.after(-within))
    return bool(statements.rows(work, fresh.limit(1)))


def condition(work: Work, process: Process) -> str:
    """running, quiet (at work, and told to take nothing new) or silent."""
    if is_silent(work, process):
        return "silent"
    return "running" if process.quiet_at is None else "quiet"


def takes_work(work: Work, process: Process) -> bool:
    """Whether the process is at work, and nobody told it to be quiet."""
    return condition(work, process) == "running"


def set_quiet(work: Work, some: Sequence[str], by: str) -> int:
    """Tell these processes to take no new work; gives how many were not told so before."""
    told = update(Process).where(col(Process.id).in_(some), col(Process.quiet_at).is_(None))
    return statements.run(work, told.values(quiet_at=work.now, quiet_by=by, at_rest=False)).rowcount


def end_quiet(work: Work, some: Sequence[str]) -> int:
    """Let these processes take work again; gives how many were quiet."""
    told = update(Process).where(col(Process.id).in_(some), col(Process.quiet_at).is_not(None))
    return statements.run(work, told.values(quiet_at=None, quiet_by="", at_rest=False)).rowcount


def is_silent(work: Work, process: Process) -> bool:
    """Whether the process has missed so many beats that it is dead, suspended or cut off."""
    return process.seen_at < work.after(-SILENT_SECONDS)


def with_wrong_time(work: Work, there: Sequence[Process]) -> list[Process]:
    """Those of these that are at work with a clock so far off that it is told, the worst first."""
    skewed = [one for one in there if abs(one.skew_seconds or 0) > SKEW_SECONDS and not is_silent(work, one)]
    return sorted(skewed, key=lambda one: -abs(one.skew_seconds or 0))


def skew_in_words(seconds: float | None) -> str:
    """How far a clock is off: “400 s behind”."""
    return f"{abs(seconds or 0):,.0f} s {'ahead' if (seconds or 0) > 0 else 'behind'}"


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


_MEMBER = "@"
_FORGOTTEN_MEMBER_SECONDS = 3600.0


@dataclass(frozen=True)
class HeldShards:
    """The shards of a duty that a process holds, of so many; each company is in one of them, by a hash of its id.

    A duty of other things, as endpoints, goes by their ids.
    """

    duty: str
    holder: str
    seconds: float
    shards: int
    mine: frozenset[int]

    def has(self, company: str) -> bool:
        """Whether the company is this process's."""
        return shard_of(company, self.shards) in self.mine

    def renew(self, work: Work, company: str) -> bool:
        """Hold them as long again, in the middle of a pass; False when the company is somebody else's by now."""
        parts = [_member(self.holder, self.shards), *(_part(shard, self.shards) for shard in sorted(self.mine))]
        held = update(DutyShard).where(
            col(DutyShard.duty) == self.duty, col(DutyShard.part).in_(parts), col(DutyShard.holder) == self.holder
        )
        renewed = held.values(lease_until=work.after(self.seconds)).returning(col(DutyShard.part))
        return (_part(shard_of(company, self.shards), self.shards),) in statements.run(work, renewed).all()


def shard_of(company: str, shards: int) -> int:
    """The shard that a company is in: the same in every process and release."""
    return zlib.crc32(company.encode()) % shards


def take_shards(work: Work, duty: str, holder: str, seconds: float, shards: int) -> HeldShards:
    """Take or keep a fair share of the duty's shards for a while: all of them where one process alone is at it.

    Each process that takes part has a row that says so. One with more than its share lets the rest go, for others to
    take when they come by next; what a dead one had is free once its lease is over. While a process that knows
    another number of shards has some, or one of an older release the whole duty, none is taken.
    """
    numbered = {_part(shard, shards): shard for shard in range(shards)}
    me = _member(holder, shards)
    there = {row.part: row for row in statements.rows(work, select(DutyShard).where(DutyShard.duty == duty))}
    blank = {"duty": duty, "holder": "", "lease_until": _LONG_AGO}
    statements.insert_new(
        work, DutyShard, [{**blank, "part": part} for part in numbered if part not in there], "part"
    )
    living = {part for part, row in there.items() if row.lease_until >= work.now}
    members = sorted({me, *(part for part in living if part.startswith(me.partition("/")[0] + "/"))})
    whole = statements.look_up(work, Duty, name=duty)
    elsewhere = any(part not in numbered and not part.startswith(_MEMBER) for part in living)
    if elsewhere or (whole and whole.lease_until >= work.now):
        share = 0
    else:
        share = shards // len(members) + (members.index(me) < shards % len(members))
    mine, free = _to_be_had(work, duty, holder, numbered)
    taken, dropped = (mine + free)[:share], mine[share:]
    until = work.after(seconds)
    rows = [{**blank, "part": part, "holder": holder, "lease_until": until} for part in (me, *taken)]
    rows += [{**blank, "part": part} for part in dropped]
    changes = dict.fromkeys(("holder", "lease_until"), "excluded")
    statements.upsert(work, DutyShard, sorted(rows, key=lambda row: str(row["part"])), changes, ["part"])
    gone = work.after(-_FORGOTTEN_MEMBER_SECONDS)
    if any(part.startswith(_MEMBER) and row.lease_until < gone for part, row in there.items()):
        over = (col(DutyShard.duty) == duty, col(DutyShard.lease_until) < gone)
        statements.run(work, delete(DutyShard).where(*over, col(DutyShard.part).not_in(list(numbered))))
    return HeldShards(duty, holder, seconds, shards, frozenset(numbered[part] for part in taken))


def _to_be_had(work: Work, duty: str, holder: str, parts: Collection[str]) -> tuple[list[str], list[str]]:
    """Those of these parts that the holder has, and those that nobody has; locked, but for what others are taking."""
    free = (col(DutyShard.lease_until) < work.now) | (col(DutyShard.holder) == holder)
    asked = select(DutyShard).where(DutyShard.duty == duty, col(DutyShard.part).in_(parts), free)
    found = statements.rows(work, asked.order_by(col(DutyShard.part)).with_for_update(skip_locked=True))
    return [row.part for row in found if row.holder == holder], [row.part for row in found if row.holder != holder]


def leave_shards(work: Work, holder: str) -> None:
    """The process ends in good order: others need not wait for its leases to end."""
    mine = update(DutyShard).where(col(DutyShard.holder) == holder)
    statements.run(work, mine.values(holder="", lease_until=_LONG_AGO))


def _part(shard: int, shards: int) -> str:
    return f"{shard}/{shards}"


def _member(holder: str, shards: int) -> str:
    return f"{_MEMBER}{shards}/{holder}"
