"""What a preview says of the whole: sums per currency, what could not be seen, what would hold it back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from events.connection_problems import ConnectionProblem
from events.export import XeroTotals
from events.money import total_of
from events.preview import InvoicePreview
from events.settings import Books
from events.snapshot import LARGEST
from worker.preview.preview_plan import KnownCompany, Plan
from worker.preview.preview_reads import PreviewCalls

_SUMS = ("subtotal", "tax", "total")
_SMALL_PLAN, _APPROVALS = "STARTER", 20  # approved sales invoices a month (facts §6.2 #21)
_MOST_MONTHS = 3


def by_currency(rows: Sequence[InvoicePreview]) -> tuple[XeroTotals, ...]:
    """What would be in Xero after the export, summed per currency; what would fail is not counted.

    A sum larger than an amount may be is left out.
    """
    going = [one.totals for one in rows if one.totals and one.verdict in ("create", "update")]
    mine = {code: [one for one in going if one.currency == code] for code in {one.currency for one in going}}
    sums = {code: [total_of(getattr(one, name) for one in each) for name in _SUMS] for code, each in mine.items()}
    return tuple(
        XeroTotals(currency=code, **dict(zip(_SUMS, found, strict=True)))
        for code, found in sorted(sums.items())
        if all(abs(amount) <= LARGEST for amount in found)
    )


def unseen(look: PreviewCalls | None) -> list[str]:
    """What could not be looked at, and why."""
    if look is None:
        return ["Nothing could be checked in Xero."]
    return [f"Not checked in Xero: {what} ({why})." for what, why in look.missed.items()]


def right_missing(known: KnownCompany, plans: Sequence[Plan], books: Books) -> str | None:
    """The Xero user who logged in may not do what the company's settings ask for (facts §7.3)."""
    approved = known.settings.invoice_status == "AUTHORISED"
    needed = "CreateApprovedInvoice" if approved else "CreateDraftInvoice"
    if books.allowed is None or needed in books.allowed or not any(plan.sent for plan in plans):
        return None
    return ConnectionProblem.NOT_PERMITTED.message(
        {"organisation": known.organisation.name if known.organisation else "the Xero organisation"}
    )


def plan_limit(look: PreviewCalls | None, plans: Sequence[Plan], books: Books) -> Iterator[str]:
    """What the smallest Xero plan would not take, by the month of the invoices' dates."""
    if look is None or books.plan != _SMALL_PLAN:
        return
    sent = [plan for plan in plans if plan.sent and plan.posting and plan.verdict == "create" and plan.invoice]
    approved = [p for p in sent if p.posting and p.posting.settings.invoice_status == "AUTHORISED"]
    months = Counter(plan.invoice.date.replace(day=1) for plan in approved if plan.invoice)
    for month, more in months.most_common(_MOST_MONTHS):
        there = look.ask("approved invoices of the month", lambda month=month: _approved(look, month))  # type: ignore[misc]
        if there is not None and there + more > _APPROVALS:
            yield (
                f"Xero's smallest plan takes {_APPROVALS} approved invoices a month: {month:%Y-%m} has {there}, "
                f"and this export adds {more}."
            )


def _approved(look: PreviewCalls, month: date) -> int:
    return look.target.approved(look.organisation, month)
