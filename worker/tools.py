"""What every move is handed: made once per process, after the fork, by `wiring`."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar

import redis

from events.accounting_target import AccountingTarget, Lane, Organisation
from events.invoice import Document
from store import companies, connections, processes
from store.processes import HeldShards
from store.unit_of_work import Store, Work
from store.vault import Vault
from worker.doorbells import Doorbells
from worker.feed_witness import FeedWitness
from worker.parts import Parts
from worker.pending_counts import BacklogRoom
from worker.settings import Settings

T = TypeVar("T")


def elapsed() -> float:
    """Seconds on a clock that runs while the process, or the machine, is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Tools:
    """Database, Redis, doorbells, and the accounting systems by name. `elapsed` can be handed in by tests.

    `process` is what this process is called in the list of processes, another one after each start; `is_ending`
    says whether it was told to end.
    """

    settings: Settings
    store: Store
    redis: redis.Redis
    vault: Vault
    targets: Mapping[str, AccountingTarget]
    bells: Doorbells
    elapsed: Callable[[], float] = elapsed
    room: BacklogRoom = field(default_factory=BacklogRoom)
    parts: Parts = field(default_factory=Parts)
    witness: FeedWitness = field(default_factory=FeedWitness)
    process: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_ending: Callable[[], bool] = field(default=lambda: False)

    def while_running(self, things: Iterable[T]) -> Iterator[T]:
        """Each of these until the process is told to end; those that are left are due still, for another one."""
        return takewhile(lambda _: not self.is_ending(), things)

    def target(self, organisation: Organisation, document: Document = "invoice") -> AccountingTarget:
        """The accounting system that the organisation is in, as it is asked about documents of this kind."""
        return self.targets[organisation.target].documents[document]

    def organisation(self, work: Work, lane: Lane) -> Organisation | None:
        """The lane's organisation; None while the company is connected to none or another, or its system unknown."""
        return self.of_ours(connections.organisation(work, lane))

    def of_ours(self, organisation: Organisation | None) -> Organisation | None:
        """The organisation, if its accounting system is known here."""
        return organisation if organisation and organisation.target in self.targets else None

    def take_shards(self, work: Work, duty: str, holder: str, seconds: float) -> HeldShards:
        """The holder's share of the duty, for a while (`store/processes.take_shards`)."""
        return processes.take_shards(work, duty, holder, seconds, self.settings.duty_shards)

    def target_of(self, work: Work, company: str) -> AccountingTarget | None:
        """The company's accounting system, connected or not; None where it is unknown here."""
        return self.targets.get(companies.target_of(work, company))
