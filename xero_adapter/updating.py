"""Updates of invoices that Xero has: ids kept so that nothing is dropped or doubled; pure (xero/facts.md §8).

A POST without InvoiceID overwrites by number, and lines without LineItemID are new while omitted ones are
deleted: so every update carries both.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from events.accounting_target import Element
from xero_adapter.answers import day
from xero_adapter.pictures import lines, tracking

_DATES = ("Date", "DueDate")
_WHOLE = ("InvoiceNumber", "Reference", "CurrencyCode", "LineAmountTypes", "Url")
_OF_LINE = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType", "DiscountRate", "ItemCode")
_SAID = json.JSONEncoder(sort_keys=True, default=str)
_NUMBERS = frozenset({"Quantity", "UnitAmount", "DiscountRate", "DiscountAmount"})


def element(wanted: Element, copy: Element) -> Element:
    """The wanted content as an update of Xero's copy: its InvoiceID, and the LineItemIDs line by line."""
    known = lines(copy)
    pairs = _same_lines(wanted["LineItems"], known)
    own = [
        {**line, "LineItemID": known[pairs[place]]["LineItemID"]} if place in pairs else line
        for place, line in enumerate(wanted["LineItems"])
    ]
    changed = {**wanted, "InvoiceID": copy["InvoiceID"], "LineItems": own}
    if copy.get("Reference") and "Reference" not in changed:
        changed["Reference"] = ""  # what is left out stays as it is
    del changed["Status"]  # an approved invoice stays approved, a draft stays for whoever drafts it
    changed.pop("BrandingThemeID", None)  # a theme chosen in Xero since is not ours to take back
    return changed


def _same_lines(wanted: Sequence[Element], known: Sequence[Element]) -> dict[int, int]:
    """Which of Xero's lines each of ours is: the one with the same words, else the next one that is left.

    A line of which something would have to be cleared is sent as a new one in its place, because Xero keeps what
    an update of a line leaves out: a discount that is gone in CrewCard would stay.
    """
    free = [place for place, line in enumerate(known) if line.get("LineItemID")]
    pairs: dict[int, int] = {}
    for same in (_says_the_same, lambda _ours, _theirs: True):
        for place, line in enumerate(wanted):
            found = next((other for other in free if same(line, known[other])), None) if place not in pairs else None
            if found is not None:
                pairs[place] = found
                free.remove(found)
    return {ours: theirs for ours, theirs in pairs.items() if _clears_nothing(wanted[ours], known[theirs])}


def _says_the_same(ours: Element, theirs: Element) -> bool:
    return all(_plain(name, ours.get(name)) == _plain(name, theirs.get(name)) for name in ("Description", "ItemCode"))


def _clears_nothing(ours: Element, theirs: Element) -> bool:
    """Whether the line says anew all that Xero's has; the tax rate comes with the account where it is not said."""
    tax = "TaxType" in ours or ours.get("AccountCode") == theirs.get("AccountCode")
    kept = all(ours.get(name) or not theirs.get(name) for name in ("ItemCode", "Tracking"))
    return tax and kept and _discounted_by(theirs) in (None, _discounted_by(ours))


def _discounted_by(line: Element) -> str | None:
    """Xero goes by the rate where a line has both."""
    return next((name for name in ("DiscountRate", "DiscountAmount") if _number(line.get(name))), None)


def carries(copy: Element, sent: Element) -> bool:
    """Whether Xero's copy says all that was sent, so that the update certainly arrived."""
    theirs, ours = lines(copy), lines(sent)
    return (
        all(_same(name, copy.get(name), sent[name]) for name in (*_WHOLE, *_DATES) if name in sent)
        and _contact(copy) == _contact(sent)
        and len(theirs) == len(ours)
        and all(_line_carries(*pair) for pair in zip(theirs, ours, strict=True))
    )


def _line_carries(theirs: Element, ours: Element) -> bool:
    discount = _discounted_by(ours)
    return (
        all(_same(name, theirs.get(name), ours[name]) for name in _OF_LINE if ours.get(name) is not None)
        and _discounted_by(theirs) == discount
        and (discount is None or _same(discount, theirs.get(discount), ours[discount]))
        and _plain("ItemCode", theirs.get("ItemCode")) == _plain("ItemCode", ours.get("ItemCode"))
        and tracking(theirs) == tracking(ours)
    )


def fingerprint(copy: Element) -> str:
    """What an edit in Xero would change, in one short string: equal fingerprints mean an untouched invoice."""
    said = [
        _contact(copy),
        *(day(copy.get(f"{name}String") or copy.get(name)) for name in _DATES),
        *(copy.get(name) for name in _WHOLE),
        str(_number(copy.get("Total"))),
        [[_plain(name, line.get(name)) for name in _OF_LINE] for line in lines(copy)],
    ]
    return hashlib.sha256(_SAID.encode(said).encode()).hexdigest()


def _same(name: str, theirs: Any, ours: Any) -> bool:
    if name in _DATES:
        return day(theirs) == day(ours)
    return bool(_plain(name, theirs) == _plain(name, ours))


def _plain(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return str(_number(value))
    return value or ""


def _number(value: Any) -> Decimal:
    number = value or 0
    try:
        return (number if isinstance(number, Decimal) else Decimal(str(number))).normalize()
    except InvalidOperation:
        return Decimal(0)


def _contact(invoice: Mapping[str, Any]) -> str:
    contact = invoice.get("Contact")
    return str(contact.get("ContactID") or "").lower() if isinstance(contact, dict) else ""
