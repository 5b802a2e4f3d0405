"""Values out of Xero's JSON and headers, whatever stands there instead; fields, written and read by a row; pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from events.accounting_target import Element
from events.changes import LinePicture
from events.money import ZERO, rounded

UNREADABLE = Decimal("NaN")  # stands where a number is none: whoever asks for its value is told by ValueError
_MOST_DIGITS = 20  # before and behind the point
_MOMENT = re.compile(r"/Date\((-?\d{1,20})(?:[+-]\d{4})?\)/", re.ASCII)
_BROKEN = re.compile("[\0\ud800-\udfff]")  # no database keeps a NUL, and half a surrogate pair is no character
_PERHAPS_BROKEN = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|\0")


def parsed(body: bytes) -> Any:
    """A body as JSON: exact decimals, texts without NUL and half or broken characters (U+FFFD stands for them).

    A number that is none (NaN), or of a size that no amount has, is UNREADABLE. Raises ValueError, for a nesting
    without end too.
    """
    text = body.decode(json.detect_encoding(body), "replace")
    try:
        found = json.loads(text, strict=False, parse_float=number_of, parse_int=_whole, parse_constant=number_of)
        return _mended(found) if _PERHAPS_BROKEN.search(text) else found
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def number_of(text: str) -> Decimal:
    """The number that a text says; UNREADABLE where it says none."""
    try:
        found = Decimal(text)
    except ArithmeticError:
        return UNREADABLE
    if found.is_zero():
        return ZERO
    return found if found.is_finite() and abs(found.adjusted()) <= _MOST_DIGITS else UNREADABLE


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _MOST_DIGITS else number_of(text)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _BROKEN.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return value


def text_of(value: Any) -> str:
    """The text, or nothing where it is none."""
    return value if isinstance(value, str) else ""


def count_of(header: str, most: int) -> int | None:
    """The whole number that a header says, at most `most`; None where it says none."""
    said = header.strip()
    return int(min(float(said), most)) if said.isascii() and said.isdecimal() else None


def decimal_of(value: Any) -> Decimal:
    """The number, or 0 where there is none. Raises ValueError for one that cannot be read."""
    found = value if isinstance(value, Decimal) else number_of(str(0 if value in (None, "") else value))
    if not found.is_finite():
        raise ValueError("a number that cannot be read")
    return found


def day(value: Any) -> str:
    """The ISO date in a DateString or `/Date(ms)/`; empty when there is none. Raises ValueError for no date."""
    text = text_of(value)
    found = moment(text)
    return found.date().isoformat() if found else text and date.fromisoformat(text[:10]).isoformat()


def moment(value: Any) -> datetime | None:
    """The moment in a `/Date(ms)/`; None when it is no such thing, or of no year that there is."""
    found = _MOMENT.fullmatch(text_of(value))
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1])) if found else None
    except OverflowError:
        return None


def object_of(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def cents_of(value: Any) -> str:
    """An amount with its two decimals."""
    return f"{rounded(decimal_of(value)):f}"


def written_alike(text: str) -> str:
    """A text without what Xero is known to write otherwise: line ends, characters beyond the basic plane, edges."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(one for one in line if ord(one) <= 0xFFFF).rstrip() for line in lines).strip()


Guard = Literal["always", "if sent", "never"]
Wanted = TypeVar("Wanted")


@dataclass(frozen=True)
class FieldRow(Generic[Wanted]):
    """One field.

    `name` is ours, and what people call it; `theirs` are Xero's names for it. `carries` are the contract's fields in
    it. `say` gives what is sent, None for what is left out; a row without `say` is worked out by Xero. `read` gives
    what an element says of it, normalised. `unsaid` and `unshown` are what it means that an element of ours, or an
    answer of Xero's, has none of the names: "" for nothing, None for unknown.

    `guard`: whether an edit of it in Xero stops an update; "if sent" where Xero keeps what an update leaves out.
    `updates` is false for what an update leaves to Xero, `cleared_by` what an update says to clear it, `stays` true
    where nothing that an update may say clears it.
    `in_lists` is false for what a list may leave out though it is there.
    `altered` says what Xero is known to do where it keeps another value than it was sent.
    """

    name: str
    theirs: tuple[str, ...]
    carries: tuple[str, ...]
    read: Callable[[Element], str | None]
    say: Callable[[Wanted], Any] | None = None
    unsaid: str | None = None
    unshown: str | None = None
    guard: Guard = "always"
    updates: bool = True
    cleared_by: Any = None
    stays: bool = False
    in_lists: bool = True
    same: Callable[[str, str], bool] = lambda one, other: one == other
    altered: Callable[[str, str, LinePicture | None], str] = lambda _sent, _kept, _line: ""
    shown_as: tuple[str, ...] = field(default=())

    def put(self, wanted: Wanted) -> Element:
        """What is sent of it, by Xero's names."""
        if self.say is None:
            return {}
        said = self.say(wanted)
        values = said if isinstance(said, tuple) else (said,)
        return {name: value for name, value in zip(self.theirs, values, strict=True) if value is not None}

    def seen(self, element: Element, *, ours: bool) -> str | None:
        """What an element says of it, in one piece of text."""
        names = self.shown_as or self.theirs
        if names and all(element.get(name) is None for name in names):
            return self.unsaid if ours else self.unshown
        return self.read(element)


def sent_by(rows: Sequence[FieldRow[Wanted]], wanted: Wanted) -> Element:
    """What is sent of these fields, by Xero's names."""
    return {name: value for row in rows for name, value in row.put(wanted).items()}


def seen_in(rows: Sequence[FieldRow[Any]], element: Element, *, ours: bool) -> dict[str, str | None]:
    """What an element, ours or Xero's, says of these fields, by our names."""
    return {row.name: row.seen(element, ours=ours) for row in rows}


def text_at(name: str) -> Callable[[Element], str]:
    """The text under a name, or nothing."""
    return lambda element: text_of(element.get(name))


def lower_at(name: str) -> Callable[[Element], str]:
    """The text under a name in lower case: an id."""
    return lambda element: text_of(element.get(name)).lower()


def day_at(name: str) -> Callable[[Element], str]:
    """The ISO date under a name, read from its `…String` first."""
    return lambda element: day(element.get(f"{name}String") or element.get(name))


def cents_at(name: str) -> Callable[[Element], str]:
    """The amount under a name, with two decimals."""
    return lambda element: cents_of(element.get(name))


def number_at(name: str) -> Callable[[Element], str]:
    """The number under a name, with the decimals that it has."""
    return lambda element: f"{decimal_of(element.get(name)).normalize() + 0:f}"
