"""`clients erase` and `companies remove`: a look first, a question, and how far it is."""

import json

import pytest
from typer.testing import CliRunner

from cli import common
from cli.main import app
from tests.builders import COMPANY, an_invoice
from worker import wiring


@pytest.fixture
def command(on_sqlite, monkeypatch):
    """Runs a command on the installation's own tools; gives its exit code and all it said."""
    monkeypatch.setattr(common.settings, "load", lambda: on_sqlite.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: on_sqlite.tools)

    def run(*words, typed=None):
        done = CliRunner().invoke(app, [str(word) for word in words], input=typed)
        return done.exit_code, done.output

    return run


def test_a_client_is_looked_at_asked_about_and_erased(on_sqlite, command):
    on_sqlite.ask(an_invoice("a"))
    code, said = command("clients", "erase", "acme", "--company", COMPANY, "--check")
    assert (code, "1 of its invoices are on their way" in said) == (1, True)
    on_sqlite.run()
    on_sqlite.relay()
    wanted = ("clients", "erase", "acme", "--company", COMPANY, "--why", "the client asked")
    code, said = command(*wanted, typed="n\n")
    assert (code, "It cannot be undone." in said) == (1, True)
    assert "ACME" in on_sqlite.export("a").wanted
    code, said = command(*wanted, "--yes")
    assert (code, "Done (order 1)." in said) == (0, True)
    assert on_sqlite.export("a").wanted == ""
    code, said = command("clients", "--json")
    assert [(one["client"], one["state"]) for one in json.loads(said)] == [("acme", "done")]


def test_a_company_is_looked_at_and_removed(on_sqlite, command):
    assert command("companies", "remove", "nobody", "--check")[0] == 1
    code, said = command("companies", "remove", COMPANY, "--check", "--json")
    assert (code, json.loads(said)["objections"]) == (0, [])
    code, said = command("companies", "remove", COMPANY, "--why", "contract ended", "--yes")
    assert (code, "It waits: a minute" in said) == (0, True)
    code, said = command("companies", "add", COMPANY)
    assert (code, "is being removed. It can be set up anew once that is done." in said) == (1, True)
