"""The contracts are fresh, valid, kept, and true of what goes over the wire."""

import copy
import gzip
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from fastapi.routing import iter_route_contexts
from openapi_spec_validator import validate

from events import schemas
from events.codec import INCOMING
from events.outgoing import OUTGOING
from events.snapshot import Event, Incoming
from reference import contracts
from tests.builders import COMPANY, a_request, an_invoice, an_order
from tests.contracts import compare
from tests.doors.host import Host
from web import main

DOCS = contracts.DOCS
HERE = Path(__file__).parent


def read(path):
    return json.loads((DOCS / path).read_text())


def test_what_is_written_is_fresh():
    """Stale? `make contracts`"""
    made = contracts.written()
    assert {name: (DOCS / name).read_text() for name in made} == made
    assert {f"schemas/{path.name}" for path in (DOCS / "schemas").iterdir()} == {
        name for name in made if name.startswith("schemas/")
    }


def test_what_is_served_is_what_is_written(small_host):
    answer = small_host.http.get("/v1/openapi.json")
    assert answer.json() == read("openapi.json")


def test_the_openapi_document_is_valid_and_names_every_door(on_sqlite):
    document = read("openapi.json")
    validate(document)
    served = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in iter_route_contexts(main.build(on_sqlite.tools).routes)
        if route.path and route.path.startswith("/v1/") and route.path != "/v1/openapi.json"
        for method in route.methods
    }
    assert served == {(path, method) for path, operations in document["paths"].items() for method in operations}
    for operations in document["paths"].values():
        for method, operation in operations.items():
            assert ("requestBody" in operation) is (method in ("post", "put"))
            assert all(_content(answer) for status, answer in operation["responses"].items() if status[0] == "2")


def _content(answer):
    return [one for one in answer["content"].values() if one["schema"]]


def test_the_asyncapi_document_is_valid_by_its_own_schema():
    """asyncapi-3.0.0.json.gz is the official schema (of @asyncapi/specs, Apache License 2.0), unchanged."""
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    official = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.json.gz").read_bytes()))
    jsonschema.Draft7Validator(official).validate(document)
    assert set(document["components"]["messages"]) == {*INCOMING, *OUTGOING}
    for message in document["components"]["messages"].values():
        assert (DOCS / message["payload"]["schema"]["$ref"]).exists()


def test_every_event_of_the_language_is_published():
    def leaves(model):
        return [model] if "TYPE" in vars(model) else [leaf for one in model.__subclasses__() for leaf in leaves(one)]

    assert set(leaves(Incoming)) == set(INCOMING.values())
    assert {one for one in leaves(Event) if not issubclass(one, Incoming)} == set(OUTGOING.values())
    assert all(name == model.TYPE for name, model in OUTGOING.items())


# -- true


def validator(name, direction):
    return jsonschema.Draft202012Validator(schemas.of_event(name, direction))


def test_every_event_we_send_is_as_its_schema_says(installation):
    installation.ask(an_invoice("a"), an_invoice("b", currency="EUR"), an_invoice("c", lines=[{"quantity": "x"}]))
    installation.run()
    installation.ask(an_invoice("a", revision=2, reference="new"), request="r2")
    installation.run()
    installation.ask(an_invoice("d"), request="r3")
    from worker.intake import intake

    intake.accept(installation.tools, an_order("cancel", request="r3"))
    told = installation.events()
    assert {event["type"] for event in told} >= {
        "invoice.export.succeeded",
        "invoice.export.failed",
        "invoice.export.completed",
        "xero.connection.connected",
    }
    for event in told:
        validator(event["type"], "out").validate(event)


def test_what_the_schema_refuses_of_a_request_names_what_the_door_refuses(small_host):
    """The door is kinder in one thing: a bad invoice is accepted and fails alone."""
    asked = validator("invoice.export.requested", "in")
    for other in ({"mode": "fast"}, {"request": ""}, {"part": 0}, {"invoices": []}, {"misspelt": 1}):
        event = a_request()
        event["data"] |= other
        assert not asked.is_valid(event)
        assert small_host.post(event).status_code == 422
    assert asked.is_valid(a_request(an_invoice(line={"quantity": "1.5", "discount_rate": 10})))
    assert not asked.is_valid(a_request(an_invoice(line={"quantity": "a lot"})))


