"""The command's way in: the same door as any host's, signed with the command's own key."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from cli import keys
from events import signing
from events.export import MOST_INVOICES
from store import api_keys, migrate
from store.api_keys import Key
from worker.decisions.rights import COMMANDS_KEY
from worker.settings import Settings
from worker.tools import Tools

Event = dict[str, Any]


class DoorClosed(Exception):
    """The door cannot be reached or does not know us; the message says what to do."""


@dataclass(frozen=True)
class DoorAnswer:
    """What the door answered to one event."""

    status: int
    repeated: bool
    body: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether the event is ours now."""
        return self.status == 202

    @property
    def wait(self) -> float:
        """Seconds after which to ask again, where the door says so."""
        return float(self.body.get("retry_after", 1))

    @property
    def problems(self) -> list[str]:
        """Why it was refused."""
        return self.body.get("problems") or [str(self.body.get("title", f"answered {self.status}"))]


class Door:
    """A client of `POST /v1/events`."""

    def __init__(self, settings: Settings, key: Key) -> None:
        self._key = key
        self._http = httpx.Client(base_url=settings.public_url, timeout=60)

    def send(self, event: Event, place: str) -> DoorAnswer:
        """Publish one event. Raises DoorClosed."""
        body = json.dumps(event, default=str).encode()
        reply = self._signed("POST", "/v1/events", str(event.get("id", "event")), body, place)
        return DoorAnswer(reply.status_code, reply.headers.get("x-crewcard-repeated") == "true", reply.json())

    def progress(self, company: str, request: str) -> dict[str, Any]:
        """How far a request is."""
        path = f"/v1/companies/{quote(company, safe='')}/requests/{quote(request, safe='')}"
        found: dict[str, Any] = self._signed("GET", path, "progress", b"", "").json()
        return found

    def _signed(self, method: str, path: str, id_: str, body: bytes, place: str) -> httpx.Response:
        request = self._http.build_request(method, path, content=body)
        target, message_id = request.url.raw_path.decode(), hashlib.sha256(id_.encode()).hexdigest()
        headers = {
            "content-type": "application/cloudevents+json",
            "x-crewcard-key": self._key.id,
            "x-crewcard-place": place.encode("ascii", "replace").decode(),
            **signing.headers(self._key.secret, message_id, method, target, body, datetime.now(UTC)),
        }
        request.headers.update(headers)
        try:
            reply = self._http.send(request)
        except httpx.HTTPError as lost:
            raise DoorClosed(
                f"The door at {self._http.base_url} does not answer ({type(lost).__name__}). "
                "Is `crewcard-xero up` running?"
            ) from None
        if reply.status_code in (401, 403, 500):
            raise DoorClosed(f"The door answered {reply.status_code}: {reply.text[:200]}")
        return reply


def open_door(tools: Tools) -> Door:
    """The door of this installation, with a key for the command. Raises DoorClosed."""
    if migrate.current(tools.settings.database_url) is None:
        raise DoorClosed("The database is empty. Run: crewcard-xero migrate (or: crewcard-xero up)")
    with tools.store.write() as work:
        known = api_keys.find(work, tools.vault, COMMANDS_KEY)
        key = known or api_keys.make(work, tools.vault, COMMANDS_KEY)
        if known is None:
            keys.note(work, "", "key made", key)
    return Door(tools.settings, key)


def requests_for(
    invoices: Sequence[dict[str, Any]], company: str, mode: str, person: str, request: str | None = None
) -> list[Event]:
    """CloudEvents that ask for these invoices, 500 in each; ids derive from what they say."""
    digest = hashlib.sha256(json.dumps([company, mode, list(invoices)], default=str).encode()).hexdigest()
    request = request or f"file-{digest[:16]}"
    chunks = [invoices[start : start + MOST_INVOICES] for start in range(0, len(invoices), MOST_INVOICES)]
    return [
        {
            "specversion": "1.0",
            "id": f"{digest[:24]}-{part}",
            "source": "crewcard-xero/command",
            "type": "invoice.export.requested",
            "data": {
                "company": company,
                "request": request,
                "part": part,
                "parts": len(chunks),
                "requested_by": {"id": person, "role": "command"},
                "mode": mode,
                "origin": {"page": "command_line"},
                "invoices": list(chunk),
            },
        }
        for part, chunk in enumerate(chunks, start=1)
    ]
