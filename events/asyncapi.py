"""The AsyncAPI 3 document of the events: which way each goes, and where its schema is; pure."""

from events import scopes
from events.codec import INCOMING
from events.outgoing import OUTGOING
from events.schemas import Direction, Json, events_of

_CLOUD_EVENTS = "application/cloudevents+json"
_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_CHANNELS: tuple[tuple[str, Direction, str, str, str], ...] = (
    ("eventsIn", "in", "/v1/events", "doors", "POST one CloudEvent or an array of at most 500, signed."),
    (
        "streamIn",
        "in",
        "crewcard.invoice-export.requests",
        "redis",
        "A Redis Stream: XADD with one CloudEvent as JSON in the field `event`. Off by default.",
    ),
    ("feed", "out", "/v1/events", "doors", "GET, signed: pages of events behind a cursor."),
    ("webhooks", "out", "/", "host", "POST to the host's endpoint, signed as Standard Webhooks has it."),
    (
        "streamOut",
        "out",
        "crewcard.invoice-export.events",
        "redis",
        "A Redis Stream: one CloudEvent as JSON in the field `event`.",
    ),
)
_ABOUT = (
    "Events of the CrewCard → Xero invoice exporter, all of them CloudEvents 1.0 in structured JSON. "
    "Delivery is at least once: the `id` is stable, so an inbox makes a repetition harmless. `x-scope` is what a key "
    "must be good for to send an event through the doors."
)


def document(version: str) -> Json:
    """The whole document; schemas are files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "CrewCard → Xero invoice exporter", "version": version, "description": _ABOUT},
        "defaultContentType": _CLOUD_EVENTS,
        "servers": {
            "doors": {"host": "exporter.example", "protocol": "https", "description": "The doors for hosts."},
            "redis": {"host": "redis.example:6379", "protocol": "redis", "description": "A shared Redis or Valkey."},
            "host": {
                "host": "crewcard.example",
                "pathname": "/callback.php",
                "protocol": "https",
                "description": "The host's own endpoint.",
            },
        },
        "channels": {name: _channel(*rest) for name, *rest in _CHANNELS},  # type: ignore[arg-type]
        "operations": {name: _operation(name, direction) for name, direction, *_ in _CHANNELS},
        "components": {"messages": {name: _message(name) for name in (*INCOMING, *OUTGOING)}},
    }


def _channel(direction: Direction, address: str, server: str, about: str) -> Json:
    return {
        "address": address,
        "description": about,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in events_of(direction)},
    }


def _operation(channel: str, direction: Direction) -> Json:
    return {"action": "receive" if direction == "in" else "send", "channel": {"$ref": f"#/channels/{channel}"}}


def _message(name: str) -> Json:
    model = {**INCOMING, **OUTGOING}[name]
    return {
        "name": name,
        "title": model.__name__,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": _CLOUD_EVENTS,
        "payload": {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": f"schemas/{name}.json"}},
        **({"x-scope": scopes.OF_EVENT[name].value} if name in scopes.OF_EVENT else {}),
    }
