"""The limits of an accounting system: leave to make a call, and what is known of the calls that are left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from events.lane import Organisation


@dataclass(frozen=True)
class Permit:
    """Leave to make one call; or, with `wait` seconds, none and `limit` says which limit it is.

    `call` is how many seconds an answer took of late, where known; so many `further` calls may follow at once.
    """

    organisation: Organisation
    token: str
    wait: float = 0
    limit: str = ""
    call: float | None = None
    further: int = 0


@dataclass(frozen=True)
class Outlook:
    """What is known of an organisation's limits: calls that bulk sends may still make, and seconds.

    `call` is how long the system took to answer of late, `paused` how long nobody may call because of which `limit`
    it named; `minute_calls` and `day_calls` are what anybody may still make, `minute_frees` when there is one more.
    `per_day` are the calls of a whole day: `learned` from answers, else the most that are set. `window_left` are the
    bulk calls that the system's own window most likely has left, `window_ends` when the next begins (0: not known).
    """

    minute_left: int
    day_left: int
    day_ends: float
    call: float
    paused: float
    limit: str = ""
    minute_calls: int = 0
    day_calls: int = 0
    minute_frees: float = 0
    per_day: int = 0
    learned: bool = False
    window_left: int = 0
    window_ends: float = 0


class TargetPace(Protocol):
    """The system's limits, asked before each call: `per_minute` calls fit into a window of `minute` seconds."""

    per_minute: int
    minute: float

    def ask(self, organisation: Organisation, *, single: bool = False, spread: bool = False) -> Permit:
        """A permit, or how long to wait; `single` for a person's own send, `spread` over the window for a backlog.

        Raises redis.RedisError.
        """

    def ask_behind(self, organisation: Organisation) -> Permit:
        """A permit for what lies behind exports: it leaves them half of the minute, and of the day. Raises
        redis.RedisError.
        """

    def ask_to_look(self, organisation: Organisation, payer: str = "") -> Permit:
        """A permit for a look that no invoice waits for, on the account of a payer. Raises redis.RedisError."""

    def seconds_to_look(self, tenant: str, payer: str) -> int:
        """Seconds until the payer has looks of this day again; 0 while some are left. Raises redis.RedisError."""

    def done(self, permit: Permit) -> None:
        """The call was answered."""

    def lost(self, permit: Permit) -> None:
        """Nobody knows what became of the call."""

    def abandon(self, permit: Permit) -> None:
        """No call was made with this permit."""

    def remember(self, tenant: str, day_calls: int) -> None:
        """Calls of a day that the organisation is known to have. Raises redis.RedisError."""

    def outlook(self, tenant: str) -> Outlook:
        """What bulk sends of the organisation may do, as far as is known. Raises redis.RedisError."""

    def outlooks(self, tenants: Collection[str]) -> Mapping[str, Outlook]:
        """The same of many organisations at once. Raises redis.RedisError."""

    def tallies(self) -> Mapping[tuple[int, str], int]:
        """What became of everybody's calls of two days, by hour (of Unix time) and what. Raises redis.RedisError."""
