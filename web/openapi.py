"""The OpenAPI document of the doors: what FastAPI knows of the routes, and what is signed, sent and refused."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from events import schemas
from events.preview import InvoiceExportPreviewed
from events.schemas import Json
from web.answers import MEDIA_TYPE, Problem
from web.doors import MOST_EVENTS

PATH = "/v1/openapi.json"
_IN, _OUT = "#/components/schemas/In.{model}", "#/components/schemas/Out.{model}"
_REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
_METHODS = ("get", "post")
_ABOUT = (
    "Doors of the CrewCard → Xero invoice exporter for host applications. Every request is signed, with the headers "
    "of Standard Webhooks and a version of our own: `webhook-signature` is `v2,` and the base64 of HMAC-SHA256, "
    "keyed with the base64-decoded secret behind `whsec_`, over `{webhook-id}.{webhook-timestamp}.{content}`. The "
    "content is the method, a space, path and query as sent, a line feed, and the body as sent (nothing for a GET). "
    "A request that is no GET and no event is carried out once: the same `webhook-id` again is a 409."
)
_HEADERS = {
    "webhook-id": {
        "type": "string",
        "minLength": 1,
        "description": "Any text of yours, new for each request; an event may keep its own.",
    },
    "webhook-timestamp": {"type": "string", "pattern": r"^\d{1,12}$", "description": "Seconds since 1970."},
    "webhook-signature": {"type": "string", "description": "`v2,…`; several are separated by spaces."},
}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def version() -> str:
    """The version of this installation."""
    return importlib.metadata.version("crewcard-xero")


def document(routers: Sequence[APIRouter]) -> Json:
    """The document of these routers' routes."""
    routes = [route for router in routers for route in router.routes]
    said = get_openapi(title="CrewCard → Xero invoice exporter", version=version(), description=_ABOUT, routes=routes)
    known = said["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    known |= {f"In.{name}": one for name, one in schemas.definitions("in", _IN).items()}
    known |= {f"Out.{name}": one for name, one in schemas.definitions("out", _OUT).items()}
    known |= {"Problem": Problem.model_json_schema(), **_envelopes("in", _IN), **_envelopes("out", _OUT)}
    said["components"] = {"schemas": dict(sorted(known.items())), **_common()}
    for path, operations in said["paths"].items():
        for method in _METHODS:
            if method in operations:
                _complete(path, method, operations[method])
    return said


def serve(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """The document at its address, for everybody: it says nothing of anybody."""
    made: list[Json] = []

    @app.get(PATH, include_in_schema=False)
    def openapi() -> Response:
        if not made:
            made.append(document(routers))
        return JSONResponse(made[0])


def _complete(path: str, method: str, operation: Json) -> None:
    operation.setdefault("parameters", []).extend({"$ref": f"#/components/parameters/{name}"} for name in _HEADERS)
    refusals = {str(status): {"$ref": "#/components/responses/Refused"} for status in _REFUSALS}
    if (path, method) == ("/v1/events", "get"):
        operation["responses"]["200"] = _answer("The next events.", _page())
    if path.endswith("/previews"):
        data = {"$ref": _OUT.format(model=InvoiceExportPreviewed.__name__)}
        operation["responses"]["200"] = _answer("What an export would do.", data)
    operation["responses"] = {**operation["responses"], **refusals}
    if method == "post":
        content = {"application/json": {"schema": _body(path)}}
        operation["requestBody"] = {"required": True, "content": content}


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _envelopes(direction: schemas.Direction, at: str) -> Json:
    """A schema for each event, and one for all of a direction, told apart by their type."""
    prefix = "In" if direction == "in" else "Out"
    made = {
        f"{prefix}.{name}": schemas.envelope(name, direction, {"$ref": at.format(model=model.__name__)})
        for name, model in schemas.events_of(direction).items()
    }
    return {**made, f"{prefix}.Event": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in made]}}


def _page() -> Json:
    cursor = {"type": "string", "pattern": r"^\d+$", "description": "Where to go on: the next `after`."}
    events = {"type": "array", "items": {"$ref": "#/components/schemas/Out.Event"}}
    fields = {"events": events, "next": cursor, "more": {"type": "boolean"}}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _body(path: str) -> Json:
    one = {"$ref": "#/components/schemas/In.Event"}
    if path == "/v1/events":
        return {"oneOf": [one, {"type": "array", "items": one, "maxItems": MOST_EVENTS}]}
    if path.endswith("/previews"):
        invoices = {"type": "array", "items": {"$ref": _IN.format(model="Invoice")}, "minItems": 1, "maxItems": 500}
        fields: Json = {"invoices": invoices}
        return {"type": "object", "properties": fields, "required": ["invoices"], "additionalProperties": False}
    required, optional = _FORMS[path.rpartition("{company}")[2]]
    named = {name: {"type": "string"} for name in (*required, *optional)}
    return {**_TEXTS, "properties": named, "required": list(required)}


# What the bodies about logins name, by the end of their path: required, optional.
_FORMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "/login-links": (("company",), ("return_to",)),
    "/logins": (("company", "state"), ("code", "error")),
    "/logins/organisation": (("company", "login", "tenant"), ()),
    "/disconnect": (("company",), ()),
}


def _common() -> dict[str, Any]:
    codes = ", ".join(f"{status} {HTTPStatus(status).phrase}" for status in _REFUSALS)
    refused = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "parameters": {
            name: {"name": name, "in": "header", "required": True, "schema": schema}
            for name, schema in _HEADERS.items()
        },
        "responses": {"Refused": {"description": f"Refused: {codes}.", "content": {MEDIA_TYPE: refused}}},
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-crewcard-key"}},
    }
