"""How guesses are slowed down, what a sign-in still lacks, and where it was.

What the claims of a single sign-on say about somebody: who they are here, and their role.
Codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 seconds) and codes for recovery.
What a password has to be: long, hard to guess, not made of what everybody knows about its owner.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyotp
from zxcvbn import zxcvbn

from worker.decisions.addresses import network_of
from worker.decisions.rights import ROLES, Role

FORGOTTEN_SECONDS = 86_400.0  # after a day without a guess an account begins anew
HALF_SIGNED_IN_SECONDS = 600.0  # so long the second step may take
PROOF_SECONDS = 600.0  # so long one need not show again that it is oneself
KNOWN_DAYS = 180.0  # a browser or an address not used for so long is a new one again


@dataclass(frozen=True)
class GuessAllowance:
    """On whose account a guess goes, how many in a row are free there, and how long the first pause is."""

    whose: str
    free: int
    first_pause: float = 30.0

    def pause(self, count: int) -> float:
        """Seconds until the next guess, after `count` wrong ones: longer each time, a quarter of an hour at most."""
        return 0.0 if count < self.free else min(self.first_pause * 2.0 ** min(count - self.free, 20), 900.0)


def accounts_of_password(
    user: str, address: str, browser: str, *, known_place: bool, tried: bool
) -> Sequence[GuessAllowance]:
    """Where a password is counted; never so that strangers lock somebody out of where they usually are.

    A `browser` (fingerprint) in which the user has signed in before has an account of its own; so has an address they
    came from before. Everybody else shares one for the user, however many addresses they come from; and one for the
    network of the address: a narrow one from the second guess at a user on (`tried`), a wide one for first guesses,
    so that who guesses at everybody stops nobody's first try, and who makes names up does not have passwords looked
    at for ever.
    """
    if browser:
        return [GuessAllowance(f"password of {user} in browser {browser}", 5)]
    if known_place:
        return [GuessAllowance(f"password of {user} at {address}", 5)]
    network = network_of(address)
    at_network = GuessAllowance(f"passwords at {network}", 20) if tried else first_guesses(network)
    return [GuessAllowance(stranger(user), 5), at_network]


def first_guesses(network: str) -> GuessAllowance:
    """The account of all at this network who try a user at whom no stranger guessed before."""
    return GuessAllowance(f"first passwords at {network}", 200)


def stranger(user: str) -> str:
    """The account of all who guess at this user's password from where the user never was."""
    return f"password of {user}"


def accounts_of_code(user: str, browser: str) -> Sequence[GuessAllowance]:
    """Where a code of the authenticator app is counted: who knows the password alone locks no known browser out."""
    return [GuessAllowance(f"code of {user} in browser {browser}" if browser else f"code of {user}", 5)]


def accounts_of_proof(session: str) -> Sequence[GuessAllowance]:
    """Where a proof within a session is counted: it has the session's browser in hand."""
    return [GuessAllowance(f"proof in session {session}", 5)]


def needs_second_factor(role: str) -> bool:
    """Whether this role can change anything; one we do not know is taken for one that can."""
    return role != Role.READ


def lacks(role: str, *, has_factor: bool, strong: bool, waived: bool) -> str:
    """What is still missing before anything is shown: “code”, “factor” (there is none yet), or nothing."""
    if strong or waived:
        return ""
    if has_factor:
        return "code"
    return "factor" if needs_second_factor(role) else ""


def user_in(claims: Mapping[str, Any], claim: str) -> tuple[str, str]:
    """The user's id and "", or "" and why there is none. An email counts only where the provider verified it."""
    said = claims.get(claim)
    if not isinstance(said, str) or not said.strip():
        return "", f"it did not say who you are here (claim “{claim}”)"
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        return "", "it did not say that your email address was verified"
    if not said.isascii():  # the Kelvin sign becomes a k: nobody is somebody else by letters that look alike
        return "", f"who you are has letters that no id here has (claim “{claim}”)"
    return said.strip().casefold(), ""


def role_in(claims: Mapping[str, Any], roles: Mapping[str, Mapping[str, Role]]) -> Role | None:
    """The highest role that a claim gives; None: none does. A claim may lie within others: `realm_access.roles`."""
    given = {
        role
        for claim, by_value in roles.items()
        for value, role in by_value.items()
        if value in _values(claims, claim)
    }
    return max(given, key=ROLES.index, default=None)


def _values(claims: Mapping[str, Any], claim: str) -> set[str]:
    found: Any = claims
    if claim in claims:
        found = claims[claim]
    else:
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return {one for one in listed if isinstance(one, str)}


