"""The overwrite guard: what Xero's copy says before an update may go; pure (DESIGN §3 (f))."""

from collections.abc import Callable, Sequence

from events.accounting_target import Element, Posted
from events.failures import Failure
from events.reasons import Reason

Print = Callable[[Element], str]
Carries = Callable[[Element, Element], bool]
GONE = Failure(Reason.GONE_FROM_XERO)
_FINAL = frozenset({"VOIDED", "DELETED"})


def objection(
    copy: Posted | None, seen: str | None, unknown: Sequence[Element], *, fingerprint: Print, carries: Carries
) -> Failure | None:
    """Why the invoice must not be overwritten, or None.

    `seen` is the fingerprint of the copy as we last saw it; `unknown` are updates of ours whose outcome we
    never learnt: a copy that carries one of them was changed by nobody else.
    """
    if copy is None:
        return GONE
    if copy.status in _FINAL:
        return Failure(Reason.INVOICE_FINALISED)
    if copy.status == "PAID" or copy.paid:
        return Failure(Reason.PAID_IN_XERO)
    if seen is None or fingerprint(copy.copy) == seen or any(carries(copy.copy, one) for one in unknown):
        return None
    return Failure(Reason.EDITED_IN_XERO)
