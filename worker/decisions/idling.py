"""Whether a company with open work moves, and what it waits for if it does not; pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

WaitsFor = Literal["nothing", "limit", "offline", "trouble", "login", "pause"]
REST = "(other)"


def waits_for(
    *,
    paused: bool,
    connection: str | None,
    lane: str | None,
    cause: str | None,
    blocked_until: datetime | None,
    limit_until: datetime | None = None,
    now: datetime,
) -> WaitsFor:
    """What holds a company's work: a person (pause, login) before Xero (limit, offline, trouble), or nothing.

    `connection` and `lane` are states, None where there is none; `cause` is why the lane is blocked. Until
    `limit_until` bulk sends wait for a limit, by our own books, while a person's own may go.
    """
    if paused:
        return "pause"
    if connection != "connected" or lane not in (None, "open"):
        return "login"
    if blocked_until and blocked_until > now:
        return "limit" if cause == "limit" else "offline" if cause == "offline" else "trouble"
    return "limit" if limit_until and limit_until > now else "nothing"


def worst(ages: Iterable[tuple[str, float]], most: int) -> tuple[list[str], list[str]]:
    """The keys with the highest figures, the highest first, and all the others: no page has room for everybody."""
    ordered = [key for key, _ in sorted(ages, key=lambda one: (-one[1], one[0]))]
    return ordered[:most], ordered[most:]
