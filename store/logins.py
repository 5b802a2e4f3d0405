"""Logins under way: one row per used link, so that a link, a state and a code each serve once."""

import hashlib
from collections.abc import Sequence

from sqlmodel import col, delete, select, update

from store import statements
from store.tables import Login
from store.unit_of_work import Work


def fingerprint(secret: str) -> str:
    """What is kept of a secret that only ever has to be recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start(work: Work, login: Login) -> bool:
    """Begin the login of a link; False when the link was used before."""
    return bool(statements.insert_new(work, Login, [login.model_dump()], returning="id"))


def of_state(work: Work, state: str) -> Login | None:
    """The login this state belongs to."""
    return work.session.exec(select(Login).where(Login.state == fingerprint(state))).first()


def find(work: Work, login_id: str) -> Login | None:
    """The login with this id."""
    return work.session.get(Login, login_id)


def move(work: Work, login_id: str, from_stage: str, to_stage: str) -> bool:
    """Take the next stage; False when somebody else took it, or its time is over."""
    mine = update(Login).where(
        col(Login.id) == login_id, col(Login.stage) == from_stage, col(Login.ends_at) > work.now
    )
    return bool(work.session.exec(mine.values(stage=to_stage)).rowcount)


def note(work: Work, login_id: str, *, xero_user: str, scopes: Sequence[str], organisations: str) -> None:
    """Who logged in, and what there is to choose from (JSON)."""
    mine = update(Login).where(col(Login.id) == login_id)
    work.session.exec(mine.values(xero_user=xero_user, scopes=" ".join(scopes), organisations=organisations))


def forget_ended(work: Work, seconds_ago: float) -> int:
    """Remove logins that ended this long ago; their links have ended as well."""
    return work.session.exec(delete(Login).where(col(Login.ends_at) < work.after(-seconds_ago))).rowcount
