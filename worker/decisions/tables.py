"""Tables of any kind, read strictly: encoding, separator, names of columns, and whole rows; pure.

A cell is read one way or its row is refused. What is refused names its row, counted as the lines of the file are.

Clients and their Xero contacts in a table, CSV or pasted from a spreadsheet; pure.

Columns: client, xero_contact, name; and, to find contacts for: number, email.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from events import unreadable, written
from worker.decisions.contact_checks import Card

SEPARATORS: Mapping[str, str] = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
AS_UTF_8 = "Save it as “CSV UTF-8” and take that file."
_UTF_8, _WESTERN = "UTF-8", "Windows-1252"
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8", _UTF_8),
    (b"\xff\xfe", "utf-16-le", "UTF-16"),
    (b"\xfe\xff", "utf-16-be", "UTF-16"),
)
_OTHER_KINDS = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
}
_WORD = re.compile(r"[^\W\d_]+(?:[^\w\s][^\W\d_]+)*[^\w\s]?")
_SEEN_SAMPLES, _SHARE_OF_ZEROS, _LONGEST_CELL = 3, 0.3, 100_000
_MOST_COLUMNS, _NAMED = 200, 10
# Signs of Windows-1252 that stand between two letters in no Western text: there the bytes mean other letters.
# By code point, because some look like others: low quotes, daggers, tilde, bullets, currencies, fractions …
_NOT_WITHIN_WORDS = frozenset(
    "\u201a\u0192\u201e\u2020\u2021\u02c6\u2030\u2039\u02dc\u203a\xa4\xa6\xa8\xac\xaf\xb3\xb2\xb9\xb5\xb6"
    "\xb8\xa3\xa5\xa7\xa2\u20ac\xa9\xae\u2122\u2022\u201c\u201d\xab\xbb\xb0\xb1\xa1\xbf\xbc\xbd\xbe\xf7\xd7"
)
_NEVER = frozenset("\u02c6\u02dc\u0192\xb8\xaf\xa8\u2020\u2021")
# Files that other products make, by columns that only theirs have together.
_PRODUCTS: Sequence[tuple[str, frozenset[str], str]] = (
    ("Xero's own template for invoices", frozenset({"contactname", "invoicenumber"}), "Xero itself imports it."),
    ("an export of Stripe", frozenset({"amount_due", "currency"}), ""),
    ("an export of Stripe", frozenset({"customer_email", "amount_paid"}), ""),
    ("an export of QuickBooks", frozenset({"invoiceno", "customer"}), ""),
    ("an export of QuickBooks", frozenset({"product/service", "rate"}), ""),
    ("an export of WorkflowMax", frozenset({"job_no.", "client"}), ""),
    ("an export of WorkflowMax", frozenset({"job_number", "invoice_number"}), ""),
    ("an export of MYOB", frozenset({"co./last_name"}), ""),
    ("an export of FreshBooks", frozenset({"client_name", "invoice_#"}), ""),
    ("an export of Shopify", frozenset({"lineitem_name", "lineitem_price"}), ""),
    ("an export of Sage", frozenset({"account_reference", "nominal_a/c_ref"}), ""),
)


class NoTable(Exception):
    """What was handed in is no table of ours; the text says what is wrong, `line` where, counted from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Decoded:
    """A file's text, the encoding it was in, and, where that was not UTF-8, what to look at."""

    text: str
    encoding: str = _UTF_8
    note: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row by the names of its columns; `line` is where it begins. A `ragged` one has another number of cells."""

    line: int
    cells: Mapping[str, str]
    raw: Sequence[str] = ()
    ragged: str = ""


@dataclass(frozen=True)
class Table:
    """A table's columns as we name them, its separator, and its rows, empty ones left out; they are read once."""

    columns: Sequence[str]
    separator: str
    rows: Iterator[TableRow] = field(repr=False)


def decoded(body: bytes) -> Decoded:
    """The text of a file. Raises NoTable for what is no text, and for an encoding nobody can be sure of."""
    for sign, kind in _OTHER_KINDS.items():
        if body.startswith(sign):
            raise NoTable(f"This is {kind}, not a CSV file. Open it and save it as “CSV UTF-8”.")
    encoding, name, skipped = _encoding(body)
    try:
        text = body[skipped:].decode(encoding)
    except UnicodeDecodeError:
        raise NoTable(f"It cannot be said in which encoding this file is. {AS_UTF_8}", _line_of(body, 0)) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NoTable(f"Line {line} has a NUL character, which no text has. {AS_UTF_8}", line)
    if name != _WESTERN:
        note = "" if name == _UTF_8 else f"The file is not UTF-8; it was read as {name}."
        return Decoded(text, name, note)
    words = dict.fromkeys(word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii())
    samples = [written.shown(word) for word in list(words)[:_SEEN_SAMPLES]]
    return Decoded(text, name, f"The file is not UTF-8; it was read as {name}: {', '.join(samples)}.")


