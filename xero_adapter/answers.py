"""Xero's raw JSON answers read one invoice at a time; pure (facts §2.3, §4, §9.3).

Nothing is taken by position: every element is known by its InvoiceNumber. An element that cannot be read
is left out, which makes its outcome unknown rather than wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from events.accounting_target import Answer, Changes, Posted, Rejected
from events.invoice import folded
from events.money import ZERO
from xero_adapter import links, pictures
from xero_adapter.classify import Message, failure
from xero_adapter.json_values import day, decimal_of, moment, object_of

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
    return [Rejected("", failure(said)) for said in told if said]


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
    readable = [posted for posted in of_search(document) if not posted.unreadable]
    return Changes(readable, more=len(moments) >= PAGE, newest=newest)


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
    return Rejected(number, failure(told)) if told else None


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
        pictures.of_copy(dict(element))  # whoever compares it reads each of its fields
        return replace(
            posted,
            subtotal=decimal_of(element.get("SubTotal")),
            tax=decimal_of(element.get("TotalTax")),
            total=decimal_of(element.get("Total")),
            date=day(element.get("DateString") or element.get("Date")),
            updated=moment(element.get("UpdatedDateUTC")),
            paid=decimal_of(element.get("AmountPaid")) + decimal_of(element.get("AmountCredited")),
            copy=dict(element),
            warnings=tuple(dict.fromkeys(_with_line(one) for one in messages(element, "Warnings"))),
            unreadable=False,
        )
    except (ValueError, ArithmeticError):
        return posted


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
