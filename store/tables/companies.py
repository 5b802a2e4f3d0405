"""Companies and their clients.

Companies' Xero apps and logins, the organisations they are connected to, and logins under way.
"""

from datetime import datetime

from sqlalchemy import LargeBinary, Text
from sqlmodel import Field, SQLModel

from events.lane import DEFAULT_TARGET
from store.tables.columns import index_by_start, index_where


class Company(SQLModel, table=True):
    """A CrewCard company: its settings (JSON of events.settings.CompanySettings), and accounting system.

    From `closed_at` on it is being removed, and doors know it no more.
    """

    __tablename__ = "companies"
    id: str = Field(primary_key=True)
    name: str
    settings: str = Field(default="{}", sa_type=Text)
    target: str = Field(default=DEFAULT_TARGET, sa_column_kwargs={"server_default": DEFAULT_TARGET})
    created_at: datetime
    closed_at: datetime | None = None


class PlannedSummary(SQLModel, table=True):
    """When the next daily summary of a company is due, what it tells from, and the day (ISO) that was told last.

    There is a row while the company's settings ask for one.
    """

    __tablename__ = "planned_summaries"
    company: str = Field(primary_key=True)
    due_at: datetime = Field(index=True)
    since: datetime
    told: str | None = None


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


class NewContact(SQLModel, table=True):
    """A contact that is being created for a client: written down before it is sent, gone once its outcome is known.

    `number` is the one it has in the accounting system, `key` that of the call, and the fence of what is written
    about it. Until `due_at` nobody looks it up or sends it again: the call may still arrive.
    """

    __tablename__ = "new_contacts"
    company: str = Field(primary_key=True)
    client: str = Field(primary_key=True)
    tenant: str
    number: str
    name: str
    key: str
    begun_at: datetime
    due_at: datetime


class Draft(SQLModel, table=True):
    """The last test invoice of a company: a draft that is deleted again; no export, and no host hears of it.

    `state`: sending, uncertain (its outcome is unknown), draft (it is in `tenant` as `target_id`), deleting, deleted,
    refused or unsent (`message` says why). `due_at` is when it may be looked up, while that is unclear.
    """

    __tablename__ = "drafts"
    company: str = Field(primary_key=True)
    id: str
    tenant: str
    number: str
    key: str
    body: bytes = Field(sa_type=LargeBinary)
    state: str
    target_id: str = ""
    message: str = Field(default="", sa_type=Text)
    by: str
    begun_at: datetime
    moved_at: datetime
    due_at: datetime


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

    Its secrets are encrypted; two are good while one replaces the other; a `kind` may have none. `callback` is the
    redirect address registered at Xero, empty for ours. `webhook_key` signs what Xero posts to us; as of the secret,
    the former one is good until it is forgotten.
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
    webhook_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_webhook_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    scopes: str = ""  # of no use any more: each company's are in company_apps


class CompanyApp(SQLModel, table=True):
    """Which app a company uses, and the scopes it asks Xero for; `state` enabled or disabled.

    `webhook_seen_at` is when Xero last posted to the company's address, signed with its app's webhook key, and
    `webhook_missed_at` when a comparison last found something that no webhook had told.
    """

    __tablename__ = "company_apps"
    company: str = Field(primary_key=True)
    client_id: str = Field(index=True)
    scopes: str
    state: str = "enabled"
    changed_at: datetime
    webhook_seen_at: datetime | None = None
    webhook_missed_at: datetime | None = None


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
