"""`crewcard-xero adopt FILE`: take over invoices that an older integration exported."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli import common, csv_invoices, files, output
from cli.common import AsJson, By, Company, Why
from cli.files import BadEntry, FileEntry, Note
from events.accounting_target import Trouble
from events.invoice import Invoice
from events.unreadable import sentences
from store import choosing
from worker.commands import registry
from worker.commands.adopt import MOST_AT_ONCE, Adopted, NotConnected
from worker.decisions import tables
from worker.decisions.claiming import Claim
from worker.decisions.tables import NoTable

_COLUMNS = ("invoice", "number", "xero_invoice_id", "client", "date", "currency", "total")


def adopt(
    file: Annotated[Path, typer.Argument(help="CSV, JSON or JSON lines", exists=True, dir_okay=False)],
    company: Company,
    why: Why,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take over invoices that an older integration exported, after comparing contact, date and currency with Xero.

    Columns: invoice, number or xero_invoice_id, client, date, currency, total; or whole invoices as for publish.
    The same file again changes nothing. Ends with 1 when something was not taken.

    Example:  crewcard-xero adopt older.csv --company harbour --why "moved from the old exporter"
    """
    tools = common.ready()
    claims, unreadable = read_claims(file)
    done = Adopted()
    try:
        for some in choosing.in_chunks(claims, MOST_AT_ONCE):
            part: Adopted = registry.ADOPT.run(tools, company, some, by or common.user(), why, _wait)
            done = Adopted(done.taken | part.taken, done.before + part.before, done.refused | part.refused)
    except NotConnected:
        output.fail(f"{company} is not connected to a Xero organisation.", 1)
    except Trouble as trouble:
        output.warn(f"Stopped: {trouble.message}. What was taken stays taken; run it again for the rest.")
        unreadable["(stopped)"] = trouble.message
    _report(done, unreadable, as_json=as_json)
    raise typer.Exit(1 if done.refused or unreadable else 0)


def read_claims(path: Path) -> tuple[list[Claim], dict[str, str]]:
    """The claims in a file, and what cannot be read by where it stands."""
    claims: dict[str, Claim] = {}
    unreadable: dict[str, str] = {}
    for entry in _entries(path):
        if isinstance(entry, BadEntry):
            unreadable[entry.place] = "; ".join(entry.problems)
            continue
        try:
            claim = _claim(entry.document)
        except ValidationError as broken:
            unreadable[entry.place] = "; ".join(sentences(broken))
        else:
            claims[claim.id] = claim
    return list(claims.values()), unreadable


def _claim(document: dict[str, Any]) -> Claim:
    if "lines" in document:
        return Claim.from_invoice(Invoice.model_validate(document))
    named = {("id" if name == "invoice" else name): value for name, value in document.items()}
    return Claim.model_validate(named)


def _entries(path: Path) -> Iterator[FileEntry | BadEntry]:
    """Whole invoices as for publish, or a table of what they are known by."""
    if path.suffix.lower() == ".csv":
        try:
            decoded = tables.decoded(path.read_bytes())
            if not csv_invoices.is_of_invoices(decoded.text):
                yield from _rows(path.name, decoded.text)
                return
        except NoTable as broken:
            yield BadEntry(f"{path.name}:{broken.line}", b"", (str(broken),))
            return
    for entry in files.entries(path, company=""):
        if isinstance(entry, Note):
            output.warn(f"{entry.place}: {entry.said}")
        else:
            yield entry


def _rows(name: str, text: str) -> Iterator[FileEntry | BadEntry]:
    """Raises NoTable."""
    for row in tables.opened(text, _COLUMNS, ("invoice",), "invoices to take over").rows:
        place = f"{name}:{row.line}"
        if row.ragged:
            yield BadEntry(place, b"", (row.ragged,))
        else:
            yield FileEntry(place, {column: cell for column, cell in row.cells.items() if cell})


def _wait(seconds: float) -> None:
    output.warn(f"Xero's limit is reached; going on in {seconds:.0f} s ...")
    time.sleep(seconds)


def _report(done: Adopted, unreadable: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        output.print_json({**done.__dict__, "unreadable": unreadable})
        return
    output.say(f"{common.count(len(done.taken))} {registry.ADOPT.printed}, {len(done.before)} were ours before.")
    for name, told in done.taken.items():
        if told:
            output.say(f"  {name}: {'; '.join(told)}")
    for name, refused in {**done.refused, **unreadable}.items():
        output.warn(f"Not taken: {name}: {refused}")
