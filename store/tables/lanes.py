"""Lanes: a company and its organisation."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class LaneState(SQLModel, table=True):
    """Why a lane waits, and until when. A lane without a row is well.

    `refused_in_a_row` counts 401s and 403s since the last answer, the first at `refused_since`. `limit_named` is the
    limit of Xero's that bulk sends wait for until `limit_until`, while a person's own may still go.
    """

    __tablename__ = "lanes"
    company: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    state: str = "open"
    cause: str | None = None
    message: str = ""
    blocked_until: datetime | None = None
    unknown_in_a_row: int = 0
    refused_in_a_row: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    refused_since: datetime | None = None
    limit_named: str = Field(default="", sa_column_kwargs={"server_default": ""})
    limit_until: datetime | None = None
    answered_at: datetime | None = None
    changed_at: datetime
