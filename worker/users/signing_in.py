"""Signing in to the console: by password, once by a link, then by a code; who a browser belongs to.

One's own sessions: listed, and ended.
Showing within a session that it is still oneself, before what matters: users, secrets, connections.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from store import audit, metrics_rows, users
from store.tables import User, UserSession
from store.unit_of_work import Work
from store.users import Whose
from worker import logs
from worker.decisions import sign_in
from worker.decisions import sign_in as decisions
from worker.decisions.sign_in import GuessAllowance
from worker.tools import Tools
from worker.users import hashing

NOBODY = "not signed in"  # who the audit names where nobody is
_USED_SECONDS = 60.0  # a session's use is written down no more often
_BROWSER_LENGTH = 200
_log = logs.log("console")


class TooManyTries(Exception):
    """Too many wrong ones in a row: nothing is looked at for so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing is looked at for {seconds:.0f} s")
        self.seconds = max(1, round(seconds + 0.5))


@dataclass(frozen=True)
class SignInPlace:
    """Where somebody is: network address, what the browser says it is, and what it keeps of earlier sign-ins."""

    address: str
    browser: str
    known: str = field(default="", repr=False)


@dataclass(frozen=True)
class SignedIn:
    """A browser's session: what its cookies hold, for how many seconds, and what it still lacks (see `lacks`)."""

    user: str
    cookie: str = field(repr=False)
    seconds: int
    lacks: str = ""
    known: str = field(default="", repr=False)


def by_password(tools: Tools, user: str, password: str, place: SignInPlace, cookie: str = "") -> SignedIn | None:
    """The session of who knows the password, else None. Counted before it is looked at. Raises TooManyTries.

    The session with this `cookie`, which the browser had so far, ends.
    """
    user = user.strip().casefold()[:100]
    with tools.store.write() as work:
        since = work.now - timedelta(days=sign_in.KNOWN_DAYS)
        browser = users.fingerprint(place.known) if users.knows_browser(work, user, place.known, since) else ""
        accounts = sign_in.accounts_of_password(
            user,
            place.address,
            browser,
            known_place=users.knows_place(work, user, place.address, since),
            tried=users.count_guess(work, sign_in.stranger(user)) > 0,
        )
        found = users.find(work, user)
        counted = count_guess(work, accounts)
    must_not_wait(counted)
    good = hashing.fits(found.password if found else None, password)
    with tools.store.write() as work:
        found = users.find(work, user)
        if not good or found is None or found.disabled_at:
            _note_refusal(work, found, place, "sign-in refused", "refused")
            _note_pauses(work, found, place, accounts, counted)
            return None
        guessed_right(work, accounts)
        users.end_session(work, cookie)
        return begin(work, tools, found, place, "password")


def by_link(tools: Tools, secret: str, place: SignInPlace, cookie: str = "") -> SignedIn | None:
    """The session of whom the link signs in, else None. The session with this `cookie` ends."""
    with tools.store.write() as work:
        found = users.use_link(work, secret)
        if found is None:
            _note_refusal(work, None, place, "sign-in link refused", "refused")
            return None
        users.end_session(work, cookie)
        return begin(work, tools, found, place, "link")


def by_code(tools: Tools, cookie: str, code: str, place: SignInPlace) -> SignedIn | None:
    """The second step: a whole session for a code of the app or for recovery; else None. Raises TooManyTries."""
    with tools.store.write() as work:
        half = users.of_session(work, cookie, idle_seconds(tools))
        if half is None or lacks(tools, half) != "code":
            return None
        since = work.now - timedelta(days=sign_in.KNOWN_DAYS)
        known = users.knows_browser(work, half.user.id, place.known, since)
        accounts = sign_in.accounts_of_code(half.user.id, users.fingerprint(place.known) if known else "")
        counted = count_guess(work, accounts)
        if not counted.wait and is_code_of(work, tools, half.user, code):
            guessed_right(work, accounts)
            users.end_session(work, cookie)
            return begin(work, tools, half.user, place, half.session.by, strong=True)
        if not counted.wait:
            _note_refusal(work, half.user, place, "second factor refused", "code_refused")
            _note_pauses(work, half.user, place, accounts, counted)
    must_not_wait(counted)
    return None


def is_code_of(work: Work, tools: Tools, user: User, code: str) -> bool:
    """Whether this is a code of the user's app or for recovery, not used before; it is used up. Raises Unopenable."""
    recovery = sign_in.as_recovery_code(code)
    if recovery:
        if not users.use_recovery_code(work, user.id, recovery):
            return False
        left = users.recovery_codes_left(work, user.id)
        audit.note(work, user.id, "recovery code used", "", {"user": user.id, "left": str(left)}, 0, "")
        return True
    if not user.factor:
        return False
    step = sign_in.totp_step_of(tools.vault.open(user.factor), code, work.now.timestamp(), user.factor_step)
    return step is not None and users.use_step(work, user.id, step)