# -- kept


def test_nothing_breaks_a_host_of_the_kept_release():
    """Meant, and a new major version? docs/versions.md says what has to be done."""
    found = compare.of_apis(json.loads((contracts.KEPT / "openapi.json").read_text()), read("openapi.json"))
    for path in sorted((contracts.KEPT / "schemas").iterdir()):
        now = DOCS / "schemas" / path.name
        direction = "in" if path.stem in INCOMING else "out"
        if not now.exists():
            found.append(f"{path.stem}: is gone")
            continue
        found += compare.of_schemas(direction, json.loads(path.read_text()), json.loads(now.read_text()), path.stem)
    assert found == []


REQUESTED, SUCCEEDED = "invoice.export.requested", "invoice.export.succeeded"
BREAKING = {
    "in: a field is gone": (REQUESTED, lambda d: d["LineItem"]["properties"].pop("item_code")),
    "in: a type is narrower": (REQUESTED, lambda d: of(d, "LineItem", "quantity")["anyOf"].pop(0)),
    "in: null is not taken": (REQUESTED, lambda d: of(d, "LineItem", "kind")["anyOf"].pop()),
    "in: another type": (REQUESTED, lambda d: of(d, "Invoice", "revision").update(type="string")),
    "in: a field is required": (REQUESTED, lambda d: d["LineItem"].update(required=["account_code"])),
    "in: a new field is required": (REQUESTED, lambda d: _add(d["LineItem"], "unit", required=True)),
    "in: a value is gone": (REQUESTED, lambda d: of(d, "InvoiceExportRequested", "mode")["enum"].pop()),
    "in: a text must be shorter": (
        REQUESTED,
        lambda d: of(d, "Client", "name").update(maxLength=9),
    ),
    "in: a text must be longer": (
        REQUESTED,
        lambda d: of(d, "Client", "name").update(minLength=9),
    ),
    "in: a number must be smaller": (REQUESTED, lambda d: of(d, "Invoice", "revision").update(maximum=9)),
    "in: fewer invoices": (REQUESTED, lambda d: _invoices(d).update(maxItems=50)),
    "in: another pattern": (REQUESTED, lambda d: of(d, "Invoice", "currency").update(pattern="^USD$")),
    "in: another format": (REQUESTED, lambda d: of(d, "Invoice", "date").update(format="date-time")),
    "out: a field is gone": (SUCCEEDED, lambda d: _drop(d["InvoiceExportSucceeded"], "deep_link")),
    "out: an optional field is gone": (SUCCEEDED, lambda d: _drop(d["InvoiceExportSucceeded"], "totals")),
    "out: a field is optional": (SUCCEEDED, lambda d: d["InvoiceExportSucceeded"]["required"].remove("verified")),
    "out: a new type": (
        SUCCEEDED,
        lambda d: of(d, "InvoiceExportSucceeded", "sequence").update(type="string"),
    ),
    "out: null may come": (SUCCEEDED, lambda d: _nullable(d["InvoiceExportSucceeded"]["properties"], "verified")),
    "out: a new value": (
        SUCCEEDED,
        lambda d: of(d, "InvoiceExportSucceeded", "outcome")["enum"].append("x"),
    ),
    "out: any value": (SUCCEEDED, lambda d: of(d, "InvoiceExportSucceeded", "outcome").pop("enum")),
    "out: deep inside": (SUCCEEDED, lambda d: _drop(d["XeroTotals"], "tax")),
}
FINE = {
    "in: a new optional field": (REQUESTED, lambda d: _add(d["LineItem"], "unit")),
    "in: a wider type": (
        REQUESTED,
        lambda d: of(d, "LineItem", "quantity")["anyOf"].append({"type": "boolean"}),
    ),
    "in: a new value": (
        REQUESTED,
        lambda d: of(d, "InvoiceExportRequested", "mode")["enum"].append("slow"),
    ),
    "in: a field need not be there": (REQUESTED, lambda d: d["Client"]["required"].remove("name")),
    "in: a longer text": (REQUESTED, lambda d: of(d, "Client", "name").update(maxLength=9000)),
    "in: other words": (REQUESTED, lambda d: d["LineItem"].update(description="New words.")),
    "out: a new field": (SUCCEEDED, lambda d: _add(d["InvoiceExportSucceeded"], "note")),
    "out: a new field, always there": (SUCCEEDED, lambda d: _add(d["InvoiceExportSucceeded"], "note", required=True)),
    "out: a value less": (SUCCEEDED, lambda d: of(d, "InvoiceExportSucceeded", "outcome")["enum"].pop()),
    "out: an optional field is always there": (
        SUCCEEDED,
        lambda d: d["InvoiceExportSucceeded"]["required"].append("totals"),
    ),
}


