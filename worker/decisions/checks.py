"""What can be said of an invoice without asking anybody; pure."""

from decimal import Decimal

from events.failures import Failure
from events.invoice import Invoice
from events.money import CENT, ZERO, gross_amount, plain, rounded, total_of
from events.reasons import Reason


def net_of_lines(invoice: Invoice) -> Decimal | None:
    """Sum of the line amounts, as the host states them (tax in or out as `amounts_are` says).

    None where an item of Xero's decides what a line comes to.
    """
    amounts = [line.amount for line in invoice.lines]
    known = [amount for amount in amounts if amount is not None]
    return total_of(known) if len(known) == len(amounts) else None


def problem_with(invoice: Invoice) -> Failure | None:
    """Why this invoice cannot be exported whatever Xero says, or None.

    The host's own totals may differ from its lines by a cent per line, the dust of another way of rounding.
    """
    return _of_discounts(invoice) or _of_totals(invoice)


def _of_discounts(invoice: Invoice) -> Failure | None:
    """A discount is a rate or an amount, not below zero and not above its line (facts §6.2 #51)."""
    for number, line in enumerate(invoice.lines, start=1):
        amount, facts = line.discount_amount, {"line_said": line.description or line.item_code or ""}
        if amount is not None and amount < ZERO:
            return Failure(Reason.DISCOUNT_BELOW_ZERO, {**facts, "discount": plain(amount)}, line=number)
        if amount and line.discount_rate:
            both = {"discount": plain(amount), "rate": plain(line.discount_rate)}
            return Failure(Reason.DISCOUNT_TWICE, {**facts, **both}, line=number)
        if amount and line.quantity is not None and line.unit_amount is not None:
            gross = rounded(gross_amount(line.quantity, line.unit_amount))
            if gross < ZERO or (line.amount or ZERO) < ZERO:
                return Failure(Reason.DISCOUNT_TOO_LARGE, {**facts, "discount": plain(amount)}, line=number)
    return None


def _of_totals(invoice: Invoice) -> Failure | None:
    stated = invoice.totals
    lines = net_of_lines(invoice)
    if stated is None or lines is None:
        return None
    dust = CENT * len(invoice.lines)
    if stated.subtotal is not None and invoice.amounts_are != "inclusive" and abs(lines - stated.subtotal) > dust:
        return _do_not_add_up(lines, stated.subtotal)
    if stated.total is not None:
        tax = stated.tax or Decimal(0)
        whole = lines if invoice.amounts_are != "exclusive" else lines + tax
        if abs(whole - stated.total) > dust and (invoice.amounts_are != "exclusive" or stated.tax is not None):
            return _do_not_add_up(whole, stated.total)
    return None


def _do_not_add_up(lines: Decimal, stated: Decimal) -> Failure:
    return Failure(Reason.TOTALS_DO_NOT_ADD_UP, {"lines": plain(lines), "stated": plain(stated)})