def begin(
    work: Work, tools: Tools, user: User, place: SignInPlace, by: str, *, strong: bool = False, proven: bool = True
) -> SignedIn:
    """A session begins: whole, or for ten minutes until the second step is done."""
    missing = _lacks(tools, user, strong=strong)
    seconds = sign_in.HALF_SIGNED_IN_SECONDS if missing else tools.settings.session_hours * 3600
    cookie = secrets.token_urlsafe(32)
    session = UserSession(
        id=users.fingerprint(cookie),
        user=user.id,
        started_at=work.now,
        ends_at=work.after(seconds),
        seen_at=work.now,
        by=by,
        strong=strong,
        proven_at=work.now if proven else None,
        address=place.address,
        browser=place.browser[:_BROWSER_LENGTH],
    )
    users.begin_session(work, session)
    if missing:
        return SignedIn(user.id, cookie, int(seconds), missing)
    return SignedIn(user.id, cookie, int(seconds), "", _arrive(work, user, session, place))


def _arrive(work: Work, user: User, session: UserSession, place: SignInPlace) -> str:
    """Somebody is in: said in audit, log and count; gives what the browser keeps, so that it is known next time."""
    since = work.now - timedelta(days=sign_in.KNOWN_DAYS)
    known = users.knows_browser(work, user.id, place.known, since) or users.knows_place(
        work, user.id, place.address, since
    )
    is_new = not known and users.has_signed_in(work, user.id)
    what = "signed in from a new place" if is_new else "signed in"
    chosen = {"by": session.by, "address": session.address, "browser": session.browser}
    audit.note(work, user.id, what, "", chosen, 0, "")
    user.seen_at = work.now
    users.save_user(work, user)
    kept = secrets.token_urlsafe(32)
    users.note_browser(work, user.id, place.known, kept, place.address, since)
    _log.info("console.signed_in", user=user.id, address=place.address, kind="new_place" if is_new else session.by)
    metrics_rows.add_counts(work, "sign_ins", {("new_place" if is_new else "signed_in", ""): 1})
    return kept


def whose_browser(tools: Tools, cookie: str, *, used: bool = True) -> Whose | None:
    """Who is signed in with this cookie; `used`: a person does something, which keeps the session from being idle."""
    if not cookie:
        return None
    with tools.store.read() as work:
        found = users.of_session(work, cookie, idle_seconds(tools))
    if found and used and _since_use(found) > _USED_SECONDS:
        try:
            with tools.store.write() as work:
                users.note_use(work, found.session.id)
        except SQLAlchemyError:  # nobody is turned away because the note could not be made
            _log.warning("console.use_not_noted", exc_info=True)
    return found


def whose_browser_was(tools: Tools, cookie: str) -> str:
    """Who was signed in with this cookie, with both steps, however long ago; empty where nobody knows."""
    with tools.store.read() as work:
        found = users.of_session_however_old(work, cookie) if cookie else None
    return "" if found is None or lacks(tools, found) else found.user.id


def _since_use(whose: Whose) -> float:
    return (whose.now - (whose.session.seen_at or whose.session.started_at)).total_seconds()


def lacks(tools: Tools, whose: Whose) -> str:
    """What the session still lacks before anything is shown: “code”, “factor”, or nothing."""
    return _lacks(tools, whose.user, strong=whose.session.strong)


def idle_seconds(tools: Tools) -> float:
    """After so many seconds without use a session is over."""
    return tools.settings.session_idle_minutes * 60


def sign_out(tools: Tools, cookie: str) -> None:
    """End the session."""
    with tools.store.write() as work:
        users.end_session(work, cookie)


@dataclass(frozen=True)
class Counted:
    """A guess that was counted, with how many each account has now; `wait`: it was not, and must not be looked at."""

    wait: float
    counts: dict[str, int]


def count_guess(work: Work, accounts: Sequence[GuessAllowance]) -> Counted:
    """Count a guess on these accounts before it is looked at; `must_not_wait` says who has to, after the commit."""
    users.forget_old_guesses(work, work.after(-sign_in.FORGOTTEN_SECONDS))
    pauses = {one.whose: one.pause for one in accounts}
    counted = Counted(*users.take_guess(work, pauses, sign_in.FORGOTTEN_SECONDS))
    if counted.wait:
        metrics_rows.add_counts(work, "sign_ins", {("slowed", ""): 1})
    return counted


