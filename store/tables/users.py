"""Who may use the console: users, their sessions, and links that sign in once."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class User(SQLModel, table=True):
    """Somebody at CrewCard. `role`: read, support, ops or admin; no `password` yet: only a link signs in."""

    __tablename__ = "users"
    id: str = Field(primary_key=True)
    name: str
    role: str
    password: str | None = None
    disabled_at: datetime | None = None
    created_at: datetime
    seen_at: datetime | None = None


class UserSession(SQLModel, table=True):
    """A browser that is signed in; `id` is the fingerprint of its cookie."""

    __tablename__ = "user_sessions"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    started_at: datetime
    ends_at: datetime = Field(index=True)


class SignInLink(SQLModel, table=True):
    """A link that signs its user in once; `id` is the fingerprint of what the link carries."""

    __tablename__ = "sign_in_links"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None = None


class SignInFailure(SQLModel, table=True):
    """A password that was wrong; `whose` is the user with the address it came from, or the address alone."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("sign_in_failures_of", "whose", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    whose: str
    at: datetime
