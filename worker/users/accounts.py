"""Users of the console: made, given a role, disabled; every change is a line of the audit."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from argon2 import PasswordHasher

from store import audit, users
from store.tables import User
from store.unit_of_work import Work
from worker.decisions import signing_in
from worker.decisions.roles import Role
from worker.tools import Tools

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,99}")
_HASHER = PasswordHasher()


class Refused(Exception):
    """Something about a user that cannot be; the text says what and why."""


def everyone(tools: Tools) -> Sequence[User]:
    """All users, by id."""
    with tools.store.read() as work:
        return users.everyone(work)


def add(tools: Tools, by: str, user: str, name: str, role: str) -> User:
    """A new user, who has no password yet. Raises Refused."""
    user = user.strip().casefold()
    if not _NAME.fullmatch(user):
        raise Refused("A user's id is 2 to 100 letters, digits or . _ @ + -, such as anna@crewcard.example.")
    with tools.store.write() as work:
        if users.find(work, user):
            raise Refused(f"There is a user “{user}” already.")
        made = users.keep(work, User(id=user, name=name.strip() or user, role=_role(role), created_at=work.now))
        _note(work, by, "user added", user, role)
    return made


def change(tools: Tools, by: str, user: str, role: str | None = None, *, disabled: bool | None = None) -> User:
    """Give a user another role, shut one out or let one in again; they sign in anew. Raises Refused."""
    with tools.store.write() as work:
        found = _known(work, user)
        was_admin = _is_admin(found)
        if role is not None:
            found.role = _role(role)
            _note(work, by, "user's role changed", user, role)
        if disabled is not None:
            found.disabled_at = work.now if disabled else None
            _note(work, by, "user disabled" if disabled else "user enabled", user, found.role)
        if was_admin and not any(_is_admin(one) for one in users.everyone(work)):
            raise Refused("This is the last admin: make somebody else an admin first.")
        users.end_sessions(work, user)
        return users.keep(work, found)


def set_password(tools: Tools, user: str, password: str, again: str, cookie: str = "") -> None:
    """Give the user a password; every other browser is signed out. Raises Refused."""
    objection = signing_in.objection(password, again, user)
    if objection:
        raise Refused(objection)
    made = _HASHER.hash(password)
    with tools.store.write() as work:
        found = _known(work, user)
        found.password = made
        users.keep(work, found)
        users.end_sessions(work, user, but=cookie)
        _note(work, user, "password set", user, found.role)


def link(tools: Tools, by: str, user: str, seconds: float) -> tuple[str, datetime]:
    """An address that signs this user in once, and until when it is good. Raises Refused."""
    secret = secrets.token_urlsafe(32)
    with tools.store.write() as work:
        found = _known(work, user)
        if found.disabled_at:
            raise Refused(f"“{user}” is disabled.")
        ends_at = work.after(seconds)
        users.keep_link(work, user, secret, ends_at)
        _note(work, by, "sign-in link made", user, found.role)
    return f"{tools.settings.public_url.rstrip('/')}/console/enter?link={secret}", ends_at


def _known(work: Work, user: str) -> User:
    found = users.find(work, user)
    if found is None:
        raise Refused(f"There is no user “{user}”.")
    return found


def _role(role: str) -> str:
    if role not in tuple(Role):
        raise Refused(f"A role is one of {', '.join(Role)}; not “{role}”.")
    return role


def _is_admin(user: User) -> bool:
    return user.role == Role.ADMIN and user.disabled_at is None


def _note(work: Work, who: str, what: str, user: str, role: str) -> None:
    audit.note(work, who, what, "", {"user": user, "role": role}, 0, "")
