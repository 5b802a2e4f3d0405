"""Stay inside Xero's limits: one script grants a call or says how long to wait (facts §1).

Redis away means no call (fail closed); what Redis forgets is relearnt from the next answer's headers.
"""

import contextlib
import math
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from events.accounting_target import Organisation, Outlook, Permit
from xero_adapter import pace_scripts
from xero_adapter.json_values import count_of

Argument = str | int | float
_MOST_CALLS = 1_000_000_000  # that a header may leave; Lua counts exactly as far


@dataclass(frozen=True)
class CallLimits:
    """Xero's limits per organisation, and the margins we keep. Seconds; `reserve` is a share of the day.

    A lost call keeps its place in flight for `settle` seconds: so long it may still be at work in Xero. `looks` is
    the share of the day for looks that no invoice waits for.
    """

    per_minute: int = 60
    at_once: int = 5
    per_day: int = 5000
    minute: float = 60
    day: float = 86_400
    margin: float = 0.5
    deadline: float = 70
    settle: float = 100
    reserve: float = 0.1
    looks: float = 0.2

    @property
    def kept_back(self) -> int:
        """Calls of the minute that only single sends may use."""
        return self.per_minute // 60


class Pace:
    """The books of every organisation's calls, kept in Redis and rebuildable at any time.

    `clock` gives seconds; without one it is Redis's own, which all machines share.
    """

    def __init__(
        self, client: redis.Redis, limits: CallLimits, prefix: str = "xp", clock: Callable[[], float] | None = None
    ) -> None:
        self.per_minute, self.minute = limits.per_minute, limits.minute
        self._limits = limits
        self._prefix = prefix
        self._client = client
        self._clock = clock
        self._ask, self._done, self._lost, self._abandon, self._note, self._pause, self._outlook, self._remember = (
            client.register_script(pace_scripts.PRELUDE + script)
            for script in (
                pace_scripts.ASK,
                pace_scripts.DONE,
                pace_scripts.LOST,
                pace_scripts.ABANDON,
                pace_scripts.NOTE,
                pace_scripts.PAUSE,
                pace_scripts.OUTLOOK,
                pace_scripts.REMEMBER,
            )
        )

    def ask(self, organisation: Organisation, *, single: bool = False, spread: bool = False) -> Permit:
        """A permit, or how long to wait. Raises redis.RedisError.

        Single sends may use what is kept back of the minute and the day. `spread` asks for what is left of the
        minute's calls to be spread over the rest of it, so that a single send finds one.
        """
        limits, token = self._limits, uuid.uuid4().hex
        kept = (0, 0) if single else self._kept_back()
        bounds = (limits.at_once, int(limits.deadline * 1000), *kept, int(spread and not single))
        said = self._ask(keys=self._keys(organisation), args=self._args(token, *bounds))
        wait, limit, call, further = [*said, None, 0][:4]
        limit = limit.decode() if isinstance(limit, bytes) else limit
        seconds = None if call is None else call / 1000
        return Permit(organisation, token, float(wait) / 1000, limit, seconds, int(further))

    def ask_behind(self, organisation: Organisation) -> Permit:
        """A permit for a call that lies behind exports, or how long to wait. Raises redis.RedisError.

        It leaves them half of the minute, half of the day and two calls at once.
        """
        limits, token = self._limits, uuid.uuid4().hex
        bounds = (max(1, limits.at_once - 2), int(limits.deadline * 1000), max(1, limits.per_minute // 2), 0.5, 0)
        wait, limit, *_ = self._ask(keys=self._keys(organisation), args=self._args(token, *bounds))
        return Permit(organisation, token, float(wait) / 1000, limit.decode() if isinstance(limit, bytes) else limit)

    def ask_to_look(self, organisation: Organisation, payer: str = "") -> Permit:
        """A permit for a look that no invoice waits for, or how long to wait. Raises redis.RedisError.

        It leaves half of the minute, two calls at once and the day's reserve to others, and has a share of the day
        (limit `previews`), of which one `payer` gets half.
        """
        limits, token = self._limits, uuid.uuid4().hex
        at_once, kept_back = max(1, limits.at_once - 2), max(limits.kept_back, limits.per_minute // 2)
        bounds = (at_once, int(limits.deadline * 1000), kept_back, limits.reserve, 0, *self._looks(), payer)
        wait, limit, *_ = self._ask(keys=self._keys(organisation), args=self._args(token, *bounds))
        return Permit(organisation, token, float(wait) / 1000, limit.decode() if isinstance(limit, bytes) else limit)

    def seconds_to_look(self, tenant: str, payer: str) -> int:
        """Seconds until the payer has looks of this day again; 0 while some are left. Raises redis.RedisError."""
        most, each = (math.ceil(one * self.outlook(tenant).per_day / self._limits.per_day) for one in self._looks())
        book = f"{self._prefix}:pace:{tenant}:day"
        looks, mine = (int(one or 0) for one in self._client.hmget(book, ["looks", f"looks:{payer}"]))
        if looks < most and mine < each:
            return 0
        return max(1, math.ceil(self.outlook(tenant).day_ends))

    def _looks(self) -> tuple[int, int]:
        """Looks of the day for all, and for one payer."""
        most = math.ceil(self._limits.per_day * self._limits.looks)
        return most, math.ceil(most / 2)

    def done(self, permit: Permit) -> None:
        """The call was answered: it counts against the minute from now on. Redis away changes no answer."""
        with contextlib.suppress(redis.RedisError):
            self._done(keys=self._keys(permit.organisation), args=self._args(permit.token))

    def lost(self, permit: Permit) -> None:
        """Nobody knows what became of the call: it may be at work in Xero until it has settled."""
        with contextlib.suppress(redis.RedisError):
            settled = int(self._limits.settle * 1000)
            self._lost(keys=self._keys(permit.organisation), args=self._args(permit.token, settled))

    def abandon(self, permit: Permit) -> None:
        """No call was made with this permit."""
        with contextlib.suppress(redis.RedisError):
            self._abandon(keys=self._keys(permit.organisation), args=self._args(permit.token))

    def note(self, organisation: Organisation, headers: Mapping[str, str], took: float = 0) -> None:
        """Correct the books from the headers of an answer that took so many seconds (facts §1.2)."""
        said = (count_of(headers.get(f"x-{one}limit-remaining", ""), _MOST_CALLS) for one in ("min", "day"))
        minute, day = ("" if one is None else one for one in said)
        args = self._args(minute, day, int(took * 1000))
        with contextlib.suppress(redis.RedisError):
            self._note(keys=self._keys(organisation), args=args)

    def remember(self, tenant: str, day_calls: int) -> None:
        """Calls of a day that the organisation is known to have, should Redis have forgotten. Raises RedisError."""
        self._remember(keys=self._books(tenant), args=self._args(day_calls))

    def outlook(self, tenant: str) -> Outlook:
        """What bulk sends of the organisation may do, as far as we know. Raises redis.RedisError."""
        return _outlook(self._outlook(keys=self._books(tenant), args=self._args(*self._kept_back())))

    def outlooks(self, tenants: Collection[str]) -> dict[str, Outlook]:
        """The same of many organisations in one round trip. Raises redis.RedisError."""
        if not tenants:
            return {}
        args = self._args(*self._kept_back())
        with self._client.pipeline(transaction=False) as pipe:
            for tenant in tenants:
                self._outlook(keys=self._books(tenant), args=args, client=pipe)
            return {tenant: _outlook(said) for tenant, said in zip(tenants, pipe.execute(), strict=True)}

    def _kept_back(self) -> tuple[int, float]:
        """Calls of the minute and share of the day that bulk sends leave."""
        return self._limits.kept_back, self._limits.reserve

    def tallies(self) -> dict[tuple[int, str], int]:
        """What became of everybody's calls of the last two days, by hour (of Unix time) and what. Raises RedisError.

        `answered`, `lost` (nobody knows) and `limited:` with the limit that Xero's 429 named.
        """
        found: Any = self._client.hgetall(f"{self._prefix}:pace:tally")
        told = {field.decode().partition("/"): int(count) for field, count in found.items()}
        return {(int(hour), what): count for (hour, _, what), count in told.items()}

    def pause(self, organisation: Organisation, limit: str, seconds: float) -> None:
        """Xero said 429: nobody calls until it is over, which for `day` ends the day.

        The app's own limit pauses all its organisations.
        """
        whose = 7 if limit.startswith("app") else 5
        args = self._args(limit or "limit", int(seconds * 1000), whose)
        with contextlib.suppress(redis.RedisError):
            self._pause(keys=self._keys(organisation), args=args)

    def _args(self, *more: Argument) -> list[Argument]:
        """The clock and the limits every script knows, then its own."""
        limits = self._limits
        now = "" if self._clock is None else int(self._clock() * 1000)
        lengths = (int(limits.minute * 1000), limits.per_day, int(limits.day * 1000), int(limits.margin * 1000))
        return [now, limits.per_minute, *lengths, *more]

    def _keys(self, organisation: Organisation) -> list[str]:
        app = f"{self._prefix}:pace:app:{organisation.client_id}:pause"
        return [*self._books(organisation.lane.tenant), app, f"{self._prefix}:pace:tally"]

    def _books(self, tenant: str) -> list[str]:
        books = ("calls", "flight", "minute", "day", "pause", "learned")
        return [f"{self._prefix}:pace:{tenant}:{book}" for book in books]


def _outlook(said: Sequence[Any]) -> Outlook:
    minute_left, day_left, day_ends, call, paused = (int(one) for one in said[:5])
    limit = said[5].decode() if isinstance(said[5], bytes) else said[5]
    minute_calls, day_calls, frees, per_day, learned, window_left, window_ends = (int(one) for one in said[6:13])
    waits = (day_ends / 1000, call / 1000, paused / 1000)
    return Outlook(
        minute_left,
        day_left,
        *waits,
        limit,
        minute_calls,
        day_calls,
        minute_frees=frees / 1000,
        per_day=per_day,
        learned=bool(learned),
        window_left=window_left,
        window_ends=window_ends / 1000,
    )
