"""ENCRYPTION_KEYS are lost: every door says so in a sentence, nothing is lost, work goes on once they are back."""

import json
import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from sqlmodel import select
from typer.testing import CliRunner

from cli import common
from cli.main import app
from store import api_keys, audit, endpoints
from store.api_keys import Scope
from store.tables import Request
from store.vault import Vault
from tests.builders import COMPANY, a_request, an_invoice
from tests.console.visiting import Person
from tests.doors.host import Host, problems
from worker.delivery import webhooks as ways_out

LOST = Fernet.generate_key().decode()
AT_DOORS = [
    ("POST", "/v1/events", a_request(an_invoice("late"), request="late")),
    ("POST", "/v1/events", [a_request(an_invoice("late"), request="late")]),
    ("POST", "/v1/events", {"broken": True}),
    ("GET", "/v1/events?after=0", None),
    ("GET", f"/v1/companies/{COMPANY}/invoices?ids=i1", None),
    ("GET", f"/v1/companies/{COMPANY}/requests/r1", None),
    ("GET", f"/v1/companies/{COMPANY}/clients/acme/xero-contact", None),
    ("GET", f"/v1/companies/{COMPANY}/connection", None),
    ("POST", f"/v1/companies/{COMPANY}/previews", {"invoices": [an_invoice()]}),
    ("POST", f"/v1/companies/{COMPANY}/login-links", {"company": COMPANY}),
    ("POST", f"/v1/companies/{COMPANY}/logins", {"company": COMPANY, "state": "s", "code": "c"}),
    ("POST", f"/v1/companies/{COMPANY}/disconnect", {"company": COMPANY}),
]


@pytest.fixture
def lose(installation):
    """Puts other keys in the place of the right ones, and gives those back."""
    return losing(installation)


@pytest.fixture
def lose_one(on_sqlite):
    return losing(on_sqlite)


def losing(installation):
    vault = installation.tools.vault
    right = vault._fernet, vault._newest

    def other():
        wrong = Vault([LOST])
        vault._fernet, vault._newest = wrong._fernet, wrong._newest

    def back():
        vault._fernet, vault._newest = right

    other.back = back
    return other


def requests_in(installation):
    with installation.store.read() as work:
        return len(work.session.exec(select(Request)).all())


def test_every_door_says_what_is_wrong_and_that_nothing_is_lost(installation, serve, lose):
    host = Host(installation, serve(installation))
    assert host.post(a_request(an_invoice())).status_code == 202
    before = requests_in(installation)
    lose()
    for method, target, body in AT_DOORS:
        refused = host.post(body, target) if method == "POST" else host.get(target)
        assert refused.status_code == 503, (target, refused.text)
        assert int(refused.headers["retry-after"]) > 0
        (sentence,) = problems(refused)
        for part in ("ENCRYPTION_KEYS", "nothing of it was accepted", "doctor", "send the same again"):
            assert part in sentence
    assert requests_in(installation) == before
    lose.back()
    assert host.post(AT_DOORS[0][2]).status_code == 202
    installation.run()
    assert sorted(one["InvoiceNumber"] for one in installation.books())


def test_what_waits_goes_on_by_itself_and_nobody_is_told_that_it_failed(installation, lose):
    installation.ask(an_invoice())
    lose()
    installation.settle_down(4)
    assert installation.books() == []
    assert installation.events("invoice.export.failed") == []
    lose.back()
    installation.settle_down(2)
    assert len(installation.books()) == 1
    assert [one["type"] for one in installation.answers().values()] == ["succeeded"]


def test_an_endpoint_whose_secret_is_lost_gets_nothing_and_misses_nothing(installation, lose):
    with installation.store.write() as work:
        endpoints.add_endpoint(work, installation.tools.vault, COMPANY, "https://app.example.com/xero_webhook.php")
    installation.ask(an_invoice())
    installation.run()
    installation.relay()
    lose()
    assert ways_out.with_work(installation.tools) == []
    lose.back()
    assert [one.url for one in ways_out.with_work(installation.tools)] == ["https://app.example.com/xero_webhook.php"]


