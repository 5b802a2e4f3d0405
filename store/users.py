"""Users of the console, their sessions, browsers, links and recovery codes: of a secret its fingerprint is kept.

Guesses at passwords and codes, counted before each is looked at.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, func, or_, select, update

from store import statements
from store.tables import Guesses, HeldForm, KnownBrowser, RecoveryCode, SignInLink, User, UserSession
from store.unit_of_work import Work

AFTER_ITS_END = timedelta(days=1)  # so long it is known whose session a browser had


def fingerprint(secret: str) -> str:
    """What is kept of a secret that only ever has to be recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(work: Work, user: str) -> User | None:
    """The user with this id."""
    return work.session.get(User, user)


def by_subject(work: Work, subject: str) -> User | None:
    """The user who is this to the single sign-on."""
    return work.session.exec(select(User).where(User.subject == subject)).first()


def everyone(work: Work, *, locked: bool = False) -> Sequence[User]:
    """All users, by id; `locked`: until the commit nobody else changes any of them."""
    asked = select(User).order_by(col(User.id))
    return work.session.exec(asked.with_for_update() if locked and not work.on_sqlite else asked).all()


def save_user(work: Work, user: User) -> User:
    """Write the user down."""
    work.session.add(user)
    work.session.flush()
    return user


# -- sessions


@dataclass(frozen=True)
class Whose:
    """A session that goes on, its user, and database time when it was looked at."""

    user: User
    session: UserSession
    now: datetime


def begin_session(work: Work, session: UserSession) -> None:
    """A browser signs in; what is over goes a day later: until then it is known whose forms still come."""
    work.session.exec(delete(UserSession).where(col(UserSession.ends_at) < work.now - AFTER_ITS_END))
    work.session.add(session)
    work.session.flush()


def of_session(work: Work, cookie: str, idle_seconds: float) -> Whose | None:
    """Whose browser this is: nobody's once the session is over or was idle for so long, or the user is disabled."""
    asked = select(User, UserSession).join(UserSession, col(UserSession.user) == col(User.id))
    mine = asked.where(UserSession.id == fingerprint(cookie)).where(*_going_on(work, idle_seconds))
    found = work.session.exec(mine).first()
    return Whose(*found, work.now) if found else None


def goes_on(work: Work, session: UserSession, idle_seconds: float) -> User | None:
    """The user of this session, nobody else changes them until the commit; None where it is over by now."""
    asked = select(User).where(User.id == session.user)
    user = work.session.exec(asked if work.on_sqlite else asked.with_for_update()).first()
    mine = select(UserSession.id).join(User, col(UserSession.user) == col(User.id))
    still = work.session.exec(mine.where(UserSession.id == session.id, *_going_on(work, idle_seconds))).first()
    return user if still else None


def sessions_of(work: Work, user: str, idle_seconds: float) -> Sequence[UserSession]:
    """The user's sessions that go on, the one used last first."""
    asked = select(UserSession).join(User, col(UserSession.user) == col(User.id)).where(UserSession.user == user)
    seen = func.coalesce(col(UserSession.seen_at), col(UserSession.started_at))
    return work.session.exec(asked.where(*_going_on(work, idle_seconds)).order_by(seen.desc())).all()


def _going_on(work: Work, idle_seconds: float) -> tuple[ColumnElement[bool], ...]:
    seen = func.coalesce(col(UserSession.seen_at), col(UserSession.started_at))
    return (
        col(UserSession.ends_at) > work.now,
        seen > work.now - timedelta(seconds=idle_seconds),
        col(User.disabled_at).is_(None),
    )


def of_session_however_old(work: Work, cookie: str) -> Whose | None:
    """Whose browser this is or was; nobody's where the session is known no more, or the user is disabled."""
    asked = select(User, UserSession).join(UserSession, col(UserSession.user) == col(User.id))
    mine = asked.where(UserSession.id == fingerprint(cookie), col(User.disabled_at).is_(None))
    found = work.session.exec(mine).first()
    return Whose(*found, work.now) if found else None


