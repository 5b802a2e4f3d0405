"""Pictures of Xero's invoices, for comparing them; pure (xero/facts.md §8)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from events.accounting_target import Element
from events.changes import LinePicture, Picture
from events.money import CENT, ZERO, line_amount, plain, rounded
from xero_adapter.answers import day

_NAMES = {
    "number": "InvoiceNumber",
    "reference": "Reference",
    "currency": "CurrencyCode",
    "amounts": "LineAmountTypes",
}
_SUMS = {"subtotal": "SubTotal", "tax": "TotalTax", "total": "Total"}
_IN_LINE = {"id": "LineItemID", "description": "Description", "account": "AccountCode", "item": "ItemCode"}


def of_copy(copy: Element) -> Picture:
    """The invoice as Xero shows it."""
    contact = _object(copy.get("Contact"))
    return Picture(
        contact=_text(contact.get("ContactID")).lower(),
        contact_name=_text(contact.get("Name")),
        date=day(copy.get("DateString") or copy.get("Date")),
        due_date=day(copy.get("DueDateString") or copy.get("DueDate")),
        lines=tuple(_line(line) for line in lines(copy)),
        **{name: _text(copy.get(theirs)) for name, theirs in _NAMES.items()},
        **{name: _cents(copy.get(theirs)) for name, theirs in _SUMS.items()},
    )


def of_sent(element: Element) -> Picture:
    """The invoice as an element of ours will make it; what it leaves to Xero is None."""
    seen = of_copy(element)
    said = {name: getattr(seen, name) for name, theirs in _NAMES.items() if theirs in element}
    own = [line.model_copy(update=_unsaid(sent)) for line, sent in zip(seen.lines, lines(element), strict=True)]
    return Picture(contact=seen.contact, date=seen.date, due_date=seen.due_date, lines=tuple(own), **said)


def lines(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of an invoice, whatever it is."""
    found = element.get("LineItems")
    return [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []


def _unsaid(sent: Mapping[str, Any]) -> dict[str, None]:
    """What Xero fills in where a line does not say it."""
    by_xero = {"account": "AccountCode", "tax_type": "TaxType", "id": "LineItemID"}
    return {name: None for name, theirs in by_xero.items() if theirs not in sent}


def _line(line: Mapping[str, Any]) -> LinePicture:
    return LinePicture(
        quantity=plain(_decimal(line.get("Quantity")).normalize() + 0),
        unit_amount=_unit(line.get("UnitAmount")),
        discount=_discount(line),
        tax_type=_text(line.get("TaxType")),
        tracking=tracking(line),
        amount=_amount(line),
        **{name: _text(line.get(theirs)) for name, theirs in _IN_LINE.items()},
    )


def _amount(line: Mapping[str, Any]) -> str:
    """The line's own amount, or what Xero will work out for it."""
    if line.get("LineAmount") is not None:
        return _cents(line["LineAmount"])
    given = [_decimal(line.get(name)) for name in ("Quantity", "UnitAmount", "DiscountRate", "DiscountAmount")]
    return plain(line_amount(*given))


def _discount(line: Mapping[str, Any]) -> str:
    rate, amount = _decimal(line.get("DiscountRate")), _decimal(line.get("DiscountAmount"))
    if rate:
        return f"{plain(rate.normalize() + 0)} %"
    return _cents(amount) if amount else ""


def tracking(line: Mapping[str, Any]) -> str:
    """The tracking options of a line, one in a row of text, in one order."""
    chosen = line.get("Tracking")
    named = [_object(one) for one in chosen] if isinstance(chosen, list) else []
    return "\n".join(sorted(f"{_text(one.get('Name'))}: {_text(one.get('Option'))}" for one in named))


def _unit(value: Any) -> str:
    amount = _decimal(value)
    return plain(rounded(amount) if amount == rounded(amount) else amount.normalize())


def _cents(value: Any) -> str:
    return plain(rounded(_decimal(value), CENT))


def _decimal(value: Any) -> Decimal:
    if value is None:
        return ZERO
    try:
        found = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
