"""What people order and what was found: pauses, exclusions, the audit, drifts.

Orders about many invoices at once, and the pieces in which they are carried out.
Previews that were asked for, and what is known of organisations' settings.
Changes that people ask for and that Xero is asked about first; what an organisation offers to choose from.
"""

from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlmodel import Field, SQLModel

from events.invoice import Document
from store.tables.columns import BIG, index_where


class Pause(SQLModel, table=True):
    """A company (or `*`, everybody) whose lanes take no new turn, since when, by whom and why."""

    __tablename__ = "pauses"
    scope: str = Field(primary_key=True)
    by: str
    why: str = Field(sa_type=Text)
    at: datetime


class Exclusion(SQLModel, table=True):
    """An invoice marked “never send”, in whatever organisation, by whom and why."""

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


class KnownPayment(SQLModel, table=True):
    """How far an exported invoice was paid when it was seen last; a row only where there was something to tell.

    `payment` is JSON of events.payments.Payment, `change` counts what was told of the invoice so far.
    """

    __tablename__ = "payments"
    __table_args__ = (Index("payments_invoice", "company", "invoice"),)
    export_id: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    company: str
    invoice: str
    xero_invoice_id: str
    payment: str = Field(sa_type=Text)
    change: int
    seen_at: datetime


class ChangedInvoice(SQLModel, table=True):
    """An invoice that Xero said has changed: to be looked at, not before `look_at`, after so many `tries` in vain.

    `look_at` is null once it was looked at; the row stays a while, so that what was told before counts once. `at` is
    Xero's moment of the newest change, `told_at` ours when we heard of it. `target_id` is Xero's id.
    """

    __tablename__ = "changed_invoices"
    __table_args__ = (Index("changed_invoices_due", "look_at"),)
    company: str = Field(primary_key=True)
    target_id: str = Field(primary_key=True)
    tenant: str
    at: datetime
    told_at: datetime
    look_at: datetime | None
    tries: int = 0


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
    next_at: datetime = Field(index=True)


class DocumentReconciliation(SQLModel, table=True):
    """How far a lane's documents of another kind than invoices have been compared with Xero, as `Reconciliation`."""

    __tablename__ = "document_reconciliations"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    document: Document = Field(primary_key=True, sa_type=String)
    since: datetime
    page: int = 1
    next_at: datetime = Field(index=True)


class UnclaimedMark(SQLModel, table=True):
    """A document in Xero with our mark that a restored backup does not know, and whose `mark` names no invoice.

    `found` is what Xero shows of it (JSON). Whoever is about to send a document of this mark takes it over instead.
    """

    __tablename__ = "unclaimed_marks"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    mark: str = Field(primary_key=True)
    document: Document = Field(sa_type=String)
    found: str = Field(sa_type=Text)
    found_at: datetime


class Restore(SQLModel, table=True):
    """An older database was put back: what changed in Xero `since` then is read before anything is sent.

    `epoch` stands in cursors of the feed from then on; up to `feed_end` its places are as they were before.
    `superseded` is the epoch in which the feed was seen last, which an older database need not know.
    """

    __tablename__ = "restores"
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    by: str
    why: str = Field(sa_type=Text)
    since: datetime
    feed_end: int = Field(sa_type=BIG)
    superseded: int | None = None


class RestoreCheck(SQLModel, table=True):
    """How far a lane's organisation was read since the last restore: changes after `since`, from `page` on.

    Documents of one kind (`document`) are read after those of another. Of those that changed `seen`, some were
    `taken_over`, some `known`; `unread` could not be read, and `twice` are in Xero more than once already. The lane
    sends again once it `ended_at`; `trouble` is what held it up last.
    """

    __tablename__ = "restore_checks"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    since: datetime
    page: int
    next_at: datetime
    ended_at: datetime | None = None
    seen: int
    taken_over: int
    known: int
    unread: int
    twice: int
    trouble: str = Field(sa_type=Text)
    document: Document = Field(default="invoice", sa_type=String, sa_column_kwargs={"server_default": "invoice"})


class BulkOrder(SQLModel, table=True):
    """One order of a person about many invoices: `act` replay, exclude or include.

    `chosen` is how they were chosen (JSON), `total` how many were, `done_at` when the last piece was carried out.
    """

    __tablename__ = "bulk_orders"
    __table_args__ = (index_where("done_at IS NULL", "bulk_orders_open", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    act: str
    chosen: str = Field(sa_type=Text)
    by: str
    why: str = Field(sa_type=Text)
    total: int
    at: datetime
    done_at: datetime | None = None


class BulkPiece(SQLModel, table=True):
    """Some invoices (JSON) of one company of an order, carried out in one transaction; `moved` is how many it moved.

    `request` is the new request of a replay.
    """

    __tablename__ = "bulk_pieces"
    order_id: int = Field(primary_key=True, sa_type=BIG)
    number: int = Field(primary_key=True)
    company: str
    invoices: str = Field(sa_type=Text)
    size: int
    request: str = ""
    moved: int = 0
    done_at: datetime | None = None


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


class AskedChange(SQLModel, table=True):
    """One change that was asked for: `kind` contact, new_contact or settings, `subject` the client.

    `state`: waiting, updated, rejected; answered exactly once. `source` is who keeps what was changed: person,
    host, command or import; `setting` where the company's setting asked for a new contact. `wanted` is what was said:
    JSON for settings, the pasted text for a contact, nothing for a new one.
    """

    __tablename__ = "changes"
    __table_args__ = (
        Index(
            "changes_waiting",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("changes_of_client", "company", "subject"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    kind: str
    company: str
    subject: str = ""
    subject_name: str = ""
    wanted: str = Field(sa_type=Text)
    source: str
    event: str = ""
    by: str
    state: str = "waiting"
    reason: str = ""
    tries: int = 0
    received_at: datetime
    due_at: datetime
    answered_at: datetime | None = None


class Offer(SQLModel, table=True):
    """What an organisation offered of one kind when it was last asked: `choices` is JSON."""

    __tablename__ = "offers"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    choices: str = Field(sa_type=Text)
    fetched_at: datetime
