"""Files of clients and their Xero contacts: client, xero_contact, name; and, to find contacts for: number, email."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli import output
from worker.decisions import client_table
from worker.decisions.client_table import NoTable, Wish
from worker.decisions.likeness import Card


def cards(file: Path) -> list[Card]:
    """Clients in a file, each once."""
    with _opened(file) as lines:
        return client_table.cards(lines, file.name)


def wishes(file: Path, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; lines that say none go to the mistakes."""
    with _opened(file) as lines:
        return client_table.wishes(lines, file.name, mistakes)


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """The file's text; what is no table ends the command."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as opened:
        try:
            yield opened
        except NoTable as broken:
            output.fail(str(broken), 2)
