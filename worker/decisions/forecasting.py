"""How long an export would take, from the calls it needs and the limits that are left; pure."""

from dataclasses import dataclass

from events.accounting_target import CallSizes

_CALL_SECONDS = 1.0


@dataclass(frozen=True)
class CallRoom:
    """Limits: calls per window of `minute` seconds, and what the day still has for bulk sends."""

    per_minute: int
    minute: float
    day_left: int | None


def calls(creates: int, updates: int, sizes: CallSizes) -> int:
    """Calls that an export of so many new and changed invoices needs; copies are looked at before a change."""
    full, rest = divmod(updates, sizes.invoices)
    looks = full * _whole(sizes.invoices, sizes.ids) + _whole(rest, sizes.ids)
    return _whole(creates, sizes.invoices) + _whole(updates, sizes.invoices) + looks


def seconds(needed: int, ahead: int, room: CallRoom, sizes: CallSizes) -> int | None:
    """Seconds until the last of the calls, `ahead` invoices being queued before; None when the day has too few."""
    whole = needed + calls(ahead, 0, sizes)
    if room.day_left is not None and whole > room.day_left:
        return None
    windows = max(0, whole - 1) // room.per_minute
    return round(windows * room.minute + (whole - windows * room.per_minute) * _CALL_SECONDS)


def _whole(things: int, at_once: int) -> int:
    return -(-things // at_once)
