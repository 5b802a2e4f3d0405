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
_METHODS = ("get", "post", "put")
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
# What clients call each operation, and under what.
_NAMES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("/events", "post"): ("publishEvents", "events"),
    ("/events", "get"): ("readFeed", "events"),
    ("/companies/{company}/invoices", "get"): ("readInvoices", "reads"),
    ("/companies/{company}/invoices/{invoice}/attachments/{name}", "put"): ("uploadAttachment", "attachments"),
    ("/companies/{company}/requests/{request_id}", "get"): ("readRequest", "reads"),
    ("/companies/{company}/clients/{client}/xero-contact", "get"): ("readXeroContact", "reads"),
    ("/companies/{company}/connection", "get"): ("readConnection", "reads"),
    ("/companies/{company}/previews", "post"): ("previewInvoices", "previews"),
    ("/companies/{company}/login-links", "post"): ("makeLoginLink", "logins"),
    ("/companies/{company}/logins", "post"): ("handOverLogin", "logins"),
    ("/companies/{company}/logins/organisation", "post"): ("chooseOrganisation", "logins"),
    ("/companies/{company}/disconnect", "post"): ("disconnect", "logins"),
}
_PUBLISHED = {
    "specversion": "1.0",
    "id": "click-9f3a51c07be24d18a6c0d5e2",
    "source": "crewcard",
    "type": "invoice.export.requested",
    "data": {
        "company": "harbour-crew",
        "request": "click-9f3a51c07be24d18a6c0d5e2",
        "requested_by": {"id": "anna", "name": "Anna Berg"},
        "mode": "single",
        "invoices": [
            {
                "id": "4711",
                "number": "CC-4711",
                "client": {"id": "C01", "name": "Harbour Master Ltd"},
                "date": "2026-11-20",
                "currency": "USD",
                "lines": [{"description": "Crew, one day", "quantity": "1", "unit_amount": "640.00"}],
            }
        ],
    },
}
_SERVERS = [
    {"url": "https://{host}", "variables": {"host": {"default": "exporter.example.com"}}},
    {"url": "http://localhost:8780", "description": "`crewcard-xero sandbox`"},
]
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def version() -> str:
    """The version of this installation."""
    return importlib.metadata.version("crewcard-xero")


def document(routers: Sequence[APIRouter]) -> Json:
    """The document of these routers' routes."""
    routes = [route for router in routers for route in router.routes]
    said = get_openapi(title="CrewCard → Xero invoice exporter", version=version(), description=_ABOUT, routes=routes)
    said["servers"] = _SERVERS
    known = said["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    # Generators make a class of each title: no two may have one.
    sides: tuple[tuple[schemas.Direction, str], ...] = (("in", _IN), ("out", _OUT))
    for direction, at in sides:
        prefix, made = direction.title(), schemas.definitions(direction, at).items()
        known |= {f"{prefix}.{name}": {**one, "title": f"{prefix}{name}"} for name, one in made}
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
    operation["operationId"], tag = _NAMES[path.removeprefix("/v1"), method]
    operation["tags"] = [tag]
    plain = any("bearer" in one for one in operation.get("security", ()))
    kind = "parameters/plain-" if plain else "parameters/"  # whoever comes with a token signs nothing
    operation.setdefault("parameters", []).extend({"$ref": f"#/components/{kind}{name}"} for name in _HEADERS)
    refusals = {str(status): {"$ref": "#/components/responses/Refused"} for status in _REFUSALS}
    if (path, method) == ("/v1/events", "get"):
        operation["responses"]["200"] = _answer("The next events.", _page())
    if (path, method) == ("/v1/events", "post"):  # of `anyOf` generators make one object that has all fields of both
        either = [{"$ref": "#/components/schemas/Accepted"}, {"$ref": "#/components/schemas/Results"}]
        operation["responses"]["202"] = _answer("Committed.", {"oneOf": either})
    if path.endswith("/previews"):
        data = {"$ref": _OUT.format(model=InvoiceExportPreviewed.__name__)}
        operation["responses"]["200"] = _answer("What an export would do.", data)
    operation["responses"] = {**operation["responses"], **refusals}
    if method == "put":
        raw = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": raw}}
    if method == "post":
        content = {"application/json": {"schema": _body(path)}}
        if path == "/v1/events":
            content["application/json"]["example"] = _PUBLISHED
        operation["requestBody"] = {"required": True, "content": content}


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _envelopes(direction: schemas.Direction, at: str) -> Json:
    """A schema for each event, and one for all of a direction, told apart by their type.

    Their names differ by more than dots and capitals from those of what they carry, which generators drop. One event
    or many has a name too, and the array's items have none: generators trip over a union within a union.
    """
    prefix = "In" if direction == "in" else "Out"
    made, at_type = {}, {}
    for name, model in schemas.events_of(direction).items():
        title = f"{model.__name__}Event"
        carried = {"$ref": at.format(model=model.__name__)}
        made[f"{prefix}.{title}"] = {**schemas.envelope(name, direction, carried), "title": title}
        at_type[name] = f"#/components/schemas/{prefix}.{title}"
    told_apart = {"propertyName": "type", "mapping": at_type}
    every: list[Json] = [{"$ref": where} for where in at_type.values()]
    made[f"{prefix}.Event"] = {"oneOf": every, "discriminator": told_apart}
    if direction == "in":
        items = {"type": "object", "additionalProperties": True, "description": "An `In.Event`."}
        many = {"type": "array", "items": items, "maxItems": MOST_EVENTS}
        made["In.Events"] = {"oneOf": [*every, many], "discriminator": told_apart}
    return made


def _page() -> Json:
    cursor = {"type": "string", "pattern": r"^\d+$", "description": "Where to go on: the next `after`."}
    events = {"type": "array", "items": {"$ref": "#/components/schemas/Out.Event"}}
    fields = {"events": events, "next": cursor, "more": {"type": "boolean"}}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _body(path: str) -> Json:
    if path == "/v1/events":
        return {"$ref": "#/components/schemas/In.Events"}
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
            f"{prefix}{name}": {"name": name, "in": "header", "required": not prefix, "schema": schema}
            for prefix in ("", "plain-")
            for name, schema in _HEADERS.items()
        },
        "responses": {"Refused": {"description": f"Refused: {codes}.", "content": {MEDIA_TYPE: refused}}},
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "x-crewcard-key"},
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "For reads alone: the id of a key of scope `reads` alone, a full stop, its secret.",
            },
        },
    }
