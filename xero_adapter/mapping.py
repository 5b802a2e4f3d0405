"""An invoice in Xero's words, by the table of invoice fields; pure (facts §8)."""

import json
from collections.abc import Sequence

from events.accounting_target import Element, Posting, Unmappable
from events.failures import Failure
from events.invoice import Invoice
from events.money import ZERO, plain, total_of
from events.reasons import Reason
from xero_adapter import invoice_fields, line_amounts
from xero_adapter.json_values import sent_by
from xero_adapter.wanted import WantedInvoice, WantedLine


def element(posting: Posting, link_base: str, status: str | None = None) -> Element:
    """The `Invoice` element; `status` is the invoice's in Xero, where it is there already.

    Raises Unmappable with a reason a person understands.
    """
    invoice, settings = posting.invoice, posting.settings
    _refuse_negative(invoice)
    whole = WantedInvoice(posting, link_base, status or settings.invoice_status)
    mapped: Element = {"Type": "ACCREC", **sent_by(invoice_fields.INVOICE, whole)}
    lines = [
        WantedLine(number, line, line_amounts.said_of(line), settings, taxed=invoice.amounts_are != "no_tax")
        for number, line in enumerate(invoice.lines, start=1)
    ]
    mapped["LineItems"] = [sent_by(invoice_fields.LINE, line) for line in lines]
    return mapped


def freeze(elements: Sequence[Element]) -> bytes:
    """The exact body of a create, byte for byte what the SDK sends when it is given these elements back."""
    return json.dumps({"Invoices": list(elements)}).encode()


def _refuse_negative(invoice: Invoice) -> None:
    """A total below zero, as far as the lines tell it: what an item brings is not known here."""
    amounts = [line.amount for line in invoice.lines]
    total = total_of(amount or ZERO for amount in amounts)
    if total < 0 and None not in amounts:
        raise Unmappable(Failure(Reason.NEGATIVE_TOTAL, {"total": f"{plain(total)} {invoice.currency}"}))
