"""How guesses are slowed down, what a sign-in still lacks, and where it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.decisions.networks import network_of
from worker.decisions.roles import Role

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
