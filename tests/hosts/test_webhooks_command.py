"""`crewcard-xero webhooks`: endpoints, how they are doing, and what was given up."""

import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from typer.testing import CliRunner

from cli.main import app
from store import sinks
from store.tables import OutboxEvent
from tests.builders import COMPANY, an_invoice
from tests.hosts.conftest import deliver
from worker import settings, wiring


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
