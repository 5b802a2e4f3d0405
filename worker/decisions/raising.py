"""Whether an invoice may be raised anew, and under which number; pure (exactly-once §k)."""

from datetime import datetime, timedelta

from events.accounting_target import Posted
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from worker.decisions import guard

SHOWN_WITHIN = timedelta(hours=1)  # what Xero took longer ago than this and does not show is gone
NOTHING, NOT_FOUND = "paid at 0.00", "not found"
_LONGEST = 250
_FREE_AFTER = frozenset({"deleted", "gone"})  # a voided invoice keeps its number (facts §3.2)
_STATUS = {"AUTHORISED": "approved", "SUBMITTED": "awaiting approval", "DRAFT": "a draft", "PAID": "paid"}


def may_show_yet(exported_at: datetime | None, now: datetime) -> bool:
    """Whether Xero's lists may only lag, where they do not show what it took then."""
    return exported_at is not None and now <= exported_at + SHOWN_WITHIN


def ended(copy: Posted | None, exported_at: datetime | None, now: datetime) -> str | Failure | None:
    """How the present invoice ended; why it has not; or None while nobody can say, for Xero may not show it yet."""
    if copy and copy.unreadable:
        return None
    if copy is None:
        return None if may_show_yet(exported_at, now) else "gone"
    if guard.final(copy):
        return copy.status.lower()
    if copy.status == "PAID" and not copy.paid and not copy.total:
        return NOTHING
    return Failure(Reason.STILL_IN_XERO, {"status": _STATUS.get(copy.status, copy.status.lower())})


def number(wanted: str, base: str, given: str, copy: Posted | None, how: str, generation: int) -> str:
    """The number of the next invoice: the one given, else the present one where it is free, else a further one.

    `base` is the number without what was put behind it before.
    """
    if given:
        return given
    held = copy is not None and how not in _FREE_AFTER and folded(copy.number) == folded(wanted)
    held = held or how == NOT_FOUND  # and yet Xero says that it is in use
    return f"{base[:_LONGEST]}-{generation + 1}" if held else wanted
