"""The `where` and `order` of a list: the optimised forms, joined by AND, and OR (facts §4.1); pure.

Not understood: parentheses, methods other than Contains, StartsWith and EndsWith, arithmetic.
"""

import operator
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from simulator.wire import Json

Test = Callable[[Json], bool]
_CLAUSE = re.compile(
    r"""\s*(?P<field>[A-Za-z][\w.]*?)\s*
    (?:\.(?P<method>Contains|StartsWith|EndsWith)\(\s*(?P<text>"[^"]*")\s*\)
      |(?P<sign>==|=|!=|<>|>=|<=|>|<)\s*(?P<value>"[^"]*"|[A-Za-z]+\([^)]*\)|[\w.+-]+)
    )\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_QUOTED = re.compile(r'"[^"]*"')
_LONGEST = 50  # clauses


class Unparsable(Exception):
    """The filter cannot be read; the message says why in the words of a parser."""


def test_of(text: str, kind: str, fields: frozenset[str]) -> Test:
    """The test a filter makes of each element. Raises Unparsable, also for a field that `kind` does not have."""
    either = [[_clause(part, kind, fields) for part in _split(one, "AND", "&&")] for one in _split(text, "OR", "||")]
    if sum(map(len, either)) > _LONGEST:
        raise Unparsable("The filter is too long")
    return lambda element: any(all(clause(element) for clause in group) for group in either)


def key_of(text: str, kind: str, fields: frozenset[str]) -> tuple[Callable[[Json], Any], bool]:
    """The sort key an `order` means and whether it descends. Raises Unparsable."""
    name, _, direction = text.strip().partition(" ")
    field = _known(name, kind, fields)
    if direction.strip().upper() not in ("", "ASC", "DESC"):
        raise Unparsable("Syntax error")
    return lambda element: _sortable(value_of(element, field)), direction.strip().upper() == "DESC"


def value_of(element: Json, field: str) -> Any:
    """A field of an element, through dots; dates as dates, nothing as None."""
    if field.endswith("Date") and f"{field}String" in element:
        return date.fromisoformat(element[f"{field}String"][:10])
    found: Any = element
    for name in field.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _sortable(value: Any) -> tuple[str, Any]:
    if isinstance(value, int | float):
        return "number", float(value)
    return type(value).__name__, "" if value is None else str(value)


def _split(text: str, *words: str) -> list[str]:
    """Parts between a word or sign, outside quotes."""
    masked = _QUOTED.sub(lambda found: "\0" * len(found[0]), text)
    sign = re.compile(rf"\s{words[0]}\s|{re.escape(words[1])}", re.IGNORECASE)
    parts, start = [], 0
    for found in sign.finditer(masked):
        parts.append(text[start : found.start()])
        start = found.end()
    return [*parts, text[start:]]


def _clause(text: str, kind: str, fields: frozenset[str]) -> Test:
    read = _CLAUSE.match(text)
    if read is None:
        raise Unparsable("Syntax error")
    field = _known(read["field"], kind, fields)
    if read["method"]:
        method, part = _METHODS[read["method"].lower()], read["text"][1:-1]
        return lambda element: method(str(value_of(element, field) or ""), part)
    sign, wanted = _SIGNS[read["sign"]], _value(read["value"])
    return lambda element: _compared(sign, value_of(element, field), wanted)


def _known(name: str, kind: str, fields: frozenset[str]) -> str:
    for field in fields:
        if field.lower() == name.lower():
            return field
    raise Unparsable(f"No property or field '{name[:50]}' exists in type '{kind}'")


def _value(text: str) -> Any:
    if text.startswith('"'):
        return text[1:-1]
    call = re.fullmatch(r"([A-Za-z]+)\(([^)]*)\)", text)
    if call and call[1].lower() == "guid":
        return call[2].strip('" ').lower()
    if call and call[1].lower() == "datetime":
        return _day(call[2])
    if text.lower() in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text.lower()]
    try:
        return float(text)
    except ValueError:
        raise Unparsable(f"No property or field '{text[:50]}' exists") from None


def _day(text: str) -> date:
    try:
        year, month, day, *_ = (int(part) for part in text.split(","))
        return date(year, month, day)
    except (ValueError, OverflowError):
        raise Unparsable("No applicable constructor exists in type 'DateTime'") from None


def _compared(sign: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return sign(value.casefold(), wanted.casefold())
    try:
        return sign(value, wanted)
    except TypeError:
        return False
