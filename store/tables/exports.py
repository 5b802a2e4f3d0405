"""The route of an export: requests and items, exports, numbers.

Batches and attempts: what was sent to Xero, and what became of it.
Lanes: a company and its organisation.
"""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, LargeBinary, String, Text, text
from sqlmodel import Field, SQLModel

from events.invoice import Document
from store.tables.columns import BIG, Packed, PackedBytes, PackedString, index_by_start, index_where


class Request(SQLModel, table=True):
    """One click or one bulk send: how many invoices it names and how many have their answer.

    `caused_by` names the event that a replay repeats, `given_up_at` is when we stopped waiting for missing parts,
    `progressed` how many were answered when that was last told. `trace` is where it belongs (`codec.trace_of`).
    """

    __tablename__ = "requests"
    __table_args__ = (
        index_where("completed_at IS NULL", "requests_open", "company", "created_at"),
        index_where("mode = 'bulk'", "requests_bulk", "created_at", "company", "id"),
        index_where("mode = 'bulk'", "requests_bulk_of", "company", "created_at", "id"),
        index_by_start("requests_id", "id"),
    )
    company: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    tenant: str
    mode: str
    requested_by: str
    source_event: str
    parts: int = 1
    parts_received: str = ""
    total: int = 0
    exported: int = 0
    failed: int = 0
    unchanged: int = 0
    created_at: datetime
    completed_at: datetime | None = None
    caused_by: str | None = None
    cancelled_at: datetime | None = None
    given_up_at: datetime | None = None
    progressed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    progressed_at: datetime | None = None
    trace: str | None = Field(default=None, sa_type=Text)
    requested_by_name: str | None = Field(default=None, sa_type=Text)


class Item(SQLModel, table=True):
    """One invoice of one request; `state` waiting, exported or failed. Answered exactly once."""

    __tablename__ = "items"
    __table_args__ = (index_where("state = 'waiting'", "items_waiting", "export_id"),)
    company: str = Field(primary_key=True)
    request: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    export_id: int | None = Field(default=None, sa_type=BIG)
    revision: int = Field(default=0, sa_type=BIG)
    content_hash: str = ""
    state: str = "waiting"
    reason: str | None = None
    answered_at: datetime | None = None


class Export(SQLModel, table=True):
    """One invoice in one organisation, for ever. `wanted_*` is the newest content, `sent_*` what Xero has.

    `live_since` is when somebody last began to wait for it, `copy_seen` the fingerprint of Xero's copy as we
    last saw it and `copy_kept` its picture (JSON of events.changes.Picture), `in_flight` the content that may be in
    Xero while newer content is wanted, `number_prefix` what the company's settings put before the number in `wanted`.

    `document` is what it goes to Xero as, `invoice` or `credit_note`: fixed once an attempt has carried it.
    `generation` counts how often it was raised in Xero (a voided one can be raised anew), `raise_anew` is true while
    a person has ordered that; `raised_as` is the number it has there since instead of `raised_from`.
    `sent_contact` is the contact it was sent to, `checked_at` when Xero was last asked about it alone, and `found`
    (JSON: kind, differences) what was different there since. `batch_limit` is how many may travel with it at most in
    one call, 0 for any number.

    `state`: pending, exporting (in a batch), uncertain (its batch's outcome is unknown), exported, failed.
    `linked` is no column: rows that `exports.of_batches` gives have there what is kept as the client's contact now.
    """

    __tablename__ = "exports"
    __table_args__ = (
        Index("exports_once", "company", "tenant", "invoice", unique=True),
        index_where("state = 'pending'", "exports_due", "company", "tenant", "priority", "due_at", "id"),
        index_where("live_since IS NOT NULL AND state IN ('pending', 'uncertain')", "exports_waiting", "live_since"),
        index_where("state IN ('exporting', 'uncertain')", "exports_in_hand", "company", "state"),
        index_where("state = 'failed'", "exports_failed", "company"),
        # An export is written four times on its way, each time into every index that it is in.
        index_where("batch_id IS NOT NULL", "exports_batch", "batch_id"),
        index_where("xero_invoice_id IS NOT NULL", "exports_in_xero", "tenant", "xero_invoice_id"),
    )
    linked: ClassVar[str] = ""
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    tenant: str
    invoice: str
    number: str
    client: str
    state: str = "new"
    priority: int = 1
    due_at: datetime
    wanted_revision: int = Field(default=0, sa_type=BIG)
    wanted_hash: str = ""
    wanted: str = Field(default="", sa_type=Packed)
    sent_revision: int = Field(default=-1, sa_type=BIG)
    sent_hash: str = ""
    batch_id: str | None = None
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    alone: bool = False
    number_bound: bool = False
    excluded: bool = False
    cancelled: bool = False
    xero_invoice_id: str | None = None
    xero_totals: str | None = Field(default=None, sa_type=PackedString)
    exported_at: datetime | None = None
    live_since: datetime | None = None
    copy_seen: str | None = Field(default=None, sa_type=Text)
    in_flight: str | None = Field(default=None, sa_type=Packed)
    number_prefix: str = ""
    copy_kept: str | None = Field(default=None, sa_type=Packed)
    generation: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    raise_anew: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    raised_from: str = Field(default="", sa_column_kwargs={"server_default": ""})
    raised_as: str = Field(default="", sa_column_kwargs={"server_default": ""})
    sent_contact: str = Field(default="", sa_column_kwargs={"server_default": ""})
    checked_at: datetime | None = None
    found: str | None = Field(default=None, sa_type=Text)
    batch_limit: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    document: Document = Field(default="invoice", sa_type=String, sa_column_kwargs={"server_default": "invoice"})
    created_at: datetime
    touched_at: datetime