def must_not_wait(counted: Counted) -> None:
    """Raises TooManyTries."""
    if counted.wait:
        raise TooManyTries(counted.wait)


def guessed_right(work: Work, accounts: Sequence[GuessAllowance]) -> None:
    """What was given is right: one's own account begins anew; of a shared one only this guess is taken back."""
    own, *shared = [one.whose for one in accounts]
    users.forget_guesses(work, own)
    for whose in shared:
        users.take_back_guess(work, whose)


def _lacks(tools: Tools, user: User, *, strong: bool) -> str:
    waived = tools.settings.second_factor == "waived"
    return sign_in.lacks(user.role, has_factor=bool(user.factor), strong=strong, waived=waived)


def _note_refusal(work: Work, user: User | None, place: SignInPlace, what: str, outcome: str) -> None:
    """Said in audit, log and count. A name nobody has is left out: it may be a password in the wrong field."""
    tries = 0
    if user is None:
        whose = f"unknown users at {place.address}"
        tries = users.take_guess(work, {whose: lambda _: 0.0}, sign_in.FORGOTTEN_SECONDS)[1][whose]
    if user or str(tries).strip("0") == "1":  # who makes names up fills no audit: the 1st, 10th, 100th is a line
        said = {"user": user.id if user else "unknown", "address": place.address, "tries": str(tries or "")}
        audit.note(work, NOBODY, what, "", said, 0, "")
    _log.warning("console.sign_in_refused", user=user.id if user else "unknown", address=place.address, kind=outcome)
    metrics_rows.add_counts(work, "sign_ins", {(outcome, ""): 1})


def _note_pauses(
    work: Work, user: User | None, place: SignInPlace, accounts: Sequence[GuessAllowance], counted: Counted
) -> None:
    """A pause that begins is a line of the audit, once per account and row of guesses."""
    for one in accounts:
        if user and counted.counts[one.whose] == one.free:
            said = {"user": user.id, "address": place.address, "guesses": str(one.free)}
            audit.note(work, NOBODY, "guesses slowed down", "", said, 0, "")
            _log.warning("console.guesses_slowed", user=user.id, address=place.address, count=one.free)


def sessions_of_user(tools: Tools, user: str) -> Sequence[UserSession]:
    """The user's sessions that go on, the one used last first."""
    with tools.store.read() as work:
        return users.sessions_of(work, user, idle_seconds(tools))


def end_session(tools: Tools, whose: Whose, session: str, place: SignInPlace) -> int:
    """End this session of the user's own, or all but theirs where none is named; gives how many."""
    with tools.store.write() as work:
        if session:
            ended = users.end_one(work, whose.user.id, session)
        else:
            ended = users.end_others(work, whose.user.id, whose.session.id)
        if ended:
            said = {"which": "one" if session else "all others", "address": place.address}
            audit.note(work, whose.user.id, "sessions ended", "", said, ended, "")
    return ended


def proof_is_fresh(tools: Tools, whose: Whose, now: datetime) -> bool:
    """Whether they showed it within the last ten minutes of this session, or nobody is asked here."""
    shown = whose.session.proven_at
    if tools.settings.second_factor == "waived":
        return True
    return shown is not None and (now - shown).total_seconds() < decisions.PROOF_SECONDS


def prove_by_password(tools: Tools, whose: Whose, password: str, place: SignInPlace) -> bool:
    """Whether this is the user's password; if so it is proof. Raises TooManyTries."""
    return tools.settings.passwords and _counted(tools, whose, password, place, "password")


def prove_by_code(tools: Tools, whose: Whose, code: str, place: SignInPlace) -> bool:
    """Whether this is a code of theirs, or for recovery; if so it is proof. Raises TooManyTries, Unopenable."""
    return _counted(tools, whose, code, place, "code")


def _counted(tools: Tools, whose: Whose, given: str, place: SignInPlace, kind: str) -> bool:
    accounts = decisions.accounts_of_proof(whose.session.id)
    with tools.store.write() as work:
        counted = count_guess(work, accounts)
        kept = users.find(work, whose.user.id)
    must_not_wait(counted)
    good = kind == "password" and hashing.fits(kept.password if kept else None, given)
    with tools.store.write() as work:
        user = users.find(work, whose.user.id)
        if kind == "code":
            good = user is not None and is_code_of(work, tools, user, given)
        if good:
            users.forget_guesses(work, accounts[0].whose)
            users.note_proof(work, whose.session.id)
        else:
            said = {"by": kind, "address": place.address}
            audit.note(work, whose.user.id, "proof refused", "", said, 0, "")
    return good
