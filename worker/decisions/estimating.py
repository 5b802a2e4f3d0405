"""When a backlog will be exported, from what Xero still allows and how fast it answers; pure."""

from dataclasses import dataclass
from math import ceil

from worker.decisions.turns import MOST_FOR_BULK


@dataclass(frozen=True)
class Quota:
    """What an organisation's calls may do. Seconds; a `call` carries `size` invoices, and takes so long.

    `paused` is how long nobody may call; `day_left` are the calls bulk sends may still make in `day_ends` seconds.
    """

    call: float
    minute_left: int
    per_minute: int
    minute: float
    day_left: int
    per_day: int
    day_ends: float
    day: float
    paused: float = 0
    size: int = 50


def seconds_until_done(invoices: int, quota: Quota) -> float:
    """Seconds until so many waiting invoices are exported, whole calls, nothing else in the way."""
    calls = ceil(invoices / quota.size)
    if calls == 0:
        return 0.0
    if calls <= quota.day_left:
        return quota.paused + _span(calls, quota)
    days, last = divmod(calls - quota.day_left - 1, max(1, quota.per_day))
    return quota.day_ends + days * quota.day + _span(last + 1, quota)


def _span(calls: int, quota: Quota) -> float:
    """Side by side where Xero is slow, and never more than the minute allows."""
    at_once = ceil(calls / MOST_FOR_BULK) * quota.call
    by_limit = max(0, calls - quota.minute_left) / quota.per_minute * quota.minute
    return max(at_once, by_limit + quota.call)
