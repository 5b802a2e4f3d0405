"""A host that costs next to nothing: requests signed beforehand, sent over kept connections, answers barely read."""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from events import signing
from store.api_keys import Key

_END = b"\r\n\r\n"
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Sent:
    """How one request ended: its status, seconds from when it was due until its answer, tries beyond the first."""

    status: int
    seconds: float
    again: int


def signed(key: Key, body: Any, id_: str) -> bytes:
    """A whole HTTP request, good for five minutes."""
    content, at = json.dumps(body).encode(), int(time.time())
    covered = signing.request_content("POST", "/v1/events", content)
    signature = signing.request_signature(key.secret, id_, at, covered)
    head = (
        "POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        f"x-crewcard-key: {key.id}\r\nwebhook-id: {id_}\r\nwebhook-timestamp: {at}\r\n"
        f"webhook-signature: {signature}\r\ncontent-length: {len(content)}"
    )
    return head.encode() + _END + content


def send(
    url: str,
    make: Callable[[], bytes],
    at_once: int,
    *,
    seconds: float,
    per_second: float | None = None,
    done: Callable[[int], None] | None = None,
) -> list[Sent]:
    """Send for so long, so many at once, at a pace or as fast as it goes; what is lost is sent again until answered.

    With a pace the seconds count from the moment a request was due, whoever was late. `done` hears how many are.
    """
    places = itertools.count()
    results: list[Sent] = []
    begun = time.monotonic()

    def work() -> None:
        line = Line(url)
        while True:
            place = next(places)
            due = begun + place / per_second if per_second else time.monotonic()
            if due - begun >= seconds:
                return
            request = make()
            threading.Event().wait(max(0.0, due - time.monotonic()))
            status, again = line.ask(request)
            results.append(Sent(status, time.monotonic() - due, again))
            if done:
                done(place)

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Line:
    """One connection; a new one after it was lost."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> tuple[int, int]:
        """The status of the answer, and how often the request had to be sent again."""
        end = time.monotonic() + _PATIENCE_SECONDS
        for again in _counted_until(end):
            try:
                if self._socket is None:
                    self._socket = socket.create_connection(self._address, timeout=_PATIENCE_SECONDS)
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.sendall(request)
                return _status(self._socket), again
            except OSError:
                with contextlib.suppress(OSError):
                    if self._socket:
                        self._socket.close()
                self._socket = None
                threading.Event().wait(_PAUSE_SECONDS)
        raise TimeoutError("the door did not come back")


def _counted_until(end: float) -> Iterator[int]:
    for number in itertools.count():
        if time.monotonic() > end:
            return
        yield number


def _status(connection: socket.socket) -> int:
    """Read one whole answer. Raises OSError when the connection ends first."""
    read = b""
    while _END not in read:
        read += _more(connection)
    head, _, body = read.partition(_END)
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    left = length - len(body)
    while left > 0:
        left -= len(_more(connection))
    return int(head.split(b" ", 2)[1])


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(65_536)
    if not found:
        raise ConnectionResetError
    return found
