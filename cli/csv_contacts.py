"""Clients and their Xero contacts in CSV: client, xero_contact, name; and, to find contacts for: number, email."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli import output
from worker.contacts.contact_previews import Wish
from worker.decisions.likeness import Card

_CONTACT = ("xero_contact", "xero_contact_id", "xero_client_id", "contact_id", "contact")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_LONGEST = 2000
Row = dict[str, str]


def cards(file: Path) -> list[Card]:
    """Clients in a file, each once."""
    known = ("client", "name", "number", "email")
    rows = [{name: row.get(name, "") for name in known} for _, row in _rows(file) if row.get("client")]
    return list(dict.fromkeys(Card(**row) for row in rows))


def wishes(file: Path, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; lines that say none go to the mistakes."""
    found: dict[str, tuple[str, Wish]] = {}
    for place, row in _rows(file):
        client = row.get("client", "")
        pasted = next((row[name] for name in _CONTACT if row.get(name)), "")
        if not _ID.fullmatch(client):
            mistakes[place] = "client: is missing or has signs that no id has"
        elif not pasted or len(pasted) > _LONGEST:
            mistakes[place] = "xero_contact: is missing or too long"
        elif client in found and found[client][1].pasted != pasted:
            mistakes[place] = f"client {client} stands in {found[client][0]} with another contact"
        else:
            found[client] = (place, Wish(client, pasted, row.get("name", "")[:255]))
    return found


def _rows(file: Path) -> Iterator[tuple[str, Row]]:
    """The rows of a file by their place, names of columns in lower case. Ends where there are no columns."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as opened:
        reader = csv.DictReader(opened)
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
        if "client" not in columns:
            output.fail(f"{file.name} has no column “client”; wanted are: client, xero_contact, name", 2)
        reader.fieldnames = columns
        try:
            for row in reader:
                yield f"{file.name}:{reader.line_num}", _texts(row)
        except csv.Error as broken:
            output.fail(f"{file.name}:{reader.line_num}: not CSV: {broken}", 2)


def _texts(row: Mapping[str | None, str | list[str] | None]) -> Row:
    """The cells that stand under a name; control characters, which no text of ours has, are left out."""
    return {
        name: "".join(sign for sign in cell if sign.isprintable()).strip()
        for name, cell in row.items()
        if isinstance(name, str) and isinstance(cell, str)
    }
