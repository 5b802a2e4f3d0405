"""What people order and what was found: pauses, exclusions, the audit, drifts."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG


class Pause(SQLModel, table=True):
    """A company (or `*`, everybody) whose lanes take no new turn, since when, by whom and why."""

    __tablename__ = "pauses"
    scope: str = Field(primary_key=True)
    by: str
    why: str = Field(sa_type=Text)
    at: datetime


class Exclusion(SQLModel, table=True):
    """An invoice marked “do not send”, in whatever organisation, by whom and why."""

    __tablename__ = "exclusions"
    company: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    by: str
    why: str = Field(sa_type=Text)
    at: datetime


class AuditLine(SQLModel, table=True):
    """One act of a person: what was chosen (JSON) and how many invoices it moved.

    `chain` is the SHA-256 of this line and the `chain` of the line before it, in hex.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by", "who", "id"), Index("audit_of", "company", "id"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    at: datetime = Field(index=True)
    who: str
    what: str
    company: str = Field(index=True)
    chosen: str = Field(sa_type=Text)
    count: int
    why: str = Field(sa_type=Text)
    chain: str = Field(default="", sa_column_kwargs={"server_default": ""})


class AuditHead(SQLModel, table=True):
    """The newest line of the audit: its number and `chain`. One row (`id` 0); who adds a line locks it."""

    __tablename__ = "audit_head"
    id: int = Field(default=0, primary_key=True)
    line: int = Field(sa_type=BIG)
    chain: str


class AuditCheck(SQLModel, table=True):
    """The daily check of the audit: the newest line then, and what was wrong (JSON list of sentences)."""

    __tablename__ = "audit_checks"
    day: str = Field(primary_key=True)
    line: int = Field(sa_type=BIG)
    chain: str
    problems: str = Field(sa_type=Text)
    checked_at: datetime


class Drift(SQLModel, table=True):
    """An invoice that is not in Xero as we left it: `kind` voided, deleted, paid or edited, `differences` JSON.

    `fingerprint` is what Xero said, so that the same finding is reported once.
    """

    __tablename__ = "drifts"
    __table_args__ = (
        Index("drifts_once", "export_id", "fingerprint", unique=True),
        Index("drifts_invoice", "company", "invoice"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    export_id: int = Field(sa_type=BIG)
    fingerprint: str
    company: str
    invoice: str
    number: str
    kind: str
    differences: str = Field(sa_type=Text)
    found_at: datetime


class Reconciliation(SQLModel, table=True):
    """How far a lane has been compared with Xero: changes after `since`, from `page` on, not before `next_at`.

    `ours_only` is false once invoices of an older integration were taken over.
    """

    __tablename__ = "reconciliations"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    since: datetime
    page: int = 1
    ours_only: bool = True
    next_at: datetime
