"""Values out of Xero's JSON and headers, whatever stands there instead; pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from events.money import CENT, ZERO, plain, rounded


def text_of(value: Any) -> str:
    """The text, or nothing where it is none."""
    return value if isinstance(value, str) else ""


def count_of(header: str, most: int) -> int | None:
    """The whole number that a header says, at most `most`; None where it says none."""
    said = header.strip()
    return int(min(float(said), most)) if said.isascii() and said.isdecimal() else None


def decimal_of(value: Any) -> Decimal:
    """The number, or 0 where it is none."""
    try:
        found = value if isinstance(value, Decimal) else Decimal(str(value if value is not None else 0))
    except InvalidOperation:
        return ZERO
    return found if found.is_finite() else ZERO


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
