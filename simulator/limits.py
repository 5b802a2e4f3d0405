"""Xero's limits: fixed windows per organisation and app that begin with a call, calls in flight (facts §1)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from simulator.refusals import No
from simulator.wire import Reply, as_text

Limit = Literal["minute", "day", "concurrent", "appminute"]
PROBLEMS: dict[Limit, No] = {
    "minute": No.MINUTE,
    "day": No.DAY,
    "concurrent": No.CONCURRENT,
    "appminute": No.APP_MINUTE,
}
SEEN_MINUTE, SEEN_DAY = 30, 66_975  # seconds; the day's is one that was seen (facts §1.2)


@dataclass
class Rules:
    """How many calls are allowed. `on` false: all are, and the headers stay at full."""

    on: bool = True
    per_minute: int = 60
    per_day: int = 5000
    per_day_starter: int = 1000
    at_once: int = 5
    per_app_minute: int = 10_000


@dataclass
class Window:
    """A fixed window: when it began (seconds of the simulator's time) and the calls in it."""

    began: float = -1e18
    calls: int = 0
    used_up: bool = False

    def roll(self, now: float, length: float) -> None:
        """Begin anew when the window is over; it begins with a call, not with the clock's minute."""
        if now - self.began >= length:
            self.began, self.calls, self.used_up = now, 0, False

    def left(self, now: float, length: float) -> int:
        """Whole seconds until the window is over, at least 1."""
        return max(1, math.ceil(self.began + length - now))


@dataclass(frozen=True)
class Lane:
    """Whose limits a call counts against, and how long the windows are in seconds."""

    tenant: str
    client_id: str
    starter: bool = False
    free: bool = False
    minute: float = 60
    day: float = 86_400
    per_day: int | None = None

    @property
    def key(self) -> str:
        """The organisation and app in one word."""
        return f"{self.tenant}/{self.client_id}"


@dataclass
class Limits:
    """The books of every organisation's and app's calls."""

    rules: Rules = field(default_factory=Rules)
    minutes: dict[str, Window] = field(default_factory=dict)
    days: dict[str, Window] = field(default_factory=dict)
    app_minutes: dict[str, Window] = field(default_factory=dict)
    in_flight: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def flight(self, lane: Lane) -> Iterator[int]:
        """While the call is under way; gives how many are, this one included."""
        self.in_flight[lane.key] = self.in_flight.get(lane.key, 0) + 1
        try:
            yield self.in_flight[lane.key]
        finally:
            self.in_flight[lane.key] -= 1
            if not self.in_flight[lane.key]:
                del self.in_flight[lane.key]

    def take(self, lane: Lane, at_once: int, now: float) -> Limit | None:
        """Count the call, or name the limit that it meets; a refused call is not counted."""
        minute, day, app = self._windows(lane, now)
        if day.used_up or not self.rules.on:
            return "day" if day.used_up else None
        if at_once > self.rules.at_once:
            return "concurrent"
        if app.calls >= self.rules.per_app_minute:
            return "appminute"
        if not lane.free:
            if day.calls >= self._per_day(lane):
                return "day"
            if minute.calls >= self.rules.per_minute:
                return "minute"
            minute.calls += 1
            day.calls += 1
        app.calls += 1
        return None

    def use_up_day(self, lane: Lane, seconds: float, now: float) -> None:
        """A fault: no call is left of the day, which ends in so many seconds, limits on or off."""
        _, day, _ = self._windows(lane, now)
        day.began, day.calls, day.used_up = now + seconds - lane.day, self._per_day(lane), True

    def headers(self, lane: Lane, now: float) -> dict[str, str]:
        """What remains in each window, on every answer (facts §1.2)."""
        minute, day, app = self._windows(lane, now)
        return {
            "X-MinLimit-Remaining": str(max(0, self.rules.per_minute - minute.calls)),
            "X-DayLimit-Remaining": str(max(0, self._per_day(lane) - day.calls)),
            "X-AppMinLimit-Remaining": str(max(0, self.rules.per_app_minute - app.calls)),
        }

    def refusal(self, lane: Lane, limit: Limit, now: float, *, unclear: bool, minute: int | None = None) -> Reply:
        """The 429. Retry-After comes with minute and day; elsewhere only where `unclear` says so (facts §1.2).

        `minute` is the wait of a minute that only a fault used up.
        """
        minutes, day, app = self._windows(lane, now)
        waits = {
            "minute": minute or minutes.left(now, lane.minute),
            "day": day.left(now, lane.day),
            "appminute": app.left(now, lane.minute) if unclear else None,
            "concurrent": 1 if unclear else None,
        }
        wait = waits[limit]
        headers = {"Retry-After": str(wait)} if wait else {}
        return as_text("", 429, headers={"X-Rate-Limit-Problem": PROBLEMS[limit](), **headers})

    def _per_day(self, lane: Lane) -> int:
        return lane.per_day or (self.rules.per_day_starter if lane.starter else self.rules.per_day)

    def _windows(self, lane: Lane, now: float) -> tuple[Window, Window, Window]:
        found = (
            self.minutes.setdefault(lane.key, Window()),
            self.days.setdefault(lane.key, Window()),
            self.app_minutes.setdefault(lane.client_id, Window()),
        )
        for window, length in zip(found, (lane.minute, lane.day, lane.minute), strict=True):
            window.roll(now, length)
        return found
