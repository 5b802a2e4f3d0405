"""`crewcard-xero publish FILE`: send a file of events or invoices through the door.

The command's way in: the same door as any host's, signed with the command's own key.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import httpx
import typer

from cli import common, files, output, preview
from cli.common import AsJson
from cli.files import BadEntry, FileEntry, Note
from events import signing
from events.export import MOST_INVOICES, UnreadableInvoice
from store import api_keys, inbox, migrate
from worker.decisions.rights import COMMANDS_KEY
from worker.tools import Tools
from worker.users import host_keys

Event = dict[str, Any]


class DoorClosed(Exception):
    """The door cannot be reached or does not know us (`refused`); the message says what to do."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


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
    """A client of `/v1`, with a key (an id and a secret)."""

    def __init__(self, address: str, key: str, secret: str) -> None:
        self._key, self._secret = key, secret
        self._http = httpx.Client(base_url=address, timeout=60)

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

    def feed(self, **asked: str | int | None) -> dict[str, Any]:
        """A page of the feed: `events`, `next`, `more`. Raises DoorClosed."""
        query = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        reply = self._signed("GET", f"/v1/events?{query}", f"feed {query}", b"", "")
        try:
            found: dict[str, Any] = reply.json()
        except ValueError:
            found = {"problems": [reply.text[:200]]}  # a proxy's own words
        if reply.status_code != 200:
            told = f"The door answered {reply.status_code}: {'; '.join(found.get('problems') or ())}"
            raise DoorClosed(told, refused=reply.status_code in (403, 404, 422))
        return found

    def _signed(self, method: str, path: str, id_: str, body: bytes, place: str) -> httpx.Response:
        request = self._http.build_request(method, path, content=body)
        target, message_id = request.url.raw_path.decode(), hashlib.sha256(id_.encode()).hexdigest()
        headers = {
            "content-type": "application/cloudevents+json",
            "x-crewcard-key": self._key,
            "x-crewcard-place": place.encode("ascii", "replace").decode(),
            **signing.headers(self._secret, message_id, method, target, body, datetime.now(UTC)),
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
            refused = reply.status_code != 500
            raise DoorClosed(f"The door answered {reply.status_code}: {reply.text[:200]}", refused=refused)
        return reply


def open_door(tools: Tools) -> Door:
    """The door of this installation, with a key for the command. Raises DoorClosed."""
    if migrate.current(tools.settings.database_url) is None:
        raise DoorClosed("The database is empty. Run: crewcard-xero migrate (or: crewcard-xero up)")
    with tools.store.write() as work:
        known = api_keys.find(work, tools.vault, COMMANDS_KEY)
        key = known or api_keys.make(work, tools.vault, COMMANDS_KEY)
        if known is None:
            host_keys.note(work, common.user(), "key made", key)
    return Door(tools.settings.public_url, key.id, key.secret)


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


_LONGEST_WAIT_SECONDS = 30.0


@dataclass
class Published:
    """What became of a file; `held`: nothing was sent, because something in it could not be read."""

    accepted: int = 0
    repeated: int = 0
    invoices: int = 0
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    held: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)


