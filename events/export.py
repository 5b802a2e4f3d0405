"""The events of an export. Wire name = class name: InvoiceExportSucceeded is `invoice.export.succeeded`.

The events about a request as a whole: it waits, it moves on, it is done.
The words of a request's pop-up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationError, WrapValidator, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from events import written
from events.changes import Change, Difference, Drifted
from events.failures import FAILED_TITLE, Failure, about, cause_of
from events.invoice import Cleaned, Client, Document, Invoice, LineItem, Totals, Tracking
from events.reasons import Reason
from events.snapshot import (
    DEPRECATED,
    NOBODY,
    Amount,
    AnyPerson,
    Currency,
    Event,
    HostId,
    Id,
    Incoming,
    Origin,
    Person,
    ShortText,
    Snapshot,
)
from events.unreadable import FieldProblem, problems
from events.wording import inside

MOST_INVOICES = 500
FIELDS = tuple(
    dict.fromkeys(name for model in (LineItem, Invoice, Client, Tracking, Totals) for name in model.model_fields)
)
Marker = Literal["not_exported", "queued", "exporting", "exported", "failed", "waiting", "uncertain", "excluded"]


class UnreadableInvoice(Snapshot):
    """An invoice that breaks the contract, named so that it fails alone."""

    id: HostId
    number: str | None = None
    problems: tuple[FieldProblem, ...]

    def failure(self) -> Failure:
        """Why it fails; first what only support can mend, because nothing goes before that."""
        first, *others = (_failure(one) for one in sorted(self.problems, key=lambda one: one.by_clerk))
        return replace(first, others=tuple(others))


def _failure(problem: FieldProblem) -> Failure:
    facts = {"problem": str(problem), "field": problem.field, "wrong": problem.wrong, "wrong_said": problem.kind}
    mends = {"mends": "clerk"} if problem.by_clerk else {}
    return Failure(Reason.INVOICE_UNREADABLE, {**facts, **mends}, line=problem.line)


def read_or_name(value: Any, handler: Any) -> Any:
    """An invoice, or an UnreadableInvoice where it breaks the contract; its id must be one."""
    if isinstance(value, Invoice | UnreadableInvoice):
        return value
    try:
        return handler(value)
    except ValidationError as broken:
        if not _has_id(value):
            raise PydanticCustomError("no_id", "must be an object with an id that names the invoice") from None
        found = {"id": value.get("id"), "number": _number(value), "problems": tuple(problems(broken, FIELDS))}
        return UnreadableInvoice.model_validate(found)


def each_named(wanted: Any, part: Any = 1) -> Any:
    """The invoices of a request; one without an id to answer it by is named by its place, counted from 1."""
    if not isinstance(wanted, list | tuple):
        return wanted
    return [one if _has_id(one) else _named_by_place(one, place, part) for place, one in enumerate(wanted, start=1)]


def _has_id(one: Any) -> bool:
    if isinstance(one, Invoice | UnreadableInvoice):
        return True
    try:
        return isinstance(one, dict) and bool(written.id_(one.get("id")))
    except PydanticCustomError:
        return False


def _named_by_place(one: Any, place: int, part: Any) -> UnreadableInvoice:
    if not isinstance(one, dict):
        problem = FieldProblem(field="invoice", said=f"number {place} of the request must be an object", wrong="kind")
    elif one.get("id") is None:
        problem = FieldProblem(
            field="id", said=f"is missing in invoice number {place} of the request", wrong="missing"
        )
    else:
        said = f"of invoice number {place} of the request cannot be one: {written.shown(one['id'])}"
        problem = FieldProblem(field="id", said=said)
    in_part = f"-part-{part}" if isinstance(part, int) and part > 1 else ""
    return UnreadableInvoice(id=f"without-id{in_part}-{place}", number=_number(one), problems=(problem,))


def _number(value: Any) -> str | None:
    try:
        number = written.invoice_number(value.get("number")) if isinstance(value, dict) else ""
    except PydanticCustomError:
        return None
    return number[:255] or None


class InvoiceExportRequested(Incoming):
    """In: export these invoices. A send of more than 500 is several events with one `request` id."""

    TYPE: ClassVar[str] = "invoice.export.requested"

    request: HostId
    part: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(written.whole)] = 1
    parts: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(written.whole)] = 1
    requested_by: AnyPerson = NOBODY
    mode: Literal["single", "bulk"]
    origin: Origin = Origin()
    invoices: Annotated[
        tuple[Annotated[Invoice, WrapValidator(read_or_name)], ...], Field(min_length=1, max_length=MOST_INVOICES)
    ]

    @model_validator(mode="before")
    @classmethod
    def _name_each(cls, said: Any) -> Any:
        """An invoice that nobody could be answered about by its id takes none of its neighbours along."""
        if not isinstance(said, dict):
            return said
        named = each_named(said.get("invoices"), said.get("part", 1))
        return {**said, "invoices": named} if "invoices" in said else said


class Notification(Snapshot):
    """What the host shows in its pop-up."""

    title: str
    message: str


class InvoiceAnswered(Event):
    """What every answer about one invoice says. `sequence` grows per invoice: ignore what is older.

    `requested_by` is who asked, by the id and the name that the request gave; null where that could not be read.
    `client` is whose invoice it is, for our own log: it is not told.
    """

    company: Id
    request: HostId
    invoice: HostId
    number: str | None
    sequence: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    marker: Marker
    requested_by: Person | None = None
    client: SkipJsonSchema[str | None] = Field(default=None, exclude=True)


class XeroTotals(Snapshot):
    """Totals as Xero has them, in the invoice's currency."""

    currency: Currency
    subtotal: Amount
    tax: Amount
    total: Amount


