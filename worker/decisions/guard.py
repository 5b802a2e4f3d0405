"""The overwrite guard: what Xero's copy says before an update may go; pure (exactly-once §f).

Whether an invoice may be raised anew, and under which number; pure (exactly-once §k).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from events.accounting_target import Answer, Element, Posted, Rejected
from events.changes import Change, in_short
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason

Print = Callable[[Element], str]
Carries = Callable[[Element, Element], bool]
GONE = Failure(Reason.GONE_FROM_XERO)
_FINAL = frozenset({"VOIDED", "DELETED"})


def objection(
    copy: Posted | None,
    seen: str | None,
    unknown: Sequence[Element],
    *,
    fingerprint: Print,
    carries: Carries,
    edits: Sequence[Change] | None = None,
) -> Failure | None:
    """Why the invoice must not be overwritten, with what was found in Xero; or None.

    `seen` is the fingerprint of the copy as we last saw it, `edits` how it differs from the picture kept of it
    (None where none was kept). `unknown` are updates of ours whose outcome we never learnt: a copy that carries
    one of them was changed by nobody else.
    """
    if copy is None:
        return GONE
    settled = final(copy) or _paid(copy)
    if settled:
        return settled
    untouched = fingerprint(copy.copy) == seen if edits is None else not edits
    if (seen is None and edits is None) or untouched or any(carries(copy.copy, one) for one in unknown):
        return None
    return Failure(Reason.EDITED_IN_XERO, {"edits": in_short(tuple(edits))} if edits else {})


def final(copy: Posted) -> Failure | None:
    """Why nothing can be done to a copy that is voided or deleted."""
    if copy.status in _FINAL:
        return Failure(Reason.INVOICE_FINALISED, {"status": copy.status.lower()})
    return None


def _paid(copy: Posted) -> Failure | None:
    """Why a copy with a payment is left alone. Xero marks one of 0.00 paid by itself, without any payment."""
    if copy.status == "PAID" and not copy.paid and not copy.total:
        return Failure(Reason.ZERO_MARKED_PAID)
    if copy.status == "PAID" or copy.paid:
        return Failure(Reason.PAID_IN_XERO, {"payment": _payment(copy)})
    return None


def _payment(copy: Posted) -> str:
    if copy.status == "PAID" or copy.paid >= copy.total:
        return "paid in full"
    return f"{copy.paid:.2f} of {copy.total:.2f} {copy.currency}".strip()


def in_other_words(answer: Answer | None) -> Answer | None:
    """Xero's answer to an update: a lock date means the invoice as it is, whatever date it should get."""
    if not isinstance(answer, Rejected) or answer.failure.reason is not Reason.PERIOD_LOCKED:
        return answer
    return replace(answer, failure=replace(answer.failure, reason=Reason.LOCKED_IN_XERO))


SHOWN_WITHIN = timedelta(hours=1)  # what Xero took longer ago than this and does not show is gone
NOTHING, NOT_FOUND = "paid at 0.00", "not found"
_LONGEST = 250
_FREE_AFTER = frozenset({"deleted", "gone"})  # a voided invoice keeps its number (facts §3.2)
_STATUS = {"AUTHORISED": "approved", "SUBMITTED": "awaiting approval", "DRAFT": "a draft", "PAID": "paid"}


def may_show_yet(exported_at: datetime | None, now: datetime) -> bool:
    """Whether Xero's lists may only lag, where they do not show what it took then."""
    return exported_at is not None and now <= exported_at + SHOWN_WITHIN


def ended_generation(copy: Posted | None, exported_at: datetime | None, now: datetime) -> str | Failure | None:
    """How the present invoice ended; why it has not; or None while nobody can say, for Xero may not show it yet."""
    if copy and copy.unreadable:
        return None
    if copy is None:
        return None if may_show_yet(exported_at, now) else "gone"
    if final(copy):
        return copy.status.lower()
    if copy.status == "PAID" and not copy.paid and not copy.total:
        return NOTHING
    return Failure(Reason.STILL_IN_XERO, {"stands": _STATUS.get(copy.status, copy.status.lower())})


def raised_number(wanted: str, base: str, given: str, copy: Posted | None, how: str, generation: int) -> str:
    """The number of the next invoice: the one given, else the present one where it is free, else a further one.

    `base` is the number without what was put behind it before.
    """
    if given:
        return given
    held = copy is not None and how not in _FREE_AFTER and folded(copy.number) == folded(wanted)
    held = held or how == NOT_FOUND  # and yet Xero says that it is in use
    return f"{base[:_LONGEST]}-{generation + 1}" if held else wanted
