"""Files of clients and their Xero contacts: client, xero_contact, name; and, to find contacts for: number, email."""

from collections.abc import Mapping
from pathlib import Path

from cli import output
from worker.decisions import client_table, tables
from worker.decisions.client_table import Wish
from worker.decisions.fuzzy_match import Card
from worker.decisions.tables import NoTable


def cards(file: Path) -> list[Card]:
    """Clients in a file, each once; what is no table ends the command."""
    try:
        return client_table.cards(_text(file))
    except NoTable as broken:
        output.fail(f"{file.name}:{broken.line}: {broken}", 2)


def wishes(file: Path, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; rows that say none go to the mistakes."""
    try:
        return client_table.wishes(_text(file), file.name, mistakes)
    except NoTable as broken:
        output.fail(f"{file.name}:{broken.line}: {broken}", 2)


def _text(file: Path) -> str:
    decoded = tables.decoded(file.read_bytes())
    if decoded.note:
        output.warn(f"{file.name}: {decoded.note}")
    return decoded.text
