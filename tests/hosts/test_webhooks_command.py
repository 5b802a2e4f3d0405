"""`crewcard-xero webhooks`: endpoints, how they are doing, and what was given up."""

import json

import pytest
from sqlmodel import col, select
from standardwebhooks import Webhook, WebhookVerificationError
from typer.testing import CliRunner

from cli.main import app
from events.settings import CompanySettings
from store import audit, companies, sinks
from store.tables import OutboxEvent
from tests.builders import COMPANY, an_invoice, invoices
from tests.hosts import callback
from tests.hosts.conftest import deliver
from worker import settings, wiring

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def webhooks(telling, monkeypatch):
    """Runs the command on the installation's own tools; gives its exit code and all it said."""
    monkeypatch.setattr(settings, "load", lambda: telling.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: telling.tools)

    def run(*words):
        done = CliRunner().invoke(app, ["webhooks", *words])
        return done.exit_code, done.output

    return run


def test_an_endpoint_is_added_shown_and_removed(webhooks, other_endpoint, telling):
    code, said = webhooks("add", COMPANY, other_endpoint.url, "--json")
    assert code == 0
    made = json.loads(said)
    assert made["secret"].startswith("whsec_")
    assert json.loads(webhooks("add", COMPANY, other_endpoint.url, "--json")[1]) == made
    shown = json.loads(webhooks("--json")[1])["endpoints"]
    assert [one["company"] for one in shown] == [None, COMPANY]
    assert made["secret"] not in webhooks()[1] + json.dumps(shown)
    assert webhooks("remove", made["id"])[0] == 0
    assert webhooks("remove", made["id"])[0] == 1
    assert len(json.loads(webhooks("--json")[1])["endpoints"]) == 1


def test_a_secret_is_exchanged_without_a_delivery_that_does_not_fit(webhooks, other_endpoint, telling):
    first = json.loads(webhooks("add", COMPANY, other_endpoint.url, "--json")[1])
    second = json.loads(webhooks("rotate", first["id"], "--json")[1])
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    for headers, body in other_endpoint.came:
        for one in (first, second):
            assert Webhook(one["secret"]).verify(body, headers)
    third = json.loads(webhooks("rotate", first["id"], "--json")[1])
    telling.ask(an_invoice("i2"), request="r2")
    telling.run()
    deliver(telling)
    headers, body = other_endpoint.came[-1]
    assert Webhook(third["secret"]).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first["secret"]).verify(body, headers)
    assert webhooks("rotate", "nothing")[0] == 1


def test_an_endpoint_that_cannot_work_is_refused_with_a_sentence(webhooks):
    assert webhooks("add", "nobody", "https://app.example.com/")[0] == 1
    code, said = webhooks("add", COMPANY, "app.example.com")
    assert (code, "must be an address like" in said) == (1, True)


def test_a_delivery_that_was_given_up_is_shown_and_sent_again(webhooks, telling, endpoint):
    endpoint.answer = 500
    deliver(telling)
    with telling.store.write() as work:
        event = work.session.get(OutboxEvent, endpoint.ids[0])
        sinks.try_again(work, "webhook", event, None, 10, "answered 500")
    lost = json.loads(webhooks("--json")[1])["given_up"]
    assert [(one["event_id"], one["tries"], one["company"]) for one in lost] == [(endpoint.ids[0], 10, COMPANY)]
    assert "answered 500 (10 tries)" in webhooks()[1]
    assert webhooks("retry")[0] == 2
    assert json.loads(webhooks("retry", "nothing", "--json")[1]) == {"retried": 0}
    assert json.loads(webhooks("retry", "--all", "--endpoint", "webhook", "--json")[1]) == {"retried": 1}
    endpoint.answer = 200
    deliver(telling)
    assert len(endpoint.came) == 2
    assert json.loads(webhooks("--json")[1])["given_up"] == []


def what_was_done(telling, what):
    with telling.store.read() as work:
        return [line for line in audit.newest(work) if line.what == what]


def test_retrying_is_in_the_audit(webhooks, telling, endpoint):
    endpoint.answer = 500
    deliver(telling)
    with telling.store.write() as work:
        sinks.try_again(work, "webhook", work.session.get(OutboxEvent, endpoint.ids[0]), None, 10, "answered 500")
    webhooks("retry", "nothing")
    assert what_was_done(telling, "webhooks retried") == []
    webhooks("retry", "--all")
    (line,) = what_was_done(telling, "webhooks retried")
    assert (line.count, json.loads(line.chosen)["events"]) == (1, "all")


