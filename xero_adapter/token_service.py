"""Xero's token service (facts §7.1); our own client, because the SDK's has no timeout (facts §9.1)."""

from collections.abc import Mapping

import httpx

from events.accounting_target import Trouble
from events.connection_problems import ConnectionProblem
from events.credentials import AppKeys, TokenPair
from xero_adapter.bounded import BoundedTransport
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
        if app.kind == "pkce":
            return _pair_in(self._post({**form, "client_id": app.client_id}, None)), True
        for newest, secret in enumerate(app.secrets):
            try:
                return _pair_in(self._post(form, (app.client_id, secret))), newest == 0
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


def _pair_in(reply: httpx.Response) -> TokenPair:
    """The pair in a token answer. A refusal that OAuth names may need a person, anything else needs time."""
    try:
        said = reply.json()
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    if reply.status_code == 200:
        try:
            return TokenPair.from_answer(said)
        except (KeyError, ValueError, TypeError):
            pass
    elif reply.status_code in (400, 401):
        error = str(said.get("error", reply.status_code))
        if problem := _PROBLEMS.get(error):
            raise Trouble("needs_login", f"Xero refused the login: {error[:50]}", problem=problem.code)
    raise Trouble("not_sent", f"Xero's login service answered {reply.status_code}", wait=_wait(reply))


def _wait(reply: httpx.Response) -> float:
    return max(REST_SECONDS, float(count_of(reply.headers.get("retry-after", ""), 3600) or 0))
