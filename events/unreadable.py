"""What cannot be read, in plain words: fields as people call them, lines from 1, what would be right; pure."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from events import written
from events.snapshot import Snapshot

_LONGEST_NAME, _MOST = 60, 5
_FIGURE = re.compile(r"-?\d+(\.\d+)?")
_NUMBER = "must be a number like 12.50"
_OBJECT = "must be an object with named fields"
_LIST = "must be a list"
_MOMENT = "must be a moment like 2026-11-22T09:30:00Z"


def _too_short(ctx: Mapping[str, Any], _value: Any) -> str:
    least = ctx["min_length"]
    return "is empty" if least == 1 else f"must have at least {least:,} characters"


def _too_long(ctx: Mapping[str, Any], value: Any) -> str:
    most = f"may have at most {ctx['max_length']:,} characters"
    return f"{most} and has {len(value):,}" if isinstance(value, str) else most


def _too_few(ctx: Mapping[str, Any], value: Any) -> str:
    least = ctx["min_length"]
    if isinstance(value, str):
        return _too_short(ctx, value)
    return "there must be at least one" if least == 1 else f"must be at least {least:,}"


def _too_many(ctx: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, str):
        return _too_long(ctx, value)
    most = f"may be at most {ctx['max_length']:,}"
    return f"{most} and are {ctx['actual_length']:,}" if ctx.get("actual_length") else most


def _odd_form(_ctx: Mapping[str, Any], value: Any) -> str:
    return f"{written.shown(value)} has another form than it must have"


def _no_choice(ctx: Mapping[str, Any], value: Any) -> str:
    return f"must be {str(ctx['expected']).replace(chr(39), '')}, not {written.shown(value)}"


def _too_little(ctx: Mapping[str, Any], value: Any) -> str:
    return _limit(value, "at least", ctx["ge"] if "ge" in ctx else ctx["gt"])


def _too_much(ctx: Mapping[str, Any], value: Any) -> str:
    return _limit(value, "at most", ctx["le"] if "le" in ctx else ctx["lt"])


def _limit(value: Any, side: str, limit: Any) -> str:
    found = _FIGURE.search(str(limit))  # the library names a decimal by its constructor
    bound = f"{Decimal(found[0]):,f}" if found else str(limit)
    said = f"{value:f}" if isinstance(value, Decimal) else value
    return f"must be {side} {bound}, not {written.shown(said)}"


def _own_words(ctx: Mapping[str, Any], _value: Any) -> str:
    return str(ctx["error"])


# What the validation library finds, in words for whoever wrote the field: `wrong`, the kind of mistake, and how to
# say it from what the library knows of the limit (`ctx`) and the value.
_Saying = str | Callable[[Mapping[str, Any], Any], str]
_KNOWN: Mapping[str, tuple[str, _Saying]] = {
    "missing": ("missing", "is missing"),
    "line_incomplete": ("missing", "is missing"),
    "extra_forbidden": ("unknown", "is not a field we know"),
    "string_type": ("kind", "must be a text"),
    "string_unicode": ("kind", "must be a text"),
    "string_too_short": ("missing", _too_short),
    "string_too_long": ("length", _too_long),
    "string_pattern_mismatch": (
        "form",
        _odd_form,
    ),
    "literal_error": ("form", _no_choice),
    "too_short": ("missing", _too_few),
    "too_long": ("length", _too_many),
    "greater_than_equal": ("range", _too_little),
    "less_than_equal": ("range", _too_much),
    "greater_than": ("range", _too_little),
    "finite_number": ("number", _NUMBER),
    "decimal_type": ("number", _NUMBER),
    "decimal_parsing": ("number", _NUMBER),
    "bool_type": ("kind", "must be true or false"),
    "bool_parsing": ("kind", "must be true or false"),
    "int_type": ("number", "must be a whole number like 3"),
    "int_parsing": ("number", "must be a whole number like 3"),
    "int_parsing_size": ("number", "is too large a number"),
    "int_from_float": ("number", "must be a whole number like 3"),
    "dict_type": ("kind", _OBJECT),
    "model_type": ("kind", _OBJECT),
    "model_attributes_type": ("kind", _OBJECT),
    "mapping_type": ("kind", _OBJECT),
    "tuple_type": ("kind", _LIST),
    "list_type": ("kind", _LIST),
    "iterable_type": ("kind", _LIST),
    "datetime_type": ("date", _MOMENT),
    "datetime_parsing": ("date", _MOMENT),
    "datetime_from_date_parsing": ("date", _MOMENT),
    "datetime_object_invalid": ("date", _MOMENT),
    "value_error": ("form", _own_words),
    "assertion_error": ("form", _own_words),
    "number_written": ("number", "{told}"),
    "whole_written": ("number", "{told}"),
    "date_written": ("date", "{told}"),
}
_KINDS = {
    "missing": "missing",
    "unknown": "not a field we know",
    "number": "not a number",
    "date": "not a date",
    "range": "too much or too little",
    "length": "too long",
    "kind": "another kind of value",
    "form": "another form",
}
_THEIRS = frozenset(get_args(ErrorType))
_BY_CLERK = frozenset(
    {
        *("lines", "description", "quantity", "unit_amount", "discount_rate", "discount_amount", "account_code"),
        *("tax_type", "item_code", "number", "date", "due_date", "expected_payment_date", "currency"),
        *("currency_rate", "reference", "totals_subtotal", "totals_tax", "totals_total"),
    }
)
_CLERK_MENDS = frozenset({"missing", "number", "date", "range", "length", "form"})


class FieldProblem(Snapshot):
    """One thing that cannot be read: in which field, in which line if it is in one, and what is wrong with it.

    `wrong` is the kind of mistake: missing, unknown, number, date, range, length, kind, form.
    """

    field: str
    said: str
    wrong: str = "form"
    line: int | None = None

    def __str__(self) -> str:
        """The whole sentence: `line 2, unit amount: is missing`."""
        return f"{f'line {self.line}, ' if self.line else ''}{self.field}: {self.said}"

    @property
    def kind(self) -> str:
        """The kind of mistake in words."""
        return _KINDS.get(self.wrong, _KINDS["form"])

    @property
    def by_clerk(self) -> bool:
        """Whether whoever writes invoices can mend it; else it is the program that sent it."""
        return self.wrong in _CLERK_MENDS and self.field.replace(" ", "_") in _BY_CLERK


def problems(broken: ValidationError, known: Sequence[str] = (), most: int = _MOST) -> list[FieldProblem]:
    """Each thing that is wrong, a whole not blamed for its parts; what is left out is counted in the last.

    `known` are the fields that a name nobody knows may have been meant for.
    """
    blamed = list(_blamed(broken))
    found = [_problem(error, known) for error in blamed[:most]]
    left = len(blamed) - most
    if left <= 0:
        return found
    last = found[most - 1]
    more = f"{last.said}; and {left} more {'thing is' if left == 1 else 'things are'} wrong"
    return [*found[: most - 1], last.model_copy(update={"said": more})]


def sentences(broken: ValidationError, known: Sequence[str] = ()) -> list[str]:
    """The same of what is no invoice, a sentence each; fields by their path, places in a list counted from 1."""
    blamed, found = list(_blamed(broken)), []
    for error in blamed[:_MOST]:
        where = [_shown(part) if isinstance(part, str) else part for part in _path(error)]
        names = ".".join(part for part in where if isinstance(part, str))
        places = "".join(f", number {part + 1}" for part in where if isinstance(part, int))
        found.append(f"{names or 'value'}{places}: {_problem(error, known).said}")
    return found if len(blamed) <= _MOST else [*found, f"value: {len(blamed) - _MOST} more are wrong"]


def message(error: Mapping[str, Any]) -> str:
    """What is wrong, of one error of the library's own list."""
    return _said(error, ())[1]


