"""What developers of a host have: events on a laptop without a public address, and examples of whatever may come."""

import json
import threading

import jsonschema
import pytest
import uvicorn
from standardwebhooks import Webhook
from typer.testing import CliRunner

from cli.main import app
from events import examples, schemas
from events.outgoing import OUTGOING
from store import api_keys, audit
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.hosts import callback
from web import main
from worker import settings, wiring

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def command(monkeypatch):
    """Runs a command on a machine with nothing but a host's key; gives its exit code and its results."""
    monkeypatch.setenv("CREWCARD_XERO_WEBHOOK_SECRET", callback.SECRET)

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def exporter(on_sqlite, monkeypatch):
    """An installation behind its doors; gives it with what puts a key into the environment."""
    chosen = uvicorn.Config(main.build(on_sqlite.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as url:

        def key(companies=None, scopes=("feed",)):
            with on_sqlite.store.write() as work:
                made = api_keys.make(
                    work, on_sqlite.tools.vault, f"k{len(api_keys.all_keys(work))}", companies, scopes
                )
            for name, value in (("URL", url), ("KEY", made.id), ("SECRET", made.secret)):
                monkeypatch.setenv(f"CREWCARD_XERO_{name}", value)

        on_sqlite.key = key
        yield on_sqlite


def test_events_of_the_feed_come_to_a_laptop_signed_and_are_shown(exporter, command, endpoint):
    exporter.key()
    exporter.ask(an_invoice())
    exporter.run()
    exporter.relay()
    code, said, told = command("listen", "--forward", endpoint.url, "--after", "0", "--most", "3", "--json")
    assert code == 0, told
    shown = [json.loads(line) for line in said.splitlines()]
    assert [one["event"] for one in shown] == endpoint.ids
    assert {one["type"] for one in shown} >= {"invoice.export.succeeded", "invoice.export.completed"}
    assert all(one["status"] == 200 and one["trouble"] == "" for one in shown)
    for headers, body in endpoint.came:
        assert Webhook(callback.SECRET).verify(body, headers)["id"] == headers["webhook-id"]
    assert sorted(endpoint.events, key=str) == sorted(exporter.events(), key=str)
    assert "To go on from here: --after 3" in told


def test_without_a_cursor_only_what_comes_from_now_on_comes(exporter, command, endpoint):
    exporter.key()
    exporter.ask(an_invoice())
    exporter.run()
    exporter.relay()
    found = []
    listening = threading.Thread(
        target=lambda: found.append(command("listen", "--forward", endpoint.url, "--most", "1"))
    )
    listening.start()
    number = 0
    while listening.is_alive():  # the first that comes after it began to listen ends it
        number += 1
        exporter.ask(an_invoice(f"new{number}"), request=f"new{number}", event_id=f"new{number}")
        exporter.run()
        exporter.relay()
        listening.join(0.2)
    ((code, said, _),) = found
    assert code == 0
    (event,) = endpoint.events
    assert str(event["data"].get("invoice", event["data"].get("request"))).startswith("new")
    assert event["type"] in said


def test_a_key_of_one_company_brings_no_other_companys_events(exporter, command, endpoint):
    exporter.company("other", OTHER)
    exporter.relay()
    exporter.key(companies=["other"])
    assert command("listen", "--forward", endpoint.url, "--after", "0", "--most", "1")[0] == 0
    assert [event["data"]["company"] for event in endpoint.events] == ["other"]
    code, _, said = command("listen", "--forward", endpoint.url, "--company", COMPANY, "--after", "0")
    assert (code, "does not speak for" in said) == (1, True)


def test_what_is_not_taken_is_shown_and_the_next_comes_all_the_same(exporter, command, endpoint):
    exporter.key()
    exporter.ask(an_invoice())
    exporter.run()
    exporter.relay()
    endpoint.answer = 500
    code, said, _ = command("listen", "--forward", endpoint.url, "--after", "0", "--most", "3")
    assert (code, len(endpoint.came), said.count("answered 500")) == (0, 3, 3)


def test_a_key_that_may_not_read_the_feed_and_half_a_key_say_so(exporter, command, endpoint, monkeypatch):
    exporter.key(scopes=("exports",))
    code, _, said = command("listen", "--forward", endpoint.url)
    assert (code, "lacks the scope" in said) == (1, True)
    monkeypatch.delenv("CREWCARD_XERO_SECRET")
    code, _, said = command("listen", "--forward", endpoint.url)
    assert (code, "CREWCARD_XERO_SECRET is missing" in said) == (2, True)
    assert command("listen", "--forward", "ftp://x")[0] == 2


def test_each_event_and_each_reason_has_an_example_as_its_schema_says():
    wrong = []
    for name in OUTGOING:
        schema = jsonschema.Draft202012Validator(schemas.of_event(name, "out"))
        for reason in examples.reasons(name) or ("",):
            data = examples.event(name, reason).model_dump(mode="json", exclude_none=True)
            found = [one.message for one in schema.iter_errors({**examples.document(name), "data": data})]
            texts = [value for value in data.values() if isinstance(value, str)]
            if found or reason not in json.dumps(data) or any("{" in text for text in texts):
                wrong.append((name, reason, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [("invoice.export.failed", "contact_archived"), ("invoice.export.deferred", "offline"), ("webhook.tested", "")],
)
def test_an_example_is_posted_signed_and_marked_as_a_test(command, endpoint, name, reason):
    words = ("--reason", reason) if reason else ()
    code, said, told = command("trigger", name, *words, "--forward", endpoint.url, "--invoice", "77", "--json")
    assert (code, json.loads(said)["type"]) == (0, name), told
    ((headers, body),) = endpoint.came
    event = Webhook(callback.SECRET).verify(body, headers)
    assert (event["type"], event["test"]) == (name, True)
    assert reason in (event["data"].get("reason"), event["data"].get("cause"), "")
    assert event["data"].get("invoice", "77") == "77"


def test_what_cannot_be_triggered_names_what_can(command, endpoint):
    code, _, said = command("trigger", "invoice.export.exploded", "--forward", endpoint.url)
    assert (code, "invoice.export.succeeded" in said) == (2, True)
    code, _, said = command("trigger", "invoice.export.failed", "--reason", "bad_luck", "--forward", endpoint.url)
    assert (code, "contact_archived" in said) == (2, True)
    assert command("trigger", "invoice.export.failed")[0] == 2
    endpoint.answer = 404
    assert command("trigger", "invoice.export.failed", "--forward", endpoint.url)[0] == 1
    assert len(endpoint.came) == 1


def test_an_endpoint_gets_an_example_of_its_own_company_alone(
    telling, command, endpoint, other_endpoint, monkeypatch
):
    monkeypatch.setattr(settings, "load", lambda: telling.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: telling.tools)
    made = json.loads(command("webhooks", "add", COMPANY, other_endpoint.url, "--json")[1])
    assert command("trigger", "invoice.export.succeeded", "--endpoint", made["id"])[0] == 0
    (event,) = other_endpoint.events
    assert (event["data"]["company"], event["test"]) == (COMPANY, True)
    code, _, said = command("trigger", "invoice.export.succeeded", "--endpoint", made["id"], "--company", "acme")
    assert (code, "no other company's" in said) == (1, True)
    assert (len(other_endpoint.came), endpoint.came) == (1, [])
    with telling.store.read() as work:
        (line,) = [one for one in audit.newest(work) if one.what == "webhook endpoint tested"]
    assert json.loads(line.chosen)["event"] == "invoice.export.succeeded"
