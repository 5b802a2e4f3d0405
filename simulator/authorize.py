"""Xero's login page, the exchange of its code, and connections (facts §7.1, §7.3)."""

import base64
import hashlib
import html
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from simulator.identity import Grant, Identity
from simulator.world import World

_CODE_LIVES = timedelta(minutes=5)


@dataclass
class Code:
    """What one consent allowed, until its code is exchanged."""

    grant: Grant
    redirect_uri: str
    challenge: str
    scope: str
    until: datetime


@dataclass
class Desk:
    """The login desk: who may see which organisations, and codes not exchanged yet."""

    users: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)

    def allow(self, identity: Identity, asked: dict[str, str], user: str, tenant: str, now: datetime) -> str:
        """The user lets the app into one more organisation; gives the code."""
        client_id = asked["client_id"]
        mine = next((g for g in identity.grants if (g.client_id, g.user) == (client_id, user)), None)
        if mine is None:
            mine = Grant(client_id, user, [])
            identity.grants.append(mine)
        if tenant and tenant not in mine.tenants:
            mine.tenants.append(tenant)
        code = secrets.token_urlsafe(24)
        challenge, scope = asked.get("code_challenge", ""), asked.get("scope", "")
        self.codes[code] = Code(mine, asked["redirect_uri"], challenge, scope, now + _CODE_LIVES)
        return code

    def exchange(
        self, identity: Identity, authorization: str, form: dict[str, str], now: datetime
    ) -> tuple[int, dict[str, Any]]:
        """The token endpoint for `authorization_code`: single use, five minutes, S256 where a challenge was sent."""
        identity.token_calls += 1
        client_id, refused = identity.app_of(authorization, form)
        if refused:
            return 400, {"error": refused}
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.until < now or code.grant.client_id != client_id:
            return 400, {"error": "invalid_grant"}
        if code.redirect_uri != form.get("redirect_uri") or not _proves(
            code.challenge, form.get("code_verifier", "")
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {**identity.new_pair(code.grant, now), "scope": code.scope}


class LoginPages:
    """The login page and the connections; each argument is a function that gives the thing, for resets."""

    def __init__(
        self, identity: Callable[[], Identity], world: Callable[[], World], desk: Callable[[], Desk]
    ) -> None:
        self._identity, self._world, self._desk = identity, world, desk

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/identity/connect/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/connections", self.connections, methods=["GET"]),
            Route("/connections/{id}", self.disconnect, methods=["DELETE"]),
            Route("/_simulator/users", self.add_user, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """The page, and what a person answers on it."""
        asked, identity = dict(request.query_params), self._identity()
        if asked.get("client_id") not in identity.apps or not asked.get("redirect_uri"):
            return HTMLResponse("<h1>Sorry, something went wrong</h1><p>unauthorized_client</p>", 400)
        if request.method == "GET":
            return HTMLResponse(_page(request.url.query, self._world()))
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("answer") != "allow":
            return _back(asked, error="access_denied")
        allowed = identity.app_scopes.get(asked["client_id"])
        if allowed is not None and not set(asked.get("scope", "").split()) <= set(allowed):
            return _back(asked, error="invalid_scope")
        user, tenant = form.get("user", ""), form.get("tenant", "")
        known = tenant if tenant in self._desk().users.get(user, []) else ""
        return _back(asked, code=self._desk().allow(identity, asked, user, known, self._world().now()))

    async def connections(self, request: Request) -> Response:
        """The organisations behind a bearer."""
        grant, alive = self._caller(request)
        if grant is None or not alive:
            return JSONResponse({"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired"}, 401)
        return JSONResponse([_connection(grant, tenant, self._world()) for tenant in grant.tenants])

    async def disconnect(self, request: Request) -> Response:
        """Take an organisation off, by the connection's id."""
        grant, _ = self._caller(request)
        for tenant in list(grant.tenants) if grant else []:
            if grant and connection_id(grant, tenant) == request.path_params["id"]:
                grant.tenants.remove(tenant)
                return Response(status_code=204)
        return JSONResponse({"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}, 403)

    async def add_user(self, request: Request) -> Response:
        """A Xero user and the organisations they may choose."""
        said = await request.json()
        self._desk().users[said["user"]] = said["tenants"]
        return JSONResponse({}, 201)

    def _caller(self, request: Request) -> tuple[Grant | None, bool]:
        return self._identity().bearer_of(request.headers.get("authorization", ""), self._world().now())


def connection_id(grant: Grant, tenant: str) -> str:
    """The id of a connection, which is not the tenant's (facts §7.3)."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{grant.client_id}/{grant.user}/{tenant}"))


def _connection(grant: Grant, tenant: str, world: World) -> dict[str, Any]:
    return {
        "id": connection_id(grant, tenant),
        "authEventId": str(uuid.uuid5(uuid.NAMESPACE_OID, grant.user)),
        "tenantId": tenant,
        "tenantType": "ORGANISATION",
        "tenantName": world.organisations[tenant].name,
        "createdDateUtc": "2026-01-01T00:00:00",
        "updatedDateUtc": "2026-01-01T00:00:00",
    }


def _proves(challenge: str, verifier: str) -> bool:
    return not challenge or challenge == _b64(hashlib.sha256(verifier.encode()).digest())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _back(asked: dict[str, str], **answer: str) -> Response:
    address = f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked.get('state', '')})}"
    return RedirectResponse(address, 302)


def _page(query: str, world: World) -> str:
    options = "".join(
        f'<option value="{one.tenant}">{html.escape(one.name)}</option>' for one in world.organisations.values()
    )
    return (
        f'<!doctype html><title>Log in to Xero</title><form method="post" action="?{html.escape(query)}">'
        '<label>Email <input name="user"></label><label>Password <input name="password" type="password"></label>'
        f'<label>Organisation <select name="tenant"><option value="">None</option>{options}</select></label>'
        '<button name="answer" value="allow">Continue with Organization</button>'
        '<button name="answer" value="deny">Cancel</button></form>'
    )
