"""Users of the console, their sessions and links: what is kept of a secret is its fingerprint."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, delete, func, select, update

from store.tables import SignInFailure, SignInLink, User, UserSession
from store.unit_of_work import Work

_KEEP_SECONDS = 86_400


def fingerprint(secret: str) -> str:
    """What is kept of a secret that only ever has to be recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(work: Work, user: str) -> User | None:
    """The user with this id."""
    return work.session.get(User, user)


def everyone(work: Work) -> Sequence[User]:
    """All users, by id."""
    return work.session.exec(select(User).order_by(col(User.id))).all()


def keep(work: Work, user: User) -> User:
    """Write the user down."""
    work.session.add(user)
    work.session.flush()
    return user


def begin_session(work: Work, user: User, cookie: str, ends_at: datetime) -> None:
    """A browser signs in; what is over goes."""
    work.session.exec(delete(UserSession).where(col(UserSession.ends_at) < work.now))
    work.session.add(UserSession(id=fingerprint(cookie), user=user.id, started_at=work.now, ends_at=ends_at))
    user.seen_at = work.now
    keep(work, user)


def of_session(work: Work, cookie: str) -> User | None:
    """Whose browser this is: nobody's once the session is over or the user is disabled."""
    asked = select(User).join(UserSession, col(UserSession.user) == col(User.id))
    current = asked.where(UserSession.id == fingerprint(cookie), col(UserSession.ends_at) > work.now)
    return work.session.exec(current.where(col(User.disabled_at).is_(None))).first()


def end_session(work: Work, cookie: str) -> None:
    """The browser signs out."""
    work.session.exec(delete(UserSession).where(col(UserSession.id) == fingerprint(cookie)))


def end_sessions(work: Work, user: str, but: str = "") -> None:
    """Sign the user out everywhere, but for the browser with this cookie; links are worth nothing any more."""
    others = delete(UserSession).where(col(UserSession.user) == user, col(UserSession.id) != fingerprint(but))
    work.session.exec(others)
    work.session.exec(delete(SignInLink).where(col(SignInLink.user) == user))


def keep_link(work: Work, user: str, secret: str, ends_at: datetime) -> None:
    """A link that signs this user in once."""
    work.session.add(SignInLink(id=fingerprint(secret), user=user, made_at=work.now, ends_at=ends_at))
    work.session.flush()


def use_link(work: Work, secret: str) -> User | None:
    """Whom the link signs in; None when it was used, is too old or unknown, or its user is disabled."""
    mine = (
        col(SignInLink.id) == fingerprint(secret),
        col(SignInLink.used_at).is_(None),
        col(SignInLink.ends_at) > work.now,
    )
    used = update(SignInLink).where(*mine).values(used_at=work.now).returning(col(SignInLink.user))
    found = work.session.exec(used).scalar_one_or_none()
    user = find(work, found) if found else None
    return user if user and user.disabled_at is None else None


def failures(work: Work, whose: Sequence[str], seconds: float) -> dict[str, int]:
    """How many wrong passwords each of these gave within the last seconds."""
    recent = (col(SignInFailure.whose).in_(whose), col(SignInFailure.at) > work.after(-seconds))
    asked = select(SignInFailure.whose, func.count()).where(*recent).group_by(col(SignInFailure.whose))
    return dict(work.session.exec(asked).all())


def note_failure(work: Work, whose: Sequence[str]) -> None:
    """A wrong password; those of yesterday are forgotten."""
    work.session.exec(delete(SignInFailure).where(col(SignInFailure.at) < work.after(-_KEEP_SECONDS)))
    work.session.add_all([SignInFailure(whose=one, at=work.now) for one in whose])
    work.session.flush()


def forget_failures(work: Work, whose: str) -> None:
    """The right password was given after all."""
    work.session.exec(delete(SignInFailure).where(col(SignInFailure.whose) == whose))