def hold_form(work: Work, id_: str, user: str, path: str, sealed: str, seconds: float, most: int) -> None:
    """Keep a form of a session that had ended for so long; of the user's own only the newest few."""
    work.session.exec(delete(HeldForm).where(col(HeldForm.ends_at) < work.now))
    mine = select(HeldForm.id).where(HeldForm.user == user).order_by(col(HeldForm.ends_at).desc())
    older = list(work.session.exec(mine))[most - 1 :]
    work.session.exec(delete(HeldForm).where(col(HeldForm.id).in_(older)))
    work.session.add(HeldForm(id=id_, user=user, path=path, sealed=sealed, ends_at=work.after(seconds)))
    work.session.flush()


def held_form(work: Work, id_: str, user: str) -> HeldForm | None:
    """The form that is kept for this user."""
    mine = (HeldForm.id == id_, HeldForm.user == user, col(HeldForm.ends_at) > work.now)
    return work.session.exec(select(HeldForm).where(*mine)).first()


def take_held_form(work: Work, id_: str, user: str) -> bool:
    """Keep the form no more; False when it was gone before."""
    mine = (col(HeldForm.id) == id_, col(HeldForm.user) == user)
    return bool(work.session.exec(delete(HeldForm).where(*mine)).rowcount)


def note_use(work: Work, session: str) -> None:
    """The session is used."""
    work.session.exec(update(UserSession).where(col(UserSession.id) == session).values(seen_at=work.now))


def note_proof(work: Work, session: str) -> None:
    """They showed that it is still them."""
    work.session.exec(update(UserSession).where(col(UserSession.id) == session).values(proven_at=work.now))


def end_session(work: Work, cookie: str) -> None:
    """The browser signs out."""
    work.session.exec(delete(UserSession).where(col(UserSession.id) == fingerprint(cookie)))


def end_one(work: Work, user: str, session: str) -> int:
    """End one session of the user's own; gives how many there were of it."""
    mine = (col(UserSession.user) == user, col(UserSession.id) == session)
    return work.session.exec(delete(UserSession).where(*mine)).rowcount


def end_others(work: Work, user: str, session: str) -> int:
    """Sign the user out everywhere, but for this session; gives how many sessions that were."""
    others = (col(UserSession.user) == user, col(UserSession.id) != session)
    return work.session.exec(delete(UserSession).where(*others)).rowcount


def end_sessions(work: Work, user: str, but: str = "") -> None:
    """Sign the user out everywhere, but for the browser with this cookie; links are worth nothing any more."""
    end_others(work, user, fingerprint(but))
    work.session.exec(delete(SignInLink).where(col(SignInLink.user) == user))


# -- links


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


# -- second factors


def use_step(work: Work, user: str, step: int) -> bool:
    """Use the code of this step up: False when it, or a later one, was used already."""
    fresh = (col(User.id) == user, or_(col(User.factor_step).is_(None), col(User.factor_step) < step))
    used = update(User).where(*fresh).values(factor_step=step).execution_options(synchronize_session=False)
    return bool(work.session.exec(used).rowcount)


def keep_recovery_codes(work: Work, user: str, codes: Sequence[str]) -> None:
    """These are the user's recovery codes; all former ones are worth nothing."""
    work.session.exec(delete(RecoveryCode).where(col(RecoveryCode.user) == user))
    work.session.add_all(
        [RecoveryCode(id=fingerprint(f"{user} {code}"), user=user, made_at=work.now) for code in codes]
    )
    work.session.flush()


def use_recovery_code(work: Work, user: str, code: str) -> bool:
    """Use the code up: False when there is none such, or it was used."""
    mine = (col(RecoveryCode.id) == fingerprint(f"{user} {code}"), col(RecoveryCode.used_at).is_(None))
    return bool(work.session.exec(update(RecoveryCode).where(*mine).values(used_at=work.now)).rowcount)


def recovery_codes_left(work: Work, user: str) -> int:
    """How many recovery codes were not used."""
    left = (col(RecoveryCode.user) == user, col(RecoveryCode.used_at).is_(None))
    return work.session.exec(select(func.count()).select_from(RecoveryCode).where(*left)).one()


