"""Bodies of requests: held in memory only as far as they may be, and taken as what they say they are."""

from collections import Counter
from collections.abc import Mapping

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import RefusedRequest

MOST_BYTES = 20_000_000
MOST_AT_ONCE_BYTES = 200_000_000
JSON_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")
_KEY_HEADER = "x-crewcard-key"
_PEOPLE = ""
_KEYS_SHARE, _PEOPLES_SHARE = 2, 8  # one key may hold half of the memory, all people together an eighth beside it
_WAIT_SECONDS = 2


async def whole(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises RefusedRequest: 413 before more than `most` bytes are held, 400 when the peer left."""
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
    """Raises RefusedRequest (415) for a body that says it is something else; one that says nothing is JSON."""
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


class BodiesInMemory:
    """Counts the bytes of bodies that all requests hold; one that would hold too much is sent away for a moment.

    An answer that is given before its request was read to the end also ends the connection: nobody reads the rest.
    """

    def __init__(self, app: ASGIApp, *, most: int = MOST_AT_ONCE_BYTES) -> None:
        self._app = app
        self._most = most
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        holder = headers.get(_KEY_HEADER, _PEOPLE)[:100] if scope["path"].startswith("/v1/") else _PEOPLE
        taken, unread = 0, headers.get("content-length") != "0"

        async def receive_counted() -> Message:
            nonlocal taken, unread
            message = await receive()
            if message["type"] == "http.request":
                self._hold(holder, len(message.get("body", b"")))
                taken += len(message.get("body", b""))
                unread = bool(message.get("more_body", False))
            return message

        async def send_and_end(message: Message) -> None:
            if message["type"] == "http.response.start" and unread:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive_counted, send_and_end)
        finally:
            self._held[holder] -= taken
            if not self._held[holder]:
                del self._held[holder]

    def _hold(self, holder: str, size: int) -> None:
        """Raises RefusedRequest (503)."""
        if holder == _PEOPLE:
            full = self._held[holder] + size > self._most // _PEOPLES_SHARE
        else:
            of_keys = self._held.total() - self._held[_PEOPLE]
            full = self._held[holder] + size > self._most // _KEYS_SHARE or of_keys + size > self._most
        if full:
            sentence = "body: too many large bodies are being read at this moment; send the same again"
            raise RefusedRequest(503, "Try again in a moment", [sentence], {"Retry-After": str(_WAIT_SECONDS)})
        self._held[holder] += size
