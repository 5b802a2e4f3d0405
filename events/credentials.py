"""Secrets in flight. None of these shows its secret when it is printed, logged or caught in a traceback.

What a host's key may be used for, and which of it each event needs.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from events.contacts import ClientXeroContactCreateRequested, ClientXeroContactUpdateRequested
from events.export import InvoiceExportRequested
from events.orders import InvoiceExportCancelRequested, InvoiceExportRaiseAnewRequested, InvoiceExportReplayRequested
from events.preview import InvoiceExportPreviewRequested
from events.settings import CompanySettingsChanged

AppKind = Literal["web", "pkce", "custom"]
_HALF_AN_HOUR = 1800.0
# A login is given up after so many refusals by the token service, over so long a time.
PROOF_REFUSALS, PROOF_SECONDS = 3, 120.0
_TOGETHER_LOGINS, _TOGETHER_SECONDS = 3, 43_200.0


def is_signing_secret(text: str) -> bool:
    """Whether this is a signing secret as Standard Webhooks has them: `whsec_` and base64 of 24 to 64 bytes."""
    try:
        size = len(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        return False
    return text.startswith("whsec_") and 24 <= size <= 64


@dataclass(frozen=True)
class AppWay:
    """How an app of a kind lets us in: with a secret or without, by a person's login that ends or by itself."""

    words: str
    has_secret: bool = True
    has_login: bool = True


# facts §7.1, §7.3
APP_WAYS: Mapping[str, AppWay] = {
    "web": AppWay("Web app, with a secret"),
    "pkce": AppWay("Mobile or desktop app (PKCE), without one", has_secret=False),
    "custom": AppWay("Custom connection: one organisation, and nobody logs in", has_login=False),
}


@dataclass(frozen=True)
class AppKeys:
    """A Xero app and its secrets, newest first, if its kind has any."""

    client_id: str
    secrets: tuple[str, ...] = field(repr=False)
    kind: AppKind = "web"

    @property
    def way(self) -> AppWay:
        """How an app of its kind lets us in."""
        return APP_WAYS[self.kind]


@dataclass(frozen=True)
class TokenPair:
    """What Xero's token service gave: access token for `expires_in` seconds, refresh token for its next use.

    `id_token` says for which login it is, where one was asked for; it is not kept. An app that nobody logs in to gets
    no refresh token.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float = _HALF_AN_HOUR
    scopes: tuple[str, ...] = ()
    id_token: str = field(default="", repr=False)

    @classmethod
    def from_answer(cls, said: Mapping[str, Any]) -> "TokenPair":
        """The pair in a token answer. Raises KeyError or ValueError for an answer without one."""
        scope = said.get("scope") or ()
        scopes = scope.split() if isinstance(scope, str) else scope
        expires_in = float(said.get("expires_in", _HALF_AN_HOUR))
        tokens = str(said["access_token"]), str(said["refresh_token"])
        return cls(*tokens, expires_in, tuple(map(str, scopes)), str(said.get("id_token") or ""))

    def renewal(self, way: AppWay) -> dict[str, str]:
        """What the token service is asked for another pair in place of this one."""
        if way.has_login:
            return {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        return {"grant_type": "client_credentials", "scope": " ".join(self.scopes)}

    def to_json(self) -> str:
        """The pair as text, to be sealed."""
        return json.dumps(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_in": self.expires_in,
                "scope": list(self.scopes),
            }
        )


@dataclass(frozen=True)
class Doubt:
    """A login that Xero's token service refused, `refusals` times over so many `seconds`.

    `others_renewed`: another login was renewed since the first refusal; `others_refused` are refused now as well;
    `witness` is a login (app, Xero user) that is not, and has not been asked about since.
    """

    refusals: int
    seconds: float
    others_renewed: bool
    others_refused: int
    witness: tuple[str, str] | None = None

    @property
    def lasts(self) -> bool:
        """Whether it was refused often and long enough to be dead, if the token service works."""
        return self.refusals >= PROOF_REFUSALS and self.seconds >= PROOF_SECONDS

    @property
    def is_proof(self) -> bool:
        """Whether the login is dead. Where logins are refused together it is Xero's trouble, for half a day."""
        if not self.lasts:
            return False
        alone = self.witness is None and self.others_refused < _TOGETHER_LOGINS - 1
        return self.others_renewed or alone or self.seconds >= _TOGETHER_SECONDS


