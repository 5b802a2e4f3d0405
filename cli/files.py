"""Files of invoices read entry by entry: JSON, JSON lines, CSV. A bad entry names its place and the rest goes on.

What is wrong with an entry is said here, once for `preview` and `publish`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from cli import csv_invoices
from events import codec, written
from events.codec import Unreadable
from worker.decisions import tables
from worker.decisions.tables import NoTable

LONGEST_LINE = 5_000_000
_LONGEST_FILE = 200_000_000
_AN_INVOICE_HAS = ("lines", "number", "client")


@dataclass(frozen=True)
class FileEntry:
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


@dataclass(frozen=True)
class Note:
    """Something worth knowing about a file that could be read: its encoding, where that is not UTF-8."""

    place: str
    said: str


def entries(path: Path, company: str | None = None) -> Iterator[FileEntry | BadEntry | Note]:
    """Everything in the file, in order. The ending of its name says what it is; bare invoices need a company.

    A file with nothing in it is told as well: whoever sent it meant to send something.
    """
    readers = {".csv": _csv, ".tsv": _csv, ".txt": _csv, ".jsonl": _lines, ".ndjson": _lines}
    holds_any = False
    for entry in readers.get(path.suffix.lower(), _whole)(path):
        holds_any |= not isinstance(entry, Note)
        yield _sound(entry, company) if isinstance(entry, FileEntry) else entry
    if not holds_any:
        yield BadEntry(path.name, b"", ("file: there is no invoice in it",))


def _sound(entry: FileEntry, company: str | None) -> FileEntry | BadEntry:
    """The entry, or what is wrong with it before anybody reads what it says."""
    problem = ""
    if not entry.is_event and not any(name in entry.document for name in _AN_INVOICE_HAS):
        problem = "entry: neither a CloudEvent (specversion is missing) nor an invoice (lines are missing)"
    elif not entry.is_event and company is None:
        problem = "company: bare invoices need --company"
    elif not entry.is_event:
        problem = _wrong_with_id(entry.document)
    return _bad(entry.place, entry.document, problem) if problem else entry


def _wrong_with_id(document: Mapping[str, Any]) -> str:
    """An invoice that nobody could be answered about by its id is named by its place in the file."""
    if document.get("id") is None:
        return "id: is missing"
    try:
        written.id_(document["id"])
    except PydanticCustomError as refused:
        return f"id: {refused.message()}"
    return ""


def _whole(path: Path) -> Iterator[FileEntry | BadEntry | Note]:
    body = path.read_bytes()
    try:
        decoded = tables.decoded(body)
        document = codec.parse(decoded.text.encode(), most=_LONGEST_FILE)
    except NoTable as broken:
        yield BadEntry(f"{path.name}:{broken.line}", body[:LONGEST_LINE], (f"file: {broken}",))
        return
    except Unreadable as broken:
        yield BadEntry(path.name, body[:LONGEST_LINE], broken.problems)
        return
    if decoded.note:
        yield Note(path.name, decoded.note)
    elements = document if isinstance(document, list) else [document]
    places = [f"{path.name}[{number}]" for number in range(1, len(elements) + 1)]
    yield from _each_once([_entry(place, element) for place, element in zip(places, elements, strict=True)])


def _lines(path: Path) -> Iterator[FileEntry | BadEntry | Note]:
    body = path.read_bytes()
    try:
        decoded = tables.decoded(body)
    except NoTable:  # each line for itself, so that one that is broken takes no other along
        decoded = None
    if decoded and decoded.note:
        yield Note(path.name, decoded.note)
    found: list[FileEntry | BadEntry] = []
    for number, line in enumerate((decoded.text.encode() if decoded else body).split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            found.append(_entry(place, codec.parse(line, most=LONGEST_LINE)))
        except Unreadable as broken:
            found.append(BadEntry(place, line[:LONGEST_LINE], broken.problems))
    yield from _each_once(found)


def _each_once(found: Sequence[FileEntry | BadEntry]) -> Iterator[FileEntry | BadEntry]:
    """Invoices with one id and one revision and two contents are refused: nobody knows which is meant."""
    said: dict[tuple[str, str], list[FileEntry]] = {}
    for entry in found:
        if isinstance(entry, FileEntry) and not entry.is_event and "id" in entry.document:
            key = (str(entry.document["id"]), str(entry.document.get("revision", 0)))
            said.setdefault(key, []).append(entry)
    twice: dict[str, str] = {}
    for same in said.values():
        if any(one.document != same[0].document for one in same):
            twice |= {one.place: same[1].place if one is same[0] else same[0].place for one in same}
    for entry in found:
        if isinstance(entry, FileEntry) and entry.place in twice:
            problem = f"id: {twice[entry.place]} has the same id and revision; not all of them say the same"
            yield _bad(entry.place, entry.document, problem)
        else:
            yield entry


def _csv(path: Path) -> Iterator[FileEntry | BadEntry | Note]:
    try:
        found = csv_invoices.sheet(path)
    except csv_invoices.NotOurColumns as broken:
        yield BadEntry(f"{path.name}:{broken.line}", path.read_bytes()[:LONGEST_LINE], (f"table: {broken}",))
        return
    if found.note:
        yield Note(path.name, found.note)
    for refused in found.refused:
        body = "\n".join(refused.rows).encode()[:LONGEST_LINE]
        yield BadEntry(f"{path.name}:{refused.line}", body, refused.problems)
    for invoice in found.invoices:
        yield FileEntry(f"{path.name}:{invoice.line}", invoice.document)


def _entry(place: str, document: Any) -> FileEntry | BadEntry:
    if isinstance(document, dict):
        return FileEntry(place, document)
    return _bad(place, document, "entry: must be a JSON object")


def _bad(place: str, document: Mapping[str, Any] | Any, problem: str) -> BadEntry:
    return BadEntry(place, json.dumps(document, default=str).encode()[:LONGEST_LINE], (problem,))
