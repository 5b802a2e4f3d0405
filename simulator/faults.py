"""Faults at the wire, by rate: what the network and a tired Xero do to a call."""

import random
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "commit_then_drop",
    "commit_then_500",
    "drop",
    "http_500",
    "html_503",
    "offline",
    "limit_minute",
    "limit_day",
    "limit_concurrent",
    "expire_tokens",
    "slow",
)


@dataclass
class Faults:
    """Rate (0 to 1) per kind, for writes only unless `reads` is set; `latency` in seconds befalls every call."""

    rates: dict[str, float] = field(default_factory=dict)
    slow_seconds: float = 1.0
    latency: float = 0.0
    reads: bool = False
    happened: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def set(self, wanted: dict[str, Any]) -> None:
        """Take rates and seconds as the control face gives them. Raises ValueError for an unknown kind."""
        unknown = set(wanted) - {*KINDS, "slow_seconds", "latency", "reads", "seed"}
        if unknown:
            raise ValueError(f"unknown fault {sorted(unknown)}; known are {KINDS}")
        self.rates = {kind: float(wanted[kind]) for kind in KINDS if wanted.get(kind)}
        self.slow_seconds = float(wanted.get("slow_seconds", self.slow_seconds))
        self.latency = float(wanted.get("latency", self.latency))
        self.reads = bool(wanted.get("reads", False))
        if "seed" in wanted:
            self.dice.seed(wanted["seed"])

    def pick(self, method: str) -> str | None:
        """The fault that befalls this call, if any."""
        if not self.rates or (method == "GET" and not self.reads):
            return None
        roll = self.dice.random()
        for kind, rate in self.rates.items():
            if roll < rate:
                self.happened[kind] = self.happened.get(kind, 0) + 1
                return kind
            roll -= rate
        return None
