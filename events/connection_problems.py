"""What can be wrong with a company's connection to Xero. Codes are stored and published: add, never rename.

Each member's value is its help, see `events.help`; facts in braces come from the connection at hand.
"""

from collections.abc import Mapping

from events.help import Catalogue, Help


class ConnectionProblem(Catalogue):
    """Why a company's exports wait for a person, and who that person is."""

    NEVER_CONNECTED = Help(
        "Not connected yet",
        "{company} is not connected to a Xero organisation yet.",
        "clerk",
        "Ask for a login link in CrewCard and choose the organisation; what waits meanwhile is sent by itself.",
    )
    LOGIN_ENDED = Help(
        "Login to Xero ended",
        "Xero no longer accepts the login for {organisation}: it was withdrawn or not used for 60 days.",
        "clerk",
        "Ask for a login link in CrewCard and log in to Xero again; everything that waits is sent by itself.",
    )
    APP_REFUSED = Help(
        "Xero app not accepted",
        "Xero does not accept the Client ID and Client Secret kept for {company}.",
        "support",
        "Check the app in Xero's developer portal, then enter its secret: crewcard-xero companies secret {company}",
    )
    APP_NOT_ALLOWED = Help(
        "Xero app lacks a permission",
        "The Xero app of {company} may not ask for the permissions it is set up with.",
        "support",
        "Newer apps need granular scopes: crewcard-xero companies scopes {company} granular",
    )
    APP_MISSING = Help(
        "No Xero app",
        "No Xero app is kept for {company}.",
        "support",
        "Enter its Client ID and Client Secret: crewcard-xero companies app {company}",
    )
    KEY_MISSING = Help(
        "Encryption key missing",
        "What is kept for {company} does not open with ENCRYPTION_KEYS.",
        "admin",
        "Put the key it was sealed with behind the others in ENCRYPTION_KEYS. If that key is lost: "
        "crewcard-xero companies secret {company}, then crewcard-xero connect {company}",
    )
    APP_DISABLED = Help(
        "Export switched off",
        "The Xero app of {company} was switched off here.",
        "support",
        "Switch it on again: crewcard-xero companies enable {company}",
    )
    SCOPE_MISSING = Help(
        "Permission missing",
        "The login for {organisation} does not carry every permission the export needs.",
        "clerk",
        "Ask for a login link in CrewCard, log in again and accept all permissions Xero lists.",
    )
    SCOPES_CHANGED = Help(
        "Permissions changed",
        "The permissions that {company} asks Xero for were changed, and a login made before does not carry them.",
        "clerk",
        "Ask for a login link in CrewCard, log in again and accept the permissions Xero lists.",
    )
    DISCONNECTED = Help(
        "Disconnected",
        "{organisation} is no longer connected: it was disconnected, or its Xero subscription ended.",
        "clerk",
        "Ask for a login link in CrewCard and choose the organisation again; all that waits is sent by itself.",
    )
    NOT_PERMITTED = Help(
        "Xero user lacks the right",
        "The Xero user who logged in may not raise sales invoices in {organisation}.",
        "clerk",
        "Log in as a Standard or Adviser user of the organisation, with a login link from CrewCard.",
    )
    OTHER_ORGANISATION = Help(
        "Work waits for another organisation",
        "Invoices that were meant for {before} wait, and {company} is now connected to {organisation}.",
        "admin",
        "Decide: crewcard-xero connections decide {company} --send (to {organisation}) or --cancel; "
        "or log in again and choose {before}.",
    )

    TARGET_UNKNOWN = Help(
        "Accounting system not known here",
        "{company} is set up for the accounting system “{target}”, which this installation does not know.",
        "support",
        "Run a version that knows it, or name another: crewcard-xero companies add {company} --target …",
    )

    @classmethod
    def by_code(cls, code: str | None, otherwise: "ConnectionProblem | None" = None) -> "ConnectionProblem":
        """The problem with this code; `otherwise`, or a login that ended, for one we do not know."""
        return cls.__members__.get((code or "").upper(), otherwise or cls.LOGIN_ENDED)

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What a fact is called that nobody gave."""
        return _UNNAMED


_UNNAMED = {
    "company": "the company",
    "organisation": "the Xero organisation",
    "before": "another organisation",
    "target": "unknown",
}