STEP_SECONDS = 30
SKEW_STEPS = 1  # a phone's clock may be so many steps off, either way
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are mistaken for another
_GROUPS, _GROUP = 4, 4  # about 79 bits, so that a plain fingerprint of it can be kept


def new_totp_secret() -> str:
    """A secret for an authenticator app: 160 bits, as base32."""
    return pyotp.random_base32()


def totp_address(secret: str, user: str, issuer: str) -> str:
    """The otpauth:// address that an app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=issuer)


def totp_step_of(secret: str, code: str, now: float, used: int | None) -> int | None:
    """Which step's code this is: None when it is wrong, too old, or not later than the last one `used`."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit()):
        return None
    totp, present = pyotp.TOTP(secret), int(now) // STEP_SECONDS
    for step in range(present - SKEW_STEPS, present + SKEW_STEPS + 1):
        if secrets.compare_digest(totp.generate_otp(step), typed) and (used is None or step > used):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes, in groups that can be copied by hand."""

    def code() -> str:
        return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))

    return [code() for _ in range(RECOVERY_CODES)]


def as_recovery_code(typed: str) -> str:
    """What was typed, as a recovery code is written; empty when it cannot be one."""
    plain = "".join(one for one in typed.casefold() if one in _LETTERS)
    if len(plain) != _GROUPS * _GROUP or len(typed) > 2 * len(plain):
        return ""
    return "-".join(plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP))


SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
ENOUGH_GUESSES = (
    10  # powers of ten, as zxcvbn estimates them: out of reach for who has a stolen database (its score 4)
)
_JUDGED = 72  # characters that are looked at; what is beyond makes no password worse
_OURS = ("crewcard", "xero", "console", "invoice", "exporter", "bookkeeper")
_OWN_LETTERS = 8  # so many letters and digits have to be left without the words that everybody tries first
_SPELT = str.maketrans("0134578@$!|+", "oieastbasiit")
_EASY = "This password is too easy to guess"


def password_objection(password: str, again: str, about: Sequence[str]) -> str:
    """What is wrong with a new password, in a sentence; empty: nothing. `about`: its owner's id and name."""
    if password != again:
        return "The two passwords are not the same."
    if len(password) < SHORTEST_PASSWORD:
        return f"A password needs at least {SHORTEST_PASSWORD} characters; a few words in a row are easy to remember."
    if len(password) > LONGEST_PASSWORD:
        return f"A password has at most {LONGEST_PASSWORD} characters."
    return _easy(password, about)


def _easy(password: str, about: Sequence[str]) -> str:
    """Why it is easy to guess; empty: it is not."""
    if password.isdigit():
        return f"{_EASY}: it is a number. A few words in a row are better."
    known = [*_OURS, *_words(about)]
    if _is_about(password, known):
        return f"{_EASY}: leave out your name, and what this is the console of."
    if float(zxcvbn(password[:_JUDGED], user_inputs=known)["guesses_log10"]) < ENOUGH_GUESSES:
        return (
            f"{_EASY}: it is a common one, perhaps with a year or signs added. Take four words without a connection."
        )
    return ""


def password_variants(password: str) -> Sequence[str]:
    """The password as lists of stolen ones may have it: without what is commonly put before or after a word."""
    bare = password.strip("0123456789!?.,-_#*+$@& ")
    plain = [
        one.casefold()
        for one in (password, password.rstrip("0123456789!?.,-_#*+$@& "), bare)
        if len(one) >= SHORTEST_PASSWORD
    ]
    return sorted({*plain, *(one.translate(_SPELT) for one in plain)})


def _words(about: Sequence[str]) -> list[str]:
    """The words of names and ids that are long enough to be recognised in a password."""
    found = {word for one in about for word in re.split(r"[^\w]+|_", one.casefold()) if len(word) >= 3}
    return sorted({*found, *(one.casefold() for one in about if len(one) >= 3)}, key=len, reverse=True)


def _is_about(password: str, known: Sequence[str]) -> bool:
    """Whether little is left once the known words are taken out, however they are spelt."""
    folded = password.casefold()
    spelt = folded.translate(_SPELT)
    if not any(word in folded or word.translate(_SPELT) in spelt for word in known):
        return False
    for word in known:
        spelt = spelt.replace(word.translate(_SPELT), " ")
    left = re.sub(r"[\W_]", "", spelt)
    return len(left) < _OWN_LETTERS or len(set(left)) < _OWN_LETTERS // 2
