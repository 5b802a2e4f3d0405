"""Invoices in CSV: a row per line of an invoice; rows of one invoice may stand anywhere, in the order of its lines.

Our columns: invoice, number, date, due_date, currency, client, client_name, description, quantity, unit_amount;
and, where wanted, those of OPTIONAL. Northwind's columns are accepted too: an order is an invoice, freight is one
more line. An invoice of which a row is refused is refused whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from events import unreadable, written
from events.export import FIELDS
from events.invoice import Invoice
from worker.decisions import tables
from worker.decisions.tables import NoTable, Table, TableRow

Document = dict[str, Any]
REQUIRED = (
    "invoice",
    "number",
    "date",
    "currency",
    "client",
    "client_name",
    "description",
    "quantity",
    "unit_amount",
)
OPTIONAL = (
    *("due_date", "revision", "job", "reference", "amounts_are", "link", "xero_contact_id"),
    *("currency_rate", "expected_payment_date", "sent_to_contact", "document", "credits"),
    *("kind", "account_code", "tax_type", "discount_rate", "discount_amount", "item_code"),
    *("tracking_category", "tracking_option", "tracking_category_2", "tracking_option_2"),
    *("subtotal", "tax", "total"),
)
NORTHWIND = ("order_id", "order_date", "customer_id", "customer_name", "product", "quantity", "unit_price")
_NORTHWIND_TOO = ("required_date", "country", "discount", "freight")
_OF_INVOICE = (
    *("number", "revision", "date", "due_date", "expected_payment_date", "currency", "currency_rate", "job"),
    *("reference", "amounts_are", "link", "sent_to_contact", "document", "credits"),
)
_OF_LINE = (
    *("description", "kind", "quantity", "unit_amount", "account_code", "tax_type"),
    *("discount_rate", "discount_amount", "item_code"),
)
_TOTALS = ("subtotal", "tax", "total")
_OF_CLIENT = ("client", "client_name", "xero_contact_id")
_TRACKING = (("tracking_category", "tracking_option"), ("tracking_category_2", "tracking_option_2"))
# What an invoice's problem is called in the table, where the column has another name.
_COLUMNS = {"id": "invoice", "client id": "client", "totals subtotal": "subtotal", "totals tax": "tax"}
_COLUMNS |= {"totals total": "total", "client xero contact id": "xero_contact_id"}
_MOST_PROBLEMS = 5
_MOST_PARTED = 5  # cells of a row too many or too few, up to which an id is looked for in several together


class NotOurColumns(Exception):
    """The file cannot be read as CSV of invoices; `line` says where."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class CsvInvoice:
    """One invoice and the line of its first row."""

    line: int
    document: Document


@dataclass(frozen=True)
class RefusedInvoice:
    """An invoice of which something cannot be read: what, row by row, and its rows as they stand."""

    line: int
    id: str
    problems: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass
class Sheet:
    """What a file of invoices holds, in the order of first rows; `note` says what to look at in it."""

    invoices: list[CsvInvoice] = field(default_factory=list)
    refused: list[RefusedInvoice] = field(default_factory=list)
    note: str = ""


