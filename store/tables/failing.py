"""Failures beyond one invoice: what was told as needing a person, causes that are gone, readers of our own feed."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG


class Alert(SQLModel, table=True):
    """A cause that needs a person: when that was told last, about how many invoices, and how many came since.

    `untold` counts what was held back since `told_at`, `link` is the page where it is mended.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_untold", "told_at", sqlite_where=text("untold > 0"), postgresql_where=text("untold > 0")),
    )
    company: str = Field(primary_key=True)
    cause: str = Field(primary_key=True)
    reason: str
    title: str
    message: str = Field(sa_type=Text)
    who: str
    how: str = Field(sa_type=Text)
    about: str | None = None
    link: str | None = Field(default=None, sa_type=Text)
    invoices: int
    untold: int = 0
    told: int = 1
    first_at: datetime
    told_at: datetime
    last_at: datetime


class FeedMark(SQLModel, table=True):
    """How far a reader of our own feed has come."""

    __tablename__ = "feed_marks"
    reader: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BIG)


class Mending(SQLModel, table=True):
    """Causes that somebody has mended (one per line): what failed for them, asked for before then, is sent again.

    `tenant` limits it to invoices meant for that organisation, or for none yet. `event` is what brought it about.
    It is acted upon at once, and a second time a little later for what was just failing then: then it is done.
    """

    __tablename__ = "mendings"
    __table_args__ = (
        Index("mendings_open", "id", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    company: str
    causes: str = Field(sa_type=Text)
    tenant: str | None = None
    by: str
    why: str
    event: str | None = None
    at: datetime
    acted_at: datetime | None = None
    done_at: datetime | None = None
    invoices: int = 0
