"""Doors in and out: keys, what came, what could not be read, what goes."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, Packed, index_where


class ApiKey(SQLModel, table=True):
    """A host's key to the doors: an encrypted signing secret, the companies it may speak for, its scopes (`*` = all).

    `former_secret` is good as well until `former_until`; a key that is revoked, or that expired, opens nothing.
    """

    __tablename__ = "api_keys"
    id: str = Field(primary_key=True)
    secret: bytes = Field(sa_type=LargeBinary)
    companies: str = "*"
    created_at: datetime
    scopes: str = Field(default="*", sa_column_kwargs={"server_default": "*"})
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_until: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None


class MessageId(SQLModel, table=True):
    """The id of a signed request that may be carried out once, as a fingerprint, until its signature is too old."""

    __tablename__ = "message_ids"
    key_id: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    ends_at: datetime = Field(index=True)


class InboxEvent(SQLModel, table=True):
    """An event we accepted, so that the same one again changes nothing and is answered the same.

    Ids are a company's own: another company's event of the same source and id is another event.
    """

    __tablename__ = "inbox"
    __table_args__ = (Index("inbox_id", "id"),)
    company: str = Field(primary_key=True, sa_column_kwargs={"server_default": ""})
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    body_hash: str
    answer: str = Field(sa_type=Text)
    received_at: datetime = Field(index=True)


class DeadLetter(SQLModel, table=True):
    """Something a door could not read: kept with the reason, to be read, mended and replayed.

    `key` is whose key brought it, with the `companies` and `scopes` it had then (`*` = all); empty where none did:
    the stream, a file at the command line. `body` is all that came, or of what is too long to be an event the
    beginning; `size` is all of it, in bytes. `state`: open, replayed (`mended` is what was read instead, where
    somebody changed it; `event` its id) or discarded.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("dead_letters_state", "state", "id"),
        Index("dead_letters_once", "key", "body_hash", unique=True),
        index_where("state = 'open'", "dead_letters_open", "key"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    door: str
    place: str = ""
    key: str = Field(default="", sa_column_kwargs={"server_default": ""})
    companies: str = Field(default="*", sa_column_kwargs={"server_default": "*"})
    scopes: str = Field(default="*", sa_column_kwargs={"server_default": "*"})
    body_hash: str
    body: bytes = Field(sa_type=LargeBinary)
    size: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    problems: str = Field(sa_type=Text)
    state: str = "open"
    received_at: datetime
    mended: bytes | None = Field(default=None, sa_type=LargeBinary)
    event: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    why: str | None = Field(default=None, sa_type=Text)


# Events whose subject is a request; those about its invoices are in the export log too.
ABOUT_REQUESTS = (
    "type IN ('invoice.export.deferred', 'invoice.export.progressed', 'invoice.export.completed', "
    "'invoice.export.previewed')"
)


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
        index_where("position IS NOT NULL", "outbox_company", "company", "position"),
        index_where(ABOUT_REQUESTS, "outbox_requests", "company", "subject"),
    )
    id: str = Field(primary_key=True)
    company: str
    type: str
    subject: str
    body: str = Field(sa_type=Packed)
    created_at: datetime
    position: int | None = Field(default=None, unique=True, sa_type=BIG)


class DoorOut(SQLModel, table=True):
    """How far a way out has come: the last feed position it has taken up, and how it is doing.

    `failures` counts those in a row, the first of them at `failing_since`, with the last one's `trouble`; nothing is
    sent before `rests_until`.
    """

    __tablename__ = "doors_out"
    door: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BIG)
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    rests_until: datetime | None = None
    trouble: str = Field(default="", sa_column_kwargs={"server_default": ""})
    failing_since: datetime | None = None


class Endpoint(SQLModel, table=True):
    """Where a company wants its events, with a sealed signing secret and the one before, which signs too.

    Nothing goes there while it is `disabled_at`; what comes meanwhile goes afterwards, as far as it is kept. Up to
    `batch` new events go in one POST.
    """

    __tablename__ = "endpoints"
    __table_args__ = (Index("endpoints_once", "company", "url", unique=True),)
    id: str = Field(primary_key=True)
    company: str
    url: str = Field(sa_type=Text)
    secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime
    disabled_at: datetime | None = None
    batch: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class DeliveryTry(SQLModel, table=True):
    """One try to deliver an event to an endpoint, kept a while to be looked at; no `trouble` where it was taken.

    `answer` is how the endpoint's answer began, without secrets; `body` what was sent where it is in no feed: a test.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_door", "door", "id"), Index("deliveries_event", "event_id"))
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    door: str
    event_id: str
    at: datetime
    tries: int
    status: int | None = None
    milliseconds: int
    trouble: str
    answer: str = Field(sa_type=Text)
    body: str | None = Field(default=None, sa_type=Text)


class Redelivery(SQLModel, table=True):
    """An event a door could not deliver at once: when it is tried again, or `given_up` (since `due_at`).

    `answers` and `completes` name the request whose answer or end the event is: its end waits for its answers.
    """

    __tablename__ = "redeliveries"
    __table_args__ = (
        index_where("state = 'waiting'", "redeliveries_due", "door", "due_at"),
        index_where("state = 'given_up'", "redeliveries_given_up", "door", "due_at"),
        index_where("state = 'waiting'", "redeliveries_answers", "door", "answers"),
    )
    door: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    state: str = "waiting"
    tries: int = 1
    due_at: datetime = Field(index=True)
    trouble: str
    answers: str | None = None
    completes: str | None = None


class Duty(SQLModel, table=True):
    """A lease on a periodic duty, so that one process does it at a time."""

    __tablename__ = "duties"
    name: str = Field(primary_key=True)
    holder: str = ""
    lease_until: datetime


class DutyShard(SQLModel, table=True):
    """A lease on a part of a duty: on a shard of its companies (3/16), or that a process takes part (@16/…)."""

    __tablename__ = "duty_shards"
    duty: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    holder: str = ""
    lease_until: datetime
