"""How the command speaks: results on standard output, everything else on standard error.

How far requests are, for people: a bar per request with its estimated finish.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from events import wording


class PlainConsole(Console):
    """A terminal to which nothing of what others wrote gives commands, whoever forgot to look at it before."""

    def render_str(self, text: str, **how: Any) -> Text:
        """The text, its markup ours."""
        return super().render_str(wording.shown(text, lines=True), **how)


results = PlainConsole(soft_wrap=True, emoji=False)
errors = PlainConsole(stderr=True, emoji=False)
MARKS = {
    "exported": "[green]✔ exported[/]",
    "failed": "[red]✘ failed[/]",
    "queued": "… queued",
    "exporting": "… exporting",
    "uncertain": "[yellow]? uncertain[/]",
    "waiting": "[yellow]… waiting[/]",
    "excluded": "- excluded",
    "not_exported": "not exported",
}


def say(line: str) -> None:
    """One line of a result."""
    results.print(escape(line), highlight=False)


def warn(line: str) -> None:
    """One line that is not a result."""
    errors.print(escape(line), highlight=False)


def fail(line: str, code: int = 2) -> NoReturn:
    """End with a sentence that says what to do."""
    warn(line)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """The result for machines."""
    typer.echo(wording.shown(json.dumps(value, default=str, ensure_ascii=False, indent=2), lines=True))


def listing(
    rows: Sequence[Any],
    *,
    as_json: bool,
    columns: Mapping[str, str | Callable[[Any], Any]] | None = None,
    document: Callable[[Any], Any] | None = None,
    lines: Callable[[Any], Iterable[str]] = lambda _: (),
    none: str = "",
    most: int | None = None,
) -> None:
    """A list: each row as JSON, or a table of these columns (fields, or what makes a cell), or `lines` of each.

    `document` makes a row's JSON where it is not simply all of its fields; `none` is said of an empty list. Of more
    rows than `most` so many are shown, and standard error says that there are others: who asks takes one more.
    """
    if most is not None and len(rows) > most:
        rows = rows[:most]
        warn(f"These are the newest {most}; there are more.")
    if as_json:
        print_json([document(row) if document else fields(row) for row in rows])
        return
    if columns is not None and (rows or not none):
        shown = table("", *columns)
        for row in rows:
            cells = (getattr(row, at) if isinstance(at, str) else at(row) for at in columns.values())
            shown.add_row(*map(text, cells))
        results.print(shown)
    elif not rows and none:
        say(none)
    for row in rows:
        for line in lines(row):
            say(line)


def moment(row: Any) -> str:
    """When a row was written: `2026-11-22 09:30:00`."""
    return f"{row.at:%Y-%m-%d %H:%M:%S}"


def fields(row: Any) -> dict[str, Any]:
    """All fields of a row: of a table's, of a dataclass, or of what is a document already."""
    if isinstance(row, dict):
        return row
    found: dict[str, Any] = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row.model_dump()
    return found


def result(document: Any, *lines: str, as_json: bool) -> None:
    """What came of it: a document for machines, or these lines for people."""
    if as_json:
        print_json(document)
    for line in () if as_json else lines:
        say(line)


def table(title: str, *columns: str) -> Table:
    """An empty table that folds long text instead of cutting it."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def text(value: Any) -> str:
    """A cell, a title of a bar: text of others, shown as text."""
    return escape(wording.shown("" if value is None else str(value), lines=True))


def echo(text: str, *, err: bool = False) -> None:
    """Text as long as it is, without colours, for a shell to take; what a terminal would obey is written out."""
    typer.echo(wording.shown(text, lines=True), err=err)


Seen = dict[str, Any]
_POLL_SECONDS = 0.15


def watch(
    requests: Sequence[tuple[str, str]], look: Callable[[str, str], Seen], *, quiet: bool = False
) -> list[Seen]:
    """Show a bar per request until every invoice has its answer; give how each ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[tally]}"),
        TimeElapsedColumn(),
    )
    ended = []
    with Progress(*columns, console=errors, disable=quiet) as bars:
        for company, request in requests:
            bar = bars.add_task(text(request), total=None, tally="")
            while not (found := look(company, request))["complete"]:
                _show(bars, bar, found)
                time.sleep(_POLL_SECONDS)
            _show(bars, bar, found)
            ended.append(found)
    return ended


def _show(bars: Progress, bar: Any, found: Seen) -> None:
    bars.update(bar, total=found["total"], completed=found["exported"] + found["failed"], tally=tally(found))


def tally(found: Seen) -> str:
    """`120 exported, 3 failed, done in about 2 min`."""
    counts = f"{found['exported']} exported, {found['failed']} failed"
    left = _left(found.get("estimated_finish"))
    return f"{counts}, {left}" if left and not found["complete"] else counts


def _left(finish: Any) -> str:
    if not finish:
        return ""
    moment = datetime.fromisoformat(finish) if isinstance(finish, str) else finish
    seconds = max(0.0, (moment - datetime.now(UTC)).total_seconds())
    if seconds < 60:
        return f"done in about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"done in about {round(seconds / 60)} min"
    return f"done by {moment.astimezone():%Y-%m-%d %H:%M}"
