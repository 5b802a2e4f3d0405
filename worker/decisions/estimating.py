"""When a backlog will be exported, from what Xero still allows and how fast it answers; pure.

How long an export would take, from the calls it needs and the limits that are left; pure.
Percentiles of what was measured; pure.
How often the progress of a request is told; pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from events.accounting_target import CallSizes
from worker.decisions.turns import MOST_FOR_BULK


@dataclass(frozen=True)
class Quota:
    """What an organisation's calls may do. Seconds; a `call` carries `size` invoices, and takes so long.

    `paused` is how long nobody may call; `day_left` are the calls bulk sends may still make in `day_ends` seconds.
    `frees` is when the next minute begins; a minute from now, if nobody knows.
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
    frees: float = 0


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
    """Window by window: half of its calls go as quickly as they are answered, the others over the rest of it.

    The last few of a backlog are not spread (`turns.is_long`).
    """
    begins, room, closes = 0.0, quota.minute_left, quota.frees or quota.minute
    while calls > room:
        begins, calls = max(closes, begins + _in_window(room, room, closes - begins, quota)), calls - room
        room, closes = quota.per_minute, closes + quota.minute
    few = min(calls, MOST_FOR_BULK)
    return begins + _in_window(calls - few, room, closes - begins, quota) + _at_once(few, quota)


def _in_window(calls: int, room: int, seconds: float, quota: Quota) -> float:
    """Seconds until so many calls are answered, while the window has `room` for more and so many seconds to go."""
    quick = max(0, room - quota.per_minute // 2)
    spread = max(0, calls - quick)
    gap = max(0.0, seconds - _at_once(quick, quota) - quota.minute / 20) / max(1, room - quick)
    return _at_once(calls - spread, quota) + max(_at_once(spread, quota), (spread - 0.5) * gap if spread else 0.0)


def _at_once(calls: int, quota: Quota) -> float:
    return ceil(calls / MOST_FOR_BULK) * quota.call


_SIDE_BY_SIDE = MOST_FOR_BULK  # answers of calls that are made side by side come together
_FEWEST_ANSWERS = 4
_USUAL, _QUICK = 0.4, 0.25  # of whole windows, half of whose calls are spread, a quarter are quick ones for sure
_FEW_ANSWERS, _QUICKEST = 3 * MOST_FOR_BULK, 0.75
_SPREAD_LEAST, _SPREAD_MOST = 0.6, 1.25
_LEAST_SPREAD, _MOST_SPREAD = 0.1, 0.5


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until a bulk is done: most likely, and between which two it should lie.

    `each` is what one invoice takes while nothing holds the bulk back.
    """

    likely: float
    soonest: float
    latest: float
    each: float = 0.0


def time_left(answers: Sequence[tuple[float, int]], waiting: int, now: float) -> TimeLeft | None:
    """How long the rest of a bulk takes at the speed of its own answers; None while these are too few.

    `answers` are moments (seconds) with how many invoices were answered then, in order. What several answers in a row
    took is measured, at the quick half of them: pauses count for little, and calls side by side are no bursts.
    """
    if len(answers) < _FEWEST_ANSWERS:
        return None
    wide = max(1, min(_SIDE_BY_SIDE, len(answers) // 3))
    moments, counts = [at for at, _ in answers], [count for _, count in answers]
    took = sorted(
        (moments[place] - moments[place - wide]) / sum(counts[place - wide + 1 : place + 1])
        for place in range(wide, len(answers))
    )
    each = percentile(took, _USUAL) or 0.0
    idle = min(now - moments[-1], each * wide * max(counts))  # what is on its way was begun before
    likely = max(0.0, waiting * each - idle)
    spread = min(_MOST_SPREAD, max(_LEAST_SPREAD, len(took) ** -0.5))
    return TimeLeft(likely, likely * (1 - spread), likely * (1 + spread), percentile(took, _QUICK) or 0.0)


def within_limits(measured: TimeLeft, answers: int, invoices: int, quota: Quota) -> TimeLeft:
    """How long so many invoices take at the speed that was measured by so many answers, where Xero's limits allow it.

    A few answers that came side by side look quicker than Xero is.
    """
    least = replace(quota, call=quota.call * _QUICKEST if answers < _FEW_ANSWERS else 0.0)
    if seconds_until_done(invoices, replace(quota, call=0.0)):
        own = measured.each * quota.size
        pace = 0.95 * quota.minute / max(1, quota.per_minute - quota.per_minute // 2)  # of calls that are spread
        is_spread = _SPREAD_LEAST * pace <= own <= _SPREAD_MOST * pace
        call = quota.call if is_spread else max(least.call, own * MOST_FOR_BULK)
        likely = seconds_until_done(invoices, replace(quota, call=call))
        return TimeLeft(likely, 0.9 * likely, 1.25 * likely, measured.each)
    floor = seconds_until_done(invoices, least)
    return TimeLeft(
        max(floor, measured.likely),
        max(0.9 * floor, measured.soonest),
        max(1.25 * floor, measured.latest),
        measured.each,
    )


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


ALLOCATED_TOGETHER = 5  # credit notes, and their invoices, are looked at in one call each


def allocation_calls(credit_notes: int) -> int:
    """Calls that it takes to credit so many invoices, each allocated at its first try."""
    return 2 * _whole(credit_notes, ALLOCATED_TOGETHER) + credit_notes


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
