"""The commands for orders: they ask first, say what they did, end with a sane code, and do nothing twice."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from store import batches, exports
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from tests.journeys.test_adopt import written
from worker import wiring
from worker.failing import alerting


@pytest.fixture
def command(on_sqlite, monkeypatch):
    """Runs a command on the installation's own tools; gives its exit code, output and errors."""
    monkeypatch.setattr("worker.settings.load", lambda: on_sqlite.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: on_sqlite.tools)

    def run(*words, answer=None):
        done = CliRunner().invoke(app, [str(word) for word in words], input=answer)
        return done.exit_code, done.stdout, done.stderr

    return run


def told(output):
    return json.loads(output)


def test_cancel_shows_how_many_and_asks_first(on_sqlite, command):
    on_sqlite.ask(*invoices(3))
    code, _, said = command("cancel", "r1", "--company", COMPANY, "--why", "wrong month", answer="n\n")
    assert code == 1
    assert "Cancel 3 invoices of harbour?" in said
    assert on_sqlite.answers() == {}
    code, said, _ = command("cancel", "r1", "--company", COMPANY, "--why", "wrong month", answer="y\n")
    assert (code, said.splitlines()[-1].strip()) == (0, "3 invoices cancelled.")


def test_cancel_again_does_nothing_and_is_no_mistake(on_sqlite, command):
    on_sqlite.ask(*invoices(3))
    words = ("cancel", "r1", "--company", COMPANY, "--why", "wrong month", "--yes", "--json")
    assert told(command(*words)[1])["moved"] == 3
    code, said, _ = command(*words)
    assert (code, told(said)) == (
        0,
        {"company": COMPANY, "request": "r1", "moved": 0, "left_out": {"answered": 3}},
    )


def test_an_order_that_names_nothing_or_nobody_says_so(on_sqlite, command):
    code, _, said = command("cancel", "--company", COMPANY, "--why", "x", "--yes")
    assert (code, "must name what it is about: request or invoices" in said) == (2, True)
    code, _, said = command("cancel", "nope", "--company", COMPANY, "--why", "x", "--yes")
    assert (code, "harbour has no request “nope”" in said) == (1, True)
    code, _, said = command("replay", "--company", COMPANY, "--why", "x", "--reason", "bad_luck", "--yes")
    assert (code, "not the code of a failure reason" in said) == (2, True)


def test_replay_by_reason_sends_again_and_is_in_the_audit(on_sqlite, command):
    on_sqlite.ask(an_invoice(currency="EUR"))
    on_sqlite.run()
    words = ("replay", "--company", COMPANY, "--reason", "currency_not_enabled", "--why", "added EUR", "--yes")
    code, said, _ = command(*words, "--json", "--by", "olga")
    assert (code, told(said)["moved"]) == (0, 1)
    on_sqlite.simulator.state.world.organisations[TENANT].currencies.append("EUR")
    on_sqlite.run()
    assert on_sqlite.answers(told(said)["request"])["i1"]["type"] == "succeeded"
    (line,) = told(command("audit", "--json")[1])
    assert (line["who"], line["what"], line["why"]) == ("olga", "replay", "added EUR")


def test_exclude_and_include_and_why_tells_who_and_why(on_sqlite, command):
    on_sqlite.ask(an_invoice())
    code, said, _ = command("exclude", "N-i1", "--company", COMPANY, "--why", "in cash", "--by", "olga")
    assert (code, said.strip()) == (0, "1 invoice marked “never send”.")
    assert "Marked “never send” by olga: in cash" in command("why", "N-i1")[1]
    code, _, said = command("exclude", "N-typo", "--company", COMPANY, "--why", "in cash")
    assert (code, "Not known here, so not marked: N-typo" in said) == (1, True)
    assert command("include", "N-i1", "--company", COMPANY)[0] == 0
    assert "Marked" not in command("why", "N-i1")[1]


def test_pause_waits_until_nothing_is_in_flight_and_resume_goes_on(on_sqlite, command):
    on_sqlite.ask(an_invoice())
    code, said, _ = command("pause", "--company", COMPANY, "--why", "closing", "--by", "olga", "--wait")
    assert (code, said.strip()) == (0, "harbour is paused. Nothing is in flight.")
    assert "harbour is paused since" in command("status")[1]
    assert "paused by olga. closing" in command("why", "N-i1")[1]
    assert told(command("pause", "--company", COMPANY, "--json")[1])["news"] is False
    assert command("resume", "--company", COMPANY)[1].strip() == "harbour goes on."
    assert command("resume", "--company", COMPANY)[1].strip() == "harbour was not paused."
    on_sqlite.run()
    assert len(on_sqlite.books()) == 1


def test_pause_that_waits_in_vain_says_how_many_calls_are_left(on_sqlite, command):
    lane = on_sqlite.company()
    on_sqlite.ask(an_invoice())
    with on_sqlite.store.write() as work:
        batches.claim(work, lane, exports.pending(work, lane, 50), lease=90)
    code, said, _ = command("pause", "--all", "--wait", "--at-most", "0", "--json")
    assert (code, told(said)) == (1, {"scope": "*", "news": True, "in_flight": 1})


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_pause_and_resume_want_to_know_whom(command, verb):
    assert command(verb)[0] == 2
    assert command(verb, "--all", "--company", COMPANY)[0] == 2


