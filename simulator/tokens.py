"""The token service: code exchange, rotation with its grace, client credentials, revocation (facts §6.1 H, §7.2)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulator import jwt, scopes
from simulator.identity import CODE, GRACE, UNUSED, App, Grant, Identity, xero_user_id
from simulator.refusals import No
from simulator.wire import Json, Reply, Request, as_json

Form = Mapping[str, str]


class Refused(Exception):
    """The token service says no; the message is the word in `error`."""


def answer(identity: Identity, request: Request, now: datetime, issuer: str) -> Reply:
    """POST /connect/token."""
    identity.token_calls += 1
    form = request.form
    try:
        app = _app_of(identity, request)
        kinds = {"refresh_token": _rotated, "authorization_code": _exchanged, "client_credentials": _own}
        mine, pair = kinds.get(form.get("grant_type", ""), _unsupported)(identity, app, form, now)
    except Refused as refused:
        return as_json({"error": str(refused)}, 400)
    if "openid" in pair["scope"].split():
        pair["id_token"] = _id_token(mine, app, issuer, now, pair.pop("nonce", ""))
    pair.pop("nonce", None)
    return as_json(pair)


def revoke(identity: Identity, request: Request) -> Reply:
    """POST /connect/revocation: a refresh token takes all of that user's connections with it; always 200."""
    try:
        app = _app_of(identity, request)
    except Refused as refused:
        return as_json({"error": str(refused)}, 400)
    token = request.form.get("token", "")
    for mine in identity.grants.values():
        if mine.client_id == app.client_id and token in mine.refresh:
            identity.revoke(mine)
    return Reply(200)


def _app_of(identity: Identity, request: Request) -> App:
    """The app that asks, by HTTP Basic or by the form. Raises Refused."""
    client_id, secret = _credentials(request)
    app = identity.apps.get(client_id)
    if app is None:
        raise Refused(No.UNAUTHORIZED_CLIENT())
    if app.kind != "pkce" and not hmac.compare_digest(app.secret.encode(), secret.encode()):
        raise Refused(No.INVALID_CLIENT())
    return app


def _credentials(request: Request) -> tuple[str, str]:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return "", ""
        return client_id, secret
    return request.form.get("client_id", ""), request.form.get("client_secret", "")


def _unsupported(_identity: Identity, _app: App, _form: Form, _now: datetime) -> tuple[Grant, Json]:
    raise Refused("unsupported_grant_type")


def _rotated(identity: Identity, app: App, form: Form, now: datetime) -> tuple[Grant, Json]:
    """A new pair; the old refresh token lives 30 minutes more from its first use."""
    token = form.get("refresh_token", "")
    for mine in identity.grants.values():
        kept = mine.refresh.get(token)
        if kept is None or mine.client_id != app.client_id:
            continue
        if now - kept.given > UNUSED or (kept.used and now - kept.used > GRACE):
            break
        kept.used = kept.used or now
        return mine, identity.pair(mine, kept.scopes, now)
    raise Refused(No.INVALID_GRANT())


def _exchanged(identity: Identity, app: App, form: Form, now: datetime) -> tuple[Grant, Json]:
    """The first pair for a code, which is good once."""
    code = identity.codes.pop(form.get("code", ""), None)
    if code is None or code.client_id != app.client_id or now - code.given > CODE:
        raise Refused(No.INVALID_GRANT())
    if code.redirect_uri != form.get("redirect_uri", "") or not _proves(
        code.challenge, form.get("code_verifier", "")
    ):
        raise Refused(No.INVALID_GRANT())
    mine = identity.grants[f"{code.client_id}/{code.user}"]
    return mine, {**identity.pair(mine, code.scopes, now), "nonce": code.nonce}


def _proves(challenge: str, verifier: str) -> bool:
    if not challenge:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode().encode(), challenge.encode())


def _own(identity: Identity, app: App, form: Form, now: datetime) -> tuple[Grant, Json]:
    """A custom connection: its one organisation, no refresh token (facts §7.3)."""
    if app.kind != "custom":
        raise Refused(No.UNAUTHORIZED_CLIENT())
    if not app.tenant:
        raise Refused(No.INVALID_CLIENT())
    asked = form.get("scope", "").split() or sorted(scopes.GRANULAR)
    if scopes.refused(asked, broad_allowed=app.broad_scopes):
        raise Refused("invalid_scope")
    mine = identity.connect(app.client_id, "", [app.tenant], now)
    return mine, identity.pair(mine, asked, now, renews=False)


def _id_token(mine: Grant, app: App, issuer: str, now: datetime, nonce: str) -> str:
    started = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": app.client_id,
        "iat": started,
        "nbf": started,
        "exp": started + 300,
        "sub": xero_user_id(mine.user).replace("-", ""),
        "xero_userid": xero_user_id(mine.user),
        "preferred_username": mine.user,
        "email": mine.user,
        "given_name": mine.user.partition("@")[0],
        "family_name": "Simulated",
    }
    return jwt.signed({**claims, "nonce": nonce} if nonce else claims)
