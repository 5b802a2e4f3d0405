"""Xero's raw JSON answers read one invoice at a time; pure (facts §2.3, §4, §9.3).

Nothing is taken by position: every element is known by its InvoiceNumber. An element that cannot be read
is left out, which makes its outcome unknown rather than wrong.

Xero's messages told apart by what a person must do about them; pure (facts §6.2).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from events.accounting_target import Answer, Changes, Posted, Rejected
from events.failures import Failure
from events.invoice import folded
from events.money import ZERO
from events.reasons import Reason
from events.wording import spoken
from xero_adapter import links, mapping
from xero_adapter.json_values import day, decimal_of, moment, object_of


@dataclass(frozen=True)
class Message:
    """One of Xero's messages about an invoice, the line it stood at (from 1), if any, and what that line says."""

    text: str
    line: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


# What a person must know first stands first. Patterns are searched ignoring case; named groups become facts.
_RECOGNISERS: tuple[tuple[Reason, str], ...] = (
    (
        Reason.PERIOD_LOCKED,
        r"before the (?:period|end of year) lock date(?:, currently set at (?P<lock_date>[\w-]+))?",
    ),
    (Reason.CONTACT_ARCHIVED, r"contact details has been archived"),
    (
        Reason.CONTACT_NOT_FOUND,
        r"A Contact must be specified|Contact must contain at least 1 of the following|Contact Name cannot be empty",
    ),
    (Reason.CONTACT_NAME_TAKEN, r"contact name .* is already assigned to another contact"),
    (Reason.CONTACT_EMAIL_INVALID, r"Email address must be valid"),
    (Reason.ACCOUNT_ARCHIVED, r"Account code '(?P<account>[^']*)' has been archived, or has been deleted"),
    (
        Reason.TAX_NOT_FOR_ACCOUNT,
        r"TaxType code '?(?P<tax>.+?)'? cannot be used with account code '?(?P<account>[^'. ]+)",
    ),
    (Reason.ACCOUNT_INVALID, r"Account code '(?P<account>[^']*)' (?:is not a valid code|has been removed)"),
    (Reason.ACCOUNT_MISSING, r"Account code (?:or ID )?must be specified"),
    (Reason.TAX_TYPE_INVALID, r"The TaxType code '?(?P<tax>.+?)'? does not exist"),
    (Reason.TAX_TYPE_INVALID, r"Tax rate must be Active"),
    (Reason.NUMBER_TAKEN, r"(?:Invoice|Credit Note) # must be unique"),
    (Reason.PAID_IN_XERO, r"has a? ?payments? or credit notes? allocated to it"),
    (Reason.INVOICE_FINALISED, r"Invoice not of valid status for modification"),
    (Reason.GONE_FROM_XERO, r"An existing (?:Invoice|Credit Note) with the specified \w+ could not be found"),
    (Reason.CURRENCY_NOT_ENABLED, r"not subscribed to currency '?(?P<currency>[A-Z]{3})"),
    (Reason.PLAN_LIMIT, r"reached the limit of invoices you can approve"),
    (Reason.ITEM_UNKNOWN, r"Item code '(?P<item>[^']*)' is not valid"),
    (
        Reason.DISCOUNT_TOO_LARGE,
        r"discount rate '(?P<discount>[^']*)' is invalid|must not be greater than the line total",
    ),
    (Reason.TRACKING_INVALID, r"tracking option '(?P<option>[^']*)' of the tracking category '(?P<category>[^']*)'"),
    (Reason.TRACKING_INVALID, r"tracking (?:option|categor)"),
    (Reason.BRANDING_THEME_INVALID, r"branding theme .*(?:does not exist|not be found|is not valid)"),
    (Reason.DUE_DATE_MISSING, r"DueDate field must be specified"),
    (Reason.LINES_MISSING, r"One or more line items must be specified"),
    (Reason.NEGATIVE_TOTAL, r"total must be greater than or equal to zero"),
    # Nothing we send should bring these about (facts §6.2, “ours”).
    (Reason.SENT_WRONGLY, r"Account must be valid|Tax rate must be valid"),
    (Reason.SENT_WRONGLY, r"does not match the expected line total|does not equal the sum of the lines"),
    (Reason.SENT_WRONGLY, r"Invoice Type must be specified|not of valid status for creation"),
    (Reason.SENT_WRONGLY, r"is used with a different request|body could not be read|post data was invalid"),
    (Reason.SENT_WRONGLY, r"The element '.*' was not recognised|No data has been processed|The Url must not contain"),
)


