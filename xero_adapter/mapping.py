"""An invoice in Xero's words; pure (xero/facts.md §8)."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from events.accounting_target import Element, Posting, Unmappable
from events.failures import Failure
from events.invoice import Invoice, LineItem
from events.money import CENT, UNIT, ZERO, plain, rounded, total_of
from events.reasons import Reason
from events.settings import CompanySettings
from xero_adapter import links

_AMOUNTS_ARE = {"exclusive": "Exclusive", "inclusive": "Inclusive", "no_tax": "NoTax"}


def element(posting: Posting, link_base: str) -> Element:
    """The `Invoice` element for a create. Raises Unmappable with a reason a person understands."""
    invoice, settings = posting.invoice, posting.settings
    _refuse_negative(invoice)
    base = links.usable_base(invoice.link, link_base)
    mapped: Element = {
        "Type": "ACCREC",
        "InvoiceNumber": invoice.number,
        "Contact": {"ContactID": posting.contact_id},
        "Date": invoice.date.isoformat(),
        "DueDate": _due(invoice, settings).isoformat(),
        "CurrencyCode": invoice.currency,
        "LineAmountTypes": _AMOUNTS_ARE[invoice.amounts_are],
        "Status": settings.invoice_status,
        "Url": links.mark(base, posting.lane.company, invoice.id),
        "LineItems": [_line(number, line, settings) for number, line in enumerate(invoice.lines, start=1)],
    }
    if invoice.reference:
        mapped["Reference"] = invoice.reference
    if settings.branding_theme:
        mapped["BrandingThemeID"] = settings.branding_theme.id
    return mapped


def freeze(elements: Sequence[Element]) -> bytes:
    """The exact body of a create, byte for byte what the SDK sends when it is given these elements back."""
    return json.dumps({"Invoices": list(elements)}).encode()


def _line(number: int, line: LineItem, settings: CompanySettings) -> Element:
    if line.description is None or line.quantity is None or line.unit_amount is None:
        problem = "a line without description, quantity or unit amount cannot be exported yet"
        raise Unmappable(Failure(Reason.INVOICE_UNREADABLE, {"problem": problem}, line=number))
    mapped: dict[str, Any] = {
        "Description": line.description,
        "Quantity": _number(line.quantity, UNIT),
        "UnitAmount": _number(line.unit_amount, UNIT),
    }
    defaults = settings.of_kind(line.kind)
    account = line.account_code or defaults.account_code
    if account:
        mapped["AccountCode"] = account
    elif settings.invoice_status != "DRAFT" and not line.item_code:
        raise Unmappable(Failure(Reason.ACCOUNT_MISSING, {"line_said": line.description}, line=number))
    tax = line.tax_type or defaults.tax_type
    if tax:
        mapped["TaxType"] = tax
    if line.item_code:
        mapped["ItemCode"] = line.item_code
    mapped |= _discount(line)
    tracking = line.tracking or settings.tracking
    if tracking:
        mapped["Tracking"] = [{"Name": t.category, "Option": t.option} for t in tracking]
    return mapped


def _discount(line: LineItem) -> dict[str, float]:
    """The discount as it is sent; one that rounds to nothing is left out, because Xero refuses 0 (§6.2 #22)."""
    if line.discount_rate and rounded(line.discount_rate, UNIT):
        return {"DiscountRate": _number(line.discount_rate, UNIT)}
    if not line.discount_rate and line.discount_amount and rounded(line.discount_amount):
        return {"DiscountAmount": _number(line.discount_amount, CENT)}
    return {}


def _number(amount: Decimal, to: Decimal) -> float:
    """A JSON number. At most 4 decimals and 14 digits survive a float unharmed (xero/facts.md §9.3 #9)."""
    return float(rounded(amount, to))


def _due(invoice: Invoice, settings: CompanySettings) -> date:
    if invoice.due_date:
        return invoice.due_date
    by_rule = settings.due_date(invoice.date)
    if by_rule is not None:
        return by_rule
    if settings.invoice_status == "DRAFT":
        return invoice.date
    raise Unmappable(Failure(Reason.DUE_DATE_MISSING))


def _refuse_negative(invoice: Invoice) -> None:
    total = total_of(line.amount or ZERO for line in invoice.lines)
    if total < 0:
        raise Unmappable(Failure(Reason.NEGATIVE_TOTAL, {"total": f"{plain(total)} {invoice.currency}"}))
