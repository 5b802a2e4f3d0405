"""Updates of invoices that Xero has: ids kept so that nothing is dropped or doubled; pure (xero/facts.md §8).

A POST without InvoiceID overwrites by number, and lines without LineItemID are new while omitted ones are
deleted: so every update carries both.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from events.accounting_target import Element
from xero_adapter.answers import day

_DATES = ("Date", "DueDate")
_WHOLE = ("InvoiceNumber", "Reference", "CurrencyCode", "LineAmountTypes", "Url")
_OF_LINE = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType", "DiscountRate", "ItemCode")
_NUMBERS = frozenset({"Quantity", "UnitAmount", "DiscountRate", "DiscountAmount"})


def element(wanted: Element, copy: Element) -> Element:
    """The wanted content as an update of Xero's copy: its InvoiceID, and the LineItemIDs line by line."""
    ids = [line.get("LineItemID") for line in _lines(copy)]
    lines = [
        {**line, "LineItemID": ids[place]} if place < len(ids) and ids[place] else line
        for place, line in enumerate(wanted["LineItems"])
    ]
    changed = {**wanted, "InvoiceID": copy["InvoiceID"], "LineItems": lines}
    del changed["Status"]  # an approved invoice stays approved, a draft stays for whoever drafts it
    changed.pop("BrandingThemeID", None)  # a theme chosen in Xero since is not ours to take back
    return changed


def carries(copy: Element, sent: Element) -> bool:
    """Whether Xero's copy says all that was sent, so that the update certainly arrived."""
    lines, sent_lines = _lines(copy), _lines(sent)
    return (
        all(_same(name, copy.get(name), sent.get(name)) for name in (*_WHOLE, *_DATES) if sent.get(name))
        and _contact(copy) == _contact(sent)
        and len(lines) == len(sent_lines)
        and all(
            _same(name, line.get(name), wanted[name])
            for line, wanted in zip(lines, sent_lines, strict=True)
            for name in _OF_LINE
            if wanted.get(name) is not None
        )
    )


def fingerprint(copy: Element) -> str:
    """What an edit in Xero would change, in one short string: equal fingerprints mean an untouched invoice."""
    said = [
        _contact(copy),
        *(day(copy.get(f"{name}String") or copy.get(name)) for name in _DATES),
        *(copy.get(name) for name in _WHOLE),
        str(_number(copy.get("Total"))),
        [[_plain(name, line.get(name)) for name in _OF_LINE] for line in _lines(copy)],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _same(name: str, theirs: Any, ours: Any) -> bool:
    if name in _DATES:
        return day(theirs) == day(ours)
    return bool(_plain(name, theirs) == _plain(name, ours))


def _plain(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return str(_number(value))
    return value or ""


def _number(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0)).normalize()
    except InvalidOperation:
        return Decimal(0)


def _lines(invoice: Mapping[str, Any]) -> list[dict[str, Any]]:
    lines = invoice.get("LineItems")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _contact(invoice: Mapping[str, Any]) -> str:
    contact = invoice.get("Contact")
    return str(contact.get("ContactID") or "").lower() if isinstance(contact, dict) else ""
