"""Whatever a host sends: no error of ours, each refusal names its field, each accepted invoice is answered once.

2,000 bodies here; DOORS_FUZZ=100000 for the long form (`make prove`).
"""

import json
import os
from collections import Counter
from urllib.parse import quote, urlsplit

import jsonschema
import pytest
from hypothesis import given
from sqlmodel import select

from events import codec
from events.codec import Unreadable
from events.invoice import Invoice
from reference.contracts import DOCS
from store.tables import Item
from tests.doors import generated
from tests.doors.conftest import _served
from tests.doors.host import Host, problems
from web.reads import LONGEST_WAIT_SECONDS

pytestmark = [pytest.mark.ci, pytest.mark.timeout(7200)]
BODIES = int(os.environ.get("DOORS_FUZZ", "2000"))
_FINE = {200, 201, 202, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429}


@pytest.fixture
def made(make_installation, database_url):
    """An installation that no limit of Xero's holds up, on each database: they take different texts."""
    many = {"calls_per_minute": 10_000, "calls_per_day": 100_000, "requests_per_minute": 10**9, "most_pending": 10**9}
    made = make_installation(database_url, **many)
    made.company()
    return made


@pytest.fixture
def host(made):
    with _served(made) as url:
        yield Host(made, url)


def judged(answer):
    """An answer any host can work with."""
    assert answer.status_code in _FINE, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert problems(answer)
        return
    for one in answer.json().get("results", []) if isinstance(answer.json(), dict) else []:
        assert one["status"] == 202 or (one["status"] in _FINE and one["problems"])
        assert one["status"] == 202 or all(": " in problem for problem in one["problems"])


def answered_once(made):
    """Every invoice of every accepted request has one answer, and no other has any."""
    for _ in range(60):
        if not made.rings:
            made.wake()
        made.run(500)
        made.later(120)
        with made.store.read() as work:
            items = {(one.company, one.request, one.invoice): one.state for one in work.session.exec(select(Item))}
        if "waiting" not in items.values():
            break
    told = Counter(
        (event["data"]["company"], event["data"]["request"], event["data"]["invoice"])
        for event in made.events()
        if event["type"] in ("invoice.export.succeeded", "invoice.export.failed")
    )
    assert told == Counter(items.keys())
    return len(told)


def test_spoilt_events_are_refused_by_field_or_answered_once(host, made):
    @generated.quietly(BODIES * 5 // 10 // 2)
    @given(generated.events())
    def ask(event):
        judged(host.post(event))

    ask()
    assert answered_once(made) >= min(BODIES // 40, 50)


def test_any_body_and_any_array_is_taken_or_refused(host, made):
    @generated.quietly(BODIES * 3 // 10 // 2)
    @given(generated.BODIES)
    def ask(body):
        judged(host.post(body))

    ask()
    answered_once(made)


@pytest.mark.parametrize("name", generated.NAMES)
def test_requests_out_of_our_own_document(host, made, name):
    operation = generated.operations()[name]
    document = json.loads((DOCS / "openapi.json").read_text())
    published = document["paths"][operation.path][operation.method]["responses"]

    @generated.quietly(BODIES * 2 // 10 // 2 // len(generated.NAMES))
    @given(operation.as_strategy())
    def ask(case):
        answer = host.ask(operation.method.upper(), target_of(case), body_of(case))
        judged(answer)
        assert str(answer.status_code) in published
        content = published[str(answer.status_code)].get("content")
        if content:
            whole = {**content["application/json"]["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer.json())

    ask()
    answered_once(made)


def target_of(case):
    """Path and query as schemathesis would send them; the company is often one that is there."""
    address = urlsplit(case.as_transport_kwargs(base_url="http://here")["url"])
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", "harbour" if len(str(value)) % 2 else quote(str(value), safe="") or "x")
    asked = {name: _at_once(name, str(value)) for name, value in (case.query or {}).items()}
    query = "&".join(f"{quote(str(name))}={quote(value)}" for name, value in asked.items())
    assert address.scheme == "http"
    return f"{path}?{query}" if query else path


def _at_once(name, value):
    """A wait that is granted is not waited for: thousands of them would take hours."""
    is_granted = name == "wait" and value.isdecimal() and int(value) <= LONGEST_WAIT_SECONDS
    return "0" if is_granted else value


def body_of(case):
    if case.operation.method == "get":
        return b""
    text = json.dumps(case.body, default=str)
    if "invoice" in text and isinstance(case.body, dict) and isinstance(case.body.get("data"), dict):
        case.body["data"]["company"] = "harbour"
    return json.dumps(case.body, default=str).encode()


@generated.quietly(BODIES)
@given(generated.BODIES | generated.events().map(lambda event: json.dumps(event).encode()))
def test_no_bytes_crash_the_codec(body):
    try:
        _, asked = codec.parse_event(codec.parse(body))
        for invoice in getattr(asked, "invoices", ()):
            if isinstance(invoice, Invoice):  # it is kept as text, and read again by whoever exports it
                assert Invoice.model_validate_json(invoice.model_dump_json(exclude_none=True)) == invoice
    except Unreadable as refused:
        assert refused.problems
        for problem in refused.problems:
            assert ": " in problem
            problem.encode()
