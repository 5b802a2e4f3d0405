"""A restore is noticed: Redis remembers how far the feed was seen, and a database behind that went back in time.

An older dump was put back, or a replica promoted that had not everything. Then the same begins by itself as by
`crewcard-xero restore-check --begin`. A Redis that knows nothing, or less, proves nothing. Every process compares,
and the relay each time before it gives places; whoever notices first begins, in one transaction and once.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import redis

from events.outgoing import DatabaseRestored
from store import audit, outbox, processes, restores
from store.outbox import Outgoing
from store.restores import HighWaterMark, RestoreOrder
from store.unit_of_work import Store, Work
from worker import logs
from worker.redis_client import prefix_of

PASS_SECONDS = 2.0
_SOON_SECONDS = 1.0
_DUTY = "restore_notice"
_BY = "clock"
_NOTICED = "noticed by itself: the database is behind what was seen of its feed"
# `start` is where this memory began. Of one epoch only what is further is news; another epoch takes the place of the
# one that it was compared with, and of no other.
_REMEMBER = """
local epoch, position = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'position'))
if not epoch then redis.call('HSET', KEYS[1], 'start', ARGV[2])
elseif epoch ~= ARGV[1] and epoch ~= ARGV[4] then return 0
elseif epoch == ARGV[1] and tonumber(position) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'position', ARGV[2], 'event', ARGV[3])
return 1
"""
_log = logs.log("feed_witness")


def recall(client: redis.Redis) -> HighWaterMark | None:
    """How far the feed was seen; None where Redis knows nothing, or is away."""
    try:
        found: list[Any] = client.hmget(_key(client), "epoch", "position", "event")
    except redis.RedisError:
        return None
    epoch, position, event = found
    return (
        HighWaterMark(int(epoch), int(position), event.decode()) if epoch and position and event is not None else None
    )


def remember(client: redis.Redis, here: HighWaterMark, seen: HighWaterMark | None) -> None:
    """The feed is seen as far as this, which was committed before; a Redis that is away is told the next time.

    `seen` is what Redis knew, where the database was compared with that.
    """
    known = str(seen.epoch) if seen else ""
    try:
        client.eval(_REMEMBER, 1, _key(client), str(here.epoch), str(here.position), here.event, known)
    except redis.RedisError:
        return


def _key(client: redis.Redis) -> str:
    return f"{prefix_of(client)}:feed"


def begin(work: Work, order: RestoreOrder) -> None:
    """From now on nothing is sent until what Xero has was read; hosts and the audit are told."""
    made = restores.begin(work, order)
    restores.checks(work)
    chosen = {"since": order.since.isoformat(), "epoch": str(made.epoch)}
    audit.note(work, order.by, "restore-check", "*", chosen, 0, order.why)
    told = DatabaseRestored(since=order.since, why=order.why)
    outbox.publish(work, [Outgoing(told, "", "database", f"restored/{made.epoch}")])


@dataclass
class FeedWitness:
    """What this process compares, so often at most; threads that want to know meanwhile wait for it."""

    _compared_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def compare_soon(self, store: Store, client: redis.Redis) -> None:
        """Compare unless this was done a moment ago: a connection to another database takes longer to come about."""
        with self._lock:
            if time.monotonic() - self._compared_at < _SOON_SECONDS:
                return
            try:
                self.compare(store, client)
            finally:  # who waited for a part that is away has waited long enough
                self._compared_at = time.monotonic()

    def compare(self, store: Store, client: redis.Redis) -> bool:
        """Compare the database with what Redis remembers, which is asked first; whether a restore was noticed."""
        seen = recall(client)
        with store.read() as work:
            here = restores.high_water(work)
            is_older = seen is not None and restores.went_back(work, seen, here)
        if seen and is_older:
            return self._notice(store, client, seen)
        remember(client, here, seen)
        return False

    def prove(self, store: Store, client: redis.Redis) -> None:
        """Compare, and note how far the feed is the one that was seen: a backup knows so what it has of it."""
        seen = recall(client)
        if self.compare(store, client) or seen is None:
            return
        with store.read() as work:
            is_news = restores.feed_epoch(work).epoch == seen.epoch and restores.proven(work) < seen.position
        if is_news:
            with store.write() as work:
                if not restores.went_back(work, seen, restores.high_water(work)):
                    restores.prove(work, seen)

    def hear(self, store: Store, client: redis.Redis, cursor: int) -> bool:
        """A reader of everything has a cursor behind the feed's end; whether a restore was noticed by that.

        Where this Redis saw the feed from its beginning, it is the cursor that is wrong. Nor is one believed of an
        epoch that is not known here: its reader is led back without it.
        """
        epoch, position = divmod(cursor, restores.PLACES)
        try:
            start = client.hget(_key(client), "start")
        except redis.RedisError:
            return False
        with store.read() as work:
            here = restores.high_water(work)
        if epoch != here.epoch or start == b"0":
            return False
        return self._notice(store, client, HighWaterMark(epoch, position))

    def _notice(self, store: Store, client: redis.Redis, seen: HighWaterMark) -> bool:
        """Begin, unless another process did since we looked."""
        with store.write() as work:
            processes.take_duty(work, _DUTY, _BY, 0)  # a lock until the commit: one after the other
            if not restores.went_back(work, seen, restores.high_water(work)):
                return False
            kept, since = restores.fork(work, seen)
            begin(work, RestoreOrder(since, _BY, _NOTICED, kept, seen.epoch))
        _log.error("restore.noticed", position=seen.position)
        with store.read() as work:
            here = restores.high_water(work)
        remember(client, here, seen)
        return True
