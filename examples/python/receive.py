"""Receive webhooks with the standard library: python receive.py PORT; one line per event that is news."""

import json
import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from events import signing


class Callback(BaseHTTPRequestHandler):
    """200 means taken for good; anything else comes again later."""

    def do_POST(self) -> None:
        """Check the signature, take the event once."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            signing.verify(os.environ["CREWCARD_XERO_WEBHOOK_SECRET"], self.headers, body)
        except signing.NotGenuine:
            self.send_error(401)
            return
        take(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def take(event: dict) -> None:
    """The inbox: an event counts once, however often it comes; one that is marked as a test not at all."""
    if event.get("test"):
        return
    with sqlite3.connect(os.environ["HOST_DATABASE"]) as inbox:
        inbox.execute("CREATE TABLE IF NOT EXISTS inbox (event_id VARCHAR(255) PRIMARY KEY)")
        if inbox.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (event["id"],)).rowcount:
            print(event["type"], event["data"].get("invoice", ""), event["data"].get("marker", ""), flush=True)


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Callback).serve_forever()