def publish(
    file: Annotated[Path, typer.Argument(help="JSON, JSON lines (.jsonl) or CSV", exists=True, dir_okay=False)],
    company: Annotated[str | None, typer.Option(help="Company, for files of bare invoices")] = None,
    mode: Annotated[str, typer.Option(help="single (goes first) or bulk")] = "bulk",
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until every invoice has its answer")] = False,
    whole: Annotated[
        bool, typer.Option("--all-or-nothing", help="Send nothing while anything in the file cannot be read")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a file of export events or invoices; the same file again changes nothing.

    What cannot be read is told by its place and kept (see: crewcard-xero dead-letters), and the rest goes on; an
    invoice of which one row cannot be read is not sent at all. preview says the same beforehand.

    Ends with 0 when everything was accepted (with --wait: is in Xero), 1 when something was refused or failed,
    2 when nothing could be done.

    Examples:
      crewcard-xero publish orders.csv --company harbour --wait

      crewcard-xero publish events.jsonl

    """
    tools = common.ready()
    try:
        door = open_door(tools)
        done = send_file(tools, door, file, company, mode, whole=whole)
        waited = output.watch(done.requests, door.progress, quiet=as_json) if wait else []
    except DoorClosed as closed:
        output.fail(str(closed))
    _report(done, waited, as_json=as_json)
    raise typer.Exit(1 if done.refused or any(one["failed"] for one in waited) else 0)


def send_file(
    tools: Tools, door: Door, path: Path, company: str | None, mode: str, *, whole: bool = False
) -> Published:
    """Send everything in the file; `whole`: or nothing, while something in it cannot be read. Raises DoorClosed."""
    done = Published()
    if whole and (unreadable := _unreadable(path, company)):
        done.refused, done.held = unreadable, True
        return done
    found = list(files.entries(path, company))
    done.notes = [f"{note.place}: {note.said}" for note in found if isinstance(note, Note)]
    bad = [entry for entry in found if isinstance(entry, BadEntry)]
    invoices: list[tuple[str, dict[str, Any]]] = []
    for one in bad:
        _keep_bad(tools, one, done)
    for entry in found:
        if isinstance(entry, FileEntry) and entry.is_event:
            _send(door, entry.document, entry.place, done)
        elif isinstance(entry, FileEntry):
            invoices.append((entry.place, entry.document))
    if invoices and company:
        for event in requests_for([document for _, document in invoices], company, mode, common.user()):
            _send(door, event, f"{path.name} ({invoices[0][0]} ...)", done)
    return done


def _unreadable(path: Path, company: str | None) -> list[tuple[str, list[str]]]:
    """Everything in the file that cannot be read, single invoices of events too."""
    wanted = preview.read_invoices(path, company)
    invoices = [one for some in wanted.by_company.values() for one in some if isinstance(one, UnreadableInvoice)]
    named = [(f"invoice {one.number or one.id}", [str(problem) for problem in one.problems]) for one in invoices]
    return [*wanted.unreadable.items(), *named]


def _keep_bad(tools: Tools, bad: BadEntry, done: Published) -> None:
    if bad.body:
        with tools.store.write() as work:
            inbox.set_aside(work, "file", bad.body, bad.problems, bad.place)
    done.refused.append((bad.place, list(bad.problems)))


def _send(door: Door, event: dict[str, Any], place: str, done: Published) -> None:
    said = door.send(event, place)
    while said.status == 429:
        output.warn(f"{place}: {'; '.join(said.problems)}")
        time.sleep(min(_LONGEST_WAIT_SECONDS, said.wait))
        said = door.send(event, place)
    if not said.accepted:
        done.refused.append((place, said.problems))
        return
    done.accepted += 1
    done.repeated += said.repeated
    done.invoices += 0 if said.repeated else int(said.body.get("invoices", 0))
    request = (str(said.body["company"]), str(said.body["request"]))
    if request[1] and request not in done.requests:  # a change, or a replay of nothing, makes no request
        done.requests.append(request)


def _report(done: Published, waited: list[output.Seen], *, as_json: bool) -> None:
    if as_json:
        output.print_json({**done.__dict__, "progress": waited})
        return
    for note in done.notes:
        output.warn(note)
    for place, problems in done.refused:
        output.warn(f"Not accepted: {place}: {'; '.join(problems)}")
    if done.held:
        output.warn("Nothing was sent.")
    elif done.refused:
        output.warn(f"{len(done.refused)} not accepted; what is kept of it: crewcard-xero dead-letters")
    if done.accepted and done.repeated == done.accepted:
        output.say("All of this was sent before: nothing changes in Xero.")
    elif done.accepted:
        output.say(f"{done.invoices} invoices accepted in {len(done.requests)} requests.")
    for found in waited:
        output.say(f"{found['request']}: {found['exported']} in Xero, {found['failed']} failed.")
