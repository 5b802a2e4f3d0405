"""One webhook to one endpoint: Standard Webhooks, and what became of it in a few words.

The network as webhooks see it: an end to each call, and no address within our own network unless allowed.
"""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpcore
from standardwebhooks import Webhook

from store import outbox
from worker import tracing
from worker.decisions import addresses, turns

_LISTEN_SECONDS = 1.0


class Private(Exception):
    """The endpoint's name leads to a private address, or to where a cloud keeps credentials."""


class _End(threading.local):
    """When the call that this thread makes has to be over (monotonic); at once, when all are to end."""

    at = float("inf")

    def __init__(self, of_all: threading.Event) -> None:
        self.of_all = of_all

    def left(self, timeout: float | None) -> float:
        """Seconds that remain, at most `timeout`. Raises httpcore.ReadTimeout when none do."""
        remain = 0.0 if self.of_all.is_set() else self.at - time.monotonic()
        if remain <= 0:
            raise httpcore.ReadTimeout("the time for this call is over")
        return remain if timeout is None else min(remain, timeout)


class Wire(httpcore.NetworkBackend):
    """Connects where it may; a name is resolved once, and the address that was checked is used."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._inner = httpcore.SyncBackend()
        self._end = _End(threading.Event())

    def break_off(self) -> None:
        """Within a second every call breaks off where it is, and none gets through any more."""
        self._end.of_all.set()

    def ends_in(self, seconds: float) -> None:
        """The next call of this thread has to be over by then, however slowly its answer drips."""
        self._end.at = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises Private, and httpcore's errors."""
        trouble: Exception = httpcore.ConnectError("the name leads nowhere")
        for address in self._allowed(host, port, self._end.left(timeout)):
            left = self._end.left(timeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                trouble = failed
            else:
                return _TimedConnection(stream, self._end)
        raise trouble

    def _allowed(self, host: str, port: int, seconds: float) -> list[str]:
        found = _look_up(host, port, seconds)
        named = list(dict.fromkeys(str(one[4][0]) for one in found))
        for address in named:
            if addresses.is_metadata(address) or not (self._private or addresses.is_public(address)):
                raise Private(address)
        return named


def _look_up(host: str, port: int, seconds: float) -> Sequence[Any]:
    """Where the name leads. The resolver knows no end: one that hangs is left to a thread that nobody waits for."""
    answer: Future[Sequence[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as unknown:
            answer.set_exception(httpcore.ConnectError(f"the name is not known: {unknown}"))
        except UnicodeError:
            answer.set_exception(httpcore.ConnectError("the name cannot be one"))
        except Exception as strange:
            answer.set_exception(strange)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as silent:
        raise httpcore.ConnectTimeout("the name was not looked up in time") from silent


class _TimedConnection(httpcore.NetworkStream):
    """A connection whose every step looks at the end of the call it is used for."""

    def __init__(self, stream: httpcore.NetworkStream, end: _End) -> None:
        self._stream = stream
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._end.left(timeout)
        while left > _LISTEN_SECONDS:  # and then looks whether all are to end
            with contextlib.suppress(httpcore.ReadTimeout):
                return self._stream.read(max_bytes, _LISTEN_SECONDS)
            left = self._end.left(left - _LISTEN_SECONDS)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._end.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._end.left(timeout))
        return _TimedConnection(secured, self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


_MOST_READ_BYTES = 65_536
_CONNECT_SECONDS = 5.0
ENDPOINTS_AT_ONCE = 32
_CONNECTIONS = ENDPOINTS_AT_ONCE * turns.MOST_POSTS_AT_ONCE  # one that hangs takes none that another needs
_REFUSAL_SECONDS = 2.0
SHOWN_BYTES = 1024
_LEFT_OUT = "[left out]"
_SECRET = re.compile(
    r"whsec_[A-Za-z0-9+/=_-]+|([\"']?(?:authorization|cookie|token|api[_-]?key|password|secret)[\"']?\s*[:=]\s*[\"']?)"
    r"(?:(?:bearer|basic)\s+)?[^\s\"',;&<]+|(bearer\s+)[A-Za-z0-9._~+/=-]+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class PostTarget:
    """Where events go: all of them, or a company's. Newest secret first; each of them signs.

    A `batch` of more than one event goes as a JSON array of them, also where fewer are there.
    """

    door: str
    url: str
    company: str | None
    secrets: tuple[str, ...] = field(repr=False)
    batch: int = 1


@dataclass(frozen=True)
class PostResult:
    """What came of one post: `trouble` says in a few words why it was not taken; empty where it was.

    `status`, `seconds` and `answer` (its first kilobyte as text, without secrets) are the endpoint's; no status where
    nothing answered. `wait`: seconds that it asks us to stay away.
    """

    trouble: str = ""
    wait: float = 0.0
    status: int | None = None
    seconds: float = 0.0
    answer: str = ""


class Poster:
    """Posts events. A 2xx is a delivery, whatever comes with it; a redirect is not followed."""

    def __init__(self, *, private: bool, seconds: float = 15) -> None:
        self._seconds = seconds
        self._wire = Wire(private=private)
        self._pool = httpcore.ConnectionPool(
            httpcore.default_ssl_context(),  # an own network has certificates of its own: SSL_CERT_FILE names them
            network_backend=self._wire,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS // 8,
            keepalive_expiry=15,
        )

    def post(self, endpoint: PostTarget, event_id: str, body: str) -> PostResult:
        """Post one event, or a batch under an id of its own. Never raises.

        With the trace that the event belongs to; a batch has none.
        """
        context = None if body.startswith("[") else outbox.trace_of(body)
        company = {"company": endpoint.company} if endpoint.company else {}
        with tracing.span("webhook", context, {"event": event_id, **company}) as span:
            began = time.monotonic()
            result = self._result(endpoint, event_id, body)
            if result.status:
                span.set_attribute("http.response.status_code", result.status)
            return replace(result, seconds=time.monotonic() - began)

    def _result(self, endpoint: PostTarget, event_id: str, body: str) -> PostResult:
        try:
            status, asked, answer = self._answer(endpoint, event_id, body)
        except Private as inside:
            allows = "nothing allows it" if addresses.is_metadata(str(inside)) else addresses.ALLOWS
            return PostResult(f"leads to the private address {inside}; {allows}")
        except (httpcore.TimeoutException, TimeoutError):
            return PostResult(f"no answer within {self._seconds:g} seconds")
        except httpcore.ConnectError as refused:
            return PostResult(
                "its certificate is not valid" if "CERTIFICATE" in str(refused) else "cannot be reached"
            )
        except Exception as lost:
            return PostResult(f"the call broke off ({type(lost).__name__})")
        shown = _without_secrets(answer, endpoint.secrets)
        if 200 <= status < 300:
            return PostResult(status=status, answer=shown)
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        return PostResult(f"answered {status}{redirected}", turns.asked_wait(status, asked), status, answer=shown)

    def _answer(self, endpoint: PostTarget, event_id: str, body: str) -> tuple[int, str, bytes]:
        """Its status, when it wants to be asked again, and how its answer begins."""
        self._wire.ends_in(self._seconds)
        times = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": self._seconds}
        headers = self._headers(endpoint.secrets, event_id, body)
        asked = self._pool.stream(
            "POST", endpoint.url, headers=headers, content=body.encode(), extensions={"timeout": times}
        )
        with asked as reply:
            taken = 200 <= reply.status < 300
            if not taken:
                self._wire.ends_in(_REFUSAL_SECONDS)  # its status is known: nobody waits long for its reasons
            begun = _beginning(reply, _MOST_READ_BYTES if taken else SHOWN_BYTES)
            found = (text for key, text in reply.headers if key.lower() == b"retry-after")
            return reply.status, next(found, b"").decode("latin-1"), begun

    @staticmethod
    def _headers(secrets: Sequence[str], event_id: str, body: str) -> list[tuple[str, str]]:
        now = datetime.now(UTC)
        kind = "cloudevents-batch" if body.startswith("[") else "cloudevents"
        return [
            ("content-type", f"application/{kind}+json; charset=utf-8"),
            ("user-agent", "crewcard-xero"),
            ("webhook-id", event_id),
            ("webhook-timestamp", str(int(now.timestamp()))),
            ("webhook-signature", " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets)),
            *tracing.headers().items(),
        ]


def _beginning(reply: httpcore.Response, most: int) -> bytes:
    """How an answer begins. A short one is read whole: its connection can be used again; of others so much."""
    begun, size = bytearray(), 0
    try:
        for part in reply.iter_stream():
            begun += part[: SHOWN_BYTES - len(begun)]
            size += len(part)
            if size > most:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass  # what it answered stands: the status says so
    return bytes(begun)


def _without_secrets(answer: bytes, secrets: Sequence[str]) -> str:
    """An answer as text that any database holds; what is a secret in it, or looks like one, is left out."""
    text = answer.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    for secret in secrets:
        text = text.replace(secret, _LEFT_OUT).replace(secret.removeprefix("whsec_"), _LEFT_OUT)
    return _SECRET.sub(lambda found: f"{found[1] or found[2] or ''}{_LEFT_OUT}", text)
