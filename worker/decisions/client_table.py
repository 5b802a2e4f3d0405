"""Clients and their Xero contacts in a table, CSV or pasted from a spreadsheet; pure.

Columns: client, xero_contact, name; and, to find contacts for: number, email.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from events import written
from worker.decisions import tables
from worker.decisions.fuzzy_match import Card
from worker.decisions.tables import TableRow

_CONTACT = ("xero_contact", "xero_contact_id", "xero_client_id", "contact_id", "contact")
_OF_CARD = ("client", "name", "number", "email")
_KNOWN = (*_OF_CARD, *_CONTACT)
_LONGEST = 2000


@dataclass(frozen=True)
class Wish:
    """A client and what was pasted for it."""

    client: str
    pasted: str
    client_name: str = ""


def cards(text: str) -> list[Card]:
    """The clients in a table, each once. Raises NoTable."""
    table = tables.opened(text, _KNOWN, ("client",), "clients")
    found = [{column: row.cells.get(column, "") for column in _OF_CARD} for row in table.rows if row.cells["client"]]
    return list(dict.fromkeys(Card(**row) for row in found))


def wishes(text: str, name: str, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; rows that say none go to the mistakes. Raises NoTable."""
    found: dict[str, tuple[str, Wish]] = {}
    for row in tables.opened(text, _KNOWN, ("client",), "clients").rows:
        place = f"{name}:{row.line}"
        client = row.cells.get("client", "")
        pasted = next((row.cells[column] for column in _CONTACT if row.cells.get(column)), "")
        wrong = _wrong_with(row, client, pasted)
        if not wrong and client in found and found[client][1].pasted != pasted:
            wrong = f"client {client} stands in {found[client][0]} with another contact"
        if wrong:
            mistakes[place] = wrong
        elif client not in found:
            found[client] = (place, Wish(client, pasted, written.one_line(row.cells.get("name", ""))[:255]))
    return found


def _wrong_with(row: TableRow, client: str, pasted: str) -> str:
    if row.ragged:
        return row.ragged
    try:
        written.id_(client)
        written.text(row.cells.get("name", ""))
    except PydanticCustomError as refused:
        return f"client: {refused.message()}"
    if not pasted or len(pasted) > _LONGEST:
        return "xero_contact: is empty" if not pasted else f"xero_contact: has more than {_LONGEST:,} characters"
    contacts = {row.cells[column] for column in _CONTACT if row.cells.get(column)}
    return "xero_contact: two columns name different contacts" if len(contacts) > 1 else ""