def test_adopt_takes_what_matches_and_names_the_rest_with_its_line(on_sqlite, command, tmp_path):
    written(on_sqlite, "N-i1")
    file = tmp_path / "older.csv"
    file.write_text(
        "invoice,number,client,date,currency,total\n"
        "i1,N-i1,acme,2026-11-20,USD,1.00\n"
        "i2,N-i2,acme,2026-11-20,USD,1.00\n"
        "i3,N-i3,acme,soon,USD,1.00\n"
    )
    code, said, errors = command("adopt", file, "--company", COMPANY, "--why", "moved over")
    assert (code, said.splitlines()[0]) == (1, "1 invoice taken over, 0 were ours before.")
    assert "Not taken: i2: Xero has no invoice N-i2" in errors
    assert "Not taken: older.csv:4: date:" in errors
    again = told(command("adopt", file, "--company", COMPANY, "--why", "moved over", "--json")[1])
    assert (again["taken"], again["before"]) == ({}, ["i1"])


def test_adopt_takes_whole_snapshots_too(on_sqlite, command, tmp_path):
    written(on_sqlite, "N-i1")
    file = tmp_path / "older.json"
    file.write_text(json.dumps([an_invoice()]))
    assert command("adopt", file, "--company", COMPANY, "--why", "moved over")[0] == 0
    assert on_sqlite.export("i1").sent_hash == on_sqlite.export("i1").wanted_hash != ""


@pytest.mark.parametrize("verb", ["cancel", "replay", "exclude", "include", "pause", "resume", "adopt", "audit"])
def test_every_order_has_an_example_in_its_help(command, verb):
    code, said, _ = command(verb, "--help")
    assert code == 0
    assert f"crewcard-xero {verb}" in said


def test_raise_anew_asks_first_and_why_tells_of_the_one_before(on_sqlite, command):
    on_sqlite.ask(*invoices(2))
    on_sqlite.run()
    old = on_sqlite.books()[0]
    old["Status"] = "VOIDED"
    words = ("raise-anew", "i0001", "--company", COMPANY, "--why", "voided by mistake")
    code, _, said = command(*words, answer="n\n")
    assert (code, "Raise 1 invoice of harbour again?" in said) == (1, True)
    code, said, _ = command(*words, "i9", "--yes", "--json")
    assert (code, told(said)["moved"], told(said)["left_out"]) == (0, 1, {"never_sent": 1})
    on_sqlite.run()
    code, said, _ = command("why", "i0001", "--company", COMPANY)
    assert "raised anew by" in said
    assert old["InvoiceID"].lower() in said.replace("\n", "")
    code, _, said = command("raise-anew", "a", "b", "--number", "N-1", "--company", COMPANY, "--why", "x", "--yes")
    assert (code, "exactly one invoice" in said) == (2, True)


def test_the_log_and_an_invoices_story_say_who_asked(on_sqlite, command):
    on_sqlite.ask(an_invoice("i1"), request="r1", requested_by={"id": "u-17", "name": "Anna Berg"})
    on_sqlite.ask(an_invoice("i2"), request="r2", requested_by={"id": "u-18"})
    on_sqlite.ask(an_invoice("i3"), request="r3", requested_by="nobody that could be read")
    on_sqlite.run()
    by = {line["invoice"]: line["requested_by"] for line in told(command("log", "--json")[1])}
    assert by == {"i1": {"id": "u-17", "name": "Anna Berg"}, "i2": {"id": "u-18", "name": None}, "i3": None}
    said = " ".join(command("log")[1].split())
    assert ("Anna Berg" in said, "u-18" in said) == (True, True)
    assert "created for request r1 of Anna Berg" in command("why", "i1")[1]
    assert told(command("why", "i1", "--json")[1])[0]["log"][0]["requested_by"]["name"] == "Anna Berg"


@pytest.mark.parametrize(
    "words", ["companies", "connections", "keys list", "users", "status", "log", "why i1", "audit"]
)
def test_a_command_says_what_to_do_about_an_empty_database(on_sqlite, monkeypatch, tmp_path, words):
    empty = on_sqlite.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/new.sqlite"})
    monkeypatch.setattr("worker.settings.load", lambda: empty)
    done = CliRunner().invoke(app, words.split())
    assert (done.exit_code, "Run: crewcard-xero migrate" in done.stderr) == (2, True), done.output


@pytest.mark.parametrize("words", ["log", "audit", "alerts"])
def test_a_list_that_was_cut_says_that_there_is_more(on_sqlite, command, words):
    on_sqlite.ask(*(an_invoice(f"i{currency}", currency=currency) for currency in ("EUR", "GBP", "JPY")))
    on_sqlite.run()
    on_sqlite.relay()
    alerting.watch(on_sqlite.tools)
    for number in range(3):
        command("exclude", f"i{number}", "--company", COMPANY, "--why", "in cash")
    code, said, errors = command(words, "--most", "2", "--json")
    assert (code, len(told(said)), "These are the newest 2; there are more." in errors) == (0, 2, True)
    code, said, errors = command(words, "--most", "3", "--json")
    assert (code, len(told(said)), errors) == (0, 3, "")
