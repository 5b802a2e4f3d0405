"""What people see of files: on the invoice's page, at the command line, in doctor; and “try again”."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from typer.testing import CliRunner

from cli.main import app
from events.settings import CompanySettings
from simulator.scopes import DEFAULT
from store import companies
from tests.attachments.conftest import SCOPES
from tests.attachments.test_journeys import exported, named
from tests.builders import COMPANY
from worker.connections import health, login_links


@pytest.fixture
def failed(attaching_on_sqlite):
    """One file is attached, and one failed because CrewCard had it no more."""
    attaching = attaching_on_sqlite
    gone = {"name": "gone.pdf", "url": attaching.files.put("gone.pdf", 404)}
    exported(attaching, [*named(attaching.files, "invoice.pdf"), gone])
    attaching.attach()
    return attaching


def run(attaching, monkeypatch, *words):
    monkeypatch.setattr("cli.common.ready", lambda: attaching.installation.tools)
    return CliRunner().invoke(app, ["attachments", *words])


def test_the_command_lists_files_and_tries_failed_ones_again(failed, monkeypatch):
    listed = json.loads(run(failed, monkeypatch, "--company", COMPANY, "--json").stdout)
    assert {one["name"]: (one["state"], one["reason"]) for one in listed} == {
        "invoice.pdf": ("attached", None),
        "gone.pdf": ("failed", "link_refused"),
    }
    told = run(failed, monkeypatch, "--failed").stdout
    assert "CrewCard answered 404" in " ".join(told.split())
    assert "invoice.pdf" not in told
    failed.files.put("gone.pdf", b"there again")
    again = run(failed, monkeypatch, "retry", "i1", "--company", COMPANY, "--why", "restored")
    assert (again.exit_code, again.stdout.strip()) == (0, "1 file tried again.")
    failed.attach()
    assert failed.names() == ["gone.pdf", "invoice.pdf"]
    assert len(failed.calls("PUT")) == 2, "what is attached is not sent again"
    assert [one["change"] for one in failed.told()] == [1, 2]


def test_doctor_says_that_a_login_is_due_and_why(failed):
    def notes():
        found = health.of_company(failed.installation.tools, COMPANY)
        return [note for note in found.notes if "Attachments" in note]

    assert notes() == []
    failed.log_in(*DEFAULT)
    assert "log in again, because" in notes()[0]
    failed.log_in(*SCOPES)
    assert notes() == []


def scopes_asked(installation):
    text = unquote(login_links.link(installation.tools, COMPANY).url.rpartition("=")[2])
    address = login_links.start(installation.tools, COMPANY, text).address
    return parse_qs(urlsplit(address).query)["scope"][0].split()


def test_the_permission_is_asked_for_only_where_files_are_attached(attaching_on_sqlite):
    installation = attaching_on_sqlite.installation
    assert scopes_asked(installation).count("accounting.attachments") == 1
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings())
    assert "accounting.attachments" not in scopes_asked(installation)


def test_the_setting_is_chosen_by_word_and_needs_no_call(on_sqlite, monkeypatch):
    monkeypatch.setattr("cli.common.ready", lambda: on_sqlite.tools)
    before = len(on_sqlite.calls())
    words = ["companies", "settings", COMPANY, "--set", "attachments=true"]
    assert CliRunner().invoke(app, words).exit_code == 0
    with on_sqlite.store.read() as work:
        assert companies.settings_of(work, COMPANY).attachments
    assert len(on_sqlite.calls()) == before
