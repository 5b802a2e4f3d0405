"""How the command speaks: results on standard output, everything else on standard error."""

import json
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from events import plain_text


class PlainConsole(Console):
    """A terminal to which nothing of what others wrote gives commands, whoever forgot to look at it before."""

    def render_str(self, text: str, **how: Any) -> Text:
        """The text, its markup ours."""
        return super().render_str(plain_text.shown(text, lines=True), **how)


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
    typer.echo(plain_text.shown(json.dumps(value, default=str, ensure_ascii=False, indent=2), lines=True))


def table(title: str, *columns: str) -> Table:
    """An empty table that folds long text instead of cutting it."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def text(value: Any) -> str:
    """A cell, a title of a bar: text of others, shown as text."""
    return escape(plain_text.shown("" if value is None else str(value), lines=True))


def echo(text: str, *, err: bool = False) -> None:
    """Text as long as it is, without colours, for a shell to take; what a terminal would obey is written out."""
    typer.echo(plain_text.shown(text, lines=True), err=err)