class Generation(SQLModel, table=True):
    """An earlier invoice in Xero of an export that was raised anew: under which number and id, and what ended it.

    `ended` is voided, deleted or gone; `by` and `why` are the order's that raised the next one.
    """

    __tablename__ = "generations"
    export_id: int = Field(primary_key=True, sa_type=BIG)
    generation: int = Field(primary_key=True)
    number: str
    xero_invoice_id: str
    ended: str
    by: str
    why: str = Field(sa_type=Text)
    at: datetime


class Attachment(SQLModel, table=True):
    """A file for an invoice, named by a host or uploaded: fetched once, attached once the invoice is in Xero.

    `called` is what its host calls it, "" where an older version wrote it down; `name` how it is called in Xero.
    `state`: waiting, sending (a call was made, or is to be made at once, whose outcome is not known), attached,
    failed. `url` is null for one that was uploaded; `announced` is the SHA-256 that was named, `size` and `sha256`
    are of what is in hand. `verdict` is why it will not be attached, known before its turn comes. `attached_sha256`
    is what Xero has of this name at `target_id`, "" for nothing; one that may be there was sent with `key`.
    `newer` (JSON) is how it was named anew while it was being sent. `change` counts what was told of its invoice.
    `token` fences every later write.
    """

    __tablename__ = "attachments"
    __table_args__ = (
        Index("attachments_once", "company", "invoice", "name", unique=True),
        index_where("state IN ('waiting', 'sending')", "attachments_due", "due_at", "company"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    invoice: str
    name: str
    called: str = Field(default="", sa_column_kwargs={"server_default": ""})
    state: str = "waiting"
    url: str | None = Field(default=None, sa_type=Text)
    announced: str = ""
    media_type: str = ""
    include_online: bool = False
    newer: str | None = Field(default=None, sa_type=Text)
    verdict: str = ""
    size: int | None = None
    sha256: str = ""
    tenant: str = ""
    target_id: str = ""
    attached_sha256: str = ""
    key: str = ""
    sent_at: datetime | None = None
    token: str = ""
    lease_until: datetime | None = None
    due_at: datetime
    tries: int = 0
    crashes: int = 0
    reason: str | None = None
    said: str | None = Field(default=None, sa_type=Text)
    change: int = 0
    wanted_at: datetime
    ended_at: datetime | None = None


class AttachmentContent(SQLModel, table=True):
    """The bytes of a file that is not attached yet."""

    __tablename__ = "attachment_contents"
    attachment_id: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    company: str = Field(index=True)
    size: int
    content: bytes = Field(sa_type=LargeBinary)
    stored_at: datetime


class NumberClaim(SQLModel, table=True):
    """Whose invoice a number is in one organisation, in folded form."""

    __tablename__ = "numbers"
    __table_args__ = (
        index_by_start("numbers_folded", "folded", folded=False),
        index_by_start("numbers_invoice", "invoice"),
    )
    tenant: str = Field(primary_key=True)
    folded: str = Field(primary_key=True)
    company: str
    invoice: str


class InvoiceSearch(SQLModel, table=True):
    """What an invoice is found by, folded: a value per line, names with signs in them also without these.

    PostgreSQL finds any part of it by trigrams where it has `pg_trgm`; otherwise the table is read.
    """

    __tablename__ = "invoice_search"
    company: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    number: str
    text: str = Field(sa_type=Text)


class Packing(SQLModel, table=True):
    """Since when contents are written packed (`columns.Packed`); no row while older processes may have to read them.

    One row (`id` 0). All processes of a version with this table read both forms.
    """

    __tablename__ = "packing"
    id: int = Field(default=0, primary_key=True)
    since: datetime


class Batch(SQLModel, table=True):
    """One call to Xero: its frozen body and key, committed before the call, and what became of it.

    `watched_since` is when Xero was first asked and could not say whether an invoice is ours: it is asked again.
    `worker` is the process that took it last, "" where an earlier version did; `document` what all in it go as.
    `state`: claimed, sent, uncertain, settled, given_back. `token` fences every later write.
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index("batches_open", "company", "tenant", "state"),
        Index("batches_lease", "state", "lease_until"),
    )
    id: str = Field(primary_key=True)
    company: str
    tenant: str
    state: str = "claimed"
    token: str
    kind: str = Field(default="create", sa_column_kwargs={"server_default": "create"})
    lease_until: datetime
    size: int
    key: str = ""
    body: bytes | None = Field(default=None, sa_type=PackedBytes)
    created_at: datetime
    sent_at: datetime | None = None
    settle_at: datetime | None = None
    closed_at: datetime | None = None
    look_ups: int = 0
    watched_since: datetime | None = None
    http_status: int | None = None
    correlation_id: str | None = None
    trouble: str | None = None
    worker: str = Field(default="", sa_column_kwargs={"server_default": ""})
    document: Document = Field(default="invoice", sa_type=String, sa_column_kwargs={"server_default": "invoice"})


class Attempt(SQLModel, table=True):
    """One invoice in one batch: the number, content and contact it carried, and what Xero said."""

    __tablename__ = "attempts"
    batch_id: str = Field(primary_key=True)
    export_id: int = Field(primary_key=True, index=True, sa_type=BIG)
    number: str
    revision: int = Field(sa_type=BIG)
    content_hash: str
    contact: str = Field(default="", sa_column_kwargs={"server_default": ""})
    outcome: str = "sent"
    reason: str | None = None
    said: str | None = Field(default=None, sa_type=Text)
    at: datetime


class Allocation(SQLModel, table=True):
    """What of a credit note (`export_id`, its id `invoice`) is credited to the invoice `credits`.

    `state`: waiting, sending (a call may be on its way until `due_at`), allocated, unallocated (given up). `amount`
    is what was sent or allocated, `why` says in a sentence why nothing is. `token` fences every later write.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        index_where("state IN ('waiting', 'sending')", "allocations_due", "due_at"),
        Index("allocations_invoice", "company", "invoice"),
        Index("allocations_credits", "company", "credits"),
    )
    export_id: int = Field(primary_key=True, sa_type=BIG)
    company: str
    tenant: str
    invoice: str
    credits: str
    state: str
    token: str
    amount: str | None = None
    key: str = ""
    tries: int = 0
    why: str = Field(default="", sa_type=Text)
    due_at: datetime
    moved_at: datetime


class LaneState(SQLModel, table=True):
    """Why a lane waits, and until when. A lane without a row is well.

    `refused_in_a_row` counts 401s and 403s since the last answer, the first at `refused_since`. `limit_named` is the
    limit of Xero's that bulk sends wait for until `limit_until`, while a person's own may still go.
    """

    __tablename__ = "lanes"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    state: str = "open"
    cause: str | None = None
    message: str = ""
    blocked_until: datetime | None = None
    unknown_in_a_row: int = 0
    refused_in_a_row: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    refused_since: datetime | None = None
    limit_named: str = Field(default="", sa_column_kwargs={"server_default": ""})
    limit_until: datetime | None = None
    answered_at: datetime | None = None
    changed_at: datetime
