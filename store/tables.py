"""The tables of an export's route. States are text, moments are aware UTC, money is text with all its digits."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

# SQLite counts up only plain INTEGER keys, which are 64 bits wide there.
BIG = BigInteger().with_variant(Integer(), "sqlite")


class Company(SQLModel, table=True):
    """A CrewCard company: its settings (JSON of events.settings.CompanySettings)."""

    __tablename__ = "companies"
    id: str = Field(primary_key=True)
    name: str
    settings: str = Field(default="{}", sa_type=Text)
    created_at: datetime


class Connection(SQLModel, table=True):
    """The organisation (tenant) a company exports to, and whose Xero login opens it.

    `state`: connected, needs_login, undecided (work waits for another organisation), disconnected. `problem` says
    why it is not connected, `scopes` what Xero granted, `xero_id` is Xero's id of the connection.
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


class XeroApp(SQLModel, table=True):
    """A Xero app. Its secrets are encrypted; two are good while one replaces the other, `pkce` apps have none.

    `callback` is the redirect address registered at Xero, empty for ours.
    """

    __tablename__ = "xero_apps"
    client_id: str = Field(primary_key=True)
    secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    kind: str = "web"
    callback: str = ""
    secret_changed_at: datetime
    secret_refused_at: datetime | None = None


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


class ApiKey(SQLModel, table=True):
    """A host's key to the doors: an encrypted signing secret and the companies it may speak for (`*` = all)."""

    __tablename__ = "api_keys"
    id: str = Field(primary_key=True)
    secret: bytes = Field(sa_type=LargeBinary)
    companies: str = "*"
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


class InboxEvent(SQLModel, table=True):
    """An event we accepted, so that the same one again changes nothing and is answered the same."""

    __tablename__ = "inbox"
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    body_hash: str
    answer: str = Field(sa_type=Text)
    received_at: datetime = Field(index=True)


class DeadLetter(SQLModel, table=True):
    """Something a door could not read: kept whole, with the reason, to be read and replayed."""

    __tablename__ = "dead_letters"
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    door: str
    place: str = ""
    body_hash: str = Field(unique=True)
    body: bytes = Field(sa_type=LargeBinary)
    problems: str = Field(sa_type=Text)
    state: str = "open"
    received_at: datetime


class Request(SQLModel, table=True):
    """One click or one bulk send: how many invoices it names and how many have their answer."""

    __tablename__ = "requests"
    company: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    tenant: str
    mode: str
    requested_by: str
    source_event: str
    parts: int = 1
    parts_received: str = ""
    total: int = 0
    exported: int = 0
    failed: int = 0
    unchanged: int = 0
    created_at: datetime
    completed_at: datetime | None = None


class Item(SQLModel, table=True):
    """One invoice of one request; `state` waiting, exported or failed. Answered exactly once."""

    __tablename__ = "items"
    __table_args__ = (
        Index(
            "items_waiting",
            "export_id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    company: str = Field(primary_key=True)
    request: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    export_id: int | None = Field(default=None, sa_type=BIG)
    revision: int = Field(default=0, sa_type=BIG)
    content_hash: str = ""
    state: str = "waiting"
    reason: str | None = None
    answered_at: datetime | None = None


class Export(SQLModel, table=True):
    """One invoice in one organisation, for ever. `wanted_*` is the newest content, `sent_*` what Xero has.

    `state`: pending, exporting (in a batch), uncertain (its batch's outcome is unknown), exported, failed.
    """

    __tablename__ = "exports"
    __table_args__ = (
        Index("exports_once", "company", "tenant", "invoice", unique=True),
        Index(
            "exports_due",
            "company",
            "tenant",
            "priority",
            "due_at",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("exports_batch", "batch_id"),
        Index("exports_number", "company", "number"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    tenant: str
    invoice: str
    number: str
    client: str
    state: str = "new"
    priority: int = 1
    due_at: datetime
    wanted_revision: int = Field(default=0, sa_type=BIG)
    wanted_hash: str = ""
    wanted: str = Field(default="", sa_type=Text)
    sent_revision: int = Field(default=-1, sa_type=BIG)
    sent_hash: str = ""
    batch_id: str | None = None
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    alone: bool = False
    number_bound: bool = False
    excluded: bool = False
    cancelled: bool = False
    xero_invoice_id: str | None = None
    xero_totals: str | None = None
    exported_at: datetime | None = None
    created_at: datetime
    touched_at: datetime


class NumberClaim(SQLModel, table=True):
    """Whose invoice a number is in one organisation, in folded form."""

    __tablename__ = "numbers"
    tenant: str = Field(primary_key=True)
    folded: str = Field(primary_key=True)
    company: str
    invoice: str


class Batch(SQLModel, table=True):
    """One call to Xero: its frozen body and key, committed before the call, and what became of it.

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
    lease_until: datetime
    size: int
    key: str = ""
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime
    sent_at: datetime | None = None
    settle_at: datetime | None = None
    closed_at: datetime | None = None
    look_ups: int = 0
    http_status: int | None = None
    correlation_id: str | None = None
    trouble: str | None = None


class Attempt(SQLModel, table=True):
    """One invoice in one batch: the number and content it carried, and what Xero said."""

    __tablename__ = "attempts"
    batch_id: str = Field(primary_key=True)
    export_id: int = Field(primary_key=True, index=True, sa_type=BIG)
    number: str
    revision: int = Field(sa_type=BIG)
    content_hash: str
    outcome: str = "sent"
    reason: str | None = None
    said: str | None = Field(default=None, sa_type=Text)
    at: datetime


class LaneState(SQLModel, table=True):
    """Why a lane waits, and until when. A lane without a row is well."""

    __tablename__ = "lanes"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    state: str = "open"
    cause: str | None = None
    message: str = ""
    blocked_until: datetime | None = None
    unknown_in_a_row: int = 0
    changed_at: datetime


class InvoiceStatus(SQLModel, table=True):
    """What a person sees beside an invoice: a projection of its events."""

    __tablename__ = "invoice_statuses"
    company: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    number: str | None = None
    marker: str
    sequence: int = Field(sa_type=BIG)
    last_exported_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    how: str | None = None
    xero_invoice_id: str | None = None
    deep_link: str | None = None
    changed_at: datetime


class LogEntry(SQLModel, table=True):
    """A line of the export log: one per answer about an invoice."""

    __tablename__ = "export_log"
    __table_args__ = (Index("export_log_invoice", "company", "invoice"),)
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
    xero_invoice_id: str | None = None


class OutboxEvent(SQLModel, table=True):
    """An event on its way out. `position` is its place in the feed, stamped after commit by one relay."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_unstamped",
            "created_at",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    company: str
    type: str
    subject: str
    body: str = Field(sa_type=Text)
    created_at: datetime
    position: int | None = Field(default=None, unique=True, sa_type=BIG)


class DoorOut(SQLModel, table=True):
    """How far a way out has come: the last feed position it has taken up."""

    __tablename__ = "doors_out"
    door: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BIG)


class Redelivery(SQLModel, table=True):
    """An event a door could not deliver at once: when it is tried again, or `given_up`."""

    __tablename__ = "redeliveries"
    door: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    state: str = "waiting"
    tries: int = 1
    due_at: datetime = Field(index=True)
    trouble: str


class Duty(SQLModel, table=True):
    """A lease on a periodic duty, so that one process does it at a time."""

    __tablename__ = "duties"
    name: str = Field(primary_key=True)
    holder: str = ""
    lease_until: datetime
