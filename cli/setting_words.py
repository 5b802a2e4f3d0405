"""Settings as people type and read them: `name=value`; pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from cli import plain_numbers

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_DUE = "due is written like days_after_invoice:14, days_after_month_end:30, day_of_this_month:28, day_of_next_month:9"


def patch(chosen: Sequence[str]) -> dict[str, Any]:
    """The settings that these name, as an event says them. Raises ValueError in a sentence."""
    said: dict[str, Any] = {}
    for one in chosen:
        name, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise ValueError(f"{one}: settings are written as name=value")
        if name.startswith("kinds."):
            _of_kind(said, name, value)
        else:
            said[name] = _parsed(name, value)
    return said


def lines(kept: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting with its value, in the words in which it is typed."""
    for name, value in kept.items():
        if name == "days_until_due" and value is None:
            continue
        if name == "kinds" and value:
            for kind, defaults in value.items():
                yield from ((f"kinds.{kind}.{which}", code) for which, code in defaults.items() if code)
        else:
            yield name, _written(name, value)


def _of_kind(said: dict[str, Any], name: str, value: str) -> None:
    """`kinds.hire.account_code`; without the last part the kind is forgotten."""
    _, _, rest = name.partition(".")
    kind, dot, which = rest.rpartition(".")
    kinds = said.setdefault("kinds", {})
    if dot and which in ("account_code", "tax_type"):
        kinds[kind] = {**(kinds.get(kind) or {}), which: value or None}
    elif value:
        raise ValueError(f"{name}: a kind has kinds.{rest}.account_code and kinds.{rest}.tax_type")
    else:
        kinds[rest] = None


def _parsed(name: str, value: str) -> Any:
    if name == "contact_ids_editable":
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{name} is true or false")
        return value.lower() in _TRUE
    if not value:
        return None
    if name == "invoice_status":
        return value.upper()
    if name == "due":
        kind, _, days = value.partition(":")
        if not plain_numbers.is_whole(days):
            raise ValueError(_DUE)
        return {"kind": kind, "days": int(days)}
    if name == "tracking":
        pairs = (one.partition(":") for one in value.split(";") if one.strip())
        return [{"category": category.strip(), "option": option.strip()} for category, _, option in pairs]
    return value


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if name == "due":
        return f"{value['kind']}:{value['days']}"
    if name == "tracking":
        return "; ".join(f"{one['category']}:{one['option']}" for one in value)
    return str(value["name"]) if name == "branding_theme" else str(value)
