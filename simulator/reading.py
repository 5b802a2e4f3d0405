"""The body of a write, read as Xero reads it: known elements, values of the right type, nulls left out."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from simulator.arithmetic import to_step
from simulator.refusals import No
from simulator.wire import Json

_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?")
_MS_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_ROOT = re.compile(r"<\s*([A-Za-z_][\w.-]*)")
_LARGEST = Decimal(10) ** 15
_FINEST_PLACES = -28  # decimals that Xero's numbers have room for
_FINEST = Decimal(1).scaleb(_FINEST_PLACES)


class Unreadable(Exception):
    """The body cannot be read; the message is Xero's."""


class MalformedGuid(Exception):
    """A GUID in the body is none: Xero answers 500, not 400 (facts §5)."""


class NothingSent(Exception):
    """There is nothing in the body."""


def invoices(body: bytes) -> list[Json]:
    """The invoices in a body. Raises Unreadable, MalformedGuid or NothingSent; then none of them was looked at."""
    return _elements(body, "Invoices", _INVOICE)


def credit_notes(body: bytes) -> list[Json]:
    """The credit notes in a body. Raises as `invoices` does."""
    return _elements(body, "CreditNotes", _CREDIT_NOTE)


def allocations(body: bytes) -> list[Json]:
    """The allocations in a body. Raises as `invoices` does."""
    return _elements(body, "Allocations", _ALLOCATION)


def contacts(body: bytes) -> list[Json]:
    """The contacts in a body. Raises as `invoices` does."""
    return _elements(body, "Contacts", {**_CONTACT, "TaxNumber": _text, "Addresses": _list_of(_ADDRESS)})


def _elements(body: bytes, name: str, known: Mapping[str, Callable[[Any, str], Any]]) -> list[Json]:
    document = _document(body)
    if not isinstance(document, dict):
        raise Unreadable(No.INVALID())
    listed = document.get(name, [document] if document else [])
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        raise Unreadable(No.INVALID())
    if not listed:
        raise NothingSent
    return [_object(one, known, name) for one in listed]


def guid(text: str) -> str | None:
    """A GUID in the form Xero writes it; None when it is none."""
    if not _GUID.fullmatch(text):
        return None
    bare = text.strip("{}").replace("-", "").lower()
    return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"


def day(value: Any) -> date | None:
    """The day in an ISO date, a date-time or `/Date(ms)/`; None when it is none of them."""
    text = str(value).strip()
    moment = _MS_DATE.fullmatch(text)
    try:
        if moment:
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(moment[1]))).date()
        return datetime.fromisoformat(text[:19]).date()
    except (ValueError, OverflowError):
        return None


def _document(body: bytes) -> Any:
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise NothingSent
    root = _ROOT.match(text)
    if root:
        raise Unreadable(No.NOT_RECOGNISED(name=root[1]))
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError) as wrong:
        raise Unreadable(No.UNREADABLE(problem=f"{type(wrong).__name__}")) from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _object(value: Any, known: Mapping[str, Callable[[Any, str], Any]], path: str) -> Json:
    if not isinstance(value, dict):
        _wrong(value, path)
    return {
        name: reader(value[name], f"{path}.{name}")
        for name, reader in known.items()
        if name in value and value[name] is not None
    }


def _list_of(known: Mapping[str, Callable[[Any, str], Any]]) -> Callable[[Any, str], list[Json]]:
    def read(value: Any, path: str) -> list[Json]:
        if not isinstance(value, list):
            _wrong(value, path)
        return [_object(one, known, f"{path}[{place}]") for place, one in enumerate(value) if one is not None]

    return read


def _text(value: Any, path: str) -> str:
    if isinstance(value, dict | list):
        _wrong(value, path)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any, path: str) -> Decimal:
    text = str(value).strip()
    try:
        found = Decimal(text)
    except InvalidOperation:
        _wrong(value, path)
    if isinstance(value, bool) or not found.is_finite() or abs(found) >= _LARGEST:
        _wrong(value, path)
    if len(text) <= -_FINEST_PLACES and "E" not in text.upper():
        return found  # cannot have more decimals than there is room for
    return found if int(found.as_tuple().exponent) >= _FINEST_PLACES else to_step(found, _FINEST)


def _truth(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in ("true", "false"):
        _wrong(value, path)
    return str(value).lower() == "true"


def _date(value: Any, path: str) -> date | None:
    if value == "":
        return None
    found = day(value) if isinstance(value, str) else None
    if found is None:
        raise Unreadable(No.NO_DATE(value=str(value)[:50], path=path))
    return found


def _identity(value: Any, path: str) -> str:
    text = _text(value, path)
    found = guid(text)
    if text and found is None:
        raise MalformedGuid(path)
    return found or ""


def _wrong(value: Any, path: str) -> NoReturn:
    kind = type(value).__name__
    raise Unreadable(No.UNREADABLE(problem=f"converting a {kind}. Path '{path}'."))


_PERSON = {"FirstName": _text, "LastName": _text, "EmailAddress": _text, "IncludeInEmails": _truth}
_CONTACT = {
    "ContactID": _identity,
    "ContactNumber": _text,
    "Name": _text,
    "EmailAddress": _text,
    "ContactPersons": _list_of(_PERSON),
}
_PLACE = ("City", "Region", "PostalCode", "Country")
_ADDRESS = dict.fromkeys(("AddressType", *(f"AddressLine{number}" for number in (1, 2, 3, 4)), *_PLACE), _text)
_TRACKING = {"TrackingCategoryID": _identity, "TrackingOptionID": _identity, "Name": _text, "Option": _text}
_LINE = {
    "LineItemID": _identity,
    "Description": _text,
    "Quantity": _number,
    "UnitAmount": _number,
    "LineAmount": _number,
    "TaxAmount": _number,
    "DiscountRate": _number,
    "DiscountAmount": _number,
    "AccountCode": _text,
    "AccountID": _identity,
    "TaxType": _text,
    "ItemCode": _text,
    "Tracking": _list_of(_TRACKING),
}
_INVOICE: dict[str, Callable[[Any, str], Any]] = {
    "Type": _text,
    "InvoiceID": _identity,
    "InvoiceNumber": _text,
    "Reference": _text,
    "Url": _text,
    "Status": _text,
    "Contact": lambda value, path: _object(value, _CONTACT, path),
    "Date": _date,
    "DueDate": _date,
    "ExpectedPaymentDate": _date,
    "PlannedPaymentDate": _date,
    "LineAmountTypes": _text,
    "CurrencyCode": _text,
    "CurrencyRate": _number,
    "BrandingThemeID": _identity,
    "SentToContact": _truth,
    "SubTotal": _number,
    "TotalTax": _number,
    "Total": _number,
    "LineItems": _list_of(_LINE),
}
_CREDIT_NOTE: dict[str, Callable[[Any, str], Any]] = {
    "CreditNoteID": _identity,
    "CreditNoteNumber": _text,
    **{
        name: _INVOICE[name]
        for name in (
            "Type", "Reference", "Status", "Contact", "Date", "LineAmountTypes", "CurrencyCode", "CurrencyRate",
            "BrandingThemeID", "SubTotal", "TotalTax", "Total", "LineItems",
        )
    },
}  # fmt: skip
_ALLOCATION: dict[str, Callable[[Any, str], Any]] = {
    "Amount": _number,
    "Date": _date,
    "Invoice": lambda value, path: _object(value, {"InvoiceID": _identity}, path),
}
