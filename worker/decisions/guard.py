"""The overwrite guard: what Xero's copy says before an update may go; pure (exactly-once §f)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from events.accounting_target import Answer, Element, Posted, Rejected
from events.changes import Change, in_short
from events.failures import Failure
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
