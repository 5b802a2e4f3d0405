"""Previews that were asked for, and what is known of organisations' settings."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel


class Preview(SQLModel, table=True):
    """A preview that a host asked for: the invoices as they came (JSON), until it is answered.

    `state`: waiting or answered. Whoever works on it holds it until `lease_until`; `tries` counts who did. `key` is
    whose key asked, which its calls to Xero are counted for; empty where none did.
    """

    __tablename__ = "previews"
    __table_args__ = (
        Index(
            "previews_waiting",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    company: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    source_event: str
    key: str = Field(default="", sa_column_kwargs={"server_default": ""})
    body: str = Field(sa_type=Text)
    state: str = "waiting"
    tries: int = 0
    due_at: datetime
    lease_until: datetime
    created_at: datetime
    answered_at: datetime | None = None


class RefusedTax(SQLModel, table=True):
    """A tax rate that an account did not take when an invoice was sent: Xero's settings do not tell it."""

    __tablename__ = "refused_taxes"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    tax: str = Field(primary_key=True)
    seen_at: datetime


class OrganisationFacts(SQLModel, table=True):
    """An organisation's settings as one company's login sees them (JSON of events.settings.Books), and since when."""

    __tablename__ = "organisation_facts"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    books: str = Field(sa_type=Text)
    fetched_at: datetime
