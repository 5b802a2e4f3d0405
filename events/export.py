"""The events of an export. Wire name = class name: InvoiceExportSucceeded is `invoice.export.succeeded`."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, WrapValidator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from events.changes import Change, Difference
from events.invoice import Invoice
from events.people import Origin, Person
from events.snapshot import Amount, Currency, Event, Id, Incoming, Snapshot

MOST_INVOICES = 500
_LONGEST_NAME = 60
Marker = Literal["not_exported", "queued", "exporting", "exported", "failed", "waiting", "uncertain", "excluded"]

# What the validation library says, in words for whoever sent the event.
_PLAIN = {
    "decimal_parsing": "must be a number like 12.50",
    "decimal_type": "must be a number like 12.50",
    "extra_forbidden": "is not a field we know",
    "finite_number": "must be a number like 12.50",
    "missing": "is missing",
}


class UnreadableInvoice(Snapshot):
    """An invoice that breaks the contract but can still be named, so that it fails alone."""

    id: Id
    number: str | None = None
    problems: tuple[str, ...]


def read_or_name(value: Any, handler: Any) -> Any:
    """An invoice, or an UnreadableInvoice where it breaks the contract and can still be named."""
    if isinstance(value, Invoice | UnreadableInvoice):
        return value
    try:
        return handler(value)
    except ValidationError as broken:
        return _name_it(value, broken)


def _name_it(value: Any, broken: ValidationError) -> UnreadableInvoice:
    number = value.get("number") if isinstance(value, dict) else None
    try:
        return UnreadableInvoice.model_validate(
            {
                "id": value["id"] if isinstance(value, dict) else None,
                "number": number[:255] if isinstance(number, str) and number.isprintable() else None,
                "problems": tuple(sentences(broken)),
            }
        )
    except (ValidationError, KeyError):
        raise PydanticCustomError("no_id", "must be an object with an id that names the invoice") from None


def sentences(broken: ValidationError, most: int = 5) -> list[str]:
    """Each problem as `field: what is wrong`, at most `most` of them; a whole is not blamed for its parts."""
    errors = broken.errors(include_url=False, include_input=False)
    blamed = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return [
        f"{_path(error) or 'value'}: {_PLAIN.get(error['type'], error['msg'])}"
        for error in errors
        if error["loc"] not in blamed
    ][:most]


def _path(error: ErrorDetails) -> str:
    """Where in the document something is wrong; what is wrong between fields names the one it is about."""
    named = [error["ctx"]["field"]] if error["type"] == "line_incomplete" else []
    return ".".join(_shown(part) for part in (*error["loc"], *named))


def _shown(part: int | str) -> str:
    """A part of a field's path; a name that a host made up can hold anything, of any length."""
    return "".join(one if one.isprintable() else "?" for one in str(part)[:_LONGEST_NAME])


class InvoiceExportRequested(Incoming):
    """In: export these invoices. A send of more than 500 is several events with one `request` id."""

    TYPE: ClassVar[str] = "invoice.export.requested"

    request: Id
    part: Annotated[int, Field(ge=1, le=10_000)] = 1
    parts: Annotated[int, Field(ge=1, le=10_000)] = 1
    requested_by: Person
    mode: Literal["single", "bulk"]
    origin: Origin = Origin()
    invoices: Annotated[
        tuple[Annotated[Invoice, WrapValidator(read_or_name)], ...], Field(min_length=1, max_length=MOST_INVOICES)
    ]


class Notification(Snapshot):
    """What the host shows in its pop-up."""

    title: str
    message: str


class Told(Event):
    """What every answer about one invoice says. `sequence` grows per invoice: ignore what is older.

    `client` is whose invoice it is, for our own log: it is not told.
    """

    company: Id
    request: Id
    invoice: Id
    number: str | None
    sequence: int = 0
    marker: Marker
    client: SkipJsonSchema[str | None] = Field(default=None, exclude=True)


class XeroTotals(Snapshot):
    """Totals as Xero has them, in the invoice's currency."""

    currency: Currency
    subtotal: Amount
    tax: Amount
    total: Amount


class InvoiceExportSucceeded(Told):
    """Out: the invoice is in Xero. `unchanged` = it already was, and nothing was sent.

    `verified` = everything that was sent and that Xero gives back is kept as it was sent, the sums are as the host
    says, and Xero warned of nothing; else `differences` say what is not so, and `differing` the same field by field,
    where Xero is known for it with what it does (`altered`). `compared` names what was compared at `compared_at`,
    `not_compared` what could not be, and why. `warnings` are Xero's own words about what it saved all the same.
    `changes` is what an update changed in Xero, field by field and line by line.
    """

    TYPE: ClassVar[str] = "invoice.export.succeeded"

    outcome: Literal["created", "updated", "adopted", "unchanged"]
    xero_invoice_id: str
    totals: XeroTotals | None = None
    deep_link: str
    exported_at: datetime
    marker: Marker = "exported"
    verified: bool
    differences: tuple[str, ...] = ()
    differing: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    compared_at: datetime | None = None
    changes: tuple[Change, ...] = ()


class ExportProblem(Snapshot):
    """One of the things that are wrong with an invoice; lines count from 1, `more_lines` have the same."""

    reason: str
    message: str
    who: str
    steps: tuple[str, ...] = ()
    link: str | None = None
    line: int | None = None
    more_lines: tuple[int, ...] = ()
    xero_words: str | None = None


class InvoiceExportFailed(Told):
    """Out: the invoice was not exported, why, and who can mend it how.

    `cause` is the group of failures that one act mends, `about` that thing in words. `problems` is everything that
    is wrong with the invoice, most useful first; the fields beside it speak of the first.
    """

    TYPE: ClassVar[str] = "invoice.export.failed"

    reason: str
    notification: Notification
    who: str
    how: str
    by_itself: bool
    steps: tuple[str, ...] = ()
    link: str | None = None
    cause: str = ""
    about: str | None = None
    xero_words: str | None = None
    line: int | None = None
    problems: tuple[ExportProblem, ...] = ()
    marker: Marker = "failed"
