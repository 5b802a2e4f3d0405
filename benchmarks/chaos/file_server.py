"""CrewCard's file server in a run: what invoices name is fetched here; it is often away or breaks off."""

import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_AWAY_EVERY, _BROKEN_EVERY = 11, 17


class FileServer(ThreadingHTTPServer):
    """`bodies` maps a path to what is there. While `is_troubled` some are not served, or not to their end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: Mapping[str, bytes] = {}
        self.is_troubled = True
        self.asked = 0
        self.troubles: Counter[str] = Counter()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def begin(self) -> None:
        """Serve, in a thread of its own."""
        threading.Thread(target=self.serve_forever, name="files", daemon=True).start()

    def trouble(self) -> str:
        """What befalls the next fetch."""
        self.asked += 1
        kinds = {"away": _AWAY_EVERY, "broken off": _BROKEN_EVERY}
        found = next((kind for kind, every in kinds.items() if self.is_troubled and not self.asked % every), "")
        if found:
            self.troubles[found] += 1
        return found

    def handle_error(self, *_said: Any) -> None:
        """Whoever is killed hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        body, trouble = self.server.bodies.get(urlsplit(self.path).path), self.server.trouble()
        self.send_response(503 if trouble == "away" else 404 if body is None else 200)
        body = b"" if trouble == "away" else body or b""
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if trouble else body)

    def log_message(self, *_: Any) -> None:
        """Nothing: `troubles` says it."""