def failure_of_message(messages: Sequence[Message]) -> Failure:
    """The failure behind Xero's messages: the most useful is told first, none is left out, all are kept verbatim."""
    told = [_ranked(message) for message in _each_once(messages)] or [(0, Failure(Reason.XERO_REFUSED))]
    told.sort(key=lambda one: (one[0], one[1].line or 0))
    first, *others = [one for _, one in told]
    return Failure(first.reason, first.facts, first.said, first.line, tuple(others))


def _each_once(messages: Sequence[Message]) -> list[Message]:
    """Xero says things twice, at the invoice and at the line: the one with the line says more."""
    at_lines = {message.text for message in messages if message.line}
    kept = [message for message in messages if message.line or message.text not in at_lines]
    return list({(message.text, message.line): message for message in kept}.values())


def _ranked(message: Message) -> tuple[int, Failure]:
    for rank, (reason, pattern) in enumerate(_RECOGNISERS):
        found = re.search(pattern, message.text, re.IGNORECASE)
        if found:
            # What the message itself names, dates in words people use
            facts = {name: text for name, text in found.groupdict().items() if text}
            if "lock_date" in facts:
                facts["lock_date"] = _spoken(facts["lock_date"])
            if {"option", "category"} <= set(facts):
                facts["tracking"] = f"{facts.pop('category')} “{facts.pop('option')}”"
            return rank, Failure(reason, {**message.facts, **facts}, message.text, message.line)
    return len(_RECOGNISERS), Failure(Reason.XERO_REFUSED, message.facts, message.text, message.line)


def _spoken(day: str) -> str:
    """Xero's 03-Jul-1996 as 3 July 1996; anything else as it stands."""
    try:
        return spoken(datetime.strptime(day, "%d-%b-%Y").date())  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return day


PAGE = 1000  # the longest page Xero gives (facts §4.1)
_NOTHING = "00000000-0000-0000-0000-000000000000"


def of_create(document: Any) -> Mapping[str, Answer]:
    """Answer by folded invoice number, from the body of a 200 with `summarizeErrors=false`."""
    read = (_answer(element) for element in _invoices(document))
    return {folded(answer.number): answer for answer in read if answer}


def of_update(document: Any) -> Mapping[str, Answer]:
    """Answer by invoice id, from the body of an update: a POST may change the number too."""
    read = ((element.get("InvoiceID"), _answer(element)) for element in _invoices(document))
    return {id_.lower(): answer for id_, answer in read if isinstance(id_, str) and answer}


def of_refusal(document: Any) -> Mapping[str, Answer]:
    """Answer by folded number from a 400 that lists the elements it refuses (facts §6.1 A)."""
    read = (_answer(element) for element in _elements(document))
    return {folded(answer.number): answer for answer in read if isinstance(answer, Rejected)}


def of_refused_updates(document: Any) -> Mapping[str, Answer]:
    """The same by invoice id."""
    read = ((str(element.get("InvoiceID", "")).lower(), _answer(element)) for element in _elements(document))
    return {id_: answer for id_, answer in read if id_ and isinstance(answer, Rejected)}


def unnamed(document: Any) -> Sequence[Rejected]:
    """Refusals without the invoice's number: only where one invoice was sent is it clear whose they are."""
    elements = [*_invoices(document), *_elements(document)]
    told = [messages(element) for element in elements if not element.get("InvoiceNumber") and _is_refused(element)]
    return [Rejected("", failure_of_message(said)) for said in told if said]


def _is_refused(element: Mapping[str, Any]) -> bool:
    wrong = bool(element.get("ValidationErrors"))
    return wrong or element.get("StatusAttributeString") == "ERROR" or element.get("HasErrors") is True


def _elements(document: Any) -> list[dict[str, Any]]:
    elements = document.get("Elements") if isinstance(document, dict) else None
    return [one for one in elements if isinstance(one, dict)] if isinstance(elements, list) else []


def complaint(document: Any) -> str:
    """What a refusal that names no invoice says, in its own words."""
    said = document.get("Message") or document.get("Detail") if isinstance(document, dict) else None
    return said if isinstance(said, str) else "no reason given"


def of_search(document: Any) -> Sequence[Posted]:
    """The sales invoices in a list answer; purchase bills may carry the same numbers and are passed over.

    One that is there and cannot be read is no missing one: it is given as `unreadable`.
    """
    found = (_posted(element) for element in _invoices(document) if element.get("Type", "ACCREC") == "ACCREC")
    return [posted for posted in found if posted]


def of_changes(document: Any) -> Changes:
    """A page of changed invoices; a full one may have more behind it, whatever in it is not a sales invoice."""
    moments = [moment(element.get("UpdatedDateUTC")) for element in _invoices(document)]
    newest = max((one for one in moments if one), default=None)
    return Changes(of_search(document), more=len(moments) >= PAGE, newest=newest)


