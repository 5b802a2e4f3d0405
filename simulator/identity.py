"""Apps, users and tokens: refresh tokens rotate, the old one lives 30 minutes more (facts §7.2)."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

_ACCESS = timedelta(minutes=30)
_GRACE = timedelta(minutes=30)


@dataclass
class Grant:
    """What one Xero user allowed one app: which organisations, and the tokens that stand for it."""

    client_id: str
    user: str
    tenants: list[str]
    refresh: str = ""
    replaced: dict[str, datetime] = field(default_factory=dict)
    access: dict[str, datetime] = field(default_factory=dict)


@dataclass
class Identity:
    """All apps (id → secret) and grants."""

    apps: dict[str, str] = field(default_factory=dict)
    app_scopes: dict[str, list[str]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    token_calls: int = 0

    def grant(self, client_id: str, user: str, tenants: list[str], now: datetime) -> dict[str, Any]:
        """Allow an app; gives the first token pair."""
        mine = Grant(client_id, user, tenants)
        self.grants.append(mine)
        return self.new_pair(mine, now)

    def refresh(self, authorization: str, form: dict[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
        """The token endpoint (facts §6.1 H): status and body."""
        self.token_calls += 1
        client_id, refused = self.app_of(authorization, form)
        if refused:
            return 400, {"error": refused}
        if form.get("grant_type") != "refresh_token":
            return 400, {"error": "unsupported_grant_type"}
        token = form.get("refresh_token", "")
        for mine in self.grants:
            if mine.client_id == client_id and self._still_good(mine, token, now):
                return 200, self.new_pair(mine, now)
        return 400, {"error": "invalid_grant"}

    def app_of(self, authorization: str, form: dict[str, str]) -> tuple[str, str | None]:
        """The app that calls, and why it is refused; an app without a secret proves itself by PKCE."""
        client_id, secret = _basic(authorization, form)
        known = self.apps.get(client_id)
        return client_id, None if known is not None and known == secret else "invalid_client"

    def bearer_of(self, authorization: str, now: datetime) -> tuple[Grant | None, bool]:
        """Whose bearer this is, and whether it is still alive."""
        token = authorization.removeprefix("Bearer ").strip()
        for mine in self.grants:
            if token in mine.access:
                return mine, mine.access[token] > now
        return None, False

    def expire_all(self) -> None:
        """Let every access token die now; a fault."""
        for mine in self.grants:
            mine.access = {token: until - timedelta(days=1) for token, until in mine.access.items()}

    def _still_good(self, mine: Grant, token: str, now: datetime) -> bool:
        if token == mine.refresh:
            return True
        first_used = mine.replaced.get(token)
        return first_used is not None and now - first_used <= _GRACE

    def new_pair(self, mine: Grant, now: datetime) -> dict[str, Any]:
        """A fresh pair; the refresh token before it lives on for the grace."""
        if mine.refresh:
            mine.replaced.setdefault(mine.refresh, now)
        mine.refresh = f"refresh-{secrets.token_urlsafe(24)}"
        access = _access_token(mine)
        mine.access[access] = now + _ACCESS
        return {
            "access_token": access,
            "refresh_token": mine.refresh,
            "expires_in": int(_ACCESS.total_seconds()),
            "token_type": "Bearer",
            "scope": "offline_access accounting.invoices accounting.contacts.read accounting.settings.read",
        }


def _access_token(mine: Grant) -> str:
    """A JWT that names the user (facts §7.2)."""
    claims = json.dumps({"xero_userid": mine.user, "jti": secrets.token_urlsafe(12)}).encode()
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"RS256"}', claims))
    return f"{head}.{body}.{secrets.token_urlsafe(24)}"


def _basic(authorization: str, form: dict[str, str]) -> tuple[str, str]:
    if authorization.startswith("Basic "):
        try:
            text = base64.b64decode(authorization[6:]).decode()
        except ValueError:
            return "", ""
        client_id, _, secret = text.partition(":")
        return client_id, secret
    return form.get("client_id", ""), form.get("client_secret", "")
