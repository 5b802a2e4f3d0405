"""The heartbeat: every process says in the database that it is there, and leaves when it ends in good order.

The ticker: turns lanes that have become due into doorbells. Only a net: rings do the work.
"""

import functools
import os
import socket
import subprocess
import threading
import uuid
from importlib import metadata
from pathlib import Path

import redis

from store import processes
from store.processes import Presence
from store.unit_of_work import Store
from worker import broker, logs
from worker.decisions.turns import MOST_FOR_BULK
from worker.doorbells import TICKER, Doorbells

VERSION = metadata.version("crewcard-xero")
_ROOT = Path(__file__).parents[1]


@functools.cache
def build_id() -> str:
    """Which build of the version this is: BUILD_ID as the image has it, in a clone its commit, else “unknown”."""
    if baked := os.environ.get("BUILD_ID", "").strip():
        return baked
    if not (_ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(_ROOT), "rev-parse", "--short=10", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603  # all ours
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


class Heartbeat(threading.Thread):
    """A thread of a process of this `kind` (web, worker or clock); to be made after a fork."""

    def __init__(self, store: Store, kind: str, seconds: float = processes.BEAT_SECONDS) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._store = store
        self.who = Presence(uuid.uuid4().hex, kind, f"{VERSION}+{build_id()}", socket.gethostname(), os.getpid())
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
        """Say once that this process is there."""
        with self._store.write() as work:
            processes.beat(work, self.who)

    def stop(self) -> None:
        """Leave, so that nobody wonders what became of this process."""
        self._stopping.set()
        if self.is_alive():
            self.join(self._seconds)
        try:
            with self._store.write() as work:
                processes.leave(work, self.who.id)
        except Exception:
            logs.log("heartbeat").warning("heartbeat.missed", kind=self.who.kind, exc_info=True)


_LONG_QUEUE = 200
_AFTER_TROUBLE_SECONDS = 1.0
_STAFF_SECONDS = 10.0


class Ticker(threading.Thread):
    """One thread per worker process; any number of them agree through Redis."""

    def __init__(self, bells: Doorbells, client: redis.Redis, threads: int) -> None:
        super().__init__(name="ticker", daemon=True)
        self._bells = bells
        self._client = client
        self._threads = threads
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
