"""Apps, users, connections and tokens: tokens belong to (app, user), never to an organisation (facts §7.2)."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from simulator import jwt, scopes
from simulator.wire import Json
from simulator.world import lasting_id, new_id

ACCESS = timedelta(minutes=30)
GRACE = timedelta(minutes=30)
UNUSED = timedelta(days=60)
CODE = timedelta(minutes=5)


@dataclass
class App:
    """An app registered with Xero. No `redirect_uris`: any is taken. `tenant` is a custom connection's one."""

    client_id: str
    secret: str
    name: str = "Simulated app"
    kind: Literal["web", "pkce", "custom"] = "web"
    broad_scopes: bool = False
    tier: Literal["starter", "core", "plus", "advanced", "enterprise"] = "core"
    redirect_uris: list[str] = field(default_factory=list)
    tenant: str = ""


@dataclass
class Connection:
    """An organisation that a user connected to an app; its id is not the tenant's."""

    tenant: str
    id: str
    event: str
    created: datetime
    updated: datetime


@dataclass
class Refresh:
    """A refresh token: when it was given, when it was first used (then its grace begins), its scopes."""

    given: datetime
    scopes: list[str]
    used: datetime | None = None


@dataclass
class Access:
    """An access token's scopes and end."""

    scopes: list[str]
    expires: datetime


@dataclass
class Grant:
    """What one Xero user allowed one app: which organisations, and the tokens that stand for it."""

    client_id: str
    user: str
    connections: dict[str, Connection] = field(default_factory=dict)
    refresh: dict[str, Refresh] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)

    @property
    def tenants(self) -> list[str]:
        """The organisations connected."""
        return list(self.connections)


@dataclass
class Code:
    """An authorisation code, good once and for five minutes."""

    client_id: str
    user: str
    redirect_uri: str
    scopes: list[str]
    given: datetime
    challenge: str = ""
    nonce: str = ""


class Bearer(NamedTuple):
    """Whose token a call carries."""

    grant: Grant
    scopes: list[str]
    expires: datetime


@dataclass
class Identity:
    """All apps, grants (by app and user) and codes."""

    apps: dict[str, App] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    token_calls: int = 0

    def add_app(self, client_id: str, secret: str, **more: object) -> App:
        """Register an app, or change one."""
        self.apps[client_id] = App(client_id, secret, **more)  # type: ignore[arg-type]  # fields by name
        return self.apps[client_id]

    def connect(self, client_id: str, user: str, tenants: Iterable[str], now: datetime) -> Grant:
        """A user's consent: the organisations are connected to the app, those of earlier consents stay."""
        mine = self.grants.setdefault(f"{client_id}/{user}", Grant(client_id, user))
        event = new_id()
        for tenant in tenants:
            before = mine.connections.get(tenant)
            made = Connection(tenant, new_id(), event, now, now)
            mine.connections[tenant] = Connection(tenant, before.id, event, before.created, now) if before else made
        return mine

    def grant(
        self, client_id: str, user: str, tenants: list[str], now: datetime, asked: Sequence[str] = scopes.DEFAULT
    ) -> Json:
        """Allow an app without the login pages; gives a token pair."""
        return self.pair(self.connect(client_id, user, tenants, now), asked, now)

    def pair(self, mine: Grant, held: Sequence[str], now: datetime, *, renews: bool = True) -> Json:
        """A new access token, and a refresh token where offline_access was granted."""
        claims = _claims(mine, held, now)
        token = jwt.signed(claims)
        self.owners[token] = f"{mine.client_id}/{mine.user}"
        self._forget_old(mine, now)
        mine.access[token] = Access(list(held), now + ACCESS)
        said: Json = {
            "access_token": token,
            "expires_in": int(ACCESS.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(held),
        }
        if renews and "offline_access" in held:
            said["refresh_token"] = secrets.token_urlsafe(32)
            mine.refresh[said["refresh_token"]] = Refresh(now, list(held))
        return said

    def bearer_of(self, authorization: str) -> Bearer | None:
        """Whose bearer this is; None for one that Xero does not know, or that was revoked."""
        kind, _, token = authorization.partition(" ")
        mine = self.grants.get(self.owners.get(token.strip(), "")) if kind.lower() == "bearer" else None
        access = mine.access.get(token.strip()) if mine else None
        return Bearer(mine, access.scopes, access.expires) if mine and access else None

    def expire_all(self) -> None:
        """Let every access token die now; a fault."""
        for mine in self.grants.values():
            for access in mine.access.values():
                access.expires -= timedelta(days=1)

    def revoke(self, mine: Grant) -> None:
        """Revocation ends all tokens and all connections of the user with the app (facts §7.1).

        A custom connection that is taken back gets no further token either.
        """
        app = self.apps.get(mine.client_id)
        if app and app.kind == "custom":
            app.tenant = ""
        mine.refresh.clear()
        mine.access.clear()
        mine.connections.clear()

    def _forget_old(self, mine: Grant, now: datetime) -> None:
        for token in [token for token, access in mine.access.items() if now - access.expires > UNUSED]:
            del mine.access[token]
            self.owners.pop(token, None)


def xero_user_id(user: str) -> str:
    """The GUID that Xero has for a user."""
    return lasting_id("user", user)


def _claims(mine: Grant, held: Sequence[str], now: datetime) -> Json:
    started = int(now.timestamp())
    newest = max(mine.connections.values(), key=lambda one: one.updated, default=None)
    return {
        "nbf": started,
        "exp": started + int(ACCESS.total_seconds()),
        "iss": "https://identity.xero.com",
        "aud": "https://identity.xero.com/resources",
        "client_id": mine.client_id,
        "sub": xero_user_id(mine.user).replace("-", ""),
        "auth_time": started,
        "xero_userid": xero_user_id(mine.user),
        "global_session_id": new_id().replace("-", ""),
        "jti": secrets.token_hex(16),
        "authentication_event_id": newest.event if newest else new_id(),
        "scope": list(held),
    }
