"""When a backlog will be exported, from what Xero still allows and how fast it answers; pure.

How long an export would take, from the calls it needs and the limits that are left; pure.
Percentiles of what was measured; pure.
How often the progress of a request is told; pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from events.accounting_target import CallSizes
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


_CALL_SECONDS = 1.0


@dataclass(frozen=True)
class CallRoom:
    """Limits: calls per window of `minute` seconds, and what the day still has for bulk sends."""

    per_minute: int
    minute: float
    day_left: int | None


def calls_needed(creates: int, updates: int, sizes: CallSizes) -> int:
    """Calls that an export of so many new and changed invoices needs; copies are looked at before a change."""
    full, rest = divmod(updates, sizes.invoices)
    looks = full * _whole(sizes.invoices, sizes.ids) + _whole(rest, sizes.ids)
    return _whole(creates, sizes.invoices) + _whole(updates, sizes.invoices) + looks


def seconds_needed(needed: int, ahead: int, room: CallRoom, sizes: CallSizes) -> int | None:
    """Seconds until the last of the calls, `ahead` invoices being queued before; None when the day has too few."""
    whole = needed + calls_needed(ahead, 0, sizes)
    if room.day_left is not None and whole > room.day_left:
        return None
    windows = max(0, whole - 1) // room.per_minute
    return round(windows * room.minute + (whole - windows * room.per_minute) * _CALL_SECONDS)


def _whole(things: int, at_once: int) -> int:
    return -(-things // at_once)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The least value that this share of the values, which are in order, does not exceed; None without values."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


_STEPS = 10
_SECONDS = 30.0


def worth_telling(total: int, answered: int, told: int, told_at: datetime | None, now: datetime) -> bool:
    """Whether `answered` of `total` is news after `told`: a tenth more, or any more after half a minute.

    The first answers are always news; the last ones are not, `completed` says them.
    """
    if answered >= total or answered <= told:
        return False
    if told_at is None or (answered - told) * _STEPS >= total:
        return True
    return now - told_at >= timedelta(seconds=_SECONDS)