def of(definitions, model, name):
    return definitions[model]["properties"][name]


def _add(model, name, *, required=False):
    model["properties"][name] = {"type": "string"}
    if required:
        model.setdefault("required", []).append(name)


def _drop(model, name):
    del model["properties"][name]
    model["required"] = [one for one in model["required"] if one != name]


def _nullable(properties, name):
    properties[name] = {"anyOf": [properties[name], {"type": "null"}]}


def _invoices(definitions):
    return of(definitions, "InvoiceExportRequested", "invoices")


def mutated(name, change):
    old = read(f"schemas/{name}.json")
    new = copy.deepcopy(old)
    change(new["$defs"])
    assert new != old
    return compare.of_schemas("in" if name in INCOMING else "out", old, new, name)


@pytest.mark.parametrize("kind", BREAKING)
def test_a_change_that_breaks_a_host_is_caught(kind):
    found = mutated(*BREAKING[kind])
    assert len(found) == 1, found


@pytest.mark.parametrize("kind", FINE)
def test_a_change_that_breaks_nobody_passes(kind):
    assert mutated(*FINE[kind]) == []


INVOICES = "/v1/companies/{company}/invoices"
BREAKING_DOORS = {
    "a door is gone": lambda d: d["paths"].pop(INVOICES),
    "a method is gone": lambda d: d["paths"]["/v1/events"].pop("get"),
    "another scope": lambda d: d["paths"]["/v1/events"]["get"].update(security=[{"key": ["reads"]}]),
    "a parameter is gone": lambda d: d["paths"]["/v1/events"]["get"]["parameters"].pop(0),
    "a parameter is narrower": lambda d: _parameter(d, "limit")["schema"].update(maximum=100),
    "a parameter is required": lambda d: _parameter(d, "after").update(required=True),
    "a success is another": lambda d: _rename(d["paths"]["/v1/events"]["post"]["responses"], "202", "201"),
    "an answer lacks a field": lambda d: _drop(d["components"]["schemas"]["Beside"], "deep_link"),
    "an answer's field is of another type": lambda d: d["components"]["schemas"]["Progress"]["properties"].update(
        total={"type": "string"}
    ),
    "a body is narrower": lambda d: d["components"]["schemas"]["In.Invoice"]["required"].append("reference"),
    "an event of the feed lacks a field": lambda d: _drop(
        d["components"]["schemas"]["Out.InvoiceExportFailed"], "who"
    ),
    "an event is not taken": lambda d: d["components"]["schemas"]["In.Events"]["oneOf"].pop(0),
    "a kind of body is not taken": lambda d: d["paths"]["/v1/events"]["post"]["requestBody"]["content"].pop(
        "application/json"
    ),
}
FINE_DOORS = {
    "a new door": lambda d: d["paths"].update({"/v1/new": {"get": d["paths"]["/v1/events"]["get"]}}),
    "a new optional parameter": lambda d: d["paths"][INVOICES]["get"]["parameters"].append(
        {"name": "lang", "in": "query", "required": False, "schema": {"type": "string"}}
    ),
    "a new field in an answer": lambda d: _add(d["components"]["schemas"]["Beside"], "colour", required=True),
    "another refusal": lambda d: d["paths"][INVOICES]["get"]["responses"].update({"418": {"description": "No."}}),
    "a new kind of event in the feed": lambda d: _feed(d).append(_another_kind(d, _feed(d)[0])),
    "a new event to send us": lambda d: d["components"]["schemas"]["In.Events"]["oneOf"].append({"type": "object"}),
}


