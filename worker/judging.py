"""Is what Xero shows ours? Judgements about uncertain invoices; pure (DESIGN §3 (e), (f))."""

from collections.abc import Mapping, Sequence
from typing import Any

from events.accounting_target import AccountingTarget, Element, Posted, Rejected
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from store.tables import Attempt, Export
from worker.recording import Result

Sent = Mapping[tuple[str, str], Element]
_GONE = frozenset({"VOIDED", "DELETED"})


def of_create(
    export: Export,
    attempts: Sequence[Attempt],
    found: Mapping[str, Sequence[Posted]],
    sent: Sent,
    ours: frozenset[str] = frozenset(),
) -> Result | None:
    """Ours, live before voided → adopted; another's → refused, naming it; nowhere → None."""
    clash: tuple[Attempt, Posted] | None = None
    for attempt in reversed(attempts):
        for posted in sorted(found.get(folded(attempt.number), ()), key=lambda one: one.status in _GONE):
            element = sent.get((attempt.batch_id, attempt.number))
            if is_ours(export, posted, element, made_by_us=posted.target_id in ours):
                return Result(export, attempt, posted, "adopted")
            clash = clash or (attempt, posted)
    if clash is None:
        return _refused_for_nothing(export, attempts)
    attempt, posted = clash
    other = posted.contact_name or f"a {posted.status.lower()} invoice"
    facts = {"other": other, "other_id": posted.target_id}
    return Result(export, attempt, Rejected(attempt.number, Failure(Reason.NUMBER_TAKEN, facts)))


def is_ours(export: Export, posted: Posted, sent: Element | None, *, made_by_us: bool) -> bool:
    """By our mark; where Xero shows no mark at all, by our app, the contact, date and currency that were sent."""
    if not posted.unmarked:
        return posted.mark == (export.company, export.invoice)
    if not made_by_us or sent is None:
        return False
    contact: Any = sent.get("Contact") or {}
    same = (contact.get("ContactID"), sent.get("Date"), sent.get("CurrencyCode"))
    return same == (posted.contact_id, posted.date, posted.currency)


def of_update(
    target: AccountingTarget,
    export: Export,
    attempts: Sequence[Attempt],
    found: Mapping[str, Posted],
    sent: Sent,
) -> Result | None:
    """Arrived → recorded as updated; untouched since → None, it goes again; anything else the guard refuses then."""
    copy = found.get(export.xero_invoice_id or "")
    for attempt in reversed(attempts):
        element = sent.get((attempt.batch_id, export.xero_invoice_id or ""))
        if copy is not None and element is not None and target.carries(copy.copy, element):
            return Result(export, attempt, copy, "updated")
    return None


def _refused_for_nothing(export: Export, attempts: Sequence[Attempt]) -> Result | None:
    """Xero said the number is taken and yet shows nobody who has it: one clear failure, never a loop."""
    last = attempts[-1] if attempts else None
    if last is None or last.reason != Reason.NUMBER_TAKEN.code:
        return None
    failure = Failure(Reason.NUMBER_TAKEN, {"other": "one that Xero does not show, perhaps deleted"}, last.said)
    return Result(export, last, Rejected(last.number, failure))
