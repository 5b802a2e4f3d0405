"""Access tokens: one refresh at a time for each (app, Xero user), the new pair saved before it is used.

Facts: facts §7.2. The right to refresh is a lease in the token box, taken and given back in short
transactions; no transaction is open while Xero is asked. A worker that dies between Xero's answer and our
commit costs one lease: the old refresh token is good for 30 minutes more. Time is the box's, the same for all
machines, so a worker whose clock is wrong neither refreshes too often nor too late.

A login is given up on proof alone: the token service refused it several times over minutes, and works for others
(`events.credentials.Doubt`). Until then nobody is asked to log in, and the token service is asked once a minute.

Xero's token service (facts §7.1); our own client, because the SDK's has no timeout (facts §9.1).
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx

from events.accounting_target import Organisation, Trouble
from events.connections import ConnectionProblem
from events.credentials import PROOF_REFUSALS, PROOF_SECONDS, AppKeys, AppWay, Doubt, TokenPair
from xero_adapter.client import BoundedTransport
from xero_adapter.json_values import count_of

REST_SECONDS = 15.0
DEADLINE_SECONDS = 20.0
# facts §6.1 H, §6.2 #47-#49.
_PROBLEMS: Mapping[str, ConnectionProblem] = {
    "invalid_grant": ConnectionProblem.LOGIN_ENDED,
    "invalid_client": ConnectionProblem.APP_REFUSED,
    "unauthorized_client": ConnectionProblem.APP_REFUSED,
    "invalid_scope": ConnectionProblem.APP_NOT_ALLOWED,
}


class TokenService:
    """Asks for token pairs; safe to share between threads."""

    def __init__(self, identity_url: str) -> None:
        self._url = f"{identity_url.rstrip('/')}/connect/token"
        self._http = httpx.Client(transport=BoundedTransport(), timeout=httpx.Timeout(DEADLINE_SECONDS, connect=5))

    def ask(self, app: AppKeys, form: Mapping[str, str]) -> tuple[TokenPair, bool]:
        """A new pair, and whether the app's newest secret was accepted.

        While a secret is being replaced the former one is tried when the newest is refused. Raises Trouble:
        `needs_login` with its problem when a person has to mend something, else `not_sent`.
        """
        if not app.way.has_secret:
            return _pair_in(self._post({**form, "client_id": app.client_id}, None), app.way), True
        for newest, secret in enumerate(app.secrets):
            try:
                return _pair_in(self._post(form, (app.client_id, secret)), app.way), newest == 0
            except Trouble as refused:
                if refused.problem != ConnectionProblem.APP_REFUSED.code or secret == app.secrets[-1]:
                    raise
        raise Trouble("needs_login", "the app has no secret", problem=ConnectionProblem.APP_MISSING.code)

    def _post(self, form: Mapping[str, str], auth: tuple[str, str] | None) -> httpx.Response:
        try:
            return self._http.post(self._url, data=dict(form), auth=auth or httpx.USE_CLIENT_DEFAULT)
        except httpx.HTTPError as lost:
            kind = type(lost).__name__
        raise Trouble("not_sent", f"Xero's login service: {kind}", wait=REST_SECONDS)


def _pair_in(reply: httpx.Response, way: AppWay) -> TokenPair:
    """The pair in a token answer. A refusal that OAuth names may need a person, anything else needs time."""
    try:
        said = reply.json()
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    if reply.status_code == 200:
        try:
            return TokenPair.from_answer(said if way.has_login else {"refresh_token": "", **said})
        except (KeyError, ValueError, TypeError):
            pass
    elif reply.status_code in (400, 401):
        error = str(said.get("error", reply.status_code))
        if problem := _PROBLEMS.get(error):
            raise Trouble("needs_login", f"Xero refused the login: {error[:50]}", problem=problem.code)
    raise Trouble("not_sent", f"Xero's login service answered {reply.status_code}", wait=_wait(reply))


def _wait(reply: httpx.Response) -> float:
    return max(REST_SECONDS, float(count_of(reply.headers.get("retry-after", ""), 3600) or 0))


_EARLY_SECONDS, _EARLY_SHARE = 60.0, 0.1
_LEASE_SECONDS = DEADLINE_SECONDS * 2 + 5  # two questions while a secret is being replaced
_LONGEST_WAIT_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.1
_FRESH_SECONDS = 60.0  # a token this young that Xero refuses is not renewed: Xero gave it a moment ago
_IN_DOUBT_SECONDS = PROOF_SECONDS / (PROOF_REFUSALS - 1)


class BoxedTokens(Protocol):
    """A pair in the box. Times are seconds from now; `problem` ends its use, `resting` delays the next refresh."""

    @property
    def pair(self) -> TokenPair: ...
    @property
    def version(self) -> int: ...
    @property
    def seconds_left(self) -> float: ...
    @property
    def resting(self) -> float: ...
    @property
    def problem(self) -> str: ...
    @property
    def refusals(self) -> int: ...


class TokenBox(Protocol):
    """Where token pairs are kept, safely and shared by all machines."""

    def load(self, client_id: str, xero_user: str) -> BoxedTokens | None:
        """The pair of this login; None before the first one."""
        ...

    def app(self, client_id: str) -> AppKeys | None:
        """The app with its secrets."""
        ...

    def note_secret(self, client_id: str, *, newest_works: bool) -> None:
        """Remember whether Xero took the app's newest secret."""
        ...

    def lease(self, client_id: str, xero_user: str, holder: str, seconds: float) -> bool:
        """Take the right to refresh."""
        ...

    def save(self, client_id: str, xero_user: str, pair: TokenPair, *, version: int, holder: str) -> bool:
        """Keep the new pair unless another was kept since `version`, or the lease went to somebody else."""
        ...

    def refuse(self, client_id: str, xero_user: str, problem: str, *, version: int, holder: str) -> bool:
        """Xero refused the pair for good; False when another pair was kept meanwhile."""
        ...

    def doubt(self, client_id: str, xero_user: str, *, version: int, holder: str) -> Doubt | None:
        """The token service refused the pair once more; None when another pair was kept meanwhile."""
        ...

    def rest(self, client_id: str, xero_user: str, seconds: float, *, version: int, holder: str) -> None:
        """Nobody asks Xero about this pair for a while."""
        ...


