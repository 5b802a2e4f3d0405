"""What goes through, counted by the clock so that pages need not read the log."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class Quarter(SQLModel, table=True):
    """A quarter of an hour: how many invoices were exported and failed, as of `counted_at`.

    `median` and `slow` are the seconds that half, and 95 of 100, of the answers took at most since they were asked
    for; None while there were none.
    """

    __tablename__ = "quarters"
    begins_at: datetime = Field(primary_key=True)
    exported: int
    failed: int
    median: float | None = None
    slow: float | None = None
    counted_at: datetime
