"""Access tokens: one refresh at a time for each (app, Xero user), the new pair saved before it is used.

Facts: xero/facts.md §7.2. The refresh call is ours: the SDK's has no timeout and no lock (§9.1).
"""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from events.accounting_target import Organisation, Trouble

Pair = dict[str, Any]
_EARLY = timedelta(seconds=60)
_REFRESH_LEASE_SECONDS = 30
_LONGEST_WAIT_SECONDS = 10


class TokenBox(Protocol):
    """Where token pairs are kept, safely and shared by all machines."""

    def load(self, client_id: str, xero_user: str) -> tuple[Pair, datetime, int] | None:
        """The pair, when its access token expires, its version."""
        ...

    def secret_of(self, client_id: str) -> str | None:
        """The app's client secret."""
        ...

    def lease(self, client_id: str, xero_user: str, holder: str, seconds: float) -> bool:
        """Take the right to refresh."""
        ...

    def save(self, client_id: str, xero_user: str, pair: Pair, *, version: int) -> bool:
        """Keep the new pair unless another was kept since `version`."""
        ...


class Auth:
    """Gives bearers. `now` and `sleep` can be handed in."""

    def __init__(
        self,
        box: TokenBox,
        identity_url: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._box = box
        self._url = f"{identity_url.rstrip('/')}/connect/token"
        self._now = now
        self._sleep = sleep
        self._http = httpx.Client(timeout=httpx.Timeout(20, connect=5))

    def bearer(self, organisation: Organisation, *, instead_of: str | None = None) -> str:
        """A valid access token, not `instead_of` (one that Xero has refused). Raises Trouble."""
        waited = 0.0
        holder = uuid.uuid4().hex
        while waited < _LONGEST_WAIT_SECONDS:
            pair, _, version = kept = self._load(organisation)
            if self._usable(kept, instead_of):
                return str(pair["access_token"])
            if self._box.lease(organisation.client_id, organisation.xero_user, holder, _REFRESH_LEASE_SECONDS):
                return self._refresh(organisation, version, instead_of)
            self._sleep(0.1)  # another worker is refreshing this very pair
            waited += 0.1
        raise Trouble("not_sent", "another worker is renewing the Xero login", wait=1)

    def _refresh(self, organisation: Organisation, version: int, instead_of: str | None) -> str:
        pair, _, newest = kept = self._load(organisation)
        if newest != version and self._usable(kept, instead_of):
            return str(pair["access_token"])
        new = self._ask_for_pair(organisation, pair)
        if not self._box.save(organisation.client_id, organisation.xero_user, new, version=newest):
            pair, _, _ = self._load(organisation)
            return str(pair["access_token"])
        return str(new["access_token"])

    def _ask_for_pair(self, organisation: Organisation, pair: Pair) -> Pair:
        secret = self._box.secret_of(organisation.client_id)
        if secret is None:
            raise Trouble("needs_login", "the company's Xero app is not set up")
        form = {"grant_type": "refresh_token", "refresh_token": str(pair["refresh_token"])}
        try:
            reply = self._http.post(self._url, data=form, auth=(organisation.client_id, secret))
        except httpx.HTTPError as lost:
            raise Trouble("not_sent", f"Xero's login service: {type(lost).__name__}", wait=5) from None
        return _pair_in(reply)

    def _load(self, organisation: Organisation) -> tuple[Pair, datetime, int]:
        kept = self._box.load(organisation.client_id, organisation.xero_user)
        if kept is None:
            raise Trouble("needs_login", "nobody has logged in to Xero yet")
        return kept

    def _usable(self, kept: tuple[Pair, datetime, int], instead_of: str | None) -> bool:
        pair, expires_at, _ = kept
        return pair["access_token"] != instead_of and expires_at - _EARLY > self._now()


def _pair_in(reply: httpx.Response) -> Pair:
    """The pair in a token answer. Raises Trouble: a refused login needs a person, anything else only time."""
    try:
        said = reply.json()
    except ValueError:
        said = {}
    if reply.status_code == 200 and "access_token" in said:
        scope = str(said.get("scope", "")).split()
        return {
            "access_token": said["access_token"],
            "refresh_token": said["refresh_token"],
            "expires_in": said.get("expires_in", 1800),
            "token_type": "Bearer",
            "scope": scope,
        }
    if reply.status_code in (400, 401):
        raise Trouble("needs_login", f"Xero refused the login: {said.get('error', reply.status_code)}")
    raise Trouble("not_sent", f"Xero's login service answered {reply.status_code}", wait=5)
