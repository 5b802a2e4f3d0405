"""The `where` and `order` of a list: the optimised forms, joined by AND, and OR (facts §4.1); pure.

Not understood: parentheses, methods other than Contains, StartsWith and EndsWith, arithmetic.
"""

import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from simulator.wire import Json, Request

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
_MOMENT = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_SHAPES = {"summarizeerrors", "unitdp"}  # how an answer looks, never what is in it
_LONGEST = 50  # clauses


class Unparsable(Exception):
    """The filter cannot be read; the message says why in the words of a parser."""


def check_parameters(request: Request, name: str, known: Iterable[str]) -> None:
    """Whatever is asked of a list is something that it knows: what Xero would filter by is never passed over.

    Raises Unparsable, naming the parameter.
    """
    unknown = sorted(set(request.asked) - set(known) - _SHAPES)
    if unknown:
        raise Unparsable(f"The query parameter '{unknown[0][:50]}' of {name} is not known to this simulator")


def chosen(elements: list[Json], request: Request, kind: str, fields: frozenset[str]) -> list[Json]:
    """The elements that pass the request's `where`, in the order it asks for. Raises Unparsable."""
    if request.asked.get("where"):
        test = test_of(request.asked["where"], kind, fields)
        elements = [one for one in elements if test(one)]
    if request.asked.get("order"):
        key, descending = key_of(request.asked["order"], kind, fields)
        elements = sorted(elements, key=key, reverse=descending)
    return elements


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
    """A field of an element, through dots; dates as moments without a zone, nothing as None."""
    found: Any = element
    for name in field.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    moment = _MOMENT.fullmatch(found) if isinstance(found, str) else None
    return datetime(1970, 1, 1) + timedelta(milliseconds=int(moment[1])) if moment else found  # noqa: DTZ001


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


def _day(text: str) -> datetime:
    try:
        year, month, day, hour, minute, second = ([int(part) for part in text.split(",")] + [0, 0, 0])[:6]
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # as Xero keeps them
    except (ValueError, OverflowError, TypeError):
        raise Unparsable("No applicable constructor exists in type 'DateTime'") from None


def _compared(sign: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return sign(value.casefold(), wanted.casefold())
    if value is None or wanted is None:
        return sign in (operator.eq, operator.ne) and bool(sign(value, wanted))
    if _family(value) is not _family(wanted):
        names = " and ".join(f"'{_family(one).__name__}'" for one in (value, wanted))
        raise Unparsable(f"Operator incompatible with operand types {names}")
    return bool(sign(value, wanted))


def _family(value: Any) -> type:
    """What kind of value it is: whole numbers and others are of one kind."""
    return float if type(value) is int else type(value)
