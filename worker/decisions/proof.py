"""Proof of match: what Xero has, compared with what the host meant; pure."""

from decimal import Decimal

from events.accounting_target import Posted
from events.changes import Picture
from events.invoice import Invoice, folded
from worker.decisions import comparing
from worker.decisions.checks import net_of_lines


def differences(invoice: Invoice, contact_id: str, posted: Posted) -> tuple[str, ...]:
    """Each difference in contact, number, currency, date and sums, with both figures; empty means verified."""
    found = []
    if folded(posted.number) != folded(invoice.number):
        found.append(f"number {posted.number} in Xero, {invoice.number} in CrewCard")
    if contact_id and posted.contact_id and posted.contact_id != contact_id:
        name = f": {posted.contact_name}" if posted.contact_name else ""
        found.append(f"another contact in Xero than the client's{name}")
    if posted.currency and posted.currency != invoice.currency:
        found.append(f"currency {posted.currency} in Xero, {invoice.currency} in CrewCard")
    if posted.date and posted.date != invoice.date.isoformat():
        found.append(f"dated {posted.date} in Xero, {invoice.date.isoformat()} in CrewCard")
    for name, ours, theirs in _sums(invoice, posted):
        if ours is not None and ours != theirs:
            found.append(f"{name} {theirs:.2f} in Xero, {ours:.2f} in CrewCard")
    return tuple(found)


def of_older(sent: Picture, copy: Picture) -> tuple[str, ...]:
    """The same for content that is not kept any more: what was sent, compared with what Xero has."""
    return tuple(
        f"{change.name} {change.after or 'none'} in Xero, {change.before or 'none'} in CrewCard"
        for change in comparing.changes(sent, copy)
    )


def _sums(invoice: Invoice, posted: Posted) -> tuple[tuple[str, Decimal | None, Decimal], ...]:
    stated = invoice.totals
    lines = net_of_lines(invoice)
    subtotal = stated.subtotal if stated and stated.subtotal is not None else None
    if subtotal is None and invoice.amounts_are != "inclusive":
        subtotal = lines
    total = stated.total if stated and stated.total is not None else None
    if total is None and invoice.amounts_are != "exclusive":
        total = lines
    return (
        ("subtotal", subtotal, posted.subtotal),
        ("tax", stated.tax if stated else None, posted.tax),
        ("total", total, posted.total),
    )
