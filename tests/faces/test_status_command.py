"""`status REQUEST`: how far a request is, when it should be done, what failed and how to send that again."""

import json
import threading

import pytest
from typer.testing import CliRunner

from cli import output
from cli.main import app
from tests.builders import COMPANY, an_invoice, invoices
from worker import wiring

OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def status(on_sqlite, monkeypatch):
    """Runs the command on the installation's own tools; gives its exit code, output and errors."""
    from worker import settings

    monkeypatch.setattr(settings, "load", lambda: on_sqlite.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: on_sqlite.tools)

    def run(*words):
        done = CliRunner().invoke(app, ["status", *words])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_request_on_its_way_says_how_far_it_is_and_when_it_should_be_done(status, on_sqlite):
    on_sqlite.ask(*invoices(120))
    on_sqlite.run(1)
    code, said, _ = status("r1")
    assert code == 0
    assert "harbour r1: 120 invoices, 50 exported, 0 failed, done in about" in said
    assert said.rstrip().endswith("70 waiting")
    seen = json.loads(status("r1", "--json")[1])
    assert {name: seen[name] for name in ("total", "exported", "failed", "waiting", "complete")} == {
        "total": 120,
        "exported": 50,
        "failed": 0,
        "waiting": 70,
        "complete": False,
    }
    assert seen["estimated_finish"]


def test_what_failed_is_named_with_the_way_to_send_it_again(status, on_sqlite):
    on_sqlite.ask(*invoices(3), an_invoice("bad", line={"account_code": "299"}))
    on_sqlite.run()
    _, said, _ = status("r1", "--company", COMPANY)
    assert "3 exported, 1 failed, complete" in said
    assert "N-bad: Account 299 on invoice N-bad has been archived" in said
    assert "crewcard-xero replay r1 --company harbour" in said


def test_watching_ends_when_the_request_is_complete(status, on_sqlite):
    on_sqlite.ask(*invoices(60))
    working = threading.Timer(0.3, on_sqlite.run)
    working.start()
    said = status("r1", "--watch", "--json")[1]
    working.join()
    seen = json.loads(said[said.index("{\n") :])  # behind the log of the turns
    assert (seen["complete"], seen["exported"]) == (True, 60)


def test_a_request_nobody_made_is_an_error_and_one_of_several_companies_wants_its_name(status, on_sqlite):
    code, _, said = status("nothing")
    assert code == 1
    assert "There is no request “nothing”" in said
    on_sqlite.company("pier", OTHER)
    on_sqlite.ask(an_invoice())
    on_sqlite.ask(an_invoice(), company="pier")
    code, _, said = status("r1")
    assert code == 2
    assert "--company" in said
    assert status("r1", "--company", "pier")[0] == 0


def test_without_a_request_it_is_the_installation_at_a_glance(status, on_sqlite):
    on_sqlite.ask(*invoices(3))
    assert json.loads(status("--json")[1])["exports"] == {"pending": 3}


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "done in about 5 s"), (300, "done in about 5 min"), (90_000, "done by ")]
)
def test_the_estimate_is_said_in_words(seconds, words):
    from datetime import UTC, datetime, timedelta

    finish = datetime.now(UTC) + timedelta(seconds=seconds + 0.2)
    seen = {"exported": 1, "failed": 0, "complete": False, "estimated_finish": finish}
    assert words in output.tally(seen)
