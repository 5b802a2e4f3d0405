"""The second factor: an authenticator app is set up, recovery codes are made, an admin resets it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from store import audit, metrics_rows, users
from store.users import Whose
from store.vault import Unopenable
from worker import logs
from worker.decisions import sign_in
from worker.tools import Tools
from worker.users import accounts, signing_in
from worker.users.signing_in import SignedIn, SignInPlace

ISSUER = "CrewCard Xero"
_OFFER_SECONDS = 1800.0
_PURPOSE = "the offer of an app"
_log = logs.log("console")


@dataclass(frozen=True)
class FactorOffer:
    """A secret for an app that is not kept yet: as text, as the address in a picture, and sealed for the form."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    sealed: str = field(repr=False)


def offer(tools: Tools, user: str) -> FactorOffer:
    """A new secret for this user; nothing is kept of it until its first code is given."""
    secret = sign_in.new_totp_secret()
    with tools.store.read() as work:
        said = {"for": user, "secret": secret, "until": work.after(_OFFER_SECONDS).timestamp()}
    address = sign_in.totp_address(secret, user, ISSUER)
    return FactorOffer(secret, address, tools.vault.seal_document(_PURPOSE, said))


def offered(tools: Tools, user: str, sealed: str) -> FactorOffer | None:
    """The offer that a form brings back; None when it is too old, or was not made for this user."""
    try:
        said = tools.vault.open_document(_PURPOSE, sealed)
    except Unopenable:
        return None
    with tools.store.read() as work:
        good = said.get("for") == user and said.get("until", 0) > work.now.timestamp()
    return FactorOffer(said["secret"], sign_in.totp_address(said["secret"], user, ISSUER), sealed) if good else None


def set_up(
    tools: Tools, whose: Whose, taken: FactorOffer, code: str, place: SignInPlace
) -> tuple[SignedIn, Sequence[str]] | None:
    """Keep the app whose code this is: a new session, all others end; and the recovery codes. None: a wrong code."""
    with tools.store.write() as work:
        user = users.goes_on(work, whose.session, signing_in.idle_seconds(tools))
        step = sign_in.totp_step_of(taken.secret, code, work.now.timestamp(), None)
        if user is None or step is None:
            return None
        again = user.factor is not None
        user.factor, user.factor_at, user.factor_step = tools.vault.seal(taken.secret), work.now, step
        users.save_user(work, user)
        codes = sign_in.new_recovery_codes()
        users.keep_recovery_codes(work, user.id, codes)
        users.end_sessions(work, user.id)
        audit.note(
            work,
            user.id,
            "second factor replaced" if again else "second factor set",
            "",
            _factor_of(user.id, place),
            0,
            "",
        )
        _log.info("console.factor_set", user=user.id, address=place.address)
        signed_in = signing_in.begin(work, tools, user, place, whose.session.by, strong=True)
        metrics_rows.add_counts(work, "sign_ins", {("factor_set", ""): 1})
    return signed_in, codes


def new_recovery_codes(tools: Tools, whose: Whose, place: SignInPlace) -> Sequence[str]:
    """Ten new recovery codes; the former ones are worth nothing."""
    codes = sign_in.new_recovery_codes()
    with tools.store.write() as work:
        users.keep_recovery_codes(work, whose.user.id, codes)
        audit.note(work, whose.user.id, "recovery codes made", "", _factor_of(whose.user.id, place), 0, "")
    return codes


def reset(tools: Tools, by: str, user: str) -> None:
    """Take a user's app and recovery codes away: they sign in anew and set another up. Raises UserRefused."""
    with tools.store.write() as work:
        found = accounts.known(work, user)
        found.factor = found.factor_at = found.factor_step = None
        users.save_user(work, found)
        users.keep_recovery_codes(work, user, ())
        users.forget_browsers(work, user)
        users.end_sessions(work, user)
        audit.note(work, by, "second factor reset", "", {"user": user, "role": found.role}, 0, "")
        _log.warning("console.factor_reset", user=user)
        metrics_rows.add_counts(work, "sign_ins", {("factor_reset", ""): 1})


def _factor_of(user: str, place: SignInPlace) -> dict[str, str]:
    return {"user": user, "address": place.address}
