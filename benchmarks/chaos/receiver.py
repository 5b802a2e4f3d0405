"""The host's end of the webhooks: keeps what it is sent as the guide says, and is often unwell meanwhile.

A process of its own, so that it can be killed: `python -m benchmarks.chaos.receiver PORT FILE`. Its table of markers
is the guide's: an event is taken once, by its id, and shown if its `sequence` is higher than that of the one shown.
"""

import json
import sqlite3
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from benchmarks.chaos.plan import TROUBLES

ALL = "/all"
LATE_SECONDS, HANG_SECONDS = 2.0, 20.0  # the exporter waits for 15
TABLES = """
CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, path TEXT, event TEXT, trouble TEXT);
CREATE TABLE IF NOT EXISTS inbox (place INTEGER PRIMARY KEY, path TEXT, event TEXT, body TEXT, UNIQUE (path, event));
CREATE TABLE IF NOT EXISTS markers (
  company TEXT, invoice TEXT, sequence INTEGER, marker TEXT, xero_invoice_id TEXT, PRIMARY KEY (company, invoice));
CREATE TABLE IF NOT EXISTS calm (since TEXT);
"""
_SHOW = """
INSERT INTO markers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  sequence = excluded.sequence, marker = excluded.marker, xero_invoice_id = excluded.xero_invoice_id
  WHERE excluded.sequence > sequence
"""


def opened(file: Path) -> sqlite3.Connection:
    """The receiver's database, with its tables."""
    database = sqlite3.connect(file, timeout=30, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(TABLES)
    return database


def trouble_of(number: int) -> str:
    """What happens to the delivery of this number; nothing to most."""
    return next((trouble for trouble, numbers in TROUBLES.items() if number in numbers), "")


def become_calm(file: Path) -> None:
    """From now on all goes well."""
    with opened(file) as work:
        work.execute("INSERT INTO calm VALUES ('now')")


class Inbox:
    """What was taken, and in which order; safe to be killed at any line."""

    def __init__(self, file: Path) -> None:
        self._database = opened(file)
        self._guard = threading.Lock()

    def begin(self, path: str, event: str) -> str:
        """Note a delivery; gives what will happen to it."""
        with self._guard, self._database as work:
            number = work.execute("SELECT count(*) + 1 FROM deliveries").fetchone()[0]
            calm = work.execute("SELECT 1 FROM calm").fetchone()
            trouble = "" if calm else trouble_of(number)
            work.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?)", (number, path, event, trouble))
        return trouble

    def take(self, path: str, body: str) -> None:
        """Take an event for good, once; show what it says of its invoice if that is newer."""
        event = json.loads(body)
        data = event["data"]
        with self._guard, self._database as work:
            news = work.execute(
                "INSERT INTO inbox (path, event, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (path, event["id"], body),
            )
            if news.rowcount and path == ALL and "marker" in data and "sequence" in data:
                said = (
                    data["company"],
                    data["invoice"],
                    data["sequence"],
                    data["marker"],
                    data.get("xero_invoice_id"),
                )
                work.execute(_SHOW, said)

    def refuse(self, path: str, event: str) -> None:
        """Note a delivery that nobody can have signed who knows the secret."""
        with self._guard, self._database as work:
            number = work.execute("SELECT count(*) + 1 FROM deliveries").fetchone()[0]
            work.execute("INSERT INTO deliveries VALUES (?, ?, ?, 'not genuine')", (number, path, event))


def handler(inbox: Inbox, secrets: Path, pause: Callable[[float], object]) -> type[BaseHTTPRequestHandler]:
    """How a request is answered. `secrets` holds the signing secret of each path, as JSON."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            event = self.headers.get("webhook-id", "")
            try:
                Webhook(json.loads(secrets.read_text())[self.path]).verify(body, dict(self.headers.items()))
            except Exception:
                inbox.refuse(self.path, event)
                self._say(401)
                return
            trouble = inbox.begin(self.path, event)
            pause({"hung": HANG_SECONDS, "late": LATE_SECONDS}.get(trouble, 0))
            if trouble not in ("failed", "busy", "hung"):
                inbox.take(self.path, body.decode())
            if trouble in ("taken, then dropped", "hung"):
                self.close_connection = True
            else:
                self._say({"busy": 503, "failed": 500, "taken, then 500": 500}.get(trouble, 200))

        def _say(self, status: int) -> None:
            self.send_response(status)
            if status == 503:
                self.send_header("retry-after", "1")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the table of deliveries says it."""

    return Answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    """Serve until killed."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    answer = handler(Inbox(file), file.with_suffix(".secrets"), threading.Event().wait)
    _Server(("127.0.0.1", port), answer).serve_forever()


if __name__ == "__main__":
    main()
