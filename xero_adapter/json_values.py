"""Values out of Xero's JSON and headers, whatever stands there instead; pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from events.money import CENT, ZERO, plain, rounded

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
    return plain(rounded(decimal_of(value), CENT))


def written_alike(text: str) -> str:
    """A text without what Xero is known to write otherwise: line ends, characters beyond the basic plane, edges."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(one for one in line if ord(one) <= 0xFFFF).rstrip() for line in lines).strip()
