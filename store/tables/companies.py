"""Companies and their clients."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from events.lane import DEFAULT_TARGET
from store.tables.columns import index_by_start, index_where


class Company(SQLModel, table=True):
    """A CrewCard company: its settings (JSON of events.settings.CompanySettings), and accounting system."""

    __tablename__ = "companies"
    id: str = Field(primary_key=True)
    name: str
    settings: str = Field(default="{}", sa_type=Text)
    target: str = Field(default=DEFAULT_TARGET, sa_column_kwargs={"server_default": DEFAULT_TARGET})
    created_at: datetime


class ContactLink(SQLModel, table=True):
    """Which Xero contact a client is billed as, and who said so; an empty id: none any more.

    `name` and `status` (active, archived, merged, erased, missing; empty: not looked at yet) are Xero's at
    `checked_at` in the organisation `checked_in`, `merged_into` the winner of a merge. `source` is who keeps it:
    host, person, command or import; `host_id` what the host last sent along, so that only a change of it counts.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        index_by_start("contacts_client", "client"),
        index_by_start("contacts_client_name", "client_name"),
        index_where("status IN ('archived', 'erased', 'merged', 'missing')", "contacts_amiss", "company", "client"),
    )
    company: str = Field(primary_key=True)
    client: str = Field(primary_key=True)
    xero_contact_id: str
    name: str = ""
    said_by: str
    changed_at: datetime
    client_name: str = ""
    source: str = ""
    host_id: str = ""
    status: str = ""
    merged_into: str = ""
    checked_at: datetime | None = None
    checked_in: str = ""
