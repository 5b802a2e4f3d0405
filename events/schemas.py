"""JSON Schemas (2020-12) of the events, from their models; pure.

What a host sends is described as we want it; what we send is described so that new optional fields break nobody:
further fields are allowed, and a field without a value is left out.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from events.codec import INCOMING
from events.outgoing import OUTGOING
from events.snapshot import Event

Direction = Literal["in", "out"]
Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODES: Mapping[Direction, JsonSchemaMode] = {"in": "validation", "out": "serialization"}
_AMOUNT = r"^[+-]?\d{1,15}(\.\d{1,20})?$"
_OUR_PAPERS = re.compile(r"\s*\(xero/facts\.md[^)]*\)")


class _Written(GenerateJsonSchema):
    """What has a default is always written, unless it is null; so it is required of what we send."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def events_of(direction: Direction) -> Mapping[str, type[Event]]:
    """The events of a direction by their wire names."""
    return INCOMING if direction == "in" else OUTGOING


def definitions(direction: Direction, at: str) -> Json:
    """A schema for the data of each event of a direction and for all they are made of, by model name.

    `at` is where they will stand, with `{model}` for the name: `#/$defs/{model}`.
    """
    wanted = [(model, _MODES[direction]) for model in events_of(direction).values()]
    _, made = models_json_schema(wanted, ref_template=at, schema_generator=_Written)
    return {name: tidy(schema, direction) for name, schema in sorted(made["$defs"].items())}


def envelope(type_: str, direction: Direction, data: Json) -> Json:
    """The CloudEvent around an event's data."""
    text = {"type": "string", "minLength": 1, "maxLength": 200}
    said = {
        "specversion": {"const": "1.0"},
        "id": {**text, "description": "Unique for each event of a source; the same again is the same event."},
        "source": text,
        "type": {"const": type_},
        "time": {"type": "string", "format": "date-time"},
        "causationid": {"type": "string", "maxLength": 200, "description": "The event that caused this one."},
        "traceparent": {"type": "string", "description": "Where it belongs in a trace (W3C Trace Context)."},
        "tracestate": {"type": "string", "description": "Of the same trace, as its tracing system says."},
        "data": data,
    }
    required = ["specversion", "id", "source", "type", "data"]
    if direction == "out":
        said |= {"subject": {"type": "string"}, "datacontenttype": {"const": "application/json"}}
        said["test"] = {"type": "boolean", "description": "True: somebody tries an endpoint; nothing of it happened."}
        required += ["subject", "time", "datacontenttype"]
    return {"type": "object", "title": type_, "properties": said, "required": required}


def of_event(type_: str, direction: Direction) -> Json:
    """The schema of one event, complete in itself."""
    model = events_of(direction)[type_]
    known = definitions(direction, "#/$defs/{model}")
    data = {"$ref": f"#/$defs/{model.__name__}"}
    whole = envelope(type_, direction, data)
    about = {"$schema": DIALECT, "$id": f"urn:crewcard-xero:v1:{type_}", "description": inspect.getdoc(model)}
    return {**about, **whole, "$defs": _used(data, known)}


def tidy(schema: Any, direction: Direction) -> Any:
    """The schema without what only our own validation understands."""
    if isinstance(schema, list):
        return [tidy(one, direction) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: tidy(value, direction) for name, value in schema.items() if name not in ("ge", "le")}
    if "description" in kept and isinstance(kept["description"], str):
        kept["description"] = _OUR_PAPERS.sub("", kept["description"])
    if "ge" in schema:
        number = {"type": "number", "minimum": float(schema["ge"]), "maximum": float(schema["le"])}
        kept["anyOf"] = [number, {"type": "string", "pattern": _AMOUNT}]
    if "properties" in kept:
        kept["properties"] = {name: _untitled(value) for name, value in kept["properties"].items()}
    return _without_nulls(kept) if direction == "out" else kept


def _untitled(schema: Any) -> Any:
    return {name: value for name, value in schema.items() if name != "title"} if isinstance(schema, dict) else schema


def _without_nulls(schema: Json) -> Json:
    """An object as it is written: a field that is null is left out, further fields may come."""
    if "properties" not in schema:
        return schema
    optional = {name for name, one in schema["properties"].items() if {"type": "null"} in one.get("anyOf", ())}
    fields = {name: _present(one) for name, one in schema["properties"].items()}
    required = [name for name in schema.get("required", ()) if name not in optional]
    kept = {name: value for name, value in schema.items() if name != "additionalProperties"}
    return {**kept, "properties": fields, **({"required": required} if required else {})}


def _present(schema: Json) -> Json:
    branches = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if len(branches) == 1:
        return {**branches[0], **rest}
    return {**rest, "anyOf": branches} if branches else rest


def _used(schema: Any, known: Json) -> Json:
    """Of the known definitions those that a schema refers to, and so on."""
    found: Json = {}
    waiting = [schema]
    while waiting:
        text = str(waiting.pop())
        for name in re.findall(r"#/\$defs/(\w+)", text):
            if name not in found:
                found[name] = known[name]
                waiting.append(known[name])
    return dict(sorted(found.items()))
