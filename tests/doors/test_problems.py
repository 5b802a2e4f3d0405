"""Whatever goes wrong is a problem document with sentences, and every answer has the headers of security."""

import pytest
from sqlalchemy.exc import OperationalError

from tests.builders import COMPANY, a_request, an_invoice
from tests.doors.host import problems


def deep(levels):
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("method", "target", "body", "more", "status", "sentence"),
    [
        ("GET", "/v2", b"", {}, 404, "path: there is nothing at /v2"),
        ("GET", "/v1/invoices", b"", {}, 404, "path: there is nothing at /v1/invoices"),
        ("DELETE", "/v1/events", b"", {}, 405, "method: DELETE is not for this path"),
        ("PUT", f"/v1/companies/{COMPANY}/invoices", b"{}", {}, 405, "method: PUT is not for this path"),
        ("POST", "/v1/events", b"x" * 20_000_001, {}, 413, "body: at most 20,000,000 bytes"),
        ("POST", f"/v1/companies/{COMPANY}/disconnect", b"x" * 20_001, {}, 413, "body: at most 20,000 bytes"),
        ("POST", "/connect/xero/choose", b"x" * 20_001, {}, 413, "body: at most 20,000 bytes"),
        ("POST", "/v1/events", b"a=1", {"content_type": "application/x-www-form-urlencoded"}, 415, "content-type: "),
        ("POST", "/v1/events", b"{}", {"content_type": "application/json; charset=latin1"}, 415, "content-type: "),
        ("POST", "/v1/events", b"{}", {"content_encoding": "gzip"}, 415, "content-encoding: "),
        ("POST", f"/v1/companies/{COMPANY}/previews", b"a", {"content_type": "text/xml"}, 415, "content-type: "),
        ("POST", f"/v1/companies/{COMPANY}/logins", b"a", {"content_type": "text/xml"}, 415, "content-type: "),
        ("POST", f"/v1/companies/{COMPANY}/logins", deep(2000).encode(), {}, 422, "body: "),
        ("POST", "/v1/events", deep(100_000).encode(), {}, 422, "body: not JSON that can be read"),
        ("POST", "/v1/events", deep(900).encode(), {}, 422, "specversion: is missing"),
    ],
)
def test_every_refusal_is_a_problem_with_a_sentence(small_host, method, target, body, more, status, sentence):
    refused = small_host.ask(method, target, body, **more)
    assert refused.status_code == status
    assert problems(refused)[0].startswith(sentence)
    if status == 405:
        assert refused.headers["allow"]


@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json; charset=UTF-8", None])
def test_json_by_any_of_its_names_is_taken(small_host, kind):
    assert small_host.post(a_request(), content_type=kind).status_code == 202


def test_a_fault_of_ours_is_a_problem_too_and_shows_nothing_of_our_insides(small_host, on_sqlite):
    object.__setattr__(on_sqlite.tools, "vault", None)
    refused = small_host.post(a_request())
    assert refused.status_code == 500
    assert problems(refused)[0].startswith("request: this is our fault")
    assert "Traceback" not in refused.text
    assert "NoneType" not in refused.text


def test_a_database_that_is_away_is_a_503_with_a_time(small_host, on_sqlite):
    class Away:
        def __getattr__(self, _name):
            raise OperationalError("SELECT 1", {}, Exception("secret words of the driver"))

    object.__setattr__(on_sqlite.tools, "store", Away())
    refused = small_host.post(a_request())
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert "secret" not in refused.text
    assert problems(refused)


@pytest.mark.parametrize(
    "target", ["/healthz", "/nothing", f"/v1/companies/{COMPANY}/requests/r1", "/connect/harbour"]
)
def test_every_answer_tells_browsers_what_it_is_not_for(small_host, target):
    headers = small_host.get(target).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


NAMES = ["\ud800", "\x00", "\u202e", "x" * 100_000, "ключ"]


@pytest.mark.parametrize("name", NAMES, ids=["surrogate", "null", "override", "long", "cyrillic"])
def test_a_field_of_any_name_is_named_or_shortened_and_never_an_error(host, installation, name):
    """A host may make up a field's name; it reaches our sentence, the database and the answer."""
    refused = host.post({**a_request(), "data": {**a_request()["data"], name: 1}})
    assert refused.status_code == 422
    assert problems(refused)[0].startswith("data.")
    assert len(refused.text) < 2000
    for place, invoice in enumerate(({**an_invoice("a"), name: 1}, an_invoice("b", line={name: 1}))):
        request = f"r{place}"
        accepted = host.post(a_request(invoice, request=request))
        assert accepted.status_code == 202
        assert installation.answers(request)[invoice["id"]]["reason"] == "invoice_unreadable"


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\ud83d\ude00 \u202e"])
@pytest.mark.parametrize("field", ["company", "request", "mode", "origin", "invoices"])
def test_odd_text_in_any_field_is_refused_by_field(host, field, text):
    answer = host.post({**a_request(), "data": {**a_request()["data"], field: text}})
    assert answer.status_code == 422
    assert problems(answer)[0].startswith(f"data.{field}")


@pytest.mark.parametrize("field", ["id", "source", "type", "time", "causationid", "subject"])
def test_odd_text_in_the_envelope_is_refused_by_field_or_let_be(host, field):
    answer = host.post({**a_request(), field: "\ud800\x00"})
    if field == "subject":  # an attribute we do not use
        assert answer.status_code == 202
        return
    assert answer.status_code == 422
    assert problems(answer)[0].startswith(f"{field}: ")