@dataclass
class _Gathered:
    """The rows of one invoice so far, and what is wrong with them."""

    rows: list[TableRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def sheet(path: Path) -> Sheet:
    """Everything in a file of invoices. Raises NotOurColumns."""
    try:
        decoded = tables.decoded(path.read_bytes())
        known, needed = _wanted(decoded.text)
        table = tables.opened(decoded.text, known, needed, "invoices")
        gathered = _gathered(table, needed[0])
    except NoTable as broken:
        raise NotOurColumns(str(broken), broken.line) from None
    found = Sheet(note=decoded.note)
    build = _northwind if needed is NORTHWIND else _ours
    for id_, one in gathered.items():
        document = {} if one.problems else build(one.rows)
        problems = one.problems or _problems(one.rows, document, northwind=needed is NORTHWIND)
        if problems:
            left = len(problems) - _MOST_PROBLEMS
            more = (f"and {left} more",) if left > 0 else ()
            rows = tuple(table.separator.join(row.raw) for row in one.rows)
            found.refused.append(RefusedInvoice(one.rows[0].line, id_, (*problems[:_MOST_PROBLEMS], *more), rows))
        else:
            found.invoices.append(CsvInvoice(one.rows[0].line, document))
    return found


def invoices(path: Path) -> Iterator[CsvInvoice]:
    """The invoices of a file that has no mistakes. Raises NotOurColumns."""
    found = sheet(path)
    for refused in found.refused:
        raise NotOurColumns("; ".join(refused.problems), refused.line)
    yield from found.invoices


def is_of_invoices(text: str) -> bool:
    """Whether the first row of a text has the columns of invoices."""
    return any(set(wanted) <= tables.columns_in(text, wanted) for wanted in (REQUIRED, NORTHWIND))


def _wanted(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that may be there, and those that must be. What an item brings needs no column."""
    if set(NORTHWIND) <= tables.columns_in(text, NORTHWIND):
        return (*NORTHWIND, *_NORTHWIND_TOO), NORTHWIND
    ours = (*REQUIRED, *OPTIONAL)
    brought = {"description", "quantity", "unit_amount"} if "item_code" in tables.columns_in(text, ours) else set()
    return ours, tuple(name for name in REQUIRED if name not in brought)


def _gathered(table: Table, key: str) -> Mapping[str, _Gathered]:
    """The rows of each invoice. A row that may belong to one and cannot be read is held against it."""
    found: dict[str, _Gathered] = {}
    odd: list[tuple[TableRow, str, str]] = []
    before = ""
    for row in table.rows:
        id_ = row.cells.get(key, "")
        wrong = row.ragged or _wrong_with_id(key, id_)
        if wrong:
            odd.append((row, wrong, before))
            continue
        before = id_
        found.setdefault(id_, _Gathered()).rows.append(row)
    place = list(table.columns).index(key)
    numbers = _ids_by_number(found)
    for row, wrong, previous in odd:
        owners = _owners(row, place, len(table.columns), found, table.separator)
        owners |= numbers.get(row.cells.get("number", ""), set())
        if not owners and not row.cells.get(key) and previous:
            owners.add(previous)
        alone = row.cells.get(key) or f"row {row.line}"
        for owner in sorted(owners) or [alone]:
            held = found.setdefault(owner, _Gathered())
            held.problems.append(f"row {row.line}: {wrong}")
            held.rows.append(row)
    return found


def _wrong_with_id(key: str, id_: str) -> str:
    try:
        written.id_(id_)
    except PydanticCustomError as refused:
        return f"{key}: {refused.message()}"
    return ""


def _ids_by_number(found: Mapping[str, _Gathered]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for id_, one in found.items():
        for row in one.rows:
            if row.cells.get("number"):
                ids.setdefault(row.cells["number"], set()).add(id_)
    return ids


def _owners(row: TableRow, place: int, columns: int, known: Mapping[str, _Gathered], separator: str) -> set[str]:
    """The invoices a row may belong to: its id may have moved, or been parted, by as many cells as are wrong.

    Where very many cells are wrong it may only have moved: runs of cells are as many as their number squared.
    """
    off = abs(len(row.raw) - columns)
    widest = 2 * off + 1 if off <= _MOST_PARTED else 1
    cells = ["".join(filter(str.isprintable, cell)) for cell in row.raw[max(0, place - off) : place + off + 1]]
    between = separator if separator.isprintable() else ""
    ends = ((one, two) for one in range(len(cells)) for two in range(one + 1, min(one + widest, len(cells)) + 1))
    told = {between.join(cells[one:two]).strip() for one, two in ends}
    return told & known.keys()


def _problems(rows: Sequence[TableRow], document: Document, *, northwind: bool) -> list[str]:
    """What is wrong with an invoice, each with its row and column."""
    found = list(_contradictions(rows, ("order_date", "customer_id", "freight") if northwind else _SHARED))
    if not northwind and not found and all(_is_note(row) for row in rows):
        told = "has no quantity and no unit amount in any row"
        found.append(f"row {rows[0].line}, invoice {written.shown(document['id'])}: {told}")
    if not northwind:
        found += [problem for row in rows for problem in _of_tracking(row)]
    try:
        Invoice.model_validate(document)
    except ValidationError as broken:
        for one in unreadable.problems(broken, FIELDS, most=_MOST_PROBLEMS + 1):
            at = rows[min(one.line, len(rows)) - 1] if one.line else rows[0]
            column = _COLUMNS.get(one.field, one.field.replace(" ", "_"))
            found.append(f"row {at.line}, column {column}: {one.said}")
    return found


_SHARED = (*_OF_INVOICE, *_OF_CLIENT, *_TOTALS)


def _contradictions(rows: Sequence[TableRow], columns: Sequence[str]) -> Iterator[str]:
    """Where rows of one invoice say different things about the whole of it; an empty cell says nothing."""
    for column in columns:
        said: dict[str, int] = {}
        for row in rows:
            if row.cells.get(column):
                said.setdefault(row.cells[column], row.line)
        if len(said) > 1:
            (first, at), (other, line) = list(said.items())[:2]
            yield f"row {line}, column {column}: {written.shown(other)}, but row {at} says {written.shown(first)}"


def _is_note(row: TableRow) -> bool:
    return not any(row.cells.get(name) for name in ("quantity", "unit_amount", "item_code"))


def _of_tracking(row: TableRow) -> Iterator[str]:
    for category, option in _TRACKING:
        if bool(row.cells.get(category)) != bool(row.cells.get(option)):
            missing = option if row.cells.get(category) else category
            yield f"row {row.line}, column {missing}: is empty; a tracking category and its option go together"


def _ours(rows: Sequence[TableRow]) -> Document:
    whole = {name: next((row.cells[name] for row in rows if row.cells.get(name)), "") for name in _SHARED}
    client = {"id": whole["client"], "name": whole["client_name"]}
    if whole["xero_contact_id"]:
        client["xero_contact_id"] = whole["xero_contact_id"]
    totals = {name: whole[name] for name in _TOTALS if whole[name]}
    return {
        "id": rows[0].cells["invoice"],
        "client": client,
        **{name: whole[name] for name in _OF_INVOICE if whole[name]},
        "lines": [_line(row) for row in rows],
        **({"totals": totals} if totals else {}),
    }


def _line(row: TableRow) -> Document:
    line: Document = {name: row.cells[name] for name in _OF_LINE if row.cells.get(name)}
    chosen = [{"category": row.cells.get(one, ""), "option": row.cells.get(two, "")} for one, two in _TRACKING]
    tracking = [one for one in chosen if one["category"] and one["option"]]
    return {**line, "tracking": tracking} if tracking else line


def _northwind(rows: Sequence[TableRow]) -> Document:
    first = rows[0].cells
    lines: list[Document] = [
        {
            "description": row.cells["product"],
            "quantity": row.cells["quantity"],
            "unit_amount": row.cells["unit_price"],
            **({"discount_rate": _percent(row.cells["discount"])} if _says_something(row, "discount") else {}),
        }
        for row in rows
    ]
    if _says_something(rows[0], "freight"):
        lines.append({"description": "Freight", "quantity": "1", "unit_amount": first["freight"]})
    return {
        "id": first["order_id"],
        "number": f"NW-{first['order_id']}",
        "client": {"id": first["customer_id"], "name": first["customer_name"]},
        "date": first["order_date"],
        "due_date": first.get("required_date") or first["order_date"],
        "currency": "USD",
        "lines": lines,
    }


def _says_something(row: TableRow, column: str) -> bool:
    return row.cells.get(column, "") not in ("", "0", "0.0")


def _percent(share: str) -> str:
    """A discount of 0.15 as 15 percent; what is not a number is left for the contract to refuse."""
    try:
        return format((Decimal(written.number(share)) * 100).normalize(), "f")
    except (PydanticCustomError, InvalidOperation):
        return share