def _blamed(broken: ValidationError) -> Iterator[ErrorDetails]:
    errors = broken.errors(include_url=False)
    parents = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return (error for error in errors if error["loc"] not in parents)


def _problem(error: ErrorDetails, known: Sequence[str]) -> FieldProblem:
    path = list(_path(error))
    line = None
    if path[:1] == ["lines"] and len(path) > 1 and isinstance(path[1], int):
        line, path = path[1] + 1, path[2:] or ["line"]
    field = " ".join(_shown(part).replace("_", " ") if isinstance(part, str) else f"{part + 1}," for part in path)
    wrong, said = _said(error, known)
    return FieldProblem(field=field.rstrip(",") or "invoice", said=said, wrong=wrong, line=line)


def _path(error: ErrorDetails) -> Iterator[str | int]:
    """Where it is; what is wrong between fields names the one it is about."""
    yield from error["loc"]
    if error["type"] == "line_incomplete":
        yield str(error["ctx"]["field"])


def _said(error: ErrorDetails | Mapping[str, Any], known: Sequence[str]) -> tuple[str, str]:
    kind, ctx, value = error["type"], error.get("ctx", {}), error["input"]
    if kind not in _KNOWN:
        return "form", f"{written.shown(value)} cannot be read here" if kind in _THEIRS else error["msg"]
    wrong, saying = _KNOWN[kind]
    if kind == "extra_forbidden":
        meant = meant_by(str(error["loc"][-1]), known)
        return wrong, f"{saying} (do you mean {meant}?)" if meant else str(saying)
    if callable(saying):
        return wrong, saying(ctx, value)
    return wrong, error["msg"] if saying == "{told}" else saying


def meant_by(name: str, known: Sequence[str]) -> str:
    """The known name that a misspelt one is nearest to, or begins; empty where none is near."""
    plain_name = name.strip().lower().replace(" ", "_").replace("-", "_")
    near = difflib.get_close_matches(plain_name, known, 1, 0.75)
    begun = [one for one in known if len(plain_name) > 2 and plain_name in one]
    return (near or begun or [""])[0]


def _shown(part: str) -> str:
    """A part of a field's path; a name that a host made up can hold anything, of any length."""
    return "".join(one if one.isprintable() else "?" for one in part[:_LONGEST_NAME])
