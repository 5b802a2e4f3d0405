"""Headers that every answer carries, so that no browser misuses it; cookies that are this host's alone."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_OVER_TLS = {"strict-transport-security": "max-age=31536000"}


_HOST = "__Host-"  # such a cookie is set by this host alone, over TLS, for all of it (RFC 6265bis §4.1.3.2)


class SecurityHeaders:
    """Adds what an answer does not say itself; with `secure`, browsers are told to come by TLS only.

    With `secure` every cookie is `__Host-…` to the browser, whoever sets it; others are not heard.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure
        self._headers = {**_ALWAYS, **(_OVER_TLS if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    said.setdefault(name, value)
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
