"""Files of invoices read entry by entry: JSON, JSON lines, CSV. A bad entry names its line and the rest goes on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import csv_invoices
from events import codec
from events.codec import Unreadable

LONGEST_LINE = 5_000_000


@dataclass(frozen=True)
class Entry:
    """One thing in a file: a CloudEvent or a bare invoice, and where it stands."""

    place: str
    document: dict[str, Any]

    @property
    def is_event(self) -> bool:
        """Whether this is a whole CloudEvent."""
        return "specversion" in self.document


@dataclass(frozen=True)
class BadEntry:
    """Something in a file that cannot be read, kept as it stood."""

    place: str
    body: bytes
    problems: tuple[str, ...]


def entries(path: Path) -> Iterator[Entry | BadEntry]:
    """Everything in the file, in order. The ending of its name says what it is."""
    readers = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines}
    return readers.get(path.suffix.lower(), _whole)(path)


def _whole(path: Path) -> Iterator[Entry | BadEntry]:
    body = path.read_bytes()
    try:
        document = codec.parse(body, most=200_000_000)
    except Unreadable as broken:
        yield BadEntry(path.name, body[:LONGEST_LINE], broken.problems)
        return
    for number, element in enumerate(document if isinstance(document, list) else [document], start=1):
        yield _entry(f"{path.name}[{number}]", element)


def _lines(path: Path) -> Iterator[Entry | BadEntry]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path.name}:{number}"
            try:
                yield _entry(place, codec.parse(line, most=LONGEST_LINE))
            except Unreadable as broken:
                yield BadEntry(place, line[:LONGEST_LINE], broken.problems)


def _csv(path: Path) -> Iterator[Entry | BadEntry]:
    try:
        for invoice in csv_invoices.invoices(path):
            yield Entry(f"{path.name}:{invoice.line}", invoice.document)
    except csv_invoices.NotOurColumns as broken:
        yield BadEntry(f"{path.name}:{broken.line}", broken.row.encode(), (str(broken),))


def _entry(place: str, document: Any) -> Entry | BadEntry:
    if isinstance(document, dict):
        return Entry(place, document)
    return BadEntry(place, json.dumps(document, default=str).encode(), ("entry: must be a JSON object",))
