"""Companies and their clients."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel


class Company(SQLModel, table=True):
    """A CrewCard company: its settings (JSON of events.settings.CompanySettings)."""

    __tablename__ = "companies"
    id: str = Field(primary_key=True)
    name: str
    settings: str = Field(default="{}", sa_type=Text)
    created_at: datetime


class ContactLink(SQLModel, table=True):
    """Which Xero contact a client is billed as, and who said so."""

    __tablename__ = "contacts"
    company: str = Field(primary_key=True)
    client: str = Field(primary_key=True)
    xero_contact_id: str
    name: str = ""
    said_by: str
    changed_at: datetime