def test_that_a_secret_is_lost_is_said_once_an_hour_for_each_endpoint(on_sqlite, lose_one, monkeypatch):
    said, passed = [], [100.0]
    monkeypatch.setattr(ways_out._log, "warning", lambda what, **facts: said.append((what, facts["door"])))
    object.__setattr__(on_sqlite.tools, "elapsed", lambda: passed[0])
    with on_sqlite.store.write() as work:
        for path in ("a", "b"):
            endpoints.add_endpoint(work, on_sqlite.tools.vault, COMPANY, f"https://app.example.com/{path}")
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    on_sqlite.relay()
    lose_one()
    for _ in range(20):
        assert ways_out.with_work(on_sqlite.tools) == []
        passed[0] += 100
    assert len(said) == len(set(said)) == 2
    passed[0] += 3600
    ways_out.with_work(on_sqlite.tools)
    assert (len(said), len(set(said))) == (4, 2)
    lose_one.back()
    assert len(ways_out.with_work(on_sqlite.tools)) == 2
    lose_one()
    ways_out.with_work(on_sqlite.tools)
    assert len(said) == 6  # lost anew is news


def test_no_page_of_the_console_breaks(installation, serve, lose):
    url = serve(installation)
    installation.ask(an_invoice())
    installation.run()
    someone = Person(installation, url, "admin")
    someone.sign_in()
    lose()
    for path in ("", "/log", "/failures", "/dead-letters", "/audit", "/users", f"/companies/{COMPANY}/setup"):
        answer = someone.browser.get(f"/console{path}", follow_redirects=True)
        assert answer.status_code in (200, 401, 403, 404, 503), (path, answer.text[:500])
        assert "our fault" not in answer.text, path


AFTER_EACH_OTHER = """
import json, sys
from cli.main import run
for sys.argv[1:] in json.loads(sys.argv[1]):
    try:
        run()
    except SystemExit as ended:
        print("ended with", ended.code, flush=True)
"""


def run(installation, *commands, keys=LOST):
    """Commands, one after the other in a process of their own, which says the code of each at its end."""
    chosen = installation.settings
    environment = {
        **os.environ,
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": keys,
        "PUBLIC_URL": "http://127.0.0.1:9",
    }
    return subprocess.run(
        [sys.executable, "-c", AFTER_EACH_OTHER, json.dumps(commands)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_it_too_and_the_doctor_names_it(on_sqlite, serve):
    Host(on_sqlite, serve(on_sqlite), "host")
    said = run(on_sqlite, ["keys", "make", "host", "--every-company"], ["keys", "rotate", "host"], ["doctor"])
    assert "Traceback" not in said.stderr, said.stderr
    assert said.stdout.count("ended with 1") == 3
    assert said.stderr.count("ENCRYPTION_KEYS") == 2
    assert "open with no key in ENCRYPTION_KEYS" in " ".join(said.stdout.split())


def test_with_keys_lost_what_has_to_end_still_ends(installation, lose, monkeypatch):
    """A host's key is revoked, or ends, by its row alone; the line of the audit says what it opened."""
    tools = installation.tools
    with installation.store.write() as work:
        api_keys.make(work, tools.vault, "gone", [COMPANY], [Scope.READS])
        api_keys.make(work, tools.vault, "ends")
        api_keys.rotate(work, tools.vault, "ends", 3600)
        endpoint = endpoints.add_endpoint(work, tools.vault, COMPANY, "https://app.example.com/xero_webhook.php")
    lose()
    monkeypatch.setattr(common, "ready", lambda: tools)

    def said(*words):
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, done.exception) == (0, None), (words, done.output, done.exception)
        return done.output

    assert "opens nothing from now on" in said("keys", "revoke", "gone", "--by", "olga")
    assert "was revoked before" in said("keys", "revoke", "gone")
    assert "is good until 2" in said("keys", "expire", "ends", "30d")
    assert "opens nothing from now on" in said("keys", "revoke", "ends")
    assert "is gone" in said("webhooks", "remove", endpoint.id)
    assert "Switched off" in said("companies", "disable", COMPANY)
    with installation.store.read() as work:
        lines = {line.what: line for line in audit.newest(work, most=20) if line.what.startswith("key")}
        states = {one.id: one.revoked_at is not None for one in api_keys.all_keys(work)}
    assert states == {"gone": True, "ends": True}
    assert lines["key's end changed"].who == common.user()
    with installation.store.read() as work:
        (first,) = [line for line in audit.newest(work, most=20) if json.loads(line.chosen).get("key") == "gone"]
    chosen = {"key": "gone", "companies": [COMPANY], "scopes": ["reads"]}
    assert (first.who, first.what, first.company, json.loads(first.chosen)) == (
        "olga",
        "key revoked",
        COMPANY,
        chosen,
    )
