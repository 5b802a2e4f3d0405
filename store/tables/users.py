"""Who may use the console: users, second factors, sessions, browsers, links that sign in once, and guesses."""

from datetime import datetime

from sqlalchemy import Index, Text, false
from sqlmodel import Field, SQLModel


class User(SQLModel, table=True):
    """Somebody at CrewCard. `role`: read, setup, support, ops, admin.

    No `password`: a link or single sign-on signs in.

    `factor` is the sealed secret of their authenticator app, `factor_step` the last of its codes that was used;
    `subject` is who they are to the single sign-on, once they came by it.
    """

    __tablename__ = "users"
    id: str = Field(primary_key=True)
    name: str
    role: str
    password: str | None = None
    disabled_at: datetime | None = None
    created_at: datetime
    seen_at: datetime | None = None
    factor: bytes | None = None
    factor_at: datetime | None = None
    factor_step: int | None = None
    subject: str | None = Field(default=None, index=True, unique=True)


class RecoveryCode(SQLModel, table=True):
    """A code that stands in for the authenticator app once; `id` is its fingerprint."""

    __tablename__ = "recovery_codes"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    made_at: datetime
    used_at: datetime | None = None


class UserSession(SQLModel, table=True):
    """A browser that is signed in; `id` is the fingerprint of its cookie.

    `by`: password, link or single sign-on. `strong`: a second factor was given, or single sign-on vouches.
    `proven_at`: when they last showed that it is still them.
    """

    __tablename__ = "user_sessions"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    started_at: datetime
    ends_at: datetime = Field(index=True)
    seen_at: datetime | None = None
    by: str = Field(default="password", sa_column_kwargs={"server_default": "password"})
    strong: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    proven_at: datetime | None = None
    address: str = Field(default="", sa_column_kwargs={"server_default": ""})
    browser: str = Field(default="", sa_column_kwargs={"server_default": ""})


class HeldForm(SQLModel, table=True):
    """A form that came when its session was over: kept for `user` alone until `ends_at`; `sealed` is what it held."""

    __tablename__ = "held_forms"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    path: str
    sealed: str = Field(sa_type=Text)
    ends_at: datetime = Field(index=True)


class KnownBrowser(SQLModel, table=True):
    """A browser in which a user has signed in before; `id` is the fingerprint of the cookie it keeps for that."""

    __tablename__ = "known_browsers"
    id: str = Field(primary_key=True)
    user: str = Field(primary_key=True, index=True)
    address: str
    seen_at: datetime


class SignInLink(SQLModel, table=True):
    """A link that signs its user in once; `id` is the fingerprint of what the link carries."""

    __tablename__ = "sign_in_links"
    id: str = Field(primary_key=True)
    user: str = Field(index=True)
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None = None


class Guesses(SQLModel, table=True):
    """Wrong passwords or codes in a row, counted before each is looked at; `whose` says on whose account.

    Nothing further of that account is looked at before `free_at`.
    """

    __tablename__ = "guesses"
    whose: str = Field(primary_key=True)
    count: int
    at: datetime = Field(index=True)
    free_at: datetime


class SignInFailure(SQLModel, table=True):
    """Wrong passwords as the version before counts them; goes with the next version."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("sign_in_failures_of", "whose", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    whose: str
    at: datetime