class Auth:
    """Gives bearers. `sleep` can be handed in."""

    def __init__(self, box: TokenBox, tokens: TokenService, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._box = box
        self._tokens = tokens
        self._sleep = sleep

    def bearer(self, organisation: Organisation) -> str:
        """A valid access token. Raises Trouble."""
        return self.access(organisation.client_id, organisation.xero_user)

    def another(self, organisation: Organisation, refused: str, *, expired: bool) -> str | None:
        """An access token instead of one that Xero has refused. Raises Trouble.

        None when Xero gave the refused one a moment ago: then the login lives, unless Xero says the token `expired`.
        """
        kept = self._load(organisation.client_id, organisation.xero_user)
        young = kept.pair.expires_in - kept.seconds_left < _FRESH_SECONDS
        if young and not expired and kept.pair.access_token == refused:
            return None
        return self.access(organisation.client_id, organisation.xero_user, instead_of=refused)

    def renew(self, client_id: str, xero_user: str) -> None:
        """Refresh the pair although it is still good, so that it does not end unused. Raises Trouble."""
        kept = self._load(client_id, xero_user)
        self.access(client_id, xero_user, instead_of=kept.pair.access_token)

    def access(self, client_id: str, xero_user: str, *, instead_of: str | None = None) -> str:
        """A valid access token of this login, not `instead_of`. Raises Trouble."""
        holder, waited = uuid.uuid4().hex, 0.0
        while waited < _LONGEST_WAIT_SECONDS:
            kept = self._load(client_id, xero_user)
            if _usable(kept, instead_of):
                return kept.pair.access_token
            if self._box.lease(client_id, xero_user, holder, _LEASE_SECONDS):
                renewed = self._refresh(client_id, xero_user, holder, instead_of)
                if renewed:
                    return renewed
            else:
                self._sleep(_LOOK_AGAIN_SECONDS)  # another worker is refreshing this very pair
            waited += _LOOK_AGAIN_SECONDS
        raise Trouble("not_sent", "another worker is renewing the Xero login", wait=5)

    def _refresh(self, client_id: str, xero_user: str, holder: str, instead_of: str | None) -> str | None:
        """The access token of the new pair; None when somebody else kept a newer one."""
        kept = self._load(client_id, xero_user)
        if _usable(kept, instead_of):
            self._box.rest(client_id, xero_user, 0, version=kept.version, holder=holder)
            return kept.pair.access_token
        try:
            pair = self._ask(client_id, kept.pair)
        except Trouble as trouble:
            self._after(client_id, xero_user, holder, kept.version, trouble)
            return None  # a newer pair is there by now
        saved = self._box.save(client_id, xero_user, pair, version=kept.version, holder=holder)
        return pair.access_token if saved else None

    def _ask(self, client_id: str, pair: TokenPair) -> TokenPair:
        app = self._box.app(client_id)
        if app is None:
            raise Trouble("needs_login", "the Xero app is not set up", problem=ConnectionProblem.APP_MISSING.code)
        new, newest_works = self._tokens.ask(app, pair.renewal(app.way))
        if len(app.secrets) > 1:
            self._box.note_secret(client_id, newest_works=newest_works)
        return new

    def _after(self, client_id: str, xero_user: str, holder: str, version: int, trouble: Trouble) -> None:
        """Note what the token service said, so that nobody asks the same again at once.

        Raises Trouble, unless a newer pair is there by now.
        """
        if trouble.effect != "needs_login":
            self._box.rest(client_id, xero_user, trouble.wait or 0, version=version, holder=holder)
            raise trouble
        doubt = self._box.doubt(client_id, xero_user, version=version, holder=holder)
        if doubt is None:
            return
        if doubt.is_proof or (doubt.lasts and doubt.witness and self._is_renewed(*doubt.witness)):
            problem = trouble.problem or ConnectionProblem.LOGIN_ENDED.code
            if self._box.refuse(client_id, xero_user, problem, version=version, holder=holder):
                raise trouble
            return
        self._box.rest(client_id, xero_user, _IN_DOUBT_SECONDS, version=version, holder=holder)
        said = f"{trouble.message}; it is asked again before anybody is told to log in"
        raise Trouble("refused", said, wait=_IN_DOUBT_SECONDS)

    def _is_renewed(self, client_id: str, xero_user: str) -> bool:
        """Whether the token service renews another login: then it works, and what it refuses is refused."""
        try:
            self.renew(client_id, xero_user)
        except Trouble:
            return False
        return True

    def _load(self, client_id: str, xero_user: str) -> BoxedTokens:
        kept = self._box.load(client_id, xero_user)
        if kept is None:
            raise Trouble(
                "needs_login", "nobody has logged in to Xero yet", problem=ConnectionProblem.NEVER_CONNECTED.code
            )
        if kept.problem:
            raise Trouble("needs_login", "Xero has refused this login", problem=kept.problem)
        return kept


def _usable(kept: BoxedTokens, instead_of: str | None) -> bool:
    """Good for a call: a minute left, or a tenth of a life that is shorter (else it would be renewed at every call).

    Raises Trouble for one that is over while the token service rests.
    """
    early = min(_EARLY_SECONDS, kept.pair.expires_in * _EARLY_SHARE)
    if kept.pair.access_token != instead_of and kept.seconds_left > early:
        return True
    if kept.resting > 0:
        if kept.refusals:
            raise Trouble("refused", "Xero's login service refused this login a moment ago", wait=kept.resting)
        raise Trouble("not_sent", "Xero's login service did not answer a moment ago", wait=kept.resting)
    return False