def names_its_invoices(document: Any) -> bool:
    """Whether this is Xero's list of invoices at all, not some other JSON."""
    return isinstance(document, dict) and isinstance(document.get("Invoices"), list)


def messages(element: Mapping[str, Any], under: str = "ValidationErrors") -> list[Message]:
    """Every message of an element, however deep: its own, its contact's, its lines'."""
    found = list(_messages_at(element, None, under))
    contact = element.get("Contact")
    if isinstance(contact, dict):
        found += _messages_at(contact, None, under)
    lines = element.get("LineItems")
    for number, line in enumerate(lines if isinstance(lines, list) else [], start=1):
        if isinstance(line, dict):
            found += _messages_at(line, number, under)
    return found


def _with_line(message: Message) -> str:
    return f"line {message.line}: {message.text}" if message.line else message.text


def _invoices(document: Any) -> Iterator[dict[str, Any]]:
    if names_its_invoices(document):
        yield from (element for element in document["Invoices"] if isinstance(element, dict))


def _answer(element: Mapping[str, Any]) -> Answer | None:
    number = element.get("InvoiceNumber")
    if not isinstance(number, str) or not number:
        return None
    refused = element.get("StatusAttributeString") == "ERROR" or element.get("HasErrors") is True
    if not refused:
        posted = _posted(element)
        return None if posted is None or posted.unreadable else posted
    told = messages(element)
    return Rejected(number, failure_of_message(told)) if told else None


def _posted(element: Mapping[str, Any]) -> Posted | None:
    """The invoice; without amounts, and `unreadable`, where a value of it is none of this world."""
    identity, number = element.get("InvoiceID"), element.get("InvoiceNumber")
    if not isinstance(identity, str) or identity in ("", _NOTHING) or number is None:
        return None
    contact, url = object_of(element.get("Contact")), _text(element.get("Url"))
    posted = Posted(
        number=str(number),
        target_id=identity.lower(),
        contact_id=str(contact.get("ContactID") or "").lower(),
        contact_name=str(contact.get("Name") or ""),
        status=str(element.get("Status") or ""),
        currency=str(element.get("CurrencyCode") or ""),
        subtotal=ZERO,
        tax=ZERO,
        total=ZERO,
        date="",
        mark=links.marked(url),
        generation=links.generation(url),
        unmarked=not element.get("Url"),
        unreadable=True,
    )
    try:
        mapping.of_copy(dict(element))  # whoever compares it reads each of its fields
        return replace(
            posted,
            subtotal=decimal_of(element.get("SubTotal")),
            tax=decimal_of(element.get("TotalTax")),
            total=decimal_of(element.get("Total")),
            date=day(element.get("DateString") or element.get("Date")),
            updated=moment(element.get("UpdatedDateUTC")),
            paid=decimal_of(element.get("AmountPaid")) + _credited(element),
            credited=_credited(element),
            paid_at=moment(element.get("FullyPaidOnDate")),
            copy=dict(element),
            warnings=tuple(dict.fromkeys(_with_line(one) for one in messages(element, "Warnings"))),
            unreadable=False,
        )
    except (ValueError, ArithmeticError):
        return posted


def _credited(element: Mapping[str, Any]) -> Decimal:
    """What came as credit: where the answer does not say it, what is neither paid nor due. Raises as decimal_of."""
    said = element.get("AmountCredited")
    if said is not None or element.get("AmountDue") is None or element.get("Status") in ("VOIDED", "DELETED"):
        return decimal_of(said)
    total, paid, due = (decimal_of(element.get(name)) for name in ("Total", "AmountPaid", "AmountDue"))
    return max(ZERO, total - paid - due)


def _messages_at(element: Mapping[str, Any], line: int | None, under: str = "ValidationErrors") -> Iterator[Message]:
    told = element.get(under)
    facts = _of_line(element) if line else {}
    for entry in told if isinstance(told, list) else []:
        text = entry.get("Message") or entry.get("Description") if isinstance(entry, dict) else None
        if isinstance(text, str) and text.strip():
            yield Message(text.strip(), line, facts)


def _of_line(line: Mapping[str, Any]) -> dict[str, str]:
    """What a line says of itself; Xero's message may name only the half of it."""
    names = {"line_said": "Description", "account": "AccountCode", "tax": "TaxType", "item": "ItemCode"}
    said = {fact: _text(line.get(name)) for fact, name in names.items()}
    return {fact: text for fact, text in said.items() if text}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
