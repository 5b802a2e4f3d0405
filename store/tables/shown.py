"""What people see: the status beside an invoice and the export log, projections of the answers.

Failures beyond one invoice: what was told as needing a person, causes that are gone, readers of our own feed.
What is counted for ever.
What goes through, counted by the clock so that pages need not read the log.
The processes that run.
"""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, Packed, index_by_start, index_where


class InvoiceStatus(SQLModel, table=True):
    """What a person sees beside an invoice: a projection of its events.

    `how` has a step per line; `cause` is the group of failures it belongs to, `about` that thing in words, `link`
    the page where it is mended. `drift` is how the invoice in Xero is known to differ from what was exported: voided,
    deleted, gone, edited, paid.
    """

    __tablename__ = "invoice_statuses"
    __table_args__ = (
        Index(
            "invoice_statuses_failed",
            "company",
            text("coalesce(cause, reason)"),
            "changed_at",
            sqlite_where=text("marker = 'failed'"),
            postgresql_where=text("marker = 'failed'"),
            postgresql_include=["invoice", "cause", "reason"],  # so that groups are counted in the index alone
        ),
        index_by_start("invoice_statuses_number", "number"),
        index_by_start("invoice_statuses_invoice", "invoice"),
        index_by_start("invoice_statuses_in_xero", "xero_invoice_id"),
        index_where(
            "marker = 'failed' AND substr(cause, 1, 8) = 'contact_'", "invoice_statuses_contacts", "company", "cause"
        ),
    )
    company: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    number: str | None = None
    marker: str
    sequence: int = Field(sa_type=BIG)
    last_exported_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    how: str | None = None
    cause: str | None = None
    about: str | None = None
    link: str | None = None
    xero_invoice_id: str | None = None
    deep_link: str | None = None
    drift: str | None = None
    changed_at: datetime


class LogEntry(SQLModel, table=True):
    """A line of the export log: one per answer about an invoice.

    `unmatched` are messages of Xero's that we do not know yet, one per line.
    `verified`, `differences` and `changes` (JSON lists) are the proof of match and what an update changed; `proof`
    is what was compared, what could not be, when, and Xero's warnings (JSON).
    """

    __tablename__ = "export_log"
    __table_args__ = (
        Index("export_log_invoice", "company", "invoice"),
        index_where("unmatched IS NOT NULL", "export_log_unmatched", "id"),
        Index("export_log_company", "company", "id"),
        index_where("outcome = 'failed'", "export_log_failed", "id"),
        index_where("outcome = 'failed'", "export_log_failed_of", "company", "id"),
        index_where("outcome NOT IN ('created', 'failed')", "export_log_rarer", "outcome", "id"),
        index_where("reason IS NOT NULL", "export_log_reason", "reason", "id"),
        Index("export_log_client", "client", "company", "id"),
        index_by_start("export_log_number", "number"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    event_id: str = Field(unique=True)
    at: datetime = Field(index=True)
    company: str
    request: str
    invoice: str
    number: str | None = None
    outcome: str
    reason: str | None = None
    message: str | None = None
    xero_words: str | None = Field(default=None, sa_type=Text)
    unmatched: str | None = Field(default=None, sa_type=Text)
    xero_invoice_id: str | None = None
    verified: bool | None = None
    differences: str | None = Field(default=None, sa_type=Text)
    changes: str | None = Field(default=None, sa_type=Text)
    proof: str | None = Field(default=None, sa_type=Packed)
    client: str | None = None


class Alert(SQLModel, table=True):
    """A cause that needs a person: when that was told last, about how many invoices, and how many came since.

    `untold` counts what was held back since `told_at`, `link` is the page where it is mended.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_untold", "told_at", sqlite_where=text("untold > 0"), postgresql_where=text("untold > 0")),
    )
    company: str = Field(primary_key=True)
    cause: str = Field(primary_key=True)
    reason: str
    title: str
    message: str = Field(sa_type=Text)
    who: str
    how: str = Field(sa_type=Text)
    about: str | None = None
    link: str | None = Field(default=None, sa_type=Text)
    invoices: int
    untold: int = 0
    told: int = 1
    first_at: datetime
    told_at: datetime
    last_at: datetime


class FeedMark(SQLModel, table=True):
    """How far a reader of our own feed has come."""

    __tablename__ = "feed_marks"
    reader: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BIG)


class Mending(SQLModel, table=True):
    """Causes that somebody has mended (one per line): what failed for them, asked for before then, is sent again.

    `tenant` limits it to invoices meant for that organisation, or for none yet. `event` is what brought it about.
    It is acted upon at once, and a second time a little later for what was just failing then: then it is done.
    """

    __tablename__ = "mendings"
    __table_args__ = (
        Index("mendings_open", "id", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    causes: str = Field(sa_type=Text)
    tenant: str | None = None
    by: str
    why: str
    event: str | None = None
    at: datetime
    acted_at: datetime | None = None
    done_at: datetime | None = None
    invoices: int = 0


class Counter(SQLModel, table=True):
    """How often something happened: `name` is invoices, events or troubles, `kind` and `detail` say which of them."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    detail: str = Field(primary_key=True)
    count: int = Field(default=0, sa_type=BIG)


class Quarter(SQLModel, table=True):
    """A quarter of an hour: how many invoices were exported and failed, as of `counted_at`.

    `median` and `slow` are the seconds that half, and 95 of 100, of the answers took at most since they were asked
    for; None while there were none.
    """

    __tablename__ = "quarters"
    begins_at: datetime = Field(primary_key=True)
    exported: int
    failed: int
    median: float | None = None
    slow: float | None = None
    counted_at: datetime


class QueueStretch(SQLModel, table=True):
    """How a queue was in five minutes, as it was looked at once a minute: of a company, or of all ("").

    `kind` is why invoices waited, as in worker/decisions/precedence, or "sending" where nothing held them back, and
    `most` how many they were at one moment. Of the kind "answer" `most` is the seconds of Xero's slowest answer,
    `total` those of all, `samples` how many there were. Of the kind "seen" `samples` is how often it was looked at.
    """

    __tablename__ = "queue_quarters"  # it began with quarters of an hour, which older rows still are
    company: str = Field(primary_key=True)
    begins_at: datetime = Field(primary_key=True, index=True)
    kind: str = Field(primary_key=True)
    samples: int = 0
    total: float = 0
    most: float = 0


class Process(SQLModel, table=True):
    """A process of ours, from its start to its clean end: `kind` is web, worker or clock.

    One that was killed leaves its row, which `seen_at` gives away. `skew_seconds`: how far its clock is ahead, None
    where that could not be seen. `quiet_at` and `quiet_by`: somebody told it to take no new work; `at_rest` is its
    own word that it has nothing in hand any more.
    """

    __tablename__ = "processes"
    id: str = Field(primary_key=True)
    kind: str
    version: str
    host: str
    pid: int
    since: datetime
    seen_at: datetime
    skew_seconds: float | None = None
    quiet_at: datetime | None = None
    quiet_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    at_rest: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Canary(SQLModel, table=True):
    """A canary under way, and when each step was behind it; it is gone when its sender has seen how far it came."""

    __tablename__ = "canaries"
    id: str = Field(primary_key=True)
    accepted_at: datetime
    answered_at: datetime | None = None
    relayed_at: datetime | None = None
