"""A person's login at Xero: the address to go to, the code exchanged, the organisations it opens (facts §7)."""

import base64
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx

from events.accounting_target import Trouble
from events.connections import ConnectionProblem
from events.credentials import AboutOrganisation, AppKeys, AppWay, OpenedOrganisation, TokenPair
from xero_adapter import json_values
from xero_adapter.auth import Auth, TokenService
from xero_adapter.client import BoundedTransport

_DEADLINE_SECONDS = 20
_SCOPES = {
    "granular": "offline_access accounting.invoices accounting.contacts.read accounting.settings.read",
    "broad": "offline_access accounting.transactions accounting.contacts.read accounting.settings.read",
}
_WRITES = frozenset({"accounting.invoices", "accounting.transactions"})
_ATTACHES = "accounting.attachments"
_LASTING = "offline_access"
_OPENID = "openid"  # a login that asks for it gets an id token, and with it its nonce back


class XeroLogin:
    """Xero's login page, token service and connections, and `auth` for bearers; safe to share between threads."""

    unused_days = 60
    contacts_scope = "accounting.contacts"

    def __init__(self, login_url: str, api_url: str, tokens: TokenService, auth: Auth) -> None:
        self.auth = auth
        self._login_url = login_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._tokens = tokens
        self._http = httpx.Client(transport=BoundedTransport(), timeout=httpx.Timeout(_DEADLINE_SECONDS, connect=5))

    def wanted_scopes(self, said: str, way: AppWay) -> str:
        """The scopes behind `granular` or `broad` (older apps), or those that are listed; a login is to last."""
        words = " ".join(_SCOPES.get(word, word) for word in said.replace(",", " ").split()).split()
        return " ".join(
            dict.fromkeys([_LASTING, *words] if way.has_login else [one for one in words if one != _LASTING])
        )

    def may_write(self, granted: Collection[str]) -> bool:
        """Whether these scopes let us write invoices."""
        return not _WRITES.isdisjoint(granted)

    def may_attach(self, granted: Collection[str]) -> bool:
        """Whether these scopes let us attach files, or it is not known which were given."""
        return not granted or _ATTACHES in granted

    def to_attach(self, scopes: str) -> str:
        """The scopes with the one that files at invoices take (facts §8)."""
        return scopes if _ATTACHES in scopes.split() else f"{scopes} {_ATTACHES}"

    def access(self, client_id: str, user: str) -> str:
        """A valid access token of this login. Raises Trouble."""
        return self.auth.access(client_id, user)

    def renew(self, client_id: str, user: str) -> None:
        """Refresh the pair although it is still good. Raises Trouble."""
        self.auth.renew(client_id, user)

    def accepts(self, app: AppKeys) -> bool:
        """Whether Xero knows the app with its newest secret. Raises Trouble where its token service cannot be asked.

        A code that was never given out is refused as a code (`invalid_grant`) only after the app was recognised
        (RFC 6749 §5.2, facts §6.1 H); an app that nobody logs in to gets a token for itself.
        """
        form = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://localhost/"}
        form = {**form, "code_verifier": "none"} if app.way.has_login else {"grant_type": "client_credentials"}
        try:
            self._tokens.ask(replace(app, secrets=app.secrets[:1]), form)
        except Trouble as refused:
            if refused.effect != "needs_login":
                raise
            return refused.problem not in (ConnectionProblem.APP_REFUSED.code, ConnectionProblem.APP_MISSING.code)
        return True

    def address(self, app: AppKeys, callback: str, scopes: str, state: str, verifier: str) -> str:
        """Xero's login page for this app, bound to this login by PKCE and nonce, whatever kind of app it is.

        Both come from `verifier`, a secret of this login alone; `openid` is asked for because of the nonce.
        """
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": callback,
            "scope": " ".join(dict.fromkeys([*scopes.split(), _OPENID])),
            "state": state,
            "nonce": nonce(verifier),
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._login_url}/identity/connect/authorize?{urlencode(asked)}"

    def exchange(self, app: AppKeys, code: str, callback: str, verifier: str) -> TokenPair:
        """The pair for a code, which Xero takes once and within five minutes. Raises Trouble.

        A code of another login is refused: by Xero, because the verifier is not its own, or here, because the nonce
        of that login is another one or there is none. The id token came from Xero over our own connection, which
        stands for its signature (OpenID Connect Core 3.1.3.7, rule 6).
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": verifier,
        }
        pair, _ = self._tokens.ask(app, form)
        claims = _claims(pair.id_token)
        audience = claims.get("aud")
        for_us = app.client_id in audience if isinstance(audience, list) else audience == app.client_id
        if not for_us or claims.get("nonce") != nonce(verifier):
            problem = ConnectionProblem.LOGIN_ENDED.code
            raise Trouble("needs_login", "Xero's answer belongs to another login", problem=problem)
        granted = tuple(one for one in pair.scopes if one != _OPENID)
        return replace(pair, scopes=granted)

    def own_pair(self, app: AppKeys, scopes: str) -> TokenPair:
        """A custom connection's token, for half an hour, and none to refresh it with (facts §7.3). Raises Trouble."""
        pair, _ = self._tokens.ask(app, TokenPair("", "", scopes=tuple(scopes.split())).renewal(app.way))
        return pair

    def organisations(self, bearer: str) -> Sequence[OpenedOrganisation]:
        """The organisations this login opens now; none when all were disconnected. Raises Trouble."""
        document = self._ask("GET", "/connections", bearer)
        listed = document if isinstance(document, list) else []
        found = (_found(one) for one in listed if isinstance(one, dict))
        return [one for one in found if one]

    def remove(self, bearer: str, connection_id: str) -> None:
        """Disconnect one organisation, by the connection's id. Raises Trouble."""
        self._ask("DELETE", f"/connections/{connection_id}", bearer)

    def about(self, bearer: str, tenant: str) -> AboutOrganisation:
        """The organisation's name, short code and currency. Raises Trouble."""
        document = self._ask("GET", "/api.xro/2.0/Organisation", bearer, {"xero-tenant-id": tenant})
        listed = document.get("Organisations") if isinstance(document, dict) else None
        one = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        name, short_code, currency = (str(one.get(key) or "") for key in ("Name", "ShortCode", "BaseCurrency"))
        return AboutOrganisation(name, short_code, currency)

    def user(self, pair: TokenPair) -> str:
        """The Xero user an access token names (`xero_userid`, facts §7.2); empty when it names none.

        Its signature is not checked: the token came from Xero itself, over our own connection.
        """
        return _claim(pair, "xero_userid")

    def consent(self, pair: TokenPair) -> str:
        """The consent an access token came from (`authentication_event_id`); empty when it names none."""
        return _claim(pair, "authentication_event_id")

    def _ask(self, method: str, path: str, bearer: str, more: dict[str, str] | None = None) -> Any:
        headers = {"authorization": f"Bearer {bearer}", "accept": "application/json", **(more or {})}
        try:
            reply = self._http.request(method, f"{self._api_url}{path}", headers=headers)
        except httpx.HTTPError as lost:
            reply, kind = None, type(lost).__name__
        if reply is None:
            raise Trouble("not_sent", f"Xero could not be reached: {kind}", wait=15)
        if reply.status_code == 401:
            raise Trouble("refused", "Xero answered 401", wait=15, status=401)
        if reply.status_code == 403:
            problem = ConnectionProblem.DISCONNECTED.code
            raise Trouble("needs_login", f"Xero answered {reply.status_code}", problem=problem)
        if reply.status_code not in (200, 204):
            raise Trouble("not_sent", f"Xero answered {reply.status_code}", wait=15, status=reply.status_code)
        try:
            return json_values.parsed(reply.content) if reply.content else None
        except ValueError:
            raise Trouble("not_sent", "the answer is not Xero's", wait=15) from None


def challenge(verifier: str) -> str:
    """PKCE's S256 challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def nonce(verifier: str) -> str:
    """OpenID Connect's nonce of the login that has this verifier; it tells nothing of the verifier."""
    return hashlib.sha256(f"nonce {verifier}".encode()).hexdigest()


def _claim(pair: TokenPair, name: str) -> str:
    return str(_claims(pair.access_token).get(name) or "")


def _claims(token: str) -> dict[str, Any]:
    """What a JWT claims; nothing where it is none."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _found(one: dict[str, Any]) -> OpenedOrganisation | None:
    if one.get("tenantType") != "ORGANISATION" or not one.get("tenantId") or not one.get("id"):
        return None
    tenant, name = str(one["tenantId"]), str(one.get("tenantName") or "")
    return OpenedOrganisation(tenant, name or tenant, str(one["id"]), str(one.get("authEventId") or ""))
