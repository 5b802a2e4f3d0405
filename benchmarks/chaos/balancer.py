"""What stands before the doors, as in production: it hands a webhook of Xero's to one door, or else to the other."""

import itertools
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_TRYING_SECONDS, _AGAIN_SECONDS = 4.5, 0.1  # Xero waits for 5


class Balancer(ThreadingHTTPServer):
    """Posts go to `doors` in turn, until one takes them or refuses them, or Xero's patience is nearly over."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.doors: Sequence[str] = ()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def begin(self, doors: Sequence[str]) -> None:
        """Serve, in a thread of its own."""
        self.doors = doors
        threading.Thread(target=self.serve_forever, name="balancer", daemon=True).start()

    def handed_on(self, path: str, body: bytes, signature: str) -> int:
        """The status that a door answers with; 503 where none is there in time."""
        ends = time.monotonic() + _TRYING_SECONDS
        for door in itertools.cycle(self.doors):
            left = ends - time.monotonic()
            if left <= 0:
                break
            try:
                said = httpx.post(door + path, content=body, headers={"x-xero-signature": signature}, timeout=left)
            except httpx.HTTPError:
                time.sleep(_AGAIN_SECONDS)
                continue
            if said.status_code < 500:
                return said.status_code
            time.sleep(_AGAIN_SECONDS)
        return 503

    def handle_error(self, *_said: Any) -> None:
        """Whoever has no patience hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: Balancer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.server.handed_on(self.path, body, self.headers.get("x-xero-signature", "")))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the doors have logs."""
