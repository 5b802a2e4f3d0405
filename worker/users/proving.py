"""Showing within a session that it is still oneself, before what matters: users, secrets, connections."""

from datetime import datetime

from store import audit, guesses, users
from store.users import Whose
from worker.decisions import signing_in as decisions
from worker.tools import Tools
from worker.users import hashing, signing_in
from worker.users.signing_in import SignInPlace


def is_fresh(tools: Tools, whose: Whose, now: datetime) -> bool:
    """Whether they showed it within the last ten minutes of this session, or nobody is asked here."""
    shown = whose.session.proven_at
    if tools.settings.second_factor == "waived":
        return True
    return shown is not None and (now - shown).total_seconds() < decisions.PROOF_SECONDS


def by_password(tools: Tools, whose: Whose, password: str, place: SignInPlace) -> bool:
    """Whether this is the user's password; if so it is proof. Raises TooManyTries."""
    return tools.settings.passwords and _counted(tools, whose, password, place, "password")


def by_code(tools: Tools, whose: Whose, code: str, place: SignInPlace) -> bool:
    """Whether this is a code of theirs, or for recovery; if so it is proof. Raises TooManyTries, Unopenable."""
    return _counted(tools, whose, code, place, "code")


def _counted(tools: Tools, whose: Whose, given: str, place: SignInPlace, kind: str) -> bool:
    accounts = decisions.accounts_of_proof(whose.session.id)
    with tools.store.write() as work:
        counted = signing_in.count_guess(work, accounts)
        kept = users.find(work, whose.user.id)
    signing_in.must_not_wait(counted)
    good = kind == "password" and hashing.fits(kept.password if kept else None, given)
    with tools.store.write() as work:
        user = users.find(work, whose.user.id)
        if kind == "code":
            good = user is not None and signing_in.is_code_of(work, tools, user, given)
        if good:
            guesses.forget(work, accounts[0].whose)
            users.note_proof(work, whose.session.id)
        else:
            said = {"by": kind, "address": place.address}
            audit.note(work, whose.user.id, "proof refused", "", said, 0, "")
    return good