def opened(text: str, known: Sequence[str], needed: Sequence[str], what: str) -> Table:
    """The table in a text. `known` are our columns, `needed` those that tell such a table. Raises NoTable.

    `what` is what the table is of: “invoices”.
    """
    text, separator, before = _begun(text, known)
    reader = _rows(text, separator, before)
    head = next((cells for _, cells in reader if any(map(_bare, cells))), None)
    if head is None:
        raise NoTable(f"This is empty: there is no row with the names of columns, {', '.join(needed)}.")
    columns = [named(name) for name in head]
    while columns and not columns[-1]:
        columns.pop()
    _must_be_ours(columns, head, known, needed, what)
    return Table(columns, separator, _body(reader, columns, len(head)))


def columns_in(text: str, known: Sequence[str]) -> set[str]:
    """The names of columns in the first row of a text, as we write them."""
    rest, separator, _ = _begun(text, known)
    head = next((line for line in io.StringIO(rest, newline=None) if line.strip()), "")
    return {named(cell) for cell in _cells(head, separator)}


def named(column: str) -> str:
    """The name of a column as we write it: `Due Date` and `*DueDate ` are `due_date` and `duedate`."""
    return re.sub(r"[\s\-_]+", "_", _bare(column).lstrip("*").casefold()).strip("_")


def _encoding(body: bytes) -> tuple[str, str, int]:
    """How to decode a file, what people call it, and how many bytes to skip."""
    for mark, encoding, name in _MARKS:
        if body.startswith(mark):
            return encoding, name, len(mark)
    sample = body[:4096]
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[place::2]
        if len(half) > 1 and half.count(0) > len(half) * _SHARE_OF_ZEROS and not sample[1 - place :: 2].count(0):
            return encoding, "UTF-16", 0
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as broken:
        _must_be_western(body, broken.start)
        return "cp1252", _WESTERN, 0
    return "utf-8", _UTF_8, 0


def _must_be_western(body: bytes, at: int) -> None:
    """Raises NoTable where a file that is not UTF-8 does not read as Windows-1252, what Excel writes in the West."""
    line = _line_of(body, at)
    try:
        text = body.decode("cp1252")
    except UnicodeDecodeError as broken:
        line = _line_of(body, broken.start)
        raise NoTable(f"Line {line} is neither UTF-8 nor Windows-1252. {AS_UTF_8}", line) from None
    for word in _WORD.findall(text):
        if not word.isascii() and _is_odd(word):
            message = f"The file is not UTF-8, and {written.shown(word)} does not look like Windows-1252. {AS_UTF_8}"
            raise NoTable(message, text.count("\n", 0, text.index(word)) + 1)


def _is_odd(word: str) -> bool:
    """Whether a word of Windows-1252 looks like another encoding read wrongly."""
    high = [not one.isascii() and one.isalpha() for one in word]
    if any(all(high[place : place + 3]) for place in range(len(word) - 2)):
        return True
    inner = word[1:-1]
    small = [one for one in word if one.isalpha() and one.isascii() and one.islower()]
    capitals = [one for one in word[1:] if not one.isascii() and one.isupper()]
    dashed = re.search("[a-z][\u2013\u2014][a-z]", word)
    signs = set(inner) & _NOT_WITHIN_WORDS or set(word) & _NEVER or word[-1] in "\xb3\xb9"
    return bool(signs or (small and capitals) or dashed)


def _line_of(body: bytes, at: int) -> int:
    return body.count(b"\n", 0, at) + 1


def _begun(text: str, known: Sequence[str]) -> tuple[str, str, int]:
    """The text from its first row on, its separator, and how many lines stand before it.

    The separator is the one that finds most of our columns in the first row, else most cells.
    """
    text = text.removeprefix("\ufeff")
    told = re.match(r"\s*sep=([,;\t|])\s*?(\r\n|\r|\n)", text)  # Excel's own way of telling it
    if told:
        return text[told.end() :], told[1], text[: told.end()].count("\n") or 1
    head = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")

    def found(separator: str) -> tuple[int, int]:
        cells = _cells(head, separator)
        return len({named(cell) for cell in cells} & set(known)), len(cells)

    return text, max(SEPARATORS, key=found), 0


def _cells(head: str, separator: str) -> list[str]:
    """The cells of a first row; none where one is too long, which is said when the row is read."""
    try:
        return next(iter(csv.reader([head.rstrip("\n")], delimiter=separator)), [])
    except csv.Error:
        return []


