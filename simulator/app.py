"""The simulator's faces in one ASGI application: accounting API, identity, login pages, control face."""

from collections.abc import Awaitable, Callable
from typing import Any

from simulator import accounting, connections, control, jwt, login, tokens
from simulator.gate import Caller
from simulator.refusals import not_modelled, nowhere, problem
from simulator.state import State
from simulator.wire import Reply, Request, as_json

_API = "/api.xro/2.0/"
_CONTROL = "/_simulator/"
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Simulator:
    """One Xero and its faces. `state` can be looked at and changed directly by a test in the same process."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()

    def app(self) -> Callable[[dict[str, Any], _Receive, _Send], Awaitable[None]]:
        """The ASGI application."""
        return self._serve

    async def answer(self, request: Request) -> Reply:
        """The answer to one request, without any network."""
        path = request.path.lower()
        if path.startswith(_API):
            return await accounting.answer(self.state, request, request.path[len(_API) :])
        if ".xro/" in path:
            return not_modelled(path.strip("/").partition(".xro")[0])
        if path.startswith(_CONTROL):
            return control.answer(self.state, request, request.path[len(_CONTROL) :])
        if path.rstrip("/") == "/connections" or path.startswith("/connections/"):
            return self._connections(request, request.path[len("/connections/") :])
        return self._identity(request, path)

    def _connections(self, request: Request, identity: str) -> Reply:
        reply, bearer = connections.answer(self.state, request, identity)
        accounting.record(self.state, request, Caller(bearer, ""), reply.status, None, {})
        return reply

    def _identity(self, request: Request, path: str) -> Reply:
        here = f"http://{request.headers.get('host', 'localhost')}"
        if path.startswith("/identity/"):
            return login.answer(self.state, request)
        if path.startswith("/.well-known/openid-configuration"):
            return as_json(jwt.key_set() if path.endswith("/jwks") else _discovery(here))
        if request.method == "POST" and path == "/connect/token":
            return self._token(request, here)
        if request.method == "POST" and path == "/connect/revocation":
            return tokens.revoke(self.state.identity, request)
        return nowhere()

    def _token(self, request: Request, here: str) -> Reply:
        fault = self.state.faults.pick_for_token()
        if fault == "token_500":
            return problem(500, "An error occurred in Xero.", self.state.dice, self.state.switches.problem_keys)
        if fault == "token_invalid_grant":
            return as_json({"error": "invalid_grant"}, 400)
        reply = tokens.answer(self.state.identity, request, self.state.world.now(), here)
        return Reply(599, fate="cut") if fault else reply

    async def _serve(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        request = await _read(scope, receive)
        if request is None:
            return
        reply = await self.answer(request)
        if reply.fate == "cut":
            scope["transport"].abort()
            await receive()  # until the server has noticed
            return
        await _write(scope, receive, send, reply)


async def _read(scope: dict[str, Any], receive: _Receive) -> Request | None:
    """The whole request; None when the client went away meanwhile."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, b"".join(parts))


async def _write(scope: dict[str, Any], receive: _Receive, send: _Send, reply: Reply) -> None:
    """The reply; a truncated one promises its whole length and breaks off in the middle."""
    headers = [(name.lower().encode(), text.encode()) for name, text in reply.headers.items()]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.fate == "truncated":
        await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        scope["transport"].close()
        await receive()
        return
    await send({"type": "http.response.body", "body": reply.body})


def _discovery(here: str) -> dict[str, Any]:
    """What an OpenID client asks for first."""
    return {
        "issuer": here,
        "authorization_endpoint": f"{here}/identity/connect/authorize",
        "token_endpoint": f"{here}/connect/token",
        "revocation_endpoint": f"{here}/connect/revocation",
        "jwks_uri": f"{here}/.well-known/openid-configuration/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
