"""The processes that run."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Process(SQLModel, table=True):
    """A process of ours, from its start to its clean end: `kind` is web, worker or clock.

    One that was killed leaves its row, which `seen_at` gives away.
    """

    __tablename__ = "processes"
    id: str = Field(primary_key=True)
    kind: str
    version: str
    host: str
    pid: int
    since: datetime
    seen_at: datetime