def _feed(document):
    """The kinds of events in the feed."""
    events = document["components"]["schemas"]["Out.Event"]
    return events["oneOf"]


def _another_kind(document, reference):
    """The same event under a type of its own."""
    schema = copy.deepcopy(document["components"]["schemas"][reference["$ref"].rpartition("/")[2]])
    schema["properties"]["type"] = {"const": "invoice.export.invented"}
    return schema


def _parameter(document, name):
    return next(one for one in document["paths"]["/v1/events"]["get"]["parameters"] if one.get("name") == name)


def _rename(mapping, old, new):
    mapping[new] = mapping.pop(old)


@pytest.mark.parametrize("kind", BREAKING_DOORS)
def test_a_change_of_a_door_that_breaks_a_host_is_caught(kind):
    new = copy.deepcopy(read("openapi.json"))
    BREAKING_DOORS[kind](new)
    assert compare.of_apis(read("openapi.json"), new)


@pytest.mark.parametrize("kind", FINE_DOORS)
def test_a_change_of_a_door_that_breaks_nobody_passes(kind):
    new = copy.deepcopy(read("openapi.json"))
    FINE_DOORS[kind](new)
    assert compare.of_apis(read("openapi.json"), new) == []


def test_answers_of_the_doors_are_as_the_document_says(small_host, on_sqlite):
    on_sqlite.ask(an_invoice("a"), an_invoice("b", currency="EUR"))
    on_sqlite.run()
    on_sqlite.relay()
    document = read("openapi.json")
    base = f"/v1/companies/{COMPANY}"
    asked = {
        INVOICES: f"{base}/invoices?ids=a,b,c",
        "/v1/companies/{company}/requests/{request_id}": f"{base}/requests/r1",
        "/v1/companies/{company}/clients/{client}/xero-contact": f"{base}/clients/acme/xero-contact",
        "/v1/companies/{company}/connection": f"{base}/connection",
        "/v1/events": "/v1/events?after=0",
    }
    assert set(asked) == {path for path, operations in document["paths"].items() if "get" in operations}
    for path, target in asked.items():
        (schema,) = _content(document["paths"][path]["get"]["responses"]["200"])
        whole = {**schema["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(small_host.get(target).raise_for_status().json())


def test_a_host_made_for_the_document_needs_no_more(small_host: Host):
    """Receipts and previews too."""
    document = read("openapi.json")

    def validate_as(path, status, answer):
        (schema,) = _content(document["paths"][path]["post"]["responses"][str(status)])
        assert answer.status_code == status
        whole = {**schema["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json())

    validate_as("/v1/events", 202, small_host.post(a_request()))
    validate_as("/v1/events", 202, small_host.post([a_request(request="r2"), {"type": "x"}]))
    previews = "/v1/companies/{company}/previews"
    body = {"invoices": [an_invoice("p")]}
    validate_as(previews, 200, small_host.post(body, f"/v1/companies/{COMPANY}/previews"))


@pytest.mark.parametrize("step", ["logins", "logins/organisation"])
def test_a_login_that_nobody_began_is_refused_as_the_document_says(small_host: Host, step):
    said = {"company": "harbour", "state": "nobody's", "login": "nobody's", "tenant": "t"}
    answer = small_host.ask("POST", f"/v1/companies/harbour/{step}", json.dumps(said).encode())
    published = json.loads((DOCS / "openapi.json").read_text())["paths"][f"/v1/companies/{{company}}/{step}"]
    assert answer.status_code == 400
    assert "400" in published["post"]["responses"]


def test_a_sequence_is_said_to_need_64_bits():
    schemas = [json.loads(file.read_text()) for file in sorted(Path("docs/schemas").glob("*.json"))]
    found = [one for schema in schemas for one in sequences_in(schema)]
    assert found
    assert [one for one in found if one.get("format") != "int64"] == []


def sequences_in(schema):
    """Every field of that name, wherever it stands."""
    if isinstance(schema, list):
        return [found for one in schema for found in sequences_in(one)]
    if not isinstance(schema, dict):
        return []
    here = [value["sequence"] for key, value in schema.items() if key == "properties" and "sequence" in value]
    return here + [found for one in schema.values() for found in sequences_in(one)]
