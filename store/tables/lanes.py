"""Lanes: a company and its organisation."""

from datetime import datetime

from sqlmodel import Field, SQLModel


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
    answered_at: datetime | None = None
    changed_at: datetime
