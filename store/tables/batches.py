"""Batches and attempts: what was sent to Xero, and what became of it."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG


class Batch(SQLModel, table=True):
    """One call to Xero: its frozen body and key, committed before the call, and what became of it.

    `watched_since` is when Xero was first asked and could not say whether an invoice is ours: it is asked again.
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
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime
    sent_at: datetime | None = None
    settle_at: datetime | None = None
    closed_at: datetime | None = None
    look_ups: int = 0
    watched_since: datetime | None = None
    http_status: int | None = None
    correlation_id: str | None = None
    trouble: str | None = None


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
