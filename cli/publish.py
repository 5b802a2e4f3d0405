"""`crewcard-xero publish FILE`: send a file of events or invoices through the door."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import common, files, output, preview, progress
from cli.common import AsJson
from cli.door import Door, DoorClosed, open_door, requests_for
from cli.files import BadEntry, FileEntry, Note
from events.export import UnreadableInvoice
from store import inbox
from worker.tools import Tools

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
        waited = progress.watch(done.requests, door.progress, quiet=as_json) if wait else []
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
