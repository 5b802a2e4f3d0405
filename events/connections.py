"""The events of a connection to Xero. Wire name = class name: XeroConnectionConnected is `xero.connection.connected`.

None of them carries a secret, and none a login link: `login_due` says that somebody has to log in, and the link is
made when that person wants it (`POST /v1/companies/{company}/login-links`). `login_url`, a field of older days, is
left out; where it was promised (`login_expiring`) it is the address of a page that says how to get a link.

What can be wrong with a company's connection to Xero. Codes are stored and published: add, never rename.

Each member's value is its help, see `events.help`; facts in braces come from the connection at hand.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from events.credentials import AppKind, AppWay
from events.help import Catalogue, Help
from events.snapshot import DEPRECATED, Event, Id, ShortText, Snapshot


class ConnectedOrganisation(Snapshot):
    """The organisation at Xero."""

    tenant: str
    name: str
    short_code: str = ""
    base_currency: str = ""


class XeroConnectionConnected(Event):
    """Out: the company exports to this organisation from now on.

    `waiting_for_decision` counts invoices meant for another organisation; while it is not zero nothing is sent.
    `app_kind`: with a `custom` app nobody logs in, and no login ends.
    """

    TYPE: ClassVar[str] = "xero.connection.connected"

    company: Id
    organisation: ConnectedOrganisation
    scopes: tuple[str, ...]
    connected_at: datetime
    waiting_for_decision: int = 0
    app_kind: AppKind = "web"


class XeroConnectionNeedsLogin(Event):
    """Out: the company's exports wait until a person acts; who and how is said, nothing has failed.

    `login_due`: what that person has to do is to log in to Xero; with a `custom` app nobody has to, ever.
    """

    TYPE: ClassVar[str] = "xero.connection.needs_login"

    company: Id
    reason: str
    message: str
    who: str
    how: str
    organisation: ConnectedOrganisation | None = None
    login_due: bool = False
    app_kind: AppKind = "web"
    login_url: str | None = Field(default=None, json_schema_extra=DEPRECATED)
    login_url_ends_at: datetime | None = Field(default=None, json_schema_extra=DEPRECATED)


class XeroConnectionLoginExpiring(Event):
    """Out, a warning: the login could not be renewed for weeks and ends at `ends_at` unless somebody logs in.

    `login_url` is a page that says how to get a login link; it opens no login itself.
    """

    TYPE: ClassVar[str] = "xero.connection.login_expiring"

    company: Id
    organisation: ConnectedOrganisation
    ends_at: datetime
    message: ShortText
    login_url: str = Field(json_schema_extra=DEPRECATED)
    login_url_ends_at: datetime = Field(json_schema_extra=DEPRECATED)


class XeroConnectionDisconnected(Event):
    """Out: the organisation is no longer connected, by us or at Xero's side."""

    TYPE: ClassVar[str] = "xero.connection.disconnected"

    company: Id
    organisation: ConnectedOrganisation
    by: Literal["us", "xero"]
    message: ShortText


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
        "Check the app in Xero's developer portal, then enter its Client Secret on the company's setup page; that "
        "takes the role setup or admin.",
        command="crewcard-xero companies secret {company}",
    )
    APP_NOT_ALLOWED = Help(
        "Xero app lacks a permission",
        "The Xero app of {company} may not ask for the permissions it is set up with.",
        "support",
        "Newer apps need granular scopes: choose them on the company's setup page; that takes the role setup or "
        "admin.",
        command="crewcard-xero companies scopes {company} granular",
    )
    APP_MISSING = Help(
        "No Xero app",
        "{company} has no Xero app yet.",
        "support",
        "Enter its Client ID and Client Secret on the company's setup page; that takes the role setup or admin.",
        command="crewcard-xero companies app {company}",
    )
    KEY_MISSING = Help(
        "Encryption key missing",
        "What is kept for {company} does not open with ENCRYPTION_KEYS.",
        "admin",
        "Put the key it was sealed with behind the others in ENCRYPTION_KEYS. If that key is lost: "
        "enter the Client Secret again on the company's setup page, then make a connect link there.",
        command="crewcard-xero companies secret {company}\ncrewcard-xero connect {company}",
    )
    APP_DISABLED = Help(
        "Export switched off",
        "Exports of {company} were switched off here.",
        "support",
        "Switch exports on again on the company's setup page; that takes the role setup or admin.",
        command="crewcard-xero companies enable {company}",
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
    CUSTOM_NOT_CONNECTED = Help(
        "Custom connection not connected",
        "The custom connection of {company} is not connected here with all permissions that the export needs.",
        "support",
        "See in Xero's developer portal that it is authorised with these permissions, then press Connect on the "
        "company's setup page; that takes the role setup or admin.",
        command="crewcard-xero connect {company}",
    )
    CUSTOM_TAKEN_BACK = Help(
        "Custom connection taken back",
        "Xero does not let the custom connection of {company} in any more: it was taken back, has ended, or has "
        "another Client Secret.",
        "support",
        "Have it authorised again in Xero's developer portal, then press Connect on the company's setup page; where "
        "its secret is new, enter that first. It takes the role setup or admin.",
        command="crewcard-xero connect {company}",
    )
    OTHER_ORGANISATION = Help(
        "Work waits for another organisation",
        "Invoices that were meant for {before} wait, and {company} is now connected to {organisation}.",
        "admin",
        "Decide on the company's setup page: send them to {organisation}, or cancel them; or log in again and choose "
        "{before}.",
        command="crewcard-xero connections decide {company}",  # it asks for --send or --cancel
    )

    TARGET_UNKNOWN = Help(
        "Accounting system not known here",
        "{company} is set up for the accounting system “{target}”, which this installation does not know.",
        "support",
        "Run a version that knows it, or name another accounting system for the company.",
        command="crewcard-xero companies add {company} --target …",
    )

    @classmethod
    def by_code(cls, code: str | None, otherwise: "ConnectionProblem | None" = None) -> "ConnectionProblem":
        """The problem with this code; `otherwise`, or a login that ended, for one we do not know."""
        return cls.__members__.get((code or "").upper(), otherwise or cls.LOGIN_ENDED)

    def of_app(self, way: AppWay) -> "ConnectionProblem":
        """The same problem of an app of this way: where nobody logs in, no login mends it."""
        return self if way.has_login else _WITHOUT_LOGIN.get(self, self)

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What a fact is called that nobody gave."""
        return _UNNAMED


_WITHOUT_LOGIN = {
    ConnectionProblem.NEVER_CONNECTED: ConnectionProblem.CUSTOM_NOT_CONNECTED,
    ConnectionProblem.SCOPE_MISSING: ConnectionProblem.CUSTOM_NOT_CONNECTED,
    ConnectionProblem.SCOPES_CHANGED: ConnectionProblem.CUSTOM_NOT_CONNECTED,
    ConnectionProblem.APP_NOT_ALLOWED: ConnectionProblem.CUSTOM_NOT_CONNECTED,
    ConnectionProblem.NOT_PERMITTED: ConnectionProblem.CUSTOM_NOT_CONNECTED,
    ConnectionProblem.LOGIN_ENDED: ConnectionProblem.CUSTOM_TAKEN_BACK,
    ConnectionProblem.APP_REFUSED: ConnectionProblem.CUSTOM_TAKEN_BACK,
    ConnectionProblem.DISCONNECTED: ConnectionProblem.CUSTOM_TAKEN_BACK,
}
_UNNAMED = {
    "company": "the company",
    "organisation": "the Xero organisation",
    "before": "another organisation",
    "target": "unknown",
}
