"""Companies and their clients.

Companies' Xero apps and logins, the organisations they are connected to, and logins under way.
"""

from datetime import datetime

from sqlalchemy import LargeBinary, Text
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


class CompanyConnection(SQLModel, table=True):
    """The organisation (tenant) a company exports to, and whose Xero login opens it.

    `state`: connected, needs_login, undecided (work waits for another organisation), disconnected. `problem` says
    why it is not connected, `scopes` what Xero granted, `xero_id` is Xero's id of the connection, `day_calls` the
    calls that Xero allows the organisation in a day: 0 until its headers told.
    """

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
    scopes: str = ""
    problem: str = ""
    problem_at: datetime | None = None
    xero_id: str = ""
    day_calls: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class XeroApp(SQLModel, table=True):
    """A Xero app, and the company that brought it.

    Its secrets are encrypted; two are good while one replaces the other, `pkce` apps have none. `callback` is the
    redirect address registered at Xero, empty for ours.
    """

    __tablename__ = "xero_apps"
    client_id: str = Field(primary_key=True)
    company: str = Field(default="", index=True)
    secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    kind: str = "web"
    callback: str = ""
    secret_changed_at: datetime
    secret_refused_at: datetime | None = None
    scopes: str = ""  # of no use any more: each company's are in company_apps


class CompanyApp(SQLModel, table=True):
    """Which app a company uses, and the scopes it asks Xero for; `state` enabled or disabled."""

    __tablename__ = "company_apps"
    company: str = Field(primary_key=True)
    client_id: str = Field(index=True)
    scopes: str
    state: str = "enabled"
    changed_at: datetime


class Token(SQLModel, table=True):
    """The token pair of one (app, Xero user), encrypted; `version` for compare-and-set, a lease for refreshing.

    `problem` says why Xero refused it for good; until `resting_until` its token service is not asked again.
    `refusals` counts how often it was refused since `refused_since`, which is no proof yet.
    """

    __tablename__ = "tokens"
    client_id: str = Field(primary_key=True)
    xero_user: str = Field(primary_key=True)
    pair: bytes = Field(sa_type=LargeBinary)
    expires_at: datetime
    version: int = 1
    lease: str | None = None
    lease_until: datetime | None = None
    refreshed_at: datetime
    problem: str = ""
    resting_until: datetime | None = None
    refusals: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    refused_since: datetime | None = None


class Login(SQLModel, table=True):
    """One use of a login link. `state` and `browser` are fingerprints; `verifier` is PKCE's, encrypted.

    `stage`: started, choosing (Xero's code is exchanged), done, refused.
    """

    __tablename__ = "logins"
    id: str = Field(primary_key=True)
    company: str = Field(index=True)
    client_id: str
    state: str = Field(unique=True)
    browser: str
    verifier: bytes = Field(sa_type=LargeBinary)
    callback: str
    return_to: str = ""
    stage: str = "started"
    xero_user: str = ""
    scopes: str = ""
    organisations: str = Field(default="[]", sa_type=Text)
    started_at: datetime
    ends_at: datetime
