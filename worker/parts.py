"""The parts an installation stands on, its database and its Redis: whether each takes what is written to it.

Readiness, metrics and the doctor all ask here, and so say the same. A try is a thread's of its own: a part that never
answers holds up nobody who asks, and is not asked once more meanwhile.
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store import migrate, processes
from store.database_trouble import DATABASE_SAYS, trouble_of
from store.unit_of_work import Patience, Store, engine_for
from worker import redis_client

PATIENCE_SECONDS = 1.5  # a second for the part, the rest for us
REMEMBERED_SECONDS = 1.0  # so often at most a part is written to, however many ask
ROOM_REMEMBERED_SECONDS = 10.0  # so often it is tried whether there is room for more
_PATIENCE = Patience(lock=0.9, statement=1, connection=1, writer=1)
_TRY = "redis.call('EXISTS', KEYS[2]) return redis.call('SET', KEYS[1], '1', 'PX', 60000)"
_KEYS = ("parts:try", "due")  # two, because every script of ours has several


@dataclass(frozen=True)
class Condition:
    """How a part is, and a sentence that says so; it `works` as long as it takes what is written."""

    state: Literal["ok", "other_schema", "refuses", "away"]
    says: str = "ok"

    @property
    def works(self) -> bool:
        """Whether it takes what is written."""
        return self.state in ("ok", "other_schema")


AWAY = Condition("away", "not reachable")
_LATE = Condition("away", "does not answer within a second")


@dataclass
class Parts:
    """The parts of this process."""

    _tries: dict[str, tuple[object, float, Future[Condition]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _had_room_at: float = float("-inf")
    _own: Store | None = None  # one connection of its own: those of the doors may all be taken

    def begin(self, store: Store, client: redis.Redis) -> dict[str, Future[Condition]]:
        """A try of each part: the one that is under way or was just made, else a new one."""
        return {
            "database": self._begin("database", store, lambda: self._database(store)),
            "redis": self._begin("redis", client, lambda: _redis(client)),
        }

    def conditions(self, store: Store, client: redis.Redis) -> Mapping[str, Condition]:
        """How each part is, after a moment at most."""
        tries = self.begin(store, client)
        concurrent.futures.wait(tries.values(), PATIENCE_SECONDS)
        return {name: condition(one) for name, one in tries.items()}

    def _begin(self, name: str, part: object, attempt: Callable[[], Condition]) -> Future[Condition]:
        with self._lock:
            last, at, under_way = self._tries.get(name, (None, 0.0, None))
            fresh = time.monotonic() - at < REMEMBERED_SECONDS
            if under_way and last is part and (fresh or not under_way.done()):
                return under_way
            begun: Future[Condition] = Future()
            self._tries[name] = (part, time.monotonic(), begun)
        threading.Thread(target=lambda: begun.set_result(attempt()), name=f"try-{name}", daemon=True).start()
        return begun

    def _database(self, store: Store) -> Condition:
        try:
            if self._own is None or self._own.engine.url != store.engine.url:
                address = store.engine.url.render_as_string(hide_password=False)
                self._own = Store(engine_for(address, 1, _PATIENCE))
            with self._own.write() as work:
                processes.try_to_write(work)
                at = work.connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            self._try_to_grow(self._own)
            is_served = migrate.is_served(at)
        except Exception as failed:
            return _of_database(failed)
        return Condition("ok") if is_served else Condition("other_schema", "not migrated: run crewcard-xero migrate")

    def _try_to_grow(self, store: Store) -> None:
        """Raises what says that the disk is full; that temporary files are limited, say, is no trouble of ours."""
        if time.monotonic() - self._had_room_at < ROOM_REMEMBERED_SECONDS:
            return
        try:
            with store.write() as work:
                processes.try_to_grow(work)
        except DBAPIError as failed:
            if trouble_of(failed) == "full":
                raise
        self._had_room_at = time.monotonic()


def condition(attempt: Future[Condition]) -> Condition:
    """What a try found; what is not done yet takes too long."""
    return attempt.result() if attempt.done() else _LATE


def _of_database(failed: Exception) -> Condition:
    trouble = trouble_of(failed)
    if trouble in (None, "away"):
        return Condition("away", f"not reachable ({type(failed).__name__})")
    return Condition("refuses", f"takes nothing new: {DATABASE_SAYS[trouble]}")


def _redis(client: redis.Redis) -> Condition:
    try:
        client.eval(_TRY, len(_KEYS), *(f"{redis_client.prefix_of(client)}:{name}" for name in _KEYS))
    except redis.ResponseError as refused:
        return Condition("refuses", f"takes nothing new: {redis_client.refusal(refused)}")
    except Exception as failed:
        return Condition("away", f"not reachable ({type(failed).__name__})")
    return Condition("ok")
