"""A host that reads the feed: goes on from the cursor it kept, in the transaction that kept the events.

A process of its own, so that it can be killed: `python -m benchmarks.chaos.feed_reader FILE ADDRESS…`.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from typing import Any

from events import signing

KEY, SECRET = "READER_KEY", "READER_SECRET"  # in its environment
TABLES = """
CREATE TABLE IF NOT EXISTS taken (place INTEGER PRIMARY KEY, event TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS feed_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
CREATE TABLE IF NOT EXISTS refusals (place INTEGER PRIMARY KEY, status INTEGER, body TEXT);
"""
_PAGE, _WAIT_SECONDS, _AGAIN_SECONDS = 40, 1, 0.2
_AWAY = (429, 502, 503)


def opened(file: Path) -> sqlite3.Connection:
    """The reader's database, with its tables."""
    database = sqlite3.connect(file, timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(TABLES)
    return database


def page(address: str, cursor: str | None) -> dict[str, Any]:
    """What the feed has behind the cursor. Raises urllib's errors."""
    after = f"&after={cursor}" if cursor else ""
    target = f"/v1/events?limit={_PAGE}&wait={_WAIT_SECONDS}{after}"
    signed = signing.headers(os.environ[SECRET], f"read-{uuid.uuid4()}", "GET", target, b"", datetime.now(UTC))
    asked = urllib.request.Request(address + target, headers={"x-crewcard-key": os.environ[KEY], **signed})
    with urllib.request.urlopen(asked, timeout=10) as reply:
        said: dict[str, Any] = json.load(reply)
    return said


def read(database: sqlite3.Connection, address: str) -> None:
    """Take a page and where to go on from, both or neither."""
    kept = database.execute("SELECT cursor FROM feed_cursor").fetchone()
    said = page(address, kept[0] if kept else None)
    with database as work:
        found = [(event["id"], json.dumps(event)) for event in said["events"]]
        work.executemany("INSERT INTO taken (event, body) VALUES (?, ?)", found)
        work.execute("INSERT OR REPLACE INTO feed_cursor VALUES (1, ?)", (said["next"],))


def main() -> None:
    """Read until killed, by each address in turn. What the door refuses for good is kept: it is a finding."""
    database = opened(Path(sys.argv[1]))
    for address in cycle(sys.argv[2:]):
        try:
            read(database, address)
        except urllib.error.HTTPError as refused:
            if refused.code not in _AWAY:
                with database as work:
                    work.execute(
                        "INSERT INTO refusals (status, body) VALUES (?, ?)", (refused.code, str(refused.read()))
                    )
            time.sleep(_AGAIN_SECONDS)
        except (OSError, HTTPException, ValueError):  # nobody there, or an answer cut off in the middle
            time.sleep(_AGAIN_SECONDS)


if __name__ == "__main__":
    main()
