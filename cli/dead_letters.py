"""What could not be read: `crewcard-xero dead-letters …`."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, Why
from store import api_keys, inbox
from store.tables import DeadLetter
from worker.intake import dead_letters
from worker.watching import attention

_MOST = 100
Number = Annotated[int, typer.Argument(parser=common.whole, metavar="NUMBER", help="The letter's number")]
app = typer.Typer(
    cls=common.ListingGroup,
    help="What could not be read, with the reason; nothing is ever thrown away.\n\n"
    "Examples:\n\n  crewcard-xero dead-letters\n\n  crewcard-xero dead-letters 3\n\n"
    "  crewcard-xero dead-letters mend 3 mended.json",
)


@app.command(name="list")
def list_letters(
    state: Annotated[str, typer.Option(help="open, replayed or discarded")] = "open", as_json: AsJson = False
) -> None:
    """The newest hundred of one state.

    Example:  crewcard-xero dead-letters list --state discarded
    """
    with common.ready().store.read() as work:
        found = inbox.dead_letters(work, _MOST + 1, state)
    none = "There are no dead letters." if state == "open" else f"No dead letter is {state}."
    output.listing(
        found, as_json=as_json, document=partial(_document, whole=False), lines=_lines, none=none, most=_MOST
    )


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """One of them, whole; that you read it is in the audit.

    Example:  crewcard-xero dead-letters show 3 > letter.json
    """
    tools = common.ready()
    with tools.store.read() as work:
        found = inbox.dead_letter(work, number)
    if found is None:
        output.fail(f"There is no dead letter {number}.", 1)
    attention.note_view(tools, common.user(), "dead letter viewed", "", {"dead_letter": number})
    output.listing([found], as_json=as_json, document=partial(_document, whole=True), lines=_lines)
    if not as_json:
        output.echo(found.body.decode(errors="replace").replace("\r\n", "\n"))


@app.command()
def mend(
    number: Number,
    file: Annotated[
        Path, typer.Argument(help="The event as it should have been (JSON)", exists=True, dir_okay=False)
    ],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Read a mended event in the letter's place; what came is kept beside it.

    Only what made it unreadable may be changed: not the company, the event's type, who asked or what is billed.

    Example:  crewcard-xero dead-letters mend 3 mended.json --by olga
    """
    _replay(number, by, file.read_bytes(), as_json=as_json)


@app.command()
def replay(number: Number, by: By = "", as_json: AsJson = False) -> None:
    """Read it again as it came, once what kept it from being read is gone.

    Example:  crewcard-xero dead-letters replay 3
    """
    _replay(number, by, None, as_json=as_json)


@app.command()
def discard(number: Number, why: Why, by: By = "") -> None:
    """Nothing shall come of it; it is kept with the reason.

    Example:  crewcard-xero dead-letters discard 3 --why "a test of the host's developers"
    """
    tools = common.ready()
    dead_letters.discard(tools, number, common.person(tools, by), why)
    output.say(f"Dead letter {number} is discarded; it is kept.")


def _replay(number: int, by: str, mended: bytes | None, *, as_json: bool) -> None:
    tools = common.ready()
    receipt = dead_letters.replay(tools, number, common.person(tools, by), mended)
    document = {name: value for name, value in receipt.__dict__.items() if value is not None}
    told = f"Read: event {receipt.event} of {receipt.company}, {common.count(receipt.invoices)} under way."
    output.result(document, told, as_json=as_json)


def _lines(one: DeadLetter) -> Iterator[str]:
    closed = f"  {one.state} by {one.closed_by}{f': {one.why}' if one.why else ''}" if one.closed_by else ""
    yield f"{one.id}  {one.received_at:%Y-%m-%d %H:%M:%S}  {one.door}  {one.place}{closed}"
    if one.key:
        companies = ", ".join(sorted(api_keys.named(one.companies) or ())) or "every company"
        yield f"   brought by the key {one.key}, which spoke for {companies}"
    if one.size > len(one.body):
        yield f"   {one.size:,} bytes came, too many for an event; the first {len(one.body):,} are kept"
    for problem in json.loads(one.problems):
        yield f"   {problem}"


def _document(one: DeadLetter, *, whole: bool) -> dict[str, Any]:
    body = one.body.decode(errors="replace")
    mended = one.mended.decode(errors="replace") if one.mended else None
    shown = one.model_dump(exclude={"body", "mended"})
    return {**shown, "problems": json.loads(one.problems), "body": body if whole else body[:200], "mended": mended}
