"""`crewcard-xero preview FILE`: what an export would do; sends nothing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import redis
import typer
from pydantic import TypeAdapter, WrapValidator

from cli import common, files, output
from cli.common import AsJson
from cli.files import BadEntry, FileEntry, Note
from events import codec
from events.codec import Unreadable
from events.export import InvoiceExportRequested, UnreadableInvoice, read_or_name
from events.invoice import Invoice
from events.preview import InvoiceExportPreviewed, InvoiceExportPreviewRequested, InvoicePreview, Verdict
from worker.preview import preview as previewing
from worker.preview.preview import NoCompany

_LONGEST_WAIT_SECONDS = 90.0
_MARKS = {
    "create": "[green]✔ will be exported[/]",
    "update": "[green]✔ will be updated[/]",
    "unchanged": "= unchanged",
    "under_way": "… under way",
    "fail": "[red]✘ would fail[/]",
}
_COUNTED: dict[Verdict, str] = {
    "create": "will be exported",
    "update": "will be updated",
    "unchanged": "unchanged",
    "under_way": "under way",
    "fail": "would fail",
}
_Found = Invoice | UnreadableInvoice
_INVOICE: TypeAdapter[_Found] = TypeAdapter(Annotated[Invoice, WrapValidator(read_or_name)])


@dataclass
class WantedPreview:
    """The invoices of a file by company, what could not be read by where it stands, and what to look at."""

    by_company: dict[str, list[_Found]] = field(default_factory=dict)
    unreadable: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def preview(
    file: Annotated[Path, typer.Argument(help="JSON, JSON lines (.jsonl) or CSV", exists=True, dir_okay=False)],
    company: Annotated[str | None, typer.Option(help="Company, for files of bare invoices")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also list what would go through")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what exporting a file would do: nothing is sent, Xero is only read.

    Takes what publish takes. Ends with 0 when everything would go through, 1 when something would fail or could
    not be read, 2 when there is no preview.

    Examples:
      crewcard-xero preview orders.csv --company harbour

      crewcard-xero preview events.jsonl --json | jq '.previews[].invoices[] | select(.verdict == "fail")'

    """
    tools = common.ready()
    wanted = read_invoices(file, company)
    try:
        made = [
            previewing.preview(tools, whose, invoices, wait=_sit_out)
            for whose, invoices in sorted(wanted.by_company.items())
        ]
    except NoCompany as unknown:
        output.fail(f"There is no company “{unknown}” here.")
    except redis.RedisError:
        output.fail("Redis does not answer, so Xero may not be asked. Is `crewcard-xero up` running?")
    _report(made, wanted, every=every, as_json=as_json)
    raise typer.Exit(0 if all(one.fine for one in made) and not wanted.unreadable else 1)


def read_invoices(path: Path, company: str | None) -> WantedPreview:
    """The invoices in a file."""
    wanted = WantedPreview()
    for entry in files.entries(path, company):
        if isinstance(entry, Note):
            wanted.notes.append(f"{entry.place}: {entry.said}")
            continue
        try:
            whose, invoices = _invoices(entry, company)
        except Unreadable as broken:
            wanted.unreadable[entry.place] = list(broken.problems)
        else:
            wanted.by_company.setdefault(whose, []).extend(invoices)
    return wanted


def _invoices(entry: FileEntry | BadEntry, company: str | None) -> tuple[str, Sequence[_Found]]:
    """Whose invoices an entry holds. Raises Unreadable."""
    if isinstance(entry, BadEntry):
        raise Unreadable(*entry.problems)
    if entry.is_event:
        _, asked = codec.parse_event(entry.document)
        if isinstance(asked, InvoiceExportRequested | InvoiceExportPreviewRequested):
            return asked.company, asked.invoices
        raise Unreadable(f"type: {asked.TYPE} asks for no export")
    return company or "", [_INVOICE.validate_python(entry.document)]


def _sit_out(seconds: float) -> bool:
    if seconds > _LONGEST_WAIT_SECONDS:
        return False
    if seconds >= 1:
        output.warn(f"Xero's limit is reached; going on in {seconds:.0f} s ...")
    time.sleep(seconds)
    return True


def _report(made: Sequence[InvoiceExportPreviewed], wanted: WantedPreview, *, every: bool, as_json: bool) -> None:
    if as_json:
        previews = [one.model_dump(mode="json", exclude_none=True) for one in made]
        output.print_json({"previews": previews, "unreadable": wanted.unreadable, "notes": wanted.notes})
        return
    for one in made:
        _tell(one, every=every)
    for note in wanted.notes:
        output.warn(note)
    for place, problems in wanted.unreadable.items():
        output.warn(f"Not readable: {place}: {'; '.join(problems)}")


def _tell(made: InvoiceExportPreviewed, *, every: bool) -> None:
    counts = ", ".join(
        f"{made.counts[verdict]} {_COUNTED[verdict]}" for verdict in _COUNTED if verdict in made.counts
    )
    output.say(f"{made.company} → {made.organisation or 'not connected'}: {counts or 'no invoices'}")
    rows = [row for row in made.invoices if every or row.problems or row.changes or row.warnings]
    if rows:
        table = output.table("", "number", "", "total", "what and how")
        for row in rows:
            table.add_row(output.text(row.number or row.invoice), _MARKS[row.verdict], _total(row), _words(row))
        output.results.print(table)
    for sums in made.totals:
        output.say(f"Total {sums.currency}: {sums.subtotal:,.2f} + tax {sums.tax:,.2f} = {sums.total:,.2f}")
    for warning in made.warnings:
        output.warn(warning)
    _tell_forecast(made)


def _total(row: InvoicePreview) -> str:
    return f"{row.totals.currency} {row.totals.total:,.2f}" if row.totals else ""


def _words(row: InvoicePreview) -> str:
    problems = [f"{problem.message} {problem.how} ({problem.who})" for problem in row.problems]
    changes = [change.sentence for change in row.changes]
    return output.text("\n".join([*problems, *changes, *row.warnings]))


def _tell_forecast(made: InvoiceExportPreviewed) -> None:
    forecast = made.forecast
    left = "" if forecast.day_calls_left is None else f"; the day has {forecast.day_calls_left} left"
    if forecast.waits_for:
        output.warn(f"It would wait: {forecast.waits_for}")
    elif forecast.seconds is None and forecast.calls:
        output.warn(f"It needs {forecast.calls} calls, more than Xero's day has left for bulk sends{left}.")
    elif forecast.calls:
        needed = common.count(forecast.calls, "call")
        output.say(f"The export takes {needed}, about {_spoken(forecast.seconds or 0)}{left}.")
    if forecast.allocation_calls:
        output.say(f"Crediting invoices takes {common.count(forecast.allocation_calls, 'call')} more, behind it.")
    if forecast.attachment_calls:
        output.say(f"Its files take {common.count(forecast.attachment_calls, 'call')} more at most, behind it.")
    output.say(f"Nothing was sent. Looking took {common.count(made.calls, 'call')}.")


def _spoken(seconds: int) -> str:
    return f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
