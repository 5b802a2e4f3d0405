"""The contracts, written: `python -m reference.contracts` (`make contracts`).

The AsyncAPI 3 document of the events: which way each goes, and where its schema is; pure.
"""

import json
import shutil
from pathlib import Path

from events import credentials, examples, schemas
from events.codec import INCOMING
from events.outgoing import OUTGOING
from events.schemas import Direction, Json, events_of
from web import openapi
from web.main import HOST_ROUTERS

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


def asyncapi_document(version: str) -> Json:
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
                "pathname": "/xero_webhook.php",
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
        **({"x-scope": credentials.OF_EVENT[name].value} if name in credentials.OF_EVENT else {}),
    }


DOCS = Path(__file__).parents[1] / "docs"
KEPT = DOCS / "contracts" / "v1"


def written() -> dict[str, str]:
    """Every file of the contracts, by its path in docs/."""
    import yaml  # noqa: PLC0415  # a developer's tool, not there in production

    files = {"openapi.json": _json(openapi.document(HOST_ROUTERS))}
    about = asyncapi_document(openapi.version())
    files["asyncapi.yaml"] = yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=118)
    for direction in ("in", "out"):
        for name in schemas.events_of(direction):
            shown = {"examples": [examples.document(name)]} if direction == "out" else {}
            files[f"schemas/{name}.json"] = _json({**schemas.of_event(name, direction), **shown})
    return files


def write() -> None:
    """Write them all; what is no longer made goes."""
    shutil.rmtree(DOCS / "schemas", ignore_errors=True)
    (DOCS / "schemas").mkdir()
    for name, text in written().items():
        (DOCS / name).write_text(text)


def keep_release() -> None:
    """From now on these are what a change is compared with; called when a release is cut."""
    shutil.rmtree(KEPT, ignore_errors=True)
    shutil.copytree(DOCS / "schemas", KEPT / "schemas")
    shutil.copy(DOCS / "openapi.json", KEPT / "openapi.json")


def _json(document: schemas.Json) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    write()
