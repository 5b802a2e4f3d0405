"""The host's processes that are told: the receiver of webhooks, the reader of the feed, and what each has taken."""

import base64
import json
import secrets
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos import feed_reader, receiver
from benchmarks.chaos.machines import Machines
from events.credentials import Scope
from store import api_keys, endpoints
from tests.machines import a_free_port
from worker.settings import Settings

Event = tuple[str, str]  # id, body


@dataclass(frozen=True)
class Taken:
    """What the host has: by path of its endpoint and in order; the markers it shows; the feed in order.

    `refused`: deliveries whose signature was wrong, and what the feed's door refused for good.
    """

    received: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    shown: Mapping[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)
    feed: Sequence[Event] = ()
    refused: Sequence[str] = ()


class Readers:
    """Chosen before the machines, whose settings name the endpoint: `settings` is what they must be started with."""

    def __init__(self) -> None:
        self._port = a_free_port()
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self._home = Path()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of an installation that sends everything to this receiver."""
        url = f"http://127.0.0.1:{self._port}{receiver.ALL}"
        return {"WEBHOOK_URL": url, "WEBHOOK_SECRET": self._secret, "WEBHOOK_PRIVATE_ADDRESSES": "true"}

    def start(self, made: Machines, doors: Sequence[Settings]) -> None:
        """Both processes."""
        self._home = made.home / "host"
        self._home.mkdir()
        self._know({receiver.ALL: self._secret})
        with made.tools.store.write() as work:
            key = api_keys.make(work, made.tools.vault, "reader", scopes=[Scope.FEED])
        serve = [sys.executable, "-m", "benchmarks.chaos.receiver", str(self._port), str(self._inbox)]
        made.supervisor.start("receiver", serve)
        known = ["env", f"{feed_reader.KEY}={key.id}", f"{feed_reader.SECRET}={key.secret}"]
        read = [sys.executable, "-m", "benchmarks.chaos.feed_reader", str(self._read)]
        made.supervisor.start("reader", [*known, *read, *(one.public_url for one in doors)])

    def add_endpoint(self, made: Machines, company: str) -> None:
        """The company gets an endpoint of its own, beside the one for everything."""
        path = f"/{company}"
        with made.tools.store.write() as work:
            url = f"http://127.0.0.1:{self._port}{path}"
            own = endpoints.add_endpoint(work, made.tools.vault, company, url)
        self._know({receiver.ALL: self._secret, path: own.secret})

    def _know(self, signing: Mapping[str, str]) -> None:
        self._inbox.with_suffix(".secrets").write_text(json.dumps(signing))

    def calm_down(self) -> dict[str, int]:
        """The receiver is well again; gives how often each trouble befell a delivery."""
        receiver.become_calm(self._inbox)
        asked = "SELECT trouble, count(*) FROM deliveries WHERE trouble <> '' GROUP BY trouble"
        return dict(receiver.opened(self._inbox).execute(asked).fetchall())

    def has(self, events: int) -> bool:
        """Whether as many as this were read, and came to the endpoint of everything."""
        read = feed_reader.opened(self._read).execute("SELECT count(*) FROM taken").fetchone()[0]
        asked = "SELECT path, count(*) FROM inbox GROUP BY path"
        received = Counter(dict(receiver.opened(self._inbox).execute(asked).fetchall()))
        return bool(read >= events and received[receiver.ALL] >= events)

    def taken(self) -> Taken:
        """Everything that the host has by now."""
        inbox, read = receiver.opened(self._inbox), feed_reader.opened(self._read)
        received: dict[str, list[Event]] = {}
        for path, event, body in inbox.execute("SELECT path, event, body FROM inbox ORDER BY place"):
            received.setdefault(path, []).append((event, body))
        strangers = inbox.execute("SELECT path, event FROM deliveries WHERE trouble = 'not genuine'").fetchall()
        refused = read.execute("SELECT status, body FROM refusals").fetchall()
        shown = inbox.execute("SELECT company, invoice, marker, xero_invoice_id FROM markers").fetchall()
        return Taken(
            received,
            {(company, invoice): (marker, xero_id) for company, invoice, marker, xero_id in shown},
            read.execute("SELECT event, body FROM taken ORDER BY place").fetchall(),
            [f"{one} {other}" for one, other in (*strangers, *refused)],
        )

    @property
    def _inbox(self) -> Path:
        return self._home / "receiver.sqlite"

    @property
    def _read(self) -> Path:
        return self._home / "feed.sqlite"
