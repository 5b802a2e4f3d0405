"""The heartbeat: every process says in the database that it is there and how its clock goes, and leaves when it ends.

The ticker: turns lanes that have become due into doorbells. Only a net: rings do the work.
"""

import functools
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

import redis

from store import metrics_rows, processes
from store.processes import Presence
from store.unit_of_work import Store
from worker import broker, logs, telemetry
from worker.decisions.turns import MOST_FOR_BULK
from worker.doorbells import TICKER, Doorbells
from worker.version import VERSION, build_id


class Heartbeat(threading.Thread):
    """A thread of a process of this `kind` (web, worker or clock); to be made after a fork.

    `skew` is how many seconds this process's clock was ahead of the database's at the last beat, and of Redis's where
    the database is a file, which has no clock of its own; None while that could not be seen. `clock` gives the time
    as this process believes it; tests hand in another. `be_quiet` is told at each beat whether people want this
    process to take no new work, and gives whether it has nothing in hand.
    """

    def __init__(
        self,
        store: Store,
        kind: str,
        client: redis.Redis | None = None,
        seconds: float = processes.BEAT_SECONDS,
        clock: Callable[[], float] = time.time,
        process: str = "",
        be_quiet: Callable[[bool], bool] = lambda _quiet: False,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._store = store
        self._redis = client
        self._clock = clock
        id_ = process or uuid.uuid4().hex
        self.who = Presence(id_, kind, f"{VERSION}+{build_id()}", socket.gethostname(), os.getpid())
        self._be_quiet = be_quiet
        self._at_rest = False
        self.skew: float | None = None
        self._lost: Counter[str] = Counter()  # what no collector took, as far as it is counted
        self._seconds = seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.beat()
            except Exception:  # the database may be away for a while, and is asked again
                logs.log("heartbeat").warning("heartbeat.missed", kind=self.who.kind, exc_info=True)
            self._stopping.wait(self._seconds)

    def beat(self) -> None:
        """Say once that this process is there, and how its clock goes."""
        self.skew = self._skew()
        lost = telemetry.lost()
        more = {(self.who.kind, signal): count for signal, count in (lost - self._lost).items()}
        with self._store.write() as work:
            quiet = processes.beat(work, self.who, self.skew, at_rest=self._at_rest)
            metrics_rows.add_counts(work, "telemetry", more)
        self._lost.update(lost - self._lost)
        self._store.rest()
        at_rest = self._be_quiet(quiet) and quiet
        changed, self._at_rest = at_rest != self._at_rest, at_rest
        if changed:
            with self._store.write() as work:
                processes.beat(work, self.who, self.skew, at_rest=at_rest)

    def _skew(self) -> float | None:
        if self._store.engine.dialect.name != "sqlite":
            with self._store.read() as work:
                return self._ahead_of(lambda: work.moment().timestamp())
        if self._redis is None:
            return None
        try:
            return self._ahead_of(functools.partial(_time_of, self._redis))
        except redis.RedisError:
            return None

    def _ahead_of(self, other: Callable[[], float]) -> float | None:
        """By the middle of the round trip; one that takes longer than that matters proves nothing."""
        began = self._clock()
        there = other()
        ended = self._clock()
        return (began + ended) / 2 - there if ended - began < _LONGEST_ROUND_TRIP_SECONDS else None

    def stop(self) -> None:
        """Leave, so that nobody wonders what became of this process."""
        self._stopping.set()
        if self.is_alive():
            self.join(_LAST_BEAT_SECONDS)
        try:
            with self._store.write() as work:
                processes.leave(work, self.who.id)
        except Exception:
            logs.log("heartbeat").warning("heartbeat.missed", kind=self.who.kind, exc_info=True)


def _time_of(client: redis.Redis) -> float:
    seconds, micros = client.time()
    return float(seconds) + float(micros) / 1_000_000


_LONGEST_ROUND_TRIP_SECONDS = 5.0
_LAST_BEAT_SECONDS = 15.0  # one that is under way ends first, or this process would be there again after it left
_LONG_QUEUE = 200
_AFTER_TROUBLE_SECONDS = 1.0
_STAFF_SECONDS = 10.0


class Ticker(threading.Thread):
    """One thread per worker process; any number of them agree through Redis."""

    def __init__(
        self, bells: Doorbells, client: redis.Redis, threads: int, is_quiet: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(name="ticker", daemon=True)
        self._bells = bells
        self._client = client
        self._threads = threads
        self._is_quiet = is_quiet
        self._process = f"{socket.gethostname()}/{os.getpid()}"
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bells.wait(self.tick(), TICKER)
            except redis.RedisError:
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)
            except Exception:
                logs.log("ticker").exception("ticker.failed")
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def tick(self) -> float:
        """Ring what is due; give the seconds until it is worth looking again."""
        if not self._is_quiet():
            self._bells.staff(self._process, self._threads, _STAFF_SECONDS)
        if broker.queue_length(self._client) > _LONG_QUEUE:
            return 1.0
        lanes, wait = self._bells.due()
        for lane in lanes:
            self._bells.ring(lane, most=MOST_FOR_BULK)
        if lanes:
            return 0.25
        return 1.5 if wait is None else wait

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()
