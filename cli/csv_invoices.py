"""Invoices in CSV: a row per line, rows of one invoice together.

Our columns: invoice, number, date, due_date, currency, client, client_name, description, quantity, unit_amount;
and, where wanted: revision, job, reference, amounts_are, kind, account_code, tax_type, discount_rate, item_code,
subtotal, tax, total. Northwind's columns are accepted too: an order is an invoice, freight is one more line.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Any

Row = dict[str, str]
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
NORTHWIND = ("order_id", "order_date", "customer_id", "customer_name", "product", "quantity", "unit_price")
_OF_INVOICE = ("number", "date", "due_date", "currency", "job", "reference", "amounts_are")
_OF_LINE = (
    "description",
    "kind",
    "quantity",
    "unit_amount",
    "account_code",
    "tax_type",
    "discount_rate",
    "item_code",
)
_TOTALS = ("subtotal", "tax", "total")


class NotOurColumns(Exception):
    """The file cannot be read as CSV of invoices; `line` and `row` say where."""

    def __init__(self, message: str, line: int, row: str) -> None:
        super().__init__(message)
        self.line = line
        self.row = row


@dataclass(frozen=True)
class CsvInvoice:
    """One invoice and the line of its first row."""

    line: int
    document: Document


def invoices(path: Path) -> Iterator[CsvInvoice]:
    """The invoices of a file, in order. Raises NotOurColumns."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        if set(NORTHWIND) <= set(columns):
            key, read = "order_id", _northwind
        else:
            key, read = "invoice", _ours
            _must_have(REQUIRED, columns)
        yield from _grouped(reader, key, read)


def _grouped(reader: "csv.DictReader[str]", key: str, read: Callable[[list[Row]], Document]) -> Iterator[CsvInvoice]:
    def rows() -> Iterator[tuple[int, Row]]:
        try:
            for row in reader:
                yield reader.line_num, {k: v or "" for k, v in row.items() if isinstance(k, str)}
        except csv.Error as broken:
            raise NotOurColumns(f"not CSV: {broken}", reader.line_num, "") from None

    for _, group in groupby(rows(), key=lambda numbered: numbered[1].get(key, "")):
        lines = list(group)
        yield CsvInvoice(lines[0][0], read([row for _, row in lines]))


def _must_have(required: tuple[str, ...], columns: Any) -> None:
    missing = [name for name in required if name not in columns]
    if missing:
        raise NotOurColumns(f"columns missing: {', '.join(missing)}", 1, ",".join(columns))


def _ours(rows: list[Row]) -> Document:
    first = rows[0]
    document: Document = {
        "id": first["invoice"],
        "client": {"id": first["client"], "name": first["client_name"]},
        **_given(first, _OF_INVOICE),
        "lines": [_given(row, _OF_LINE) for row in rows],
    }
    if first.get("revision"):
        document["revision"] = first["revision"]
    totals = _given(first, _TOTALS)
    return {**document, "totals": totals} if totals else document


def _given(row: Row, names: tuple[str, ...]) -> Document:
    return {name: row[name] for name in names if row.get(name)}


def _northwind(rows: list[Row]) -> Document:
    first = rows[0]
    lines: list[Document] = [
        {
            "description": row["product"],
            "quantity": row["quantity"],
            "unit_amount": row["unit_price"],
            **({"discount_rate": _percent(row["discount"])} if row.get("discount") not in ("", "0.0", "0") else {}),
        }
        for row in rows
    ]
    if first.get("freight") and first["freight"] not in ("0", "0.0"):
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


def _percent(share: str) -> str:
    """A discount of 0.15 as 15 percent; what is not a number is left for the contract to refuse."""
    try:
        return format((Decimal(share) * 100).normalize(), "f")
    except InvalidOperation:
        return share
