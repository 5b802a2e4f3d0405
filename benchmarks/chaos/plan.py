"""What a run is made of: how much work, how many blows of each kind, which faults at the wire."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Database = Literal["sqlite", "postgresql"]
Blow = Literal[
    "worker",
    "group",
    "valkey",
    "flush",
    "postgres",
    "clock",
    "web",
    "suspended",
    "frozen",
    "terminated",
    "up",
    "machine",
    "receiver",
    "reader",
    "emptied",
    "migrate",
    "login",
    "full",
]

# Short times, so that what is lost comes back within a run. Seconds, as in .env.example.
TIMES = {
    "CONNECT_TIMEOUT_SECONDS": "1",
    "READ_TIMEOUT_SECONDS": "2",
    "LEASE_SECONDS": "4",
    "SETTLE_SECONDS": "5",
    "SWEEP_SECONDS": "1",
    "MINUTE_SECONDS": "6",
}
# A slow answer comes after the reader has given up, and before the batch has settled.
FAULTS = {
    "commit_then_drop": 0.03,
    "commit_then_500": 0.01,
    "http_500": 0.01,
    "slow": 0.01,
    "limit_minute": 0.01,
    "limit_concurrent": 0.01,
    "slow_seconds": 2.5,
    "latency": 0.4,
    "reads": 1,
}
# Rare ones by the number of the call, not by dice, so that each of them happens in every run. A day that is used up
# ends after `retry_after`; an answer that carries new tokens is lost when the tokens that ended are renewed.
LISTED = {
    "expire_tokens": [12, 55],
    "missing_element": [17],
    "malformed_json": [23],
    "truncated": [29],
    "html_503": [35],
    "limit_day": [41],
    "token_commit_then_drop": [2, 6],
    "token_500": [4],
    "retry_after": 4,
}
# The database's disk, in bytes, where it is to be filled.
ROOM = 512 << 20
# Lists show what was written only so much later: longer than a pause between two events, shorter than SETTLE_SECONDS.
READS_LAG_SECONDS = 3.0
# What the host's receiver of webhooks does to a delivery, by the deliveries' numbers: which one first, then every so
# many. A hang outlasts the exporter's patience and holds its round up for all of it: few of them.
TROUBLES: dict[str, Sequence[int]] = {
    "failed": range(7, 10**9, 41),
    "taken, then 500": range(5, 10**9, 37),
    "taken, then dropped": range(9, 10**9, 43),
    "late": range(3, 10**9, 31),
    "busy": range(50, 10**9, 101),
    "hung": (60, 700, 2000, 6000),
}
SHORT_BLOWS: dict[Blow, int] = {
    "worker": 4,
    "group": 4,
    "valkey": 1,
    "flush": 1,
    "postgres": 1,
    "clock": 1,
    "web": 1,
    "suspended": 1,
    "frozen": 1,
    "terminated": 1,
    "up": 1,
    "receiver": 1,
    "reader": 1,
    "emptied": 1,
    "migrate": 1,
    "login": 1,
}
LONG_BLOWS: dict[Blow, int] = {
    "worker": 40,
    "group": 24,
    "valkey": 10,
    "flush": 3,
    "postgres": 3,
    "clock": 4,
    "web": 4,
    "suspended": 6,
    "frozen": 4,
    "terminated": 4,
    "up": 6,
    "machine": 3,
    "receiver": 4,
    "reader": 4,
    "emptied": 3,
    "migrate": 4,
    "login": 4,
    "full": 3,
}
_OF_THE_CONTROL: tuple[Blow, ...] = ("worker", "group", "valkey", "flush")


@dataclass(frozen=True)
class Plan:
    """One run. `patience` is the seconds after the last blow within which every invoice must have its answer."""

    seed: int
    database: Database
    invoices: int
    companies: int
    blows: dict[Blow, int] = field(default_factory=lambda: dict(LONG_BLOWS))
    patience: float = 420.0
    control: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it has what takes its time: a disk that is filled, webhooks of Xero's that get lost."""
        return bool(self.blows.get("full"))

    def timeline(self) -> list[Blow]:
        """Every blow in the order in which it falls. What the run does not have cannot be hit."""
        spared: set[Blow] = {"postgres", "terminated"} if self.database == "sqlite" else set()
        if self.control:
            spared = set(self.blows) - set(_OF_THE_CONTROL)
        blows = [blow for blow, times in self.blows.items() if blow not in spared for _ in range(times)]
        random.Random(f"{self.seed}/blows").shuffle(blows)
        return blows

    def missing(
        self, struck: Mapping[Blow, int], faults: Mapping[str, int], deliveries: Mapping[str, int]
    ) -> list[str]:
        """What was asked for and did not happen: a run without it proves nothing about it."""
        listed = {kind: len(places) for kind, places in LISTED.items() if isinstance(places, list)}
        never = [f"blow {blow}" for blow, times in Counter(self.timeline()).items() if struck.get(blow, 0) < times]
        quiet = [f"delivery {kind}" for kind in TROUBLES if not deliveries.get(kind)]
        return (
            sorted(never) + [f"fault {kind}" for kind, times in listed.items() if faults.get(kind, 0) < times] + quiet
        )

    def wait(self, done: Callable[[], bool]) -> float:
        """Seconds until all is done, or the plan's patience."""
        begun = time.monotonic()
        while not done() and time.monotonic() - begun < self.patience:
            time.sleep(0.5)
        return time.monotonic() - begun
