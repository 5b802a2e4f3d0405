"""How long an export would take, from the calls it needs and the limits that are left; pure."""

from dataclasses import dataclass

from worker.decisions.batching import MOST_INVOICES

_LOOK_UPS = 38  # copies in one query (facts §4.3), so an update of 50 takes two looks and one call
_CALL_SECONDS = 1.0


@dataclass(frozen=True)
class CallRoom:
    """Xero's limits: calls per window of `minute` seconds, and what the day still has for bulk sends."""

    per_minute: int
    minute: float
    day_left: int | None


def calls(creates: int, updates: int) -> int:
    """Calls that an export of so many new and changed invoices needs; copies are looked at before a change."""
    full, rest = divmod(updates, MOST_INVOICES)
    looks = full * _whole(MOST_INVOICES, _LOOK_UPS) + _whole(rest, _LOOK_UPS)
    return _whole(creates, MOST_INVOICES) + _whole(updates, MOST_INVOICES) + looks


def seconds(needed: int, ahead: int, room: CallRoom) -> int | None:
    """Seconds until the last of the calls, `ahead` invoices being queued before; None when the day has too few."""
    whole = needed + calls(ahead, 0)
    if room.day_left is not None and whole > room.day_left:
        return None
    windows = max(0, whole - 1) // room.per_minute
    return round(windows * room.minute + (whole - windows * room.per_minute) * _CALL_SECONDS)


def _whole(things: int, at_once: int) -> int:
    return -(-things // at_once)
