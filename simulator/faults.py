"""Faults: what the network and a tired Xero do to a call, by rate or by list of calls (facts §11.5, §11.6)."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.wire import Json, Request

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
    "limit_day": "429: the day's calls are used up, and are for every call until retry_after is over",
    "limit_concurrent": "429: too many calls at once",
    "limit_appminute": "429: the app's minute is used up",
    "limit_unnamed": "429 that does not say which limit",
    "refuse_tokens": "401: no access token is known, though the token service works; a rate befalls connections too",
    "expire_tokens": "401: every access token expires now",
    "key_store_down": "500: the store of idempotency keys is down; only calls with a key",
}
TOKEN_KINDS: Mapping[str, str] = {
    "token_commit_then_drop": "the pair is rotated, then the connection is dropped",
    "token_500": "the token service answers 500",
    "token_invalid_grant": "the token service answers invalid_grant",
}
SETTINGS: Mapping[str, str] = {
    "reads": "true: reads are befallen too",
    "tenants": "only these organisations; empty: all",
    "slow_seconds": "how long slow lasts",
    "latency": "seconds that every call takes",
    "for_seconds": "how long all this lasts, in the simulator's time; not said: until it is changed",
    "retry_after": "the seconds that limit_minute and limit_day name; not said: 30 and 66,975, which were seen",
    "poison_numbers": "every write that carries one of these numbers (of a contact too) or ids gets poison_answer",
    "poison_answer": "500 (nothing is done), 400 (the same, naming nobody) or 500_saving_others",
    "seed": "of the dice that rates are rolled with",
}
POISON = ("500", "400", "500_saving_others")


@dataclass
class Faults:
    """A rate (0 to 1) or a list of calls (1 is the next) per kind; for writes only unless `reads` is set.

    SETTINGS says what else there is. `clock` is the simulator's.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    rates: dict[str, float] = field(default_factory=dict)
    lists: dict[str, list[int]] = field(default_factory=dict)
    slow_seconds: float = 1.0
    latency: float = 0.0
    reads: bool = False
    tenants: list[str] = field(default_factory=list)
    ends: datetime | None = None
    retry_after: int | None = None
    poison_numbers: list[str] = field(default_factory=list)
    poison_answer: str = POISON[0]
    happened: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Take rates, lists and seconds as the control face gives them. Raises ValueError; then nothing changes."""
        kinds = {**KINDS, **TOKEN_KINDS}
        unknown = set(wanted) - {*kinds, *SETTINGS}
        if unknown:
            raise ValueError(f"unknown fault {sorted(unknown)}; known are {sorted([*kinds, *SETTINGS])}")
        rates = {kind: _rate(wanted[kind]) for kind in kinds if wanted.get(kind) and not _is_list(wanted[kind])}
        lists = {kind: _places(wanted[kind]) for kind in kinds if _is_list(wanted.get(kind))}
        slow, latency = _seconds(wanted, "slow_seconds", self.slow_seconds), _seconds(wanted, "latency", self.latency)
        after = _seconds(wanted, "retry_after", 0, most=86_400)
        lasts = _seconds(wanted, "for_seconds", 0, most=86_400)
        answer = str(wanted.get("poison_answer", POISON[0]))
        if answer not in POISON:
            raise ValueError(f"poison_answer is one of {POISON}")
        poison, tenants = _names(wanted, "poison_numbers"), _names(wanted, "tenants")
        self.rates, self.lists, self.seen = rates, lists, {}
        self.retry_after = int(after) or None
        self.ends = self.clock() + timedelta(seconds=lasts) if lasts else None
        self.poison_numbers, self.poison_answer = poison, answer
        self.slow_seconds, self.latency = slow, latency
        self.reads = bool(wanted.get("reads", False))
        self.tenants = tenants
        if "seed" in wanted:
            self.dice.seed(str(wanted["seed"]))

    def pick(self, request: Request, tenant: str) -> str | None:
        """The fault that befalls a call of the API, if any; `poison` for a write with a poisoned invoice."""
        self._end_in_time()
        if request.method == "GET" and not self.reads:
            return None
        if self.tenants and tenant not in self.tenants:
            return None
        if self.poison_numbers and request.method != "GET" and poisoned(request.body, self.poison_numbers):
            return self._counted("poison")
        return self._pick(KINDS, "calls")

    def refuses_connections(self) -> bool:
        """Whether the list of connections knows no token now (refuse_tokens by rate, for all organisations)."""
        self._end_in_time()
        return not self.tenants and self.dice.random() < self.rates.get("refuse_tokens", 0)

    def pick_for_token(self) -> str | None:
        """The fault that befalls a call of the token service, if any."""
        self._end_in_time()
        return self._pick(TOKEN_KINDS, "token calls")

    def _pick(self, kinds: Mapping[str, str], counter: str) -> str | None:
        if not (self.rates or self.lists):
            return None
        place = self.seen[counter] = self.seen.get(counter, 0) + 1
        listed = next((kind for kind in kinds if place in self.lists.get(kind, ())), None)
        chosen = listed or self._rolled(kinds)
        return self._counted(chosen) if chosen else None

    def _counted(self, chosen: str) -> str:
        self.happened[chosen] = self.happened.get(chosen, 0) + 1
        return chosen

    def _end_in_time(self) -> None:
        """Once for_seconds is over nothing is troubled any more; what happened stays told."""
        if self.ends and self.clock() >= self.ends:
            self.rates, self.lists, self.poison_numbers, self.latency, self.ends = {}, {}, [], 0.0, None

    def _rolled(self, kinds: Mapping[str, str]) -> str | None:
        roll = self.dice.random()
        for kind, rate in self.rates.items():
            if kind in kinds:
                if roll < rate:
                    return kind
                roll -= rate
        return None


def poisoned(body: bytes, names: Sequence[str]) -> list[Json]:
    """The invoices or contacts of a write that carry one of the numbers or ids."""
    try:
        document = json.loads(body)
    except ValueError:
        return []
    listed = document.get("Invoices", document.get("Contacts", [document])) if isinstance(document, dict) else []
    invoices = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        one
        for one in invoices
        if {one.get("InvoiceNumber"), one.get("InvoiceID"), one.get("ContactNumber")} & set(names)
    ]


def without(body: bytes, names: Sequence[str]) -> bytes:
    """The body of a write without its poisoned invoices."""
    document, sick = json.loads(body), poisoned(body, names)
    return json.dumps({"Invoices": [one for one in document.get("Invoices", []) if one not in sick]}).encode()


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


def _names(wanted: Mapping[str, Any], name: str) -> list[str]:
    listed = wanted.get(name, [])
    if not isinstance(listed, list):
        raise ValueError(f"{name} is a list")  # noqa: TRY004  # the control face tells it as wrong input
    return [str(one) for one in listed]


def _seconds(wanted: Mapping[str, Any], name: str, otherwise: float, most: float = 3600) -> float:
    seconds = float(wanted.get(name, otherwise))
    if not 0 <= seconds <= most:
        raise ValueError(f"{name} is between 0 and {most}, not {seconds}")
    return seconds
