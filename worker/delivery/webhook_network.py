"""The network as webhooks see it: an end to each call, and no address within our own network unless allowed."""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

import httpcore

from worker.decisions import addresses


class Private(Exception):
    """The endpoint's name leads to a private address, or to where a cloud keeps credentials."""


class _End(threading.local):
    """When the call that this thread makes has to be over (monotonic)."""

    at = float("inf")

    def left(self, timeout: float | None) -> float:
        """Seconds that remain, at most `timeout`. Raises httpcore.ReadTimeout when none do."""
        remain = self.at - time.monotonic()
        if remain <= 0:
            raise httpcore.ReadTimeout("the time for this call is over")
        return remain if timeout is None else min(remain, timeout)


class Wire(httpcore.NetworkBackend):
    """Connects where it may; a name is resolved once, and the address that was checked is used."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._inner = httpcore.SyncBackend()
        self._end = _End()

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
        return self._stream.read(max_bytes, self._end.left(timeout))

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
