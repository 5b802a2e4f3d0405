"""Dead letters: read, mended, read again, discarded; never deleted."""

import json
import re
from html import unescape

import pytest

from store import api_keys, audit, inbox
from tests.builders import COMPANY, a_request, an_invoice
from tests.console.happenings import EVIL, TOLD
from tests.faces.test_orders_command import command as command  # noqa: PLC0414  # the fixture
from worker.decisions.rights import Operator
from worker.intake import dead_letters
from worker.intake.dead_letters import NotOpen

BROKEN = {**a_request(an_invoice()), "type": "invoice.export.requsted"}


def bury(installation, document=BROKEN, problems=("type: “invoice.export.requsted” is not an event we know",)):
    """Something a door could not read."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with installation.store.write() as work:
        key = api_keys.make(work, installation.tools.vault, "crewcard")
        inbox.set_aside(work, "http", body, problems, "orders.json:12", key)


@pytest.fixture
def helper(on_sqlite, person):
    bury(on_sqlite)
    return person("support")


def letter(installation, number=1):
    with installation.store.read() as work:
        return inbox.dead_letter(work, number)


def test_letters_are_listed_with_what_is_wrong_and_shown_whole(helper):
    assert "“invoice.export.requsted” is not an event we know" in helper.see("/dead-letters")
    page = unescape(helper.see("/dead-letters/1"))
    assert "<code>type</code>: “invoice.export.requsted” is not an event we know" in page
    assert '"description": "Crew, one day"' in page
    assert "orders.json:12" in page


def test_a_mended_letter_is_read_as_if_it_had_come_so(helper, on_sqlite):
    page = helper.do("/dead-letters/1/replay", body=json.dumps(a_request(an_invoice())))
    assert "Request r1" in page
    on_sqlite.run()
    assert len(on_sqlite.books()) == 1
    kept = letter(on_sqlite)
    assert (kept.state, kept.closed_by, kept.event) == ("replayed", "support", "event-harbour-r1-1")
    assert (json.loads(kept.body)["type"], json.loads(kept.mended)["type"]) == (BROKEN["type"], a_request()["type"])
    with on_sqlite.store.read() as work:
        (line,) = audit.newest(work, COMPANY)
    assert (line.who, line.what, line.chosen) == (
        "support",
        "dead letter mended",
        '{"dead_letter": 1, "key": "crewcard", "event": "invoice.export.requested"}',
    )
    assert "There is no open" not in helper.see("/dead-letters?state=replayed")
    assert "Everything that came could be read" in helper.see("/dead-letters")


def test_what_is_still_wrong_is_said_with_its_field_and_what_was_typed_is_kept(helper, on_sqlite):
    wrong = a_request(an_invoice(), mode="bulky", part="first")
    page = unescape(helper.do("/dead-letters/1/replay", 422, body=json.dumps(wrong)))
    assert "<code>data.mode</code>" in page
    assert "<code>data.part</code>" in page
    assert '"bulky"' in page
    assert "What is still wrong" in page
    assert letter(on_sqlite).state == "open"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "body: not JSON"),
        ("[]", "must be one event"),
        ('"x"', "must be a JSON object"),
        (
            json.dumps(a_request(company="nobody")),
            "stays as it came; who sent it has to send it anew for another company",
        ),
    ],
)
def test_what_cannot_be_read_stays_open(helper, on_sqlite, body, said):
    assert said.rpartition(": ")[2] in unescape(helper.do("/dead-letters/1/replay", 422, body=body))
    assert letter(on_sqlite).state == "open"


def test_an_event_that_came_again_since_is_told_so(helper, on_sqlite):
    on_sqlite.ask(an_invoice("other"))
    page = helper.do("/dead-letters/1/replay", 422, body=json.dumps(a_request(an_invoice())))
    assert "was sent again since" in page


def test_a_letter_is_read_as_it_came_once_the_cause_is_gone(on_sqlite, person):
    bury(
        on_sqlite, a_request(an_invoice("q1"), company="quarry"), ["data.company: there is no company “quarry” here"]
    )
    somebody = person("support")
    somebody.do("/dead-letters/1/replay", 422)
    on_sqlite.company("quarry", "22222222-2222-4333-8444-555555555555")
    assert "Request r1" in somebody.do("/dead-letters/1/replay")
    kept = letter(on_sqlite)
    assert (kept.state, kept.mended) == ("replayed", None)


def test_the_text_of_the_form_unchanged_is_no_mending(on_sqlite, person):
    bury(on_sqlite, a_request(an_invoice()), ["data.company: there is no such company"])
    somebody = person("support")
    text = unescape(
        somebody.see("/dead-letters/1").partition('aria-describedby="help">')[2].partition("</textarea>")[0]
    )
    somebody.do("/dead-letters/1/replay", body=text.replace("\n", "\r\n"))
    assert letter(on_sqlite).mended is None


def test_a_letter_is_discarded_with_a_reason_and_kept(helper, on_sqlite):
    assert "Say why" in helper.do("/dead-letters/1/discard", 422, why="")
    assert "is discarded" in helper.do("/dead-letters/1/discard", why="a test of the host")
    kept = letter(on_sqlite)
    assert (kept.state, kept.why, kept.body) == ("discarded", "a test of the host", json.dumps(BROKEN).encode())
    assert "a test of the host" in helper.see("/dead-letters/1")
    for act in ("replay", "discard"):
        assert "closed meanwhile" in helper.do(f"/dead-letters/1/{act}", why="again")


def test_two_people_who_replay_a_letter_file_it_once(installation):
    bury(installation, a_request(an_invoice()), ["data.company: there is no such company"])
    first = dead_letters.replay(installation.tools, 1, Operator("anna"))
    with pytest.raises(NotOpen):
        dead_letters.replay(installation.tools, 1, Operator("olga"))
    installation.run()
    assert (first.invoices, len(installation.books())) == (1, 1)


def test_what_is_no_text_or_too_long_is_shown_and_not_edited(on_sqlite, person, monkeypatch):
    bury(on_sqlite, b"\xff\xfe\x00binary", ["body: not UTF-8 text (byte 1)"])
    somebody = person("support")
    page = somebody.see("/dead-letters/1")
    assert "<textarea" not in page
    assert "binary" in page
    monkeypatch.setattr(dead_letters, "MOST_MENDED", 10)
    bury(on_sqlite)
    assert "<textarea" not in somebody.see("/dead-letters/2")


def test_script_in_a_letter_is_text(on_sqlite, person):
    bury(on_sqlite, {**BROKEN, "type": EVIL}, [f"type: “{EVIL}” is not an event we know"])
    somebody = person("support")
    page = somebody.see("/dead-letters") + somebody.see("/dead-letters/1")
    page += somebody.do("/dead-letters/1/replay", 422, body=f'{{"a": "{EVIL}"}}')
    assert TOLD in page
    assert EVIL not in page


def test_who_only_reads_cannot_mend(helper, on_sqlite, console, person):
    reader = person("read")
    assert "<textarea" not in reader.see("/dead-letters/1")
    assert "not part of your role" in reader.do("/dead-letters/1/discard", 403, why="x")


def test_letters_that_are_nowhere_are_not_found(helper):
    for number in ("7", "x", "-1"):
        assert "There is no unreadable message" in helper.see(f"/dead-letters/{number}", 404)


def test_the_command_shows_mends_replays_and_discards(on_sqlite, command, tmp_path):
    bury(on_sqlite)
    bury(on_sqlite, b"{not json", ["body: not JSON"])
    assert "2  " in command("dead-letters")[1]
    assert "{not json" in command("dead-letters", "2")[1]
    assert json.loads(command("dead-letters", "show", "1", "--json")[1])[0]["state"] == "open"
    code, _, said = command("dead-letters", "replay", "2")
    assert (code, "not JSON" in said) == (1, True)
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(a_request(an_invoice())))
    code, said, _ = command("dead-letters", "mend", "1", str(mended), "--by", "olga")
    assert (code, said) == (0, "Read: event event-harbour-r1-1 of harbour, 1 invoice under way.\n")
    assert command("dead-letters", "discard", "2", "--why", "nonsense", "--by", "olga")[0] == 0
    assert command("dead-letters", "discard", "2", "--why", "nonsense")[0] == 1
    assert "discarded by olga: nonsense" in command("dead-letters", "list", "--state", "discarded")[1]
    assert command("dead-letters")[1] == "There are no dead letters.\n"


def test_many_are_discarded_or_read_again_at_once_and_the_field_at_fault_is_marked(helper, on_sqlite):
    for number in range(2):
        bury(on_sqlite, {**BROKEN, "id": f"broken-{number}"})
    bury(on_sqlite, a_request(an_invoice(), event_id="good"), ["database: was away"])
    page = unescape(helper.see("/dead-letters"))
    assert "<mark>type</mark> “invoice.export.requsted” is not an event we know" in page
    assert sorted(re.findall(r'type="checkbox" name="letter" value="(\d)"', page)) == ["1", "2", "3", "4"]
    assert re.findall(r'<button name="act" value="(\w+)"', page) == ["replay", "discard"]
    page = helper.do("/dead-letters", letter=["1", "4", "99"], act="replay")
    assert "1 message read. 2 messages could not be" in page
    assert [letter(on_sqlite, number).state for number in (1, 2, 3, 4)] == ["open", "open", "open", "replayed"]
    assert "Tick at least one" in helper.do("/dead-letters", act="replay")
    helper.do("/dead-letters", letter=["1", "2"], act="discard", why="")
    assert letter(on_sqlite, 1).state == "open"
    assert "2 messages discarded." in helper.do("/dead-letters", letter=["1", "2"], act="discard", why="a test")
    closed = [letter(on_sqlite, number) for number in (1, 2, 3)]
    assert [(one.state, one.why) for one in closed] == [("discarded", "a test")] * 2 + [("open", None)]
    with on_sqlite.store.read() as work:
        assert len([line for line in audit.newest(work) if line.why == "a test"]) == 2


def test_who_may_not_fix_messages_sees_no_ticks_and_is_refused(person, on_sqlite):
    bury(on_sqlite)
    reader = person("read")
    assert 'name="letter"' not in reader.see("/dead-letters")
    reader.do("/dead-letters", 403, letter=["1"], act="discard", why="x")
    assert letter(on_sqlite).state == "open"
