"""`crewcard-xero publish FILE`: send a file of events or invoices through the door."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import files, ordering, output, progress
from cli.door import Door, DoorClosed, open_door, requests_for
from cli.files import BadEntry, Entry
from store import inbox
from worker import settings, wiring
from worker.tools import Tools

_LONGEST_WAIT_SECONDS = 30.0


@dataclass
class Published:
    """What became of a file."""

    accepted: int = 0
    repeated: int = 0
    invoices: int = 0
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)


def publish(
    file: Annotated[Path, typer.Argument(help="JSON, JSON lines (.jsonl) or CSV", exists=True, dir_okay=False)],
    company: Annotated[str | None, typer.Option(help="Company, for files of bare invoices")] = None,
    mode: Annotated[str, typer.Option(help="single (goes first) or bulk")] = "bulk",
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until every invoice has its answer")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Send a file of export events or invoices; the same file again changes nothing.

    Entries that cannot be read are kept (see: crewcard-xero dead-letters) and the rest goes on.

    Examples:
      crewcard-xero publish orders.csv --company harbour --wait

      crewcard-xero publish events.jsonl

    """
    tools = wiring.build(settings.load())
    try:
        door = open_door(tools)
        done = send_file(tools, door, file, company, mode)
        waited = progress.watch(done.requests, door.progress, quiet=as_json) if wait else []
    except DoorClosed as closed:
        output.fail(str(closed))
    _report(done, waited, as_json=as_json)
    raise typer.Exit(1 if done.refused else 0)


def send_file(tools: Tools, door: Door, path: Path, company: str | None, mode: str) -> Published:
    """Send everything in the file. Raises DoorClosed."""
    done = Published()
    invoices: list[tuple[str, dict[str, Any]]] = []
    for entry in files.entries(path):
        if isinstance(entry, BadEntry):
            _keep_bad(tools, entry, done)
        elif entry.is_event:
            _send(door, entry.document, entry.place, done)
        else:
            _sort_out(tools, entry, company, invoices, done)
    if invoices and company:
        for event in requests_for([document for _, document in invoices], company, mode, ordering.user()):
            _send(door, event, f"{path.name} ({invoices[0][0]} ...)", done)
    return done


def _sort_out(
    tools: Tools, entry: Entry, company: str | None, invoices: list[tuple[str, dict[str, Any]]], done: Published
) -> None:
    """A bare invoice needs a company and something to name it by."""
    body = json.dumps(entry.document, default=str).encode()
    if "lines" not in entry.document and "number" not in entry.document:
        problem = "entry: neither a CloudEvent (specversion is missing) nor an invoice (lines are missing)"
        _keep_bad(tools, BadEntry(entry.place, body, (problem,)), done)
    elif company is None:
        problem = "company: bare invoices need --company"
        _keep_bad(tools, BadEntry(entry.place, body, (problem,)), done)
    elif not isinstance(entry.document.get("id"), str) or not entry.document["id"]:
        _keep_bad(tools, BadEntry(entry.place, body, ("id: an invoice needs an id",)), done)
    else:
        invoices.append((entry.place, entry.document))


def _keep_bad(tools: Tools, bad: BadEntry, done: Published) -> None:
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


def _report(done: Published, waited: list[progress.Seen], *, as_json: bool) -> None:
    if as_json:
        output.print_json({**done.__dict__, "progress": waited})
        return
    for place, problems in done.refused:
        output.warn(f"{place}: {'; '.join(problems)}")
    if done.refused:
        output.warn(f"{len(done.refused)} not accepted; read them with: crewcard-xero dead-letters")
    if done.accepted and done.repeated == done.accepted:
        output.say("All of this was sent before: nothing changes in Xero.")
    elif done.accepted:
        output.say(f"{done.invoices} invoices accepted in {len(done.requests)} requests.")
    for found in waited:
        output.say(f"{found['request']}: {found['exported']} in Xero, {found['failed']} failed.")
