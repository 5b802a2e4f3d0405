"""The HTTP door: authenticated, signed, answers after commit, refuses with sentences."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import redis
import uvicorn

from events import signing
from store import api_keys, inbox
from tests import machines
from tests.builders import COMPANY, a_request, an_invoice
from tests.doors.host import signature
from web import main


class Host:
    """A host app with its key."""

    def __init__(self, installation, url, key_id="host", companies=None):
        self.client = httpx.Client(base_url=url)
        with installation.store.write() as work:
            self.key = api_keys.make(work, installation.tools.vault, key_id, companies)

    def post(self, body, *, path="/v1/events", at=None, secret=None, key_id=None, **headers):
        text = body if isinstance(body, str) else json.dumps(body)
        at = at or datetime.now(UTC)
        signed = {
            "x-crewcard-key": key_id or self.key.id,
            "webhook-id": "m1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(
                secret or self.key.secret, "m1", int(at.timestamp()), "POST", path, text.encode()
            ),
            **headers,
        }
        return self.client.post(path, content=text.encode(), headers={k: v for k, v in signed.items() if v})

    def get(self, path):
        at = datetime.now(UTC)
        headers = signing.headers(self.key.secret, "m1", "GET", path, b"", at)
        return self.client.get(path, headers={"x-crewcard-key": self.key.id, **headers})


@pytest.fixture
def web(on_sqlite):
    chosen = uvicorn.Config(main.build(on_sqlite.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as url:
        yield url


@pytest.fixture
def host(on_sqlite, web):
    return Host(on_sqlite, web)


def test_an_accepted_event_is_committed_and_answered_the_same_again(host, on_sqlite):
    first, again = host.post(a_request()), host.post(a_request())
    assert (first.status_code, again.status_code) == (202, 202)
    assert (
        first.json()
        == again.json()
        == {
            "event": f"event-{COMPANY}-r1-1",
            "company": COMPANY,
            "request": "r1",
            "invoices": 1,
        }
    )
    assert "x-crewcard-repeated" not in first.headers
    assert again.headers["x-crewcard-repeated"] == "true"
    assert on_sqlite.export("i1").state == "pending"


def test_a_used_event_id_with_another_body_is_a_conflict(host):
    host.post(a_request())
    refused = host.post(a_request(an_invoice("other")))
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"at": datetime.now(UTC) - timedelta(minutes=10)},
        {"key_id": "nobody"},
        {"webhook-signature": "v1,garbage"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": None},
        {"webhook-timestamp": "soon"},
    ],
)
def test_without_a_good_signature_nothing_is_even_read(host, wrong, on_sqlite):
    refused = host.post("{", **wrong)
    assert refused.status_code == 401
    with on_sqlite.store.read() as work:
        assert inbox.dead_letters(work) == []


def test_a_key_speaks_only_for_its_companies(on_sqlite, web):
    host = Host(on_sqlite, web, "small", frozenset({"other"}))
    assert host.post(a_request()).status_code == 403
    assert host.get(f"/v1/companies/{COMPANY}/requests/r1").status_code == 403


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "line 1 column 2"),
        ("[]x", "not JSON"),
        ('"text"', "must be a JSON object"),
        ({"type": "x"}, "specversion: is missing"),
        ({**a_request(), "type": "invoice.imported"}, "not an event we know"),
        (a_request(company="unknown"), "data.company: there is no company"),
        (a_request(part="x"), "data.part"),
    ],
)
def test_a_broken_envelope_is_refused_by_field_and_kept_as_a_dead_letter(host, on_sqlite, body, problem):
    refused = host.post(body, **{"x-crewcard-place": "orders.jsonl:7"})
    assert refused.status_code == 422
    assert problem in "; ".join(refused.json()["problems"])
    with on_sqlite.store.read() as work:
        (letter,) = inbox.dead_letters(work)
    assert letter.place == "orders.jsonl:7"
    assert json.loads(letter.problems) == refused.json()["problems"]


def test_in_an_array_each_event_has_its_own_result(host):
    other = a_request(an_invoice("i2"), request="r2")
    said = host.post([a_request(), {"type": "x"}, other])
    assert [result["status"] for result in said.json()["results"]] == [202, 422, 202]


def test_a_body_too_large_is_refused_before_it_is_held(host):
    assert host.post("x" * 20_000_001).status_code == 413


def test_progress_of_a_request_is_told(host, on_sqlite):
    host.post(a_request(an_invoice("a"), an_invoice("b", currency="EUR")))
    path = f"/v1/companies/{COMPANY}/requests/r1"
    assert host.get(path).json()["waiting"] == 2
    on_sqlite.run()
    found = host.get(path).json()
    assert (found["exported"], found["failed"], found["waiting"], found["complete"]) == (1, 1, 0, True)
    assert host.get(f"/v1/companies/{COMPANY}/requests/nothing").status_code == 404


def test_a_page_of_the_host_learns_what_an_export_would_do_and_nothing_is_filed(host, on_sqlite):
    path = f"/v1/companies/{COMPANY}/previews"
    told = host.post({"invoices": [an_invoice("a"), an_invoice("b", currency="EUR")]}, path=path).json()
    assert [(one["invoice"], one["verdict"]) for one in told["invoices"]] == [("a", "create"), ("b", "fail")]
    assert told["invoices"][1]["problems"][0]["reason"] == "currency_not_enabled"
    assert {call["method"] for call in on_sqlite.calls()} == {"GET"}
    assert on_sqlite.events() == on_sqlite.events("xero.connection.connected")


@pytest.mark.parametrize(
    ("body", "problem"), [("[", "body: not JSON"), ({"invoices": []}, "invoices"), ({"what": 1}, "what")]
)
def test_a_preview_of_what_cannot_be_read_names_the_field(host, body, problem):
    answer = host.post(body, path=f"/v1/companies/{COMPANY}/previews")
    assert answer.status_code == 422
    assert any(problem in said for said in answer.json()["problems"])


def test_a_key_previews_for_its_companies_only(on_sqlite, web):
    stranger = Host(on_sqlite, web, "stranger", companies=["pier"])
    assert stranger.post({"invoices": [an_invoice()]}, path=f"/v1/companies/{COMPANY}/previews").status_code == 403
    assert stranger.post({"invoices": [an_invoice()]}, path="/v1/companies/pier/previews").status_code == 404


def test_health_needs_no_key_and_readiness_names_what_is_missing(host, on_sqlite):
    assert host.client.get("/healthz").json() == {"status": "ok"}
    assert host.client.get("/readyz").json() == {"database": "ok", "redis": "ok"}
    object.__setattr__(on_sqlite.tools, "redis", redis.Redis(port=1, retry=None))
    found = host.client.get("/readyz")
    assert found.status_code == 200
    assert found.json()["redis"].startswith("not reachable")


def test_an_unexpected_error_is_no_traceback_for_the_host(host, on_sqlite):
    on_sqlite.store.engine.dispose()
    object.__setattr__(on_sqlite.tools, "store", None)
    answer = host.post(a_request())
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
