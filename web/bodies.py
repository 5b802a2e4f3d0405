"""Bodies of requests: held in memory only as far as they may be, and taken as what they say they are.

Headers that every answer carries, so that no browser misuses it; cookies that are this host's alone.
"""

import asyncio
import re
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events import codec
from web.answers import RefusedRequest
from worker import tracing
from worker.decisions.addresses import network_of

MOST_BYTES = 20_000_000
MOST_AT_ONCE_BYTES = 200_000_000
MOST_FORM_BYTES = 2_000_000
JSON_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")
_KEY_HEADER = "x-crewcard-key"
_ACCOUNT = "crewcard.body"  # in the scope of a request
_WAIT_SECONDS = 2


async def whole(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises RefusedRequest: 413 beyond `most` bytes, 400 when the peer went away."""
    too_large = RefusedRequest(413, "Body too large", [f"body: at most {most:,} bytes are accepted"])
    if declared(request) > most:
        raise too_large
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect:
        raise RefusedRequest(400, "Body not whole", ["body: the connection ended before it was whole"]) from None
    return b"".join(chunks)


def declared(request: Request) -> int:
    """The length that the request says its body has, in bytes; 0 where it says none."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def must_be_json(headers: Mapping[str, str]) -> None:
    """Raises RefusedRequest (415) for a body that says it is something else; without a word it is JSON."""
    kind, _, parameters = headers.get("content-type", JSON_TYPES[0]).partition(";")
    if kind.strip().lower() not in JSON_TYPES:
        raise RefusedRequest(415, "Unsupported media type", [f"content-type: must be one of {', '.join(JSON_TYPES)}"])
    charset = parameters.lower().replace('"', "").replace(" ", "").partition("charset=")[2] or "utf-8"
    if charset.partition(";")[0] not in ("utf-8", "utf8"):
        raise RefusedRequest(415, "Unsupported media type", ["content-type: the charset must be utf-8"])
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedRequest(
            415, "Unsupported media type", ["content-encoding: bodies are taken as they are, unpacked"]
        )


@dataclass(frozen=True)
class BodyShare:
    """What the bodies of one kind of sender may hold at once, in bytes.

    The first `uncounted` bytes of each body are not counted: what is small is never refused for what is large.
    `most` is for all, `each` for every one it is counted on: the key it names, the address or the user it is of.
    """

    uncounted: int
    most: int
    each: Mapping[str, int]

    def holders(self, kind: str, **whose: str) -> dict[tuple[str, ...], int]:
        """On what a body of these is counted, and the most that each may hold."""
        return {(kind,): self.most, **{(kind, by, one): self.each[by] for by, one in whose.items()}}


@dataclass
class BodyAccount:
    """On whose account the bytes of one body go, how many came, and how many of them are counted."""

    holders: dict[tuple[str, ...], int]
    uncounted: int
    people: BodyShare
    came: int = 0
    counted: int = 0


def of_user(request: Request, user: str) -> None:
    """From now on the body of this request, of which nothing was read yet, is of somebody who is signed in."""
    account: BodyAccount | None = request.scope.get(_ACCOUNT)
    if account is not None and not account.came:
        account.holders, account.uncounted = account.people.holders("people", user=user), account.people.uncounted


class BodiesInMemory:
    """Counts the bytes of bodies that all requests hold; one that would hold too much is sent away for a moment.

    What a key's id says proves nothing before the signature, which needs the whole body: so large bodies are counted
    on the address too. An answer that is given before its request was read to the end also ends the connection:
    nobody reads the rest.
    """

    def __init__(self, app: ASGIApp, *, most: int = MOST_AT_ONCE_BYTES) -> None:
        self._app = app
        form = most // 8  # beside what hosts may hold
        self._hosts = BodyShare(256_000, most, {"key": most // 2, "address": max(most // 4, MOST_BYTES)})
        self._strangers = BodyShare(4_000, form, {"address": form // 8})
        self._people = BodyShare(64_000, form, {"user": max(form // 4, MOST_FORM_BYTES)})
        self._held: Counter[tuple[str, ...]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        account = scope[_ACCOUNT] = self._account_of(scope, headers.get(_KEY_HEADER, "")[:100])
        unread = headers.get("content-length") != "0"

        async def receive_counted() -> Message:
            nonlocal unread
            message = await receive()
            if message["type"] == "http.request":
                self._hold(account, len(message.get("body", b"")))
                unread = bool(message.get("more_body", False))
            return message

        async def send_and_end(message: Message) -> None:
            if message["type"] == "http.response.start" and unread:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive_counted, send_and_end)
        finally:
            if account.counted:
                self._held.subtract(dict.fromkeys(account.holders, account.counted))
                self._held += Counter()  # who holds nothing any more is forgotten

    def _account_of(self, scope: Scope, key: str) -> BodyAccount:
        address = network_of(scope["client"][0] if scope.get("client") else "")
        if scope["path"].startswith("/v1/"):
            holders, share = self._hosts.holders("hosts", key=key, address=address), self._hosts
        else:
            holders, share = self._strangers.holders("strangers", address=address), self._strangers
        return BodyAccount(holders, share.uncounted, self._people)

    def _hold(self, account: BodyAccount, size: int) -> None:
        """Raises RefusedRequest (503)."""
        account.came += size
        more = max(account.came - account.uncounted, 0) - account.counted
        if more and any(self._held[one] + more > most for one, most in account.holders.items()):
            sentence = "body: too many large bodies are being read at this moment; send the same again"
            raise RefusedRequest(503, "Try again in a moment", [sentence], {"Retry-After": str(_WAIT_SECONDS)})
        if more:
            account.counted += more
            self._held.update(dict.fromkeys(account.holders, more))


_ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_OVER_TLS = {"strict-transport-security": "max-age=31536000"}


_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


_ENDS = RefusedRequest(
    503, "Try again in a moment", ["request: this process ends; send the same again"], {"Retry-After": "1"}
)


class RequestIds:
    """Every answer has an `X-Request-Id`, the caller's where it is well-formed, and so has each line of the log.

    A request has a task of its own, and so a context of its own: what is bound in it ends with it. One that is cut
    off, because the process stops at once, is answered 503, where the server behind us would say 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        context = codec.trace_of(Headers(scope=scope).get("traceparent"))
        structlog.contextvars.bind_contextvars(**tracing.ids(context))  # a refusal is told outside of every span

        has_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            if has_begun:
                raise
            await _ENDS.response()(scope, receive, send_with_id)


_HOST = "__Host-"  # such a cookie is set by this host alone, over TLS, for all of it (RFC 6265bis §4.1.3.2)


class SecurityHeaders:
    """Adds what an answer does not say itself; with `secure`, browsers are told to come by TLS only.

    With `secure` every cookie is `__Host-…` to the browser, whoever sets it; others are not heard. While `draining`
    each answer ends its connection, so that none is open, and used, when the process ends.
    """

    def __init__(self, app: ASGIApp, *, secure: bool, draining: threading.Event) -> None:
        self._app = app
        self._draining = draining
        self._secure = secure
        self._headers = {**_ALWAYS, **(_OVER_TLS if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    said.setdefault(name, value)
                if self._draining.is_set():
                    said["connection"] = "close"
                if self._secure:
                    message["headers"] = [(name, _sent(name, value)) for name, value in message["headers"]]
            await send(message)

        if self._secure and scope["type"] == "http":
            scope = {**scope, "headers": [(name, _heard(name, value)) for name, value in scope["headers"]]}
        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _sent(name: bytes, value: bytes) -> bytes:
    """A cookie as it leaves."""
    if name.lower() != b"set-cookie":
        return value
    pair, *attributes = value.decode("latin-1").split(";")
    kept = [one for one in attributes if one.strip().lower().partition("=")[0] not in ("path", "domain", "secure")]
    return ";".join([f"{_HOST}{pair}", *kept, " Path=/", " Secure"]).encode("latin-1")


def _heard(name: bytes, value: bytes) -> bytes:
    """Cookies as they come in: ours by their own names, and no others."""
    if name.lower() != b"cookie":
        return value
    ours = [one.strip() for one in value.decode("latin-1").split(";") if one.strip().startswith(_HOST)]
    return "; ".join(one.removeprefix(_HOST) for one in ours).encode("latin-1")