def test_what_an_endpoint_had_goes_there_again_in_order_under_the_same_ids(webhooks, telling, endpoint):
    telling.ask(*invoices(9), request="first")
    telling.run()
    telling.ask(*invoices(9), request="second", event_id="e2")
    telling.run()
    deliver(telling)
    before = [event for event in telling.events() if event["data"].get("request") == "second"]
    endpoint.came.clear()
    code, said = webhooks("resend", "--request", "second", "--company", COMPANY, "--why", "lost", "--yes", "--json")
    assert (code, json.loads(said)) == (0, {"resent": len(before), "endpoints": {"webhook": len(before)}})
    deliver(telling)
    assert sorted(endpoint.ids) == sorted(event["id"] for event in before)
    assert endpoint.events[-1]["type"] == "invoice.export.completed"
    ends = {event["id"] for event in before if event["type"] == "invoice.export.completed"}
    with telling.store.read() as work:
        feed = work.session.exec(select(OutboxEvent.id).order_by(col(OutboxEvent.position))).all()
    feed = [one for one in feed if one in endpoint.ids and one not in ends]
    places = [feed.index(came) for came in endpoint.ids[:-1]]
    assert all(abs(place - at) < 8 for at, place in enumerate(places)), "a few at a time, in the order of the feed"
    (line,) = what_was_done(telling, "webhooks sent again")
    assert (line.count, line.why, json.loads(line.chosen)) == (
        len(before),
        "lost",
        {"company": COMPANY, "request": "second"},
    )
    assert deliver(telling) == 0


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (("--since", "1h"), 3),  # the answer, the end of its request, and the connection that was made
        (("--since", "0m"), 0),
        (("--invoice", "i1", "--company", COMPANY), 1),
        (("--invoice", "I1", "--company", COMPANY), 0),
        (("--invoice", "i", "--company", COMPANY), 0),
        (("--request", "r1", "--company", "other"), 0),
        (("--since", "1h", "--endpoint", "webhook"), 3),
    ],
)
def test_exactly_what_was_chosen_is_sent_again(webhooks, telling, endpoint, chosen, count):
    with telling.store.write() as work:
        companies.set_up(work, "other", "Other", CompanySettings())
    telling.ask(an_invoice("i1"))
    telling.run()
    deliver(telling)
    telling.later(1)
    endpoint.came.clear()
    assert json.loads(webhooks("resend", *chosen, "--yes", "--json")[1])["resent"] == count
    deliver(telling)
    assert len(endpoint.came) == count


def test_resending_says_how_many_and_asks_first(webhooks, telling, endpoint):
    deliver(telling)
    code, said = webhooks("resend", "--since", "1h")
    assert (code, "Send 1 event again (1 to webhook)?" in said) == (1, True)
    assert deliver(telling) == 0
    moments = (("--since", text) for text in ("soon", "2999-01-01", "0001-01-01T00:00+12:00"))
    for words in ((), ("--request", "r1"), *moments):
        code, said = webhooks("resend", *words, "--yes")
        assert (code in (1, 2), said.strip() != "", "Traceback" in said) == (True, True, False), words
    assert webhooks("resend", "--since", "1h", "--endpoint", "nothing")[0] == 1


def test_an_endpoint_of_a_company_never_gets_anothers_again(webhooks, telling, other_endpoint):
    telling.company("other", OTHER)
    made = json.loads(webhooks("add", "other", other_endpoint.url, "--json")[1])
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    found = json.loads(webhooks("resend", "--since", "1d", "--yes", "--json")[1])["endpoints"]
    deliver(telling)
    assert found[made["id"]] == 1
    assert {event["data"]["company"] for event in other_endpoint.events} == {"other"}


def test_what_waits_to_be_tried_again_and_is_sent_again_goes_once(webhooks, telling, endpoint):
    endpoint.answer = 500
    deliver(telling)
    endpoint.answer = 200
    endpoint.came.clear()
    telling.later(3600)
    assert json.loads(webhooks("resend", "--since", "2h", "--yes", "--json")[1])["resent"] == 1
    deliver(telling)
    assert len(endpoint.came) == 1


def test_a_test_event_is_signed_and_marked_and_its_answer_is_shown(webhooks, telling, endpoint):
    def answered(handler):
        handler.send_response(202)
        handler.end_headers()
        handler.wfile.write(f"thanks {callback.SECRET} {'x' * 5000}".encode())

    endpoint.answer = answered
    code, said = webhooks("test", "webhook", "--json")
    tried = json.loads(said)
    ((headers, body),) = endpoint.came
    assert Webhook(callback.SECRET).verify(body, headers)["type"] == "webhook.tested"
    assert json.loads(body)["test"] is True
    assert (code, tried["taken"], tried["status"], tried["event"]) == (0, True, 202, headers["webhook-id"])
    assert tried["answer"].startswith("thanks [left out] xxx")
    assert len(tried["answer"]) <= 1024
    assert 0 < tried["seconds"] < 30
    assert telling.events()[-1]["type"] != "webhook.tested"
    assert len(what_was_done(telling, "webhook endpoint tested")) == 1


@pytest.mark.parametrize(("answer", "shown"), [(500, "answered 500"), ("drop", "the call broke off")])
def test_a_test_event_that_is_not_taken_ends_with_1(webhooks, telling, endpoint, answer, shown):
    endpoint.answer = getattr(endpoint, answer) if isinstance(answer, str) else answer
    code, said = webhooks("test", "webhook")
    assert (code, shown in said) == (1, True)
    assert webhooks("test", "nothing")[0] == 1
