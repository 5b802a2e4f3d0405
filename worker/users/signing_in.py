"""Signing in to the console: by password, or once by a link; who a browser belongs to."""

import secrets
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from store import users
from store.tables import User
from store.unit_of_work import Work
from worker import logs
from worker.decisions import signing_in
from worker.tools import Tools

_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash(secrets.token_urlsafe(16))  # so that an unknown user takes as long as a wrong password
_log = logs.log("console")


class TooManyTries(Exception):
    """Too many wrong passwords from here: nothing is looked at for a quarter of an hour."""


@dataclass(frozen=True)
class SignedIn:
    """A browser's session: what its cookie holds, and for how many seconds."""

    user: str
    cookie: str = field(repr=False)
    seconds: int


def by_password(tools: Tools, user: str, password: str, address: str) -> SignedIn | None:
    """The session of who knows the password, else None. Raises TooManyTries."""
    user = user.strip().casefold()[:100]
    whose = signing_in.whose(user, address)
    with tools.store.read() as work:
        counted = users.failures(work, whose, signing_in.WINDOW_SECONDS)
        found = users.find(work, user)
    if signing_in.too_many(counted, user, address):
        raise TooManyTries
    good = _fits(found, password)
    with tools.store.write() as work:
        if not good or found is None or found.disabled_at:
            users.note_failure(work, whose)
            _log.warning("console.sign_in_refused")
            return None
        users.forget_failures(work, whose[0])
        return _begin(work, tools, found)


def by_link(tools: Tools, secret: str) -> SignedIn | None:
    """The session of whom the link signs in, else None."""
    with tools.store.write() as work:
        found = users.use_link(work, secret)
        return _begin(work, tools, found) if found else None


def whose_browser(tools: Tools, cookie: str) -> User | None:
    """Who is signed in with this cookie."""
    if not cookie:
        return None
    with tools.store.read() as work:
        return users.of_session(work, cookie)


def sign_out(tools: Tools, cookie: str) -> None:
    """End the session."""
    with tools.store.write() as work:
        users.end_session(work, cookie)


def _begin(work: Work, tools: Tools, user: User) -> SignedIn:
    seconds = int(tools.settings.session_hours * 3600)
    cookie = secrets.token_urlsafe(32)
    users.begin_session(work, user, cookie, work.after(seconds))
    _log.info("console.signed_in", user=user.id)
    return SignedIn(user.id, cookie, seconds)


def _fits(user: User | None, password: str) -> bool:
    kept = user.password if user else None
    try:
        _HASHER.verify(kept or _NOBODYS, password[: signing_in.LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
