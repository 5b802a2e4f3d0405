"""Changes that people ask for and that Xero is asked about first; what an organisation offers to choose from."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG


class AskedChange(SQLModel, table=True):
    """One change that was asked for: `kind` contact or settings, `subject` the client, `wanted` what was said.

    `state`: waiting, updated, rejected; answered exactly once. `source` is who keeps what was changed: person,
    host, command or import. `wanted` is JSON for settings and the pasted text for a contact.
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
