"""The events of a preview: what would happen if these invoices were exported now. Nothing is sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WrapValidator

from events.changes import Change
from events.export import MOST_INVOICES, XeroTotals, each_named, read_or_name
from events.invoice import Invoice
from events.snapshot import NOBODY, AnyPerson, Event, HostId, Id, Incoming, Snapshot

Verdict = Literal["create", "update", "unchanged", "under_way", "fail"]


Wanted = Annotated[
    tuple[Annotated[Invoice, WrapValidator(read_or_name)], ...],
    Field(min_length=1, max_length=MOST_INVOICES),
    BeforeValidator(each_named),
]


class Previewed(Snapshot):
    """Invoices somebody wants foretold at once."""

    invoices: Wanted


class InvoiceExportPreviewRequested(Incoming):
    """In: say what an export of these invoices would do. Sends nothing to Xero."""

    TYPE: ClassVar[str] = "invoice.export.preview_requested"

    request: HostId
    requested_by: AnyPerson = NOBODY
    invoices: Wanted


class Foreseen(Snapshot):
    """One reason for which the export would fail, with who can mend it and how."""

    reason: str
    title: str
    message: str
    who: str
    how: str
    line: int | None = None


class InvoicePreview(Snapshot):
    """What would happen to one invoice. `totals` are as Xero would round them; `changes` what an update changes.

    `under_way` = it is on its way to Xero right now. The first of `problems` is the one the export would name.
    """

    invoice: HostId
    number: str | None
    verdict: Verdict
    contact: str | None = None
    totals: XeroTotals | None = None
    changes: tuple[Change, ...] = ()
    problems: tuple[Foreseen, ...] = ()
    warnings: tuple[str, ...] = ()
    deep_link: str | None = None


class Forecast(Snapshot):
    """How long the export would take: calls it needs, calls the day still has, seconds until its last call.

    `waits_for` says in a sentence what would hold it back until a person acts; then there is no end to foresee.
    `attachment_calls` are those that files take at most, behind the export and beside `calls`; `allocation_calls`
    those that it takes then to credit invoices.
    """

    calls: int
    day_calls_left: int | None = None
    seconds: int | None = None
    waits_for: str | None = None
    attachment_calls: int = 0
    allocation_calls: int = 0


class InvoiceExportPreviewed(Event):
    """Out: what an export would do. `fine` = nothing would fail; `complete` = everything could be looked at.

    `calls` is how many calls to Xero the preview itself took.
    """

    TYPE: ClassVar[str] = "invoice.export.previewed"

    company: Id
    request: str
    organisation: str | None
    fine: bool
    complete: bool
    counts: Mapping[Verdict, int]
    totals: tuple[XeroTotals, ...]
    warnings: tuple[str, ...] = ()
    forecast: Forecast
    calls: int
    invoices: tuple[InvoicePreview, ...]
    previewed_at: datetime
