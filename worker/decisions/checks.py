"""What can be said of an invoice without asking anybody; pure."""

from decimal import Decimal

from events.failures import Failure
from events.invoice import Invoice
from events.money import CENT, plain, total_of
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
