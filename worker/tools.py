"""What every move is handed: made once per process, after the fork, by `wiring`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from events.accounting_lists import AccountingLists
from events.accounting_target import AccountingTarget
from events.books import BookReader
from store.unit_of_work import Store
from store.vault import Vault
from worker.doorbells import Doorbells
from worker.pending_counts import BacklogRoom
from worker.settings import Settings
from xero_adapter.auth import Auth
from xero_adapter.login import XeroLogin
from xero_adapter.pace import Pace


def elapsed() -> float:
    """Seconds on a clock that runs while the process, or the machine, is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Tools:
    """Database, Redis, Xero, doorbells. `elapsed` can be handed in by tests."""

    settings: Settings
    store: Store
    redis: redis.Redis
    vault: Vault
    pace: Pace
    auth: Auth
    login: XeroLogin
    target: AccountingTarget
    lists: AccountingLists
    books: BookReader
    bells: Doorbells
    elapsed: Callable[[], float] = elapsed
    room: BacklogRoom = field(default_factory=BacklogRoom)
