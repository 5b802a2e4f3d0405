"""Why a login was refused: what the person at the browser reads, and the host.

Which organisations a person may choose from after a login; pure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class RefusalWords(NamedTuple):
    """A title, what happened, what to do; `status` for HTTP."""

    title: str
    message: str
    how: str
    status: int = 400


_ASK_AGAIN = "Go back to CrewCard and ask for a new link."


class LoginRefusal(Enum):
    """One member per way a login can be refused; nothing was changed in any of them."""

    LINK_FORGED = RefusalWords("This link is not valid", "The address is incomplete or was changed.", _ASK_AGAIN)
    LINK_MISSING = RefusalWords(
        "A login link is needed",
        "This address alone begins no login to Xero.",
        "Ask for a login link in CrewCard. It is good once, and for a short time.",
    )
    LINK_STALE = RefusalWords("This link is too old", "Login links are good for a short time only.", _ASK_AGAIN, 410)
    LINK_USED = RefusalWords("This link was used already", "Each login link works once.", _ASK_AGAIN, 410)
    STATE_UNKNOWN = RefusalWords(
        "This login was not started here", "Xero's answer belongs to no login we know.", _ASK_AGAIN
    )
    OTHER_BROWSER = RefusalWords(
        "This login was started elsewhere",
        "Xero's answer belongs to a login that was started in another browser or window.",
        _ASK_AGAIN,
        403,
    )
    WRONG_COMPANY = RefusalWords(
        "Another company's login", "Xero's answer belongs to another company's login.", _ASK_AGAIN, 403
    )
    ALREADY_ANSWERED = RefusalWords(
        "This login is over",
        "Xero's answer was used already, or came too late.",
        "If the page before said “Connected”, nothing is left to do. If not, ask for a new link in CrewCard.",
        409,
    )
    DENIED = RefusalWords(
        "Access was not given",
        "Xero says the access was declined, so nothing was connected.",
        "Open a new login link and choose “Continue with Organization” at Xero.",
        403,
    )
    CODE_REFUSED = RefusalWords(
        "Xero did not accept the login",
        "Xero's code was used before or is too old, or it belongs to another login.",
        _ASK_AGAIN,
        409,
    )
    APP_REFUSED = RefusalWords(
        "The Xero app was not accepted",
        "Xero does not accept the Client ID and Client Secret kept for this company.",
        "CrewCard support has to check the app's Client ID and Client Secret.",
        409,
    )
    APP_NOT_ALLOWED = RefusalWords(
        "The Xero app lacks a permission",
        "The company's Xero app may not ask for the permissions it is set up with.",
        "CrewCard support has to choose the scopes that the app has.",
        409,
    )
    APP_MISSING = RefusalWords(
        "No Xero app is set up",
        "There is no Xero app for this company here, or it was switched off.",
        "CrewCard support has to enter its Client ID and Client Secret.",
        409,
    )
    NO_LOGIN = RefusalWords(
        "No login here",
        "The company's accounting system is not known here, or asks for no login.",
        "CrewCard support can say which accounting system the company is set up for.",
        409,
    )
    NOBODY_LOGS_IN = RefusalWords(
        "Nobody logs in",
        "The company's Xero app is a custom connection: it is connected without anybody's login.",
        "CrewCard support presses Connect on the company's setup page.",
        409,
    )
    NOT_ONE_ORGANISATION = RefusalWords(
        "Not one organisation",
        "Xero opens no organisation, or more than one, to this custom connection.",
        "Choose its organisation in Xero's developer portal and have it authorised there, then connect it again.",
        409,
    )
    APP_CHANGED = RefusalWords(
        "The Xero app was changed",
        "The company uses another Xero app than the one this login was started with.",
        _ASK_AGAIN,
        409,
    )
    SCOPE_MISSING = RefusalWords(
        "A permission is missing",
        "The login does not carry every permission the export needs.",
        "Open a new login link and accept all permissions Xero lists.",
        409,
    )
    NO_ORGANISATIONS = RefusalWords(
        "No organisation",
        "This Xero login opens no organisation.",
        "Log in as a user of the organisation, or choose one at Xero.",
        409,
    )
    ALL_TAKEN = RefusalWords(
        "Organisation already in use",
        "The organisation is already used by another company in CrewCard.",
        "Choose another organisation, or disconnect it from that company first.",
        409,
    )
    NOT_A_FORM = RefusalWords(
        "This page was opened again elsewhere",
        "The button belongs to a page that was opened in another window, or this browser keeps no cookies.",
        "Open the link once more: it was not used up.",
        403,
    )
    NOT_OFFERED = RefusalWords(
        "Not an organisation of this login", "This login does not open it.", "Choose one of the list."
    )
    XERO_AWAY = RefusalWords(
        "Xero does not answer", "Xero did not answer properly just now.", "Wait a minute and try again.", 503
    )
    RETURN_ADDRESS = RefusalWords(
        "Return address not allowed",
        "The address to return to is not on the list of this installation.",
        "Add it to RETURN_ADDRESSES, or ask without one.",
        422,
    )

    @property
    def code(self) -> str:
        """The published code: `link_used`."""
        return self.name.lower()


class LoginRefused(Exception):
    """A login went no further; nothing was changed. `return_to` is where the person may go back to."""

    def __init__(self, refusal: LoginRefusal, return_to: str = "") -> None:
        super().__init__(refusal.value.message)
        self.refusal = refusal
        self.return_to = return_to


@dataclass(frozen=True)
class OfferedOrganisation:
    """One organisation in a choice. `taken`: another company holds it. `current`: it is connected already."""

    tenant: str
    name: str
    xero_id: str
    taken: bool = False
    current: bool = False


def offer(
    opened: Sequence[OfferedOrganisation], consented: Collection[str], taken: Collection[str], current: str | None
) -> Sequence[OfferedOrganisation]:
    """The organisations to show, the current one first, then by name.

    Where the person consented to some of them just now, only these: an app may be connected to others from before.
    """
    shown = [one for one in opened if one.tenant in consented] or list(opened)
    marked = [
        OfferedOrganisation(one.tenant, one.name, one.xero_id, one.tenant in taken, one.tenant == current)
        for one in shown
    ]
    return sorted(marked, key=lambda one: (not one.current, one.name.lower(), one.tenant))


def without_asking(offered: Sequence[OfferedOrganisation]) -> OfferedOrganisation | None:
    """The organisation that needs no question: the only one there is, if it is free."""
    return offered[0] if len(offered) == 1 and not offered[0].taken else None


def missing_scopes(wanted: str, granted: Collection[str]) -> list[str]:
    """Permissions the export asked for and did not get; none where Xero did not say what it granted."""
    return [scope for scope in wanted.split() if scope not in granted] if granted else []