@dataclass(frozen=True)
class OpenedOrganisation:
    """An organisation that a login opens; `connection_id` is the connection's id, which is not the tenant's."""

    tenant: str
    name: str
    connection_id: str
    consent: str = ""


@dataclass(frozen=True)
class AboutOrganisation:
    """What the accounting system says about an organisation."""

    name: str
    short_code: str
    base_currency: str


class Scope(StrEnum):
    """What a key may be used for. `events:write` is of older keys and means what `FORMER` says."""

    EXPORTS = "exports"
    ORDERS = "orders"
    CONTACTS = "contacts"
    SETTINGS = "settings"
    PREVIEWS = "previews"
    READS = "reads"
    FEED = "feed"
    LOGINS = "logins"
    EVENTS = "events:write"


FORMER: Mapping[Scope, frozenset[Scope]] = {
    Scope.EVENTS: frozenset({Scope.EXPORTS, Scope.ORDERS, Scope.CONTACTS, Scope.SETTINGS})
}
OF_EVENT: Mapping[str, Scope] = {
    InvoiceExportRequested.TYPE: Scope.EXPORTS,
    InvoiceExportCancelRequested.TYPE: Scope.ORDERS,
    InvoiceExportReplayRequested.TYPE: Scope.ORDERS,
    InvoiceExportRaiseAnewRequested.TYPE: Scope.ORDERS,
    ClientXeroContactUpdateRequested.TYPE: Scope.CONTACTS,
    ClientXeroContactCreateRequested.TYPE: Scope.CONTACTS,
    CompanySettingsChanged.TYPE: Scope.SETTINGS,
    InvoiceExportPreviewRequested.TYPE: Scope.PREVIEWS,
}
SCOPES_OF_EVENTS = tuple(scope for scope in Scope if scope in OF_EVENT.values())


def whole_scopes(scopes: Collection[str]) -> frozenset[Scope]:
    """These scopes, a former one as what it means today; a name that is none opens nothing."""
    known = {Scope(name) for name in scopes if name in tuple(Scope)}
    return frozenset().union(*(FORMER.get(scope, {scope}) for scope in known))


class TargetLogin(Protocol):
    """How a person lets us in, for `unused_days` if nobody uses it, and the bearers. What calls raises Trouble.

    `contacts_scope` is the scope that creating contacts takes beside those that are always asked for.
    """

    unused_days: int
    contacts_scope: str

    def wanted_scopes(self, said: str, way: AppWay) -> str:
        """The scopes to ask for, behind the words that people use for them, with an app of this way; pure."""

    def may_write(self, granted: Collection[str]) -> bool:
        """Whether these scopes let us write invoices; pure."""

    def may_attach(self, granted: Collection[str]) -> bool:
        """Whether these scopes let us attach files; so do those of a login that did not say what it gave; pure."""

    def to_attach(self, scopes: str) -> str:
        """The scopes with those that it takes to attach files; pure."""

    def accepts(self, app: AppKeys) -> bool:
        """Whether the system knows the app with its newest secret; nobody has to log in for it."""

    def address(self, app: AppKeys, callback: str, scopes: str, state: str, verifier: str) -> str:
        """The login page for this app, bound to this login by its state and its secret verifier; pure."""

    def exchange(self, app: AppKeys, code: str, callback: str, verifier: str) -> TokenPair:
        """The pair for a code, which is taken once."""

    def own_pair(self, app: AppKeys, scopes: str) -> TokenPair:
        """The pair that an app gets for itself, where nobody logs in."""

    def user(self, pair: TokenPair) -> str:
        """Whose login the pair is; empty when it does not say; pure."""

    def consent(self, pair: TokenPair) -> str:
        """The consent the pair came from; empty when it does not say; pure."""

    def organisations(self, bearer: str) -> Sequence[OpenedOrganisation]:
        """The organisations this login opens now."""

    def about(self, bearer: str, tenant: str) -> AboutOrganisation:
        """The organisation's name, short code and currency."""

    def remove(self, bearer: str, connection_id: str) -> None:
        """Disconnect one organisation, by the connection's id."""

    def access(self, client_id: str, user: str) -> str:
        """A valid access token of this login."""

    def renew(self, client_id: str, user: str) -> None:
        """Renew the login although it is still good, so that it does not end unused."""
