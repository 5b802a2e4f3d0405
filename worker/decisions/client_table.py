"""Clients and their Xero contacts in a table, CSV or pasted from a spreadsheet; pure.

Columns: client, xero_contact, name; and, to find contacts for: number, email.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from worker.decisions.likeness import Card

_CONTACT = ("xero_contact", "xero_contact_id", "xero_client_id", "contact_id", "contact")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_LONGEST = 2000
Row = dict[str, str]


@dataclass(frozen=True)
class Wish:
    """A client and what was pasted for it."""

    client: str
    pasted: str
    client_name: str = ""


class NoTable(Exception):
    """What was handed in is no table of clients; the text says what is wrong."""


def cards(lines: Iterable[str], name: str) -> list[Card]:
    """The clients in a table, each once. Raises NoTable."""
    known = ("client", "name", "number", "email")
    found = [{column: row.get(column, "") for column in known} for _, row in _rows(lines, name) if row.get("client")]
    return list(dict.fromkeys(Card(**row) for row in found))


def wishes(lines: Iterable[str], name: str, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; lines that say none go to the mistakes. Raises NoTable."""
    found: dict[str, tuple[str, Wish]] = {}
    for place, row in _rows(lines, name):
        client = row.get("client", "")
        pasted = next((row[column] for column in _CONTACT if row.get(column)), "")
        if not _ID.fullmatch(client):
            mistakes[place] = "client: is missing or has signs that no id has"
        elif not pasted or len(pasted) > _LONGEST:
            mistakes[place] = "xero_contact: is missing or too long"
        elif client in found and found[client][1].pasted != pasted:
            mistakes[place] = f"client {client} stands in {found[client][0]} with another contact"
        else:
            found[client] = (place, Wish(client, pasted, row.get("name", "")[:255]))
    return found


def _rows(lines: Iterable[str], name: str) -> Iterator[tuple[str, Row]]:
    """The rows of a table by their place, names of columns in lower case. Raises NoTable."""
    rest = iter(lines)
    head = next(rest, "")
    reader = csv.reader(_behind(head, rest), delimiter=_delimiter(head))
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        if "client" not in columns:
            raise NoTable(f"{name} has no column “client”; wanted are: client, xero_contact, name")
        for cells in reader:
            if cells:
                yield f"{name}:{reader.line_num}", _texts(columns, cells)
    except csv.Error as broken:
        raise NoTable(f"{name}:{reader.line_num}: not CSV: {broken}") from None


def _behind(head: str, rest: Iterable[str]) -> Iterator[str]:
    yield head.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    yield from rest


def _delimiter(head: str) -> str:
    """What stands between the cells: spreadsheets paste tabs, and write semicolons in half of Europe."""
    return next((sign for sign in ("\t", ",", ";") if sign in head), ",")


def _texts(columns: list[str], cells: list[str]) -> Row:
    """The cells that stand under a name; control characters, which no text of ours has, are left out."""
    named = zip(columns, cells, strict=False)
    return {name: "".join(sign for sign in cell if sign.isprintable()).strip() for name, cell in named if name}
