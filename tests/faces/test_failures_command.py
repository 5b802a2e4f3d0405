"""`failures`, `failures retry` and `alerts` at the command line."""

import json

import pytest

from store import audit
from tests.builders import COMPANY, TENANT, an_invoice
from tests.faces.test_orders_command import command as command  # noqa: PLC0414  # the fixture
from tests.journeys import saying
from tests.journeys.test_groups import waiting_for
from worker.failing import alerting

WHY = ("--company", COMPANY, "--why", "restored in Xero", "--by", "olga")


@pytest.fixture
def failing(on_sqlite):
    """Two groups: an archived account, and a client nobody linked."""
    archived = [an_invoice(id_, line={"account_code": "299"}) for id_ in "abc"]
    on_sqlite.ask(*archived, *waiting_for("wharf", "w", name="Old Wharf"))
    on_sqlite.run()
    return on_sqlite


def test_groups_are_listed_with_who_how_and_how_many(failing, command):
    code, said, _ = command("failures")
    assert code == 0
    assert "harbour: Account archived: 299 · 3 invoices" in said
    assert "To be mended by: bookkeeper" in said
    assert "  1. In Xero open Accounting, then Chart of accounts, and restore account 299" in said
    assert "Invoices: N-a, N-b, N-c" in said
    assert "Group: account_archived:299" in said
    assert "harbour: Client has no Xero contact: Old Wharf · 1 invoice," in said


@pytest.mark.parametrize("words", [("failures", COMPANY), ("failures", "--company", COMPANY), ("failures",)])
def test_machines_read_the_same(failing, command, words):
    code, said, _ = command(*words, "--json")
    first, second = json.loads(said)
    assert code == 0
    assert (first["cause"], first["invoices"], first["who"]) == ("account_archived:299", 3, "bookkeeper")
    assert (second["about"], second["by_itself"], len(second["steps"])) == ("Old Wharf", True, 2)


def test_a_company_without_failures_has_none(failing, command):
    assert command("failures", "quay")[:2] == (0, "Nothing has failed.\n")


def test_a_group_is_tried_again_after_a_question(failing, command):
    failing.simulator.state.world.organisations[TENANT].accounts["299"].status = "ACTIVE"
    code, _, said = command("failures", "retry", "account_archived:299", *WHY, answer="n\n")
    assert (code, "Try 3 invoices of harbour again?" in said) == (1, True)
    code, said, _ = command("failures", "retry", "account_archived:299", *WHY, "--yes")
    assert (code, said.startswith("3 invoices asked for again (replay-")) == (0, True)
    assert command("failures", "retry", "account_archived:299", *WHY)[:2] == (
        0,
        "There was nothing to do: they are being sent again already.\n",
    )
    failing.run()
    assert len(failing.books()) == 3
    with failing.store.read() as work:
        assert [(line.who, line.why) for line in audit.newest(work)] == [("olga", "restored in Xero")]


def test_every_group_of_a_reason_can_be_tried_again(failing, command):
    failing.ask(*waiting_for("crane", "x"), request="r2")
    failing.run()
    code, said, _ = command("failures", "retry", "--reason", "contact_not_mapped", *WHY, "--yes", "--json")
    done = json.loads(said)
    assert (code, done["moved"], len(done["requests"])) == (0, 2, 2)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("retry", "no_such:thing", *WHY), 1, "harbour has no group “no_such:thing”."),
        (("retry", *WHY), 2, "Name a group or give --reason"),
        (("retry", "account_archived:299", "--reason", "account_archived", *WHY), 2, "one of the two"),
        (("retry", "account_archived:299", "--company", COMPANY), 2, "Missing option"),
    ],
)
def test_what_cannot_be_done_is_said(failing, command, words, code, told):
    ended, _, said = command("failures", *words)
    assert (ended, told in said) == (code, True), said


def test_words_of_xeros_that_we_do_not_know_are_listed(failing, command, monkeypatch):
    saying.of_lines(monkeypatch, "The moon is in the wrong quarter.")
    failing.ask(an_invoice("odd"), request="r2")
    failing.run()
    code, said, _ = command("failures", "--unmatched")
    assert (code, said.splitlines()[0].startswith("1 time,"), said.splitlines()[1]) == (
        0,
        True,
        "  The moon is in the wrong quarter.",
    )
    (unknown,) = json.loads(command("failures", "--unmatched", "--json")[1])
    assert (unknown["text"], unknown["times"], unknown["number"]) == ("The moon is in the wrong quarter.", 1, "N-odd")


def test_alerts_are_listed(failing, command):
    failing.relay()
    alerting.watch(failing.tools)
    code, said, _ = command("alerts", "--json")
    assert code == 0
    assert {alert["cause"]: alert["invoices"] for alert in json.loads(said)} == {
        "account_archived:299": 3,
        "contact_not_mapped:wharf": 1,
    }
    said = command("alerts", "--company", COMPANY)[1]
    assert "harbour: Account archived: 299 (account_archived:299)" in said
    assert "  told 1 time, last at " in said
    assert json.loads(command("alerts", "--company", "quay", "--json")[1]) == []


def test_the_help_shows_how(command):
    for words in (("failures", "--help"), ("failures", "retry", "--help"), ("alerts", "--help")):
        code, said, _ = command(*words)
        assert (code, "crewcard-xero" in said) == (0, True)