class InvoiceExportSucceeded(InvoiceAnswered):
    """Out: the invoice is in Xero. `unchanged` = it already was, and nothing was sent.

    `verified` = everything that was sent and that Xero gives back is kept as it was sent, the sums are as the host
    says, and Xero warned of nothing; else `differences` say what is not so, and `differing` the same field by field,
    where Xero is known for it with what it does (`altered`). `compared` names what was compared at `compared_at`,
    `not_compared` what could not be, and why. `warnings` are Xero's own words about what it saved all the same.
    `changes` is what an update changed in Xero, field by field and line by line. `checked_at` is until when we know
    what Xero has: of an `unchanged` invoice it was looked at then. `drift` is how it is known to differ from what was
    exported. `generation` counts how often it was raised in Xero. `cleaned` names the texts that went to Xero without
    characters nobody sees, and those characters. `document` is what it is in Xero: `number`, `xero_invoice_id` and
    `totals` are then the credit note's, whose amounts are above zero.
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
    drift: Drifted | None = None
    checked_at: datetime | None = None
    generation: int = 1
    cleaned: tuple[Cleaned, ...] = ()
    document: Document = "invoice"


class ExportProblem(Snapshot):
    """One of the things that are wrong with an invoice; lines count from 1, `more_lines` have the same.

    `readers` says of each of the steps who takes it: clerk, admin, bookkeeper or support.
    """

    reason: str
    message: str
    who: str
    steps: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    link: str | None = None
    line: int | None = None
    more_lines: tuple[int, ...] = ()
    xero_words: str | None = None


class InvoiceExportFailed(InvoiceAnswered):
    """Out: the invoice was not exported, why, and who can mend it how.

    `cause` is the group of failures that one act mends, `about` that thing in words. `problems` is everything that
    is wrong with the invoice, most useful first; the fields beside it speak of the first. `readers` says of each of
    the steps who takes it: show a clerk the clerk's.
    """

    TYPE: ClassVar[str] = "invoice.export.failed"

    reason: str
    notification: Notification
    who: str
    how: str
    by_itself: bool
    steps: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    link: str | None = None
    cause: str = ""
    about: str | None = None
    xero_words: str | None = None
    line: int | None = None
    problems: tuple[ExportProblem, ...] = ()
    marker: Marker = "failed"


def failed_answer(
    company: str, request: str, invoice: str, number: str | None, failure: Failure
) -> InvoiceExportFailed:
    """The answer for an invoice that was not exported, in the words of its failure."""
    told = failure.knowing(number=number or invoice)
    return InvoiceExportFailed(
        company=company,
        request=request,
        invoice=invoice,
        number=number,
        reason=failure.reason.code,
        notification=Notification(title=FAILED_TITLE, message=told.message()),
        who=failure.who,
        how=told.remedy(),
        by_itself=failure.by_itself,
        steps=told.steps(),
        readers=told.readers(),
        link=told.link(),
        cause=cause_of(told),
        about=about(told) or None,
        xero_words=told.words(),
        line=failure.line,
        problems=_problems(told),
        marker="excluded" if failure.reason is Reason.EXCLUDED else "failed",
        client=told.facts.get("client_id"),
    )


def _problems(told: Failure) -> tuple[ExportProblem, ...]:
    """Everything that is wrong, what is wrong at many lines once."""
    alike: dict[tuple[Reason, str | None], list[Failure]] = {}
    for one in told.all():
        alike.setdefault((one.reason, one.said), []).append(one)
    return tuple(_problem(first, [other.line for other in rest if other.line]) for first, *rest in alike.values())


def _problem(failure: Failure, more_lines: Sequence[int]) -> ExportProblem:
    return ExportProblem(
        reason=failure.reason.code,
        message=failure.message(),
        who=failure.who,
        steps=failure.steps(),
        readers=failure.readers(),
        link=failure.link(),
        line=failure.line,
        more_lines=tuple(more_lines),
        xero_words=failure.said,
    )


class InvoiceExportDeferred(Event):
    """Out: a request waits, why and until when. Nothing has failed.

    `limit` names the limit of Xero's that is waited for (minute, day, concurrent, appminute), where there is one.
    `login_due`: it waits until somebody of the company logs in to Xero; a link is made when that person wants it.
    """

    TYPE: ClassVar[str] = "invoice.export.deferred"

    company: Id
    request: HostId
    cause: Literal["limit", "offline", "needs_login", "paused", "trouble"]
    message: ShortText
    until: datetime | None
    limit: str | None = None
    login_due: bool = False
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)


class InvoiceExportProgressed(Event):
    """Out: how far a request is; never after `completed`. No `estimated_finish` while it waits for a person."""

    TYPE: ClassVar[str] = "invoice.export.progressed"

    company: Id
    request: HostId
    total: int
    exported: int
    failed: int
    waiting: int
    estimated_finish: datetime | None


class InvoiceExportCompleted(Event):
    """Out: every invoice of the request has its answer. The notification of a single failure is its full sentence."""

    TYPE: ClassVar[str] = "invoice.export.completed"

    company: Id
    request: HostId
    total: int
    exported: int
    failed: int
    reasons: Mapping[str, int]
    notification: Notification
    requested_by: Person | None = None


EXPORTED = "Invoices exported to Xero."


def asked_by(person: str, name: str | None) -> Person | None:
    """Who asked, by the id and the name that a request keeps; None where it could not be read."""
    return None if person in ("", NOBODY.id) else Person(id=person, name=name)


def summary(exported: int, failed: int, reasons: Mapping[str, int]) -> Notification:
    """The notification at the end of a request: all well, mixed, or all failed, with counts per reason.

    Where most went well the title says so: 55 of 60 is no failed export.
    """
    if not failed:
        return Notification(title="Xero export", message=EXPORTED)
    causes = "; ".join(
        f"{inside(Reason.of(code).value.title)} ({count})"
        for code, count in sorted(reasons.items(), key=lambda cause: (-cause[1], cause[0]))
    )
    invoices = "invoice" if failed == 1 else "invoices"
    done = f"{exported} exported to Xero, " if exported else ""
    title = f"{exported} of {exported + failed} invoices exported to Xero" if exported else FAILED_TITLE
    return Notification(title=title, message=f"{done}{failed} {invoices} failed: {causes}.")
