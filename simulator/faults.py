"""Faults: what the network and a tired Xero do to a call, by rate or by list of calls (facts §11.5, §11.6)."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.wire import Request

# What each does, in one place; docs/simulator.md says the same.
KINDS: Mapping[str, str] = {
    "commit_then_drop": "the work is done, then the connection is dropped without an answer",
    "commit_then_500": "the work is done, then Xero answers 500",
    "commit_then_504": "the work is done, then the edge answers 504",
    "drop": "the connection is dropped, nothing was done",
    "slow": "nothing happens for slow_seconds, then the work is done and answered",
    "slow_then_drop": "nothing happens for slow_seconds, then the work is done and the connection dropped",
    "malformed_json": "the work is done, the answer breaks off in the middle of its JSON",
    "truncated": "the work is done, the connection breaks off in the middle of the body",
    "foreign_body": "the work is done, the answer is a page of HTML with status 200",
    "missing_element": "the work is done, the answer lacks one of its elements",
    "http_500": "Xero answers 500, nothing was done",
    "html_503": "the edge answers 503 with HTML, nothing was done",
    "gateway_504": "the edge answers 504, nothing was done",
    "api_offline": "503: the whole API is down for maintenance",
    "api_unavailable": "503: the whole API is unavailable",
    "offline": "503: this organisation is offline",
    "limit_minute": "429: the minute's calls are used up",
    "limit_day": "429: the day's calls are used up",
    "limit_concurrent": "429: too many calls at once",
    "limit_appminute": "429: the app's minute is used up",
    "limit_unnamed": "429 that does not say which limit",
    "expire_tokens": "401: every access token expires now",
    "key_store_down": "500: the store of idempotency keys is down; only calls with a key",
}
TOKEN_KINDS: Mapping[str, str] = {
    "token_commit_then_drop": "the pair is rotated, then the connection is dropped",
    "token_500": "the token service answers 500",
    "token_invalid_grant": "the token service answers invalid_grant",
}
_SETTINGS = ("slow_seconds", "latency", "reads", "seed", "tenants")


@dataclass
class Faults:
    """A rate (0 to 1) or a list of calls (1 is the next) per kind; for writes only unless `reads` is set.

    `latency` in seconds befalls every call; `tenants` names the organisations that are troubled, empty = all.
    """

    rates: dict[str, float] = field(default_factory=dict)
    lists: dict[str, list[int]] = field(default_factory=dict)
    slow_seconds: float = 1.0
    latency: float = 0.0
    reads: bool = False
    tenants: list[str] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Take rates, lists and seconds as the control face gives them. Raises ValueError; then nothing changes."""
        kinds = {**KINDS, **TOKEN_KINDS}
        unknown = set(wanted) - {*kinds, *_SETTINGS}
        if unknown:
            raise ValueError(f"unknown fault {sorted(unknown)}; known are {sorted(kinds)}")
        rates = {kind: _rate(wanted[kind]) for kind in kinds if wanted.get(kind) and not _is_list(wanted[kind])}
        lists = {kind: _places(wanted[kind]) for kind in kinds if _is_list(wanted.get(kind))}
        slow, latency = _seconds(wanted, "slow_seconds", self.slow_seconds), _seconds(wanted, "latency", self.latency)
        self.rates, self.lists, self.seen = rates, lists, {}
        self.slow_seconds, self.latency = slow, latency
        self.reads = bool(wanted.get("reads", False))
        self.tenants = [str(one) for one in wanted.get("tenants", [])]
        if "seed" in wanted:
            self.dice.seed(str(wanted["seed"]))

    def pick(self, request: Request, tenant: str) -> str | None:
        """The fault that befalls a call of the API, if any."""
        if request.method == "GET" and not self.reads:
            return None
        if self.tenants and tenant not in self.tenants:
            return None
        return self._pick(KINDS, "calls")

    def pick_for_token(self) -> str | None:
        """The fault that befalls a call of the token service, if any."""
        return self._pick(TOKEN_KINDS, "token calls")

    def _pick(self, kinds: Mapping[str, str], counter: str) -> str | None:
        if not (self.rates or self.lists):
            return None
        place = self.seen[counter] = self.seen.get(counter, 0) + 1
        listed = next((kind for kind in kinds if place in self.lists.get(kind, ())), None)
        chosen = listed or self._rolled(kinds)
        if chosen:
            self.happened[chosen] = self.happened.get(chosen, 0) + 1
        return chosen

    def _rolled(self, kinds: Mapping[str, str]) -> str | None:
        roll = self.dice.random()
        for kind, rate in self.rates.items():
            if kind in kinds:
                if roll < rate:
                    return kind
                roll -= rate
        return None


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _rate(value: Any) -> float:
    rate = float(value)
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate is between 0 and 1, not {value}")
    return rate


def _places(value: list[Any]) -> list[int]:
    if not all(type(place) is int and place > 0 for place in value):
        raise ValueError(f"a list of calls holds whole numbers from 1, not {value}")
    return value


def _seconds(wanted: Mapping[str, Any], name: str, otherwise: float) -> float:
    seconds = float(wanted.get(name, otherwise))
    if not 0 <= seconds <= 3600:
        raise ValueError(f"{name} is between 0 and 3600, not {seconds}")
    return seconds
