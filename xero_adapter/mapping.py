"""An invoice in Xero's words, by the table of invoice fields; pure (facts §8).

Updates of invoices that Xero has: ids kept so that nothing is dropped or doubled; pure (facts §8).

A POST without InvoiceID overwrites by number, and lines without LineItemID are new while omitted ones are
deleted: so every update carries both.

Pictures of Xero's invoices, and how two of them differ, by the table of fields; pure (facts §8).

Totals as Xero works them out: tax per line, rounded to the cent, then summed; pure (facts §8).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from events.accounting_target import Element, Posting, Unmappable
from events.changes import Change, Difference, LinePicture, Picture, compared, pairs_of
from events.failures import Failure, fixed_as
from events.invoice import Client, Invoice
from events.money import ZERO, line_amount, rounded
from events.reasons import Reason
from events.settings import Books, Sums
from xero_adapter import invoice_fields, line_amounts
from xero_adapter.invoice_fields import EVERY, WantedInvoice, WantedLine
from xero_adapter.json_values import decimal_of, object_of, seen_in, sent_by, text_of, written_alike


def element(posting: Posting, link_base: str, status: str | None = None) -> Element:
    """The `Invoice` element; `status` is the invoice's in Xero, where it is there already.

    Raises Unmappable with a reason a person understands.
    """
    invoice, settings = posting.invoice, posting.settings
    _refuse_credit(invoice)
    whole = WantedInvoice(posting, link_base, status or settings.invoice_status)
    mapped: Element = {"Type": "ACCREC", **sent_by(invoice_fields.INVOICE, whole)}
    lines = [
        WantedLine(number, line, line_amounts.said_of(line), settings, taxed=invoice.amounts_are != "no_tax")
        for number, line in enumerate(invoice.lines, start=1)
    ]
    mapped["LineItems"] = [sent_by(invoice_fields.LINE, line) for line in lines]
    return mapped


def contact(number: str, client: Client) -> Element:
    """A new contact; its postal address is the one that Xero prints on invoices (facts §5)."""
    said: Element = {"Name": client.name, "ContactNumber": number}
    if client.email:
        said["EmailAddress"] = client.email
    if client.tax_number:
        said["TaxNumber"] = client.tax_number
    if at := client.address:
        lines = {f"AddressLine{place}": line for place, line in enumerate(at.lines, start=1)}
        of_place = {"City": at.city, "Region": at.region, "PostalCode": at.postal_code, "Country": at.country}
        told = {name: text for name, text in {**lines, **of_place}.items() if text}
        said["Addresses"] = [{"AddressType": "POBOX", **told}]
    return said


def freeze(elements: Sequence[Element]) -> bytes:
    """The exact body of a create, byte for byte what the SDK sends when it is given these elements back."""
    return json.dumps({"Invoices": list(elements)}).encode()


def _refuse_credit(invoice: Invoice) -> None:
    """What credits its client: marked so, or below zero as far as the lines tell it; an item's price is not known."""
    if invoice.document == "credit_note":
        raise Unmappable(fixed_as("invoice", "credit_note"))  # whose amounts may be above zero
    if invoice.net is not None and invoice.is_below_zero:
        raise Unmappable(Failure(Reason.NEGATIVE_TOTAL, {"total": f"{invoice.net:f} {invoice.currency}"}))


_CHANGED = frozenset(name for name, row in EVERY.items() if row.guard != "never")
_GUARDED = frozenset(name for name, row in EVERY.items() if row.guard == "always")
_GUARDED_WHOLE = [row.name for row in invoice_fields.INVOICE if row.guard == "always"]
_GUARDED_LINE = [row.name for row in invoice_fields.LINE if row.guard == "always"]
_SENT = frozenset(name for name, row in EVERY.items() if row.say and row.updates)
_SHOWN = frozenset(row.name for row in invoice_fields.INVOICE if row.name in _SENT and row.in_lists)


def of_copy(copy: Element) -> Picture:
    """The invoice as Xero shows it; None is what the answer does not carry."""
    return _picture(copy, ours=False)


def of_sent(element: Element) -> Picture:
    """The invoice as an element of ours will make it; None is what it leaves to Xero."""
    return _picture(element, ours=True)


def _picture(element: Element, *, ours: bool) -> Picture:
    seen = seen_in(invoice_fields.INVOICE, element, ours=ours)
    name = None if ours else text_of(object_of(element.get("Contact")).get("Name")) or None
    own = tuple(_line(line, ours=ours) for line in lines(element))
    return Picture(contact_name=name, lines=own, **seen)


def _line(line: Element, *, ours: bool) -> LinePicture:
    seen = seen_in(invoice_fields.LINE, line, ours=ours)
    return LinePicture(id=text_of(line.get("LineItemID")) or None, **seen)


