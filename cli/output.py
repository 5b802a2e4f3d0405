"""How the command speaks: results on standard output, everything else on standard error."""

import json
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

results = Console(soft_wrap=True)
errors = Console(stderr=True)
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
    typer.echo(json.dumps(value, default=str, ensure_ascii=False, indent=2))


def table(title: str, *columns: str) -> Table:
    """An empty table that folds long text instead of cutting it."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def text(value: Any) -> str:
    """A cell: text of others, shown as text."""
    return escape("" if value is None else str(value))