# -- where somebody signed in before


def knows_browser(work: Work, user: str, browser: str, since: datetime) -> bool:
    """Whether the user signed in before in the browser that keeps this."""
    found = work.session.get(KnownBrowser, (fingerprint(browser), user)) if browser else None
    return bool(found and found.seen_at > since)


def knows_place(work: Work, user: str, address: str, since: datetime) -> bool:
    """Whether the user signed in before from this address."""
    mine = (KnownBrowser.user == user, KnownBrowser.address == address, col(KnownBrowser.seen_at) > since)
    return work.session.exec(select(KnownBrowser.id).where(*mine)).first() is not None


def has_signed_in(work: Work, user: str) -> bool:
    """Whether the user has signed in before, in any browser we still know."""
    return work.session.exec(select(KnownBrowser.id).where(KnownBrowser.user == user)).first() is not None


def note_browser(work: Work, user: str, had: str, kept: str, address: str, forgotten: datetime) -> None:
    """The user signs in in the browser that `had` this and keeps that from now on; those not used since go.

    The old value is worth nothing any more, to nobody who signed in there: a copy of it knows no one.
    """
    work.session.exec(delete(KnownBrowser).where(col(KnownBrowser.seen_at) < forgotten))
    if had:
        same = col(KnownBrowser.id) == fingerprint(had)
        moved = update(KnownBrowser).where(same).values(id=fingerprint(kept))
        work.session.exec(moved.execution_options(synchronize_session=False))
    work.session.merge(KnownBrowser(id=fingerprint(kept), user=user, address=address, seen_at=work.now))
    work.session.flush()


def forget_browsers(work: Work, user: str) -> None:
    """Every browser and address is a new one to this user again."""
    work.session.exec(delete(KnownBrowser).where(col(KnownBrowser.user) == user))


def take_guess(
    work: Work, pauses: Mapping[str, Callable[[int], float]], forgotten: float
) -> tuple[float, dict[str, int]]:
    """Count one guess on each account: (0, how many each has now), or seconds to wait, and nothing is counted.

    `pauses` says for each account how many seconds follow a count; `forgotten`: seconds after which a count is over.
    Two at once wait for each other, so that no more are let through than there are.
    """
    names = sorted(pauses)
    for name in names:
        fresh = {"whose": name, "count": 0, "at": work.now, "free_at": work.now}
        statements.upsert(work, Guesses, [fresh], {"whose": name}, ["whose"])  # the row is ours until we commit
    now = work.moment()
    found = {row.whose: row for row in work.session.exec(select(Guesses).where(col(Guesses.whose).in_(names))).all()}
    for row in found.values():
        if row.at < now - timedelta(seconds=forgotten):
            row.count = 0
    wait = max((row.free_at - now).total_seconds() for row in found.values())
    if wait > 0:
        return wait, {name: row.count for name, row in found.items()}
    for name, row in found.items():
        row.count, row.at = row.count + 1, now
        row.free_at = now + timedelta(seconds=pauses[name](row.count))
    work.session.add_all(found.values())
    work.session.flush()
    return 0.0, {name: row.count for name, row in found.items()}


def count_guess(work: Work, whose: str) -> int:
    """How many wrong guesses stand on this account."""
    found = work.session.get(Guesses, whose)
    return found.count if found else 0


def forget_guesses(work: Work, whose: str) -> None:
    """What was given was right after all."""
    work.session.exec(delete(Guesses).where(col(Guesses.whose) == whose))


def take_back_guess(work: Work, whose: str) -> None:
    """One guess on a shared account was right: it alone is taken off, so that nobody wipes the others' away."""
    found = work.session.get(Guesses, whose)
    if found and found.count:
        found.count, found.free_at = found.count - 1, work.now
        work.session.add(found)


def forget_old_guesses(work: Work, before: datetime) -> None:
    """Accounts without a guess since then go."""
    work.session.exec(delete(Guesses).where(col(Guesses.at) < before, col(Guesses.free_at) < before))