def lines(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of an invoice, whatever it is."""
    found = element.get("LineItems")
    return [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []


def fingerprint(copy: Picture) -> str:
    """What an edit in Xero would change, in one short string: equal fingerprints mean an untouched invoice."""
    whole, each = copy.fields(), [line.fields() for line in copy.lines]
    said = [
        [whole.get(name) for name in _GUARDED_WHOLE],
        *([line.get(name) for name in _GUARDED_LINE] for line in each),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def carries(copy: Element, sent: Element) -> bool:
    """Whether Xero's copy says all that was sent, but for what Xero is known to alter: it certainly arrived.

    What the copy does not show has not arrived, unless lists may leave it out.
    """
    ours, theirs = of_sent(sent), of_copy(copy)
    if any(ours.said(name) is not None and theirs.said(name) is None for name in _SHOWN):
        return False
    found = differences(ours, theirs)
    return not any(one.field == "line" or (one.field in _SENT and not one.altered) for one in found)


def changes(before: Picture, after: Picture) -> tuple[Change, ...]:
    """What became different in an invoice of what an export may change."""
    return compared(before.only(_CHANGED), after, _same)


def edits(before: Picture, now: Picture, wanted: Picture | None = None) -> tuple[Change, ...]:
    """What somebody changed in Xero, of that which an update would take back; `wanted` is what it says.

    What is now as wanted is taken back by nothing, and the sums that follow from it neither.
    """
    names = _GUARDED | (_said(wanted) if wanted else frozenset())
    found = compared(before.only(names), now, _same)
    left = [change for change in found if not (wanted and _is_as_wanted(change, now, wanted))]
    agreed = len(left) < len(found) and not any(_is_written(change) for change in left)
    return () if agreed else tuple(left)


def _said(wanted: Picture) -> frozenset[str]:
    return frozenset(name for name in _CHANGED if wanted.said(name) is not None)


def _is_written(change: Change) -> bool:
    return change.field == "line" or EVERY[change.field].say is not None


def _is_as_wanted(change: Change, now: Picture, wanted: Picture) -> bool:
    if change.field == "line":
        return False
    if change.line is None:
        return _agree(change.field, wanted.said(change.field), now.said(change.field))
    line = now.lines[change.line - 1]
    ours = next((one for one in wanted.lines if line.id and one.id == line.id), None)
    return ours is not None and _agree(change.field, ours.said(change.field), line.said(change.field))


def _agree(name: str, ours: str | None, theirs: str | None) -> bool:
    return ours is not None and theirs is not None and _same(name, ours, theirs)


def _same(name: str, one: str, other: str) -> bool:
    return EVERY[name].same(one, other)


def differences(sent: Picture, kept: Picture) -> tuple[Difference, ...]:
    """What Xero keeps otherwise than it was sent, each with what Xero is known to do, if that explains it."""
    return tuple(_explained(change, sent, kept) for change in compared(sent, kept, _same))


def left_behind(before: Picture, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
    """What an update took off, and Xero keeps all the same; `before` is the copy as it was after the last export."""
    why = "Xero keeps it where an update leaves it out: take it off there"
    names = [name for name, row in EVERY.items() if row.stays and sent.said(name) is None]
    stayed = [(name, value) for name in names if (value := kept.said(name)) and value == before.said(name)]
    return tuple(Difference(field=name, kept=value, altered=why) for name, value in stayed)


def _explained(change: Change, sent: Picture, kept: Picture) -> Difference:
    name = kept.contact_name if change.field == "contact" and kept.contact_name else change.after
    found = Difference(field=change.field, line=change.line, sent=change.before, kept=name)
    if change.field == "line":
        return found
    before, after, line = sent.said(change.field), kept.said(change.field), None
    if change.line is not None:
        line = sent.lines[pairs_of(sent.lines, kept.lines)[change.line - 1]]
        before, after = line.said(change.field), kept.lines[change.line - 1].said(change.field)
    why = EVERY[change.field].altered(before or "", after or "", line)
    return found.model_copy(update={"altered": why}) if why else found


def element_of_update(wanted: Element, copy: Element) -> Element:
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


_NO_TAX = "NONE"


def sums(element: Element, books: Books, copy: Element | None = None) -> Sums | None:
    """Subtotal, tax and total of an element; `copy` is what an update changes.

    None where the tax, or the price that an item brings, cannot be known.
    """
    if books.tax_rates is None or books.accounts is None:
        return None
    before = {line.get("LineItemID"): line for line in lines(copy or {}) if line.get("LineItemID")}
    kind = element.get("LineAmountTypes")
    net, tax = ZERO, ZERO
    for line in lines(element):
        whole = {**before.get(line.get("LineItemID"), {}), **line}
        amount = _amount(whole, books)
        if amount is None:
            return None
        net += amount
        rate = (books.tax_rates or {}).get(tax_type(whole, books))
        tax += _tax(amount, rate.percent if rate else ZERO, kind)
    subtotal = net - tax if kind == "Inclusive" else net
    return Sums(subtotal=rounded(subtotal), tax=rounded(tax), total=rounded(subtotal + tax))


def tax_type(line: Mapping[str, Any], books: Books) -> str:
    """The tax rate a line gets: its own, else its item's, else its account's."""
    item = (books.items or {}).get(str(line.get("ItemCode") or ""))
    account = (books.accounts or {}).get(account_code(line, books))
    own = line.get("TaxType") or (item.tax_type if item else "") or (account.tax_type if account else "")
    return str(own or _NO_TAX)


def account_code(line: Mapping[str, Any], books: Books) -> str:
    """The account a line gets: its own, else its item's."""
    item = (books.items or {}).get(str(line.get("ItemCode") or ""))
    return str(line.get("AccountCode") or (item.account if item else ""))


def _tax(amount: Decimal, percent: Decimal, kind: Any) -> Decimal:
    if kind == "NoTax" or not percent:
        return ZERO
    return rounded(amount * percent / (100 + percent if kind == "Inclusive" else 100))


def _amount(line: Mapping[str, Any], books: Books) -> Decimal | None:
    unit = line.get("UnitAmount")
    if unit is None and line.get("ItemCode"):
        item = (books.items or {}).get(str(line["ItemCode"]))
        unit = item.price if item else None
        if unit is None:
            return None
    quantity = line.get("Quantity") if line.get("Quantity") is not None else int(unit is not None)
    numbers = (quantity, unit, line.get("DiscountRate"), line.get("DiscountAmount"))
    return line_amount(*(Decimal(str(number or 0)) for number in numbers))
