"""Every event: its wire name, which way it goes, its fields."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import events
from events.codec import INCOMING
from events.snapshot import Event
from reference.markdown import code, page, table

_ABOUT = """
Events are CloudEvents 1.0 in structured JSON: `specversion`, `id`, `source`, `type`, `time`, `subject`, `data`;
`causationid` names the event that caused one, `traceparent` and `tracestate` the trace that it belongs to (W3C Trace
Context). Amounts are decimal strings, dates and moments ISO 8601. Unknown fields in what comes in are refused, so
that a misspelt discount is not lost; readers of what goes out let unknown fields pass, for new ones may be added.
Every event goes out at least once: its `id` stays the same.
"""


def text() -> str:
    """The page."""
    found = sorted(set(_all(Event)), key=lambda event: event.TYPE)
    into = [event for event in found if event.TYPE in INCOMING]
    out = [event for event in found if event.TYPE not in INCOMING]
    parts = [_ABOUT, "## What hosts send", *map(_section, into), "## What hosts are told", *map(_section, out)]
    return page("Events", *parts, "## Parts of events", *_parts(found))


def _all(kind: type[Event]) -> Iterator[type[Event]]:
    for module in pkgutil.iter_modules(events.__path__):
        importlib.import_module(f"events.{module.name}")
    for event in kind.__subclasses__():
        if "TYPE" in event.__dict__:
            yield event
        yield from _all(event)


def _section(event: type[Event]) -> str:
    return f"### {event.TYPE}\n\n{inspect.getdoc(event)}\n\n{_fields(event.model_json_schema(mode=_mode(event)))}"


def _mode(event: type[Event]) -> Any:
    return "validation" if event.TYPE in INCOMING else "serialization"


def _parts(found: list[type[Event]]) -> Iterator[str]:
    parts: dict[str, Any] = {}
    for event in found:
        parts |= event.model_json_schema(mode=_mode(event)).get("$defs", {})
    for name in sorted(parts):
        if "properties" in parts[name]:
            said = parts[name].get("description", "")
            yield f"### {name}\n\n{said}\n\n{_fields(parts[name])}"


def _fields(schema: Any) -> str:
    required = schema.get("required", [])
    rows = [
        (code(name), _kind(field), "yes" if name in required else "", _shown(field))
        for name, field in schema.get("properties", {}).items()
    ]
    return table(("field", "kind", "always there", "default"), rows) if rows else ""


def _shown(field: Any) -> str:
    default = field.get("default")
    return code(default) if default not in (None, "", [], {}) else ""


def _kind(field: Any) -> str:
    """The kind of a value, in words; a part of an event leads to its own table."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field or "enum" in field:
        return " or ".join(code(value) for value in field.get("enum", [field.get("const")]))
    several = field.get("anyOf") or field.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(_kind(one) for one in several if one.get("type") != "null"))
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}" if "items" in field else "list"
    return str(field.get("format") or field.get("type") or "anything")
