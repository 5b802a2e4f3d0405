"""Is what Xero shows ours? Judgements about uncertain invoices; pure (exactly-once §e, §f)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.accounting_target import AccountingTarget, Element, Posted, Rejected
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from store.tables import Attempt, Export
from worker.export.results import Result

Sent = Mapping[tuple[str, str], Element]
_GONE = frozenset({"VOIDED", "DELETED"})
_FREES_ITS_NUMBER = "DELETED"  # a voided one keeps it (facts §3.2)


@dataclass(frozen=True)
class Unclear:
    """What holds the number may be what this attempt of ours left there; Xero does not say so yet."""

    attempt: Attempt


def of_create(
    target: AccountingTarget,
    export: Export,
    attempts: Sequence[Attempt],
    found: Mapping[str, Sequence[Posted]],
    sent: Sent,
    ours: frozenset[str],
) -> Result | Unclear | None:
    """Ours → adopted, live before voided and as the attempt whose content it carries; another's → refused, naming it.

    None when nothing in Xero holds any number that was sent; Unclear when what holds a number may be ours. What was
    deleted holds no number, and an earlier invoice of the same export that lists still show alive has ended.
    """
    shown = [(attempt, one) for attempt in reversed(attempts) for one in found.get(folded(attempt.number), ())]
    mine, odd = [], []
    for attempt, posted in shown:
        element = sent.get((attempt.batch_id, attempt.number))
        if posted.unreadable:
            odd += [attempt] if posted.unmarked or is_ours(target, export, posted, element, made_by_us=False) else []
        elif is_ours(target, export, posted, element, made_by_us=posted.target_id in ours):
            carried = element is not None and target.carries(posted.copy, element)
            mine.append((posted.status in _GONE, not carried, attempt, posted))
    if mine:
        _, _, attempt, posted = min(mine, key=lambda one: one[:2])
        return Result(export, attempt, posted, "adopted")
    if odd:
        return Unclear(odd[0])
    holders = [(attempt, posted) for attempt, posted in shown if _holds_its_number(export, posted)]
    if not holders:
        return _refused_for_nothing(export, attempts, [posted for _, posted in shown])
    open_ones = [attempt for attempt in attempts if attempt.reason != Reason.NUMBER_TAKEN.code]
    for attempt, posted in holders:
        if attempt in open_ones and posted.unmarked and _is_like(target, posted, _sent(sent, attempt)):
            return Unclear(attempt)  # neither mark nor app tells; perhaps Xero does not show them
    return _clash(export, *min(holders, key=_is_gone))


def _holds_its_number(export: Export, posted: Posted) -> bool:
    if posted.status == _FREES_ITS_NUMBER:
        return False
    earlier = posted.mark == (export.company, export.invoice) and posted.generation < export.generation
    return not earlier or posted.status in _GONE


def _sent(sent: Sent, attempt: Attempt) -> Element | None:
    return sent.get((attempt.batch_id, attempt.number))


def _is_gone(shown: tuple[Attempt, Posted]) -> bool:
    return shown[1].status in _GONE


def _clash(export: Export, attempt: Attempt, posted: Posted) -> Result:
    other = posted.contact_name or f"a {posted.status.lower()} invoice"
    failure = Failure(Reason.NUMBER_TAKEN, {"other": other, "other_id": posted.target_id}, attempt.said)
    return Result(export, attempt, Rejected(attempt.number, failure))


def is_ours(
    target: AccountingTarget, export: Export, posted: Posted, sent: Element | None, *, made_by_us: bool
) -> bool:
    """By our mark; where Xero shows no mark at all, by our app, the contact, date and currency that were sent."""
    if not posted.unmarked:
        mine = posted.mark == (export.company, export.invoice)
        return mine and posted.generation == export.generation
    return made_by_us and _is_like(target, posted, sent)


def _is_like(target: AccountingTarget, posted: Posted, sent: Element | None) -> bool:
    return sent is not None and target.is_like(posted, sent)


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


def _refused_for_nothing(
    export: Export, attempts: Sequence[Attempt], ended: Sequence[Posted]
) -> Result | Unclear | None:
    """Xero said the number is taken and shows nobody who has it: an earlier try of ours may, which it shows later.

    Where there was none it is another's: one clear failure, never a loop.
    """
    last = attempts[-1] if attempts else None
    if last is None or last.reason != Reason.NUMBER_TAKEN.code:
        return None
    same = [one for one in attempts if folded(one.number) == folded(last.number)]
    earlier = next((one for one in same if one.reason != Reason.NUMBER_TAKEN.code), None)
    if earlier:
        return Unclear(earlier)
    if ended:
        return _clash(export, last, ended[0])
    failure = Failure(Reason.NUMBER_TAKEN, {"other": "one that Xero does not show, perhaps deleted"}, last.said)
    return Result(export, last, Rejected(last.number, failure))