def _rows(text: str, separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Each row and the line it begins at. Raises NoTable for quotes that are left open."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            raise NoTable(_about_quotes(str(broken), line), line) from None
        yield line, cells


def _about_quotes(broken: str, line: int) -> str:
    if "field limit" in broken:
        return f"Line {line} has a cell of more than {_LONGEST_CELL:,} characters; a quote may be left open there."
    if "end of data" in broken:
        return f"A quote that is opened in line {line} is never closed."
    return f'In line {line} something stands behind a closing quote. A quote inside a cell is written twice: 6"".'


def _must_be_ours(
    columns: Sequence[str], head: Sequence[str], known: Sequence[str], needed: Sequence[str], what: str
) -> None:
    """Raises NoTable for unknown, doubled, missing and too many columns, and for files of other products."""
    missing = [name for name in needed if name not in columns]
    if missing:
        _must_not_be_of_another(columns, needed)
    if len(columns) > _MOST_COLUMNS:
        raise NoTable(f"This has {len(columns):,} columns; a table of {what} has {_MOST_COLUMNS} at most.")
    unknown = [place for place, name in enumerate(columns) if name and name not in known]
    if missing:
        near = [hint for place in unknown if (hint := _about_column(head[place], columns[place], missing))[-1] == "?"]
        hints = "".join(f" {hint[0].upper()}{hint[1:]}" for hint in near[:_NAMED])
        more = f" And {len(unknown) - _NAMED} more columns are not known." if len(near) > _NAMED else ""
        raise NoTable(f"Columns missing for {what}: {', '.join(missing)}.{hints}{more}{_one_cell(head)}")
    if unknown:
        told = "; ".join(_about_column(head[place], columns[place], known) for place in unknown[:_NAMED])
        told += f"; and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise NoTable(
            f"{told[0].upper()}{told[1:]}{'' if told.endswith('?') else '.'} Known are: {', '.join(known)}."
        )
    for name in columns:
        places = [place for place, other in enumerate(columns, start=1) if name and other == name]
        if len(places) > 1:
            raise NoTable(f"Column {name} stands there more than once ({_places(places)}).")


def _places(places: Sequence[int]) -> str:
    if len(places) <= _NAMED:
        return f"columns {' and '.join(map(str, places))}"
    return f"columns {', '.join(map(str, places[:_NAMED]))} and {len(places) - _NAMED} more"


def _about_column(head: str, column: str, known: Sequence[str]) -> str:
    meant = unreadable.meant_by(column, known)
    return f"column {written.shown(head)[1:-1]} is not known" + (f"; do you mean {meant}?" if meant else "")


def _one_cell(head: Sequence[str]) -> str:
    first = written.shown(head[0]) if len(head) == 1 else ""
    return f" The first row is one cell, {first}; cells are parted by comma, semicolon, tab or bar." if first else ""


def _must_not_be_of_another(columns: Sequence[str], needed: Sequence[str]) -> None:
    for product, theirs, more in _PRODUCTS:
        if theirs <= set(columns):
            told = f"This looks like {product}.{f' {more}' if more else ''}"
            raise NoTable(f"{told} Here the columns have names of our own: {', '.join(needed)}.")


def _body(rows: Iterator[tuple[int, list[str]]], columns: Sequence[str], width: int) -> Iterator[TableRow]:
    """The rows below the names. Behind the last name nothing may stand, in as many cells as the names' row has."""
    for line, cells in rows:
        if any(map(_bare, cells)):
            spare = len(cells) == width and not any(map(_bare, cells[len(columns) :]))
            own = cells[: len(columns)] if spare else cells
            by_name = {name: _bare(cell) for name, cell in zip(columns, own, strict=False) if name}
            yield TableRow(line, by_name, own, _ragged(own, columns))


def _ragged(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What is wrong with a row that has another number of cells than there are columns, or one without a name."""
    if len(cells) == len(columns):
        unnamed = next((place for place, name in enumerate(columns) if not name and _bare(cells[place])), None)
        if unnamed is None:
            return ""
        return f"column {unnamed + 1} has no name, and here it says {written.shown(cells[unnamed])}"
    told = f"{len(cells)} cells where there are {len(columns)} columns"
    if len(cells) < len(columns):
        return f"{told}; nothing says which are missing, {columns[len(cells)] or 'the last'} or one before it"
    pairs = [f"{one.strip()},{two.strip()}" for one, two in itertools.pairwise(cells) if _is_amount(one, two)]
    found = next((pair for pair in reversed(pairs) if pair[-3] == ","), pairs[-1] if pairs else "")
    hint = f"; “{found}” may be one number, which is written with a point and no comma" if found else ""
    return f"{told}{hint}; a cell with the separator in it stands in quotes"


def _is_amount(one: str, two: str) -> bool:
    return bool(re.fullmatch(r"\s*-?\d+", one) and re.fullmatch(r"\d{2,3}\s*", two))


def _bare(cell: str) -> str:
    return cell.strip(" \t\r\n\u00a0\ufeff\u200b")


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
    table = opened(text, _KNOWN, ("client",), "clients")
    found = [{column: row.cells.get(column, "") for column in _OF_CARD} for row in table.rows if row.cells["client"]]
    return list(dict.fromkeys(Card(**row) for row in found))


def wishes(text: str, name: str, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; rows that say none go to the mistakes. Raises NoTable."""
    found: dict[str, tuple[str, Wish]] = {}
    for row in opened(text, _KNOWN, ("client",), "clients").rows:
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
