"""Updates of invoices that Xero has: ids kept so that nothing is dropped or doubled; pure (facts §8).

A POST without InvoiceID overwrites by number, and lines without LineItemID are new while omitted ones are
deleted: so every update carries both.
"""

from collections.abc import Sequence

from events.accounting_target import Element
from xero_adapter import invoice_fields
from xero_adapter.json_values import decimal_of, text_of, written_alike
from xero_adapter.pictures import lines


def element(wanted: Element, copy: Element) -> Element:
    """The wanted content as an update of Xero's copy: its InvoiceID, and the LineItemIDs line by line."""
    known = lines(copy)
    pairs = _same_lines(wanted["LineItems"], known)
    own = [
        {**line, "LineItemID": known[pairs[place]]["LineItemID"]} if place in pairs else line
        for place, line in enumerate(wanted["LineItems"])
    ]
    changed = {**wanted, "InvoiceID": copy["InvoiceID"], "LineItems": own}
    for row in invoice_fields.INVOICE:
        if not row.updates:
            for name in row.theirs:
                changed.pop(name, None)
        elif row.cleared_by is not None and copy.get(row.theirs[0]) and row.theirs[0] not in changed:
            changed[row.theirs[0]] = row.cleared_by  # what is left out stays as it is
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
    names = ("Description", "ItemCode")
    return all(written_alike(text_of(ours.get(name))) == written_alike(text_of(theirs.get(name))) for name in names)


def _clears_nothing(ours: Element, theirs: Element) -> bool:
    """Whether the line says anew all that Xero's has; the tax rate comes with the account where it is not said.

    A line that says no price is always new: so the price comes from its item anew, and a text has none.
    """
    tax = "TaxType" in ours or ours.get("AccountCode") == theirs.get("AccountCode")
    price = "UnitAmount" in ours
    kept = all(ours.get(name) or not theirs.get(name) for name in ("ItemCode", "Tracking"))
    account = "AccountCode" in ours or "ItemCode" in ours or not theirs.get("AccountCode")
    return tax and price and account and kept and _discounted_by(theirs) in (None, _discounted_by(ours))


def _discounted_by(line: Element) -> str | None:
    """Xero goes by the rate where a line has both."""
    return next((name for name in ("DiscountRate", "DiscountAmount") if decimal_of(line.get(name))), None)
