"""Companies, their Xero apps, logins, organisations and clients."""

from datetime import datetime

from sqlalchemy import LargeBinary, Text
from sqlmodel import Field, SQLModel


class Company(SQLModel, table=True):
    """A CrewCard company: its settings (JSON of events.settings.CompanySettings)."""

    __tablename__ = "companies"
    id: str = Field(primary_key=True)
    name: str
    settings: str = Field(default="{}", sa_type=Text)
    created_at: datetime


class Connection(SQLModel, table=True):
    """The organisation (tenant) a company exports to, and whose Xero login opens it."""

    __tablename__ = "connections"
    company: str = Field(primary_key=True)
    tenant: str = Field(unique=True)
    organisation: str
    short_code: str
    base_currency: str
    client_id: str
    xero_user: str
    state: str = "connected"
    connected_at: datetime


class XeroApp(SQLModel, table=True):
    """A company's own Xero app. The secret is encrypted."""

    __tablename__ = "xero_apps"
    client_id: str = Field(primary_key=True)
    company: str = Field(index=True)
    secret: bytes = Field(sa_type=LargeBinary)
    scopes: str = ""


class Token(SQLModel, table=True):
    """The token pair of one (app, Xero user), encrypted; `version` for compare-and-set, a lease for refreshing."""

    __tablename__ = "tokens"
    client_id: str = Field(primary_key=True)
    xero_user: str = Field(primary_key=True)
    pair: bytes = Field(sa_type=LargeBinary)
    expires_at: datetime
    version: int = 1
    lease: str | None = None
    lease_until: datetime | None = None
    refreshed_at: datetime


class ContactLink(SQLModel, table=True):
    """Which Xero contact a client is billed as, and who said so."""

    __tablename__ = "contacts"
    company: str = Field(primary_key=True)
    client: str = Field(primary_key=True)
    xero_contact_id: str
    name: str = ""
    said_by: str
    changed_at: datetime
