"""What people see: the status beside an invoice and the export log, projections of the answers."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, index_by_start, index_where


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
    proof: str | None = Field(default=None, sa_type=Text)
    client: str | None = None
