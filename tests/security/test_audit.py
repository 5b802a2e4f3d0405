"""The audit: everything people do is in it, and a line that is changed is found, whoever changed it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn
from sqlalchemy import event, text
from typer.testing import CliRunner

from cli import common
from cli.main import app
from store import audit, inbox
from store.audit import Head
from tests import machines
from tests.builders import an_invoice
from tests.console.visiting import Person
from web import main
from worker.measuring.measuring import measure
from worker.watching import attention

KEPT = "BEFORE {0} ON audit BEGIN SELECT RAISE(ABORT, 'kept'); END"
SWITCHES = {  # what the owner of the tables can do: the triggers off, and on again
    "sqlite": (
        ["DROP TRIGGER audit_kept_from_update", "DROP TRIGGER audit_kept_from_delete"],
        [f"CREATE TRIGGER audit_kept_from_{verb.lower()} {KEPT.format(verb)}" for verb in ("UPDATE", "DELETE")],
    ),
    "postgresql": (["ALTER TABLE audit DISABLE TRIGGER audit_kept"], ["ALTER TABLE audit ENABLE TRIGGER audit_kept"]),
}
SAME = "at, who, what, company, chosen, count, why"
ALIKE = f"INSERT INTO audit (id, {SAME}) SELECT 7, {SAME} FROM audit WHERE id = 2"
CHAINED = f"INSERT INTO audit (id, {SAME}, chain) SELECT 7, {SAME}, chain FROM audit WHERE id = 2"


@pytest.fixture
def lines(make_installation, database_url):
    """Six lines of the audit, on each database."""
    installation = make_installation(database_url)
    for number in range(1, 7):
        with installation.store.write() as work:
            audit.note(work, f"user{number}", "replay", "harbour", {"invoices": [f"i{number}"]}, number, "because")
    return installation


def as_owner(installation, *statements):
    """What somebody does who owns the tables."""
    engine = installation.store.engine
    off, on = SWITCHES[engine.dialect.name]
    with engine.begin() as connection:
        for said in [*off, *statements, *on]:
            connection.execute(text(said))


def verdict(installation, *heads):
    with installation.store.read() as work:
        return audit.verify(work, heads)


def test_an_audit_that_nobody_touched_verifies(lines):
    found = verdict(lines)
    assert (found.lines, found.problems, found.head.line) == (6, [], 6)


def test_a_line_that_is_written_while_the_audit_is_read_is_no_alarm(lines, monkeypatch):
    """On PostgreSQL each page of lines sees what was committed until then, the head was read before."""
    monkeypatch.setattr(audit, "_AT_ONCE", 4)
    asked = []

    def between_the_pages(_connection, _cursor, statement, *_):
        if "ORDER BY audit.id" in statement and not asked:
            asked.append(statement)
            with lines.store.write() as work:
                audit.note(work, "user7", "replay", "harbour", {}, 7, "meanwhile")

    event.listen(lines.store.engine, "after_cursor_execute", between_the_pages)
    if lines.store.engine.dialect.name == "sqlite":
        event.remove(lines.store.engine, "after_cursor_execute", between_the_pages)
        between_the_pages(None, None, "ORDER BY audit.id")
    found = verdict(lines)
    assert asked
    assert (found.lines, found.problems, found.head.line) == (7, [], 7)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET why = 'another reason' WHERE id = 3"], "line 3 is not as it was written"),
        (["UPDATE audit SET who = 'somebody.else' WHERE id = 6"], "line 6 is not as it was written"),
        (["UPDATE audit SET count = 9 WHERE id = 1"], "line 1 is not as it was written"),
        (["UPDATE audit SET at = (SELECT at FROM audit WHERE id = 1) WHERE id = 4"], "line 4 is not as it was"),
        (["DELETE FROM audit WHERE id = 3"], "line 3 is missing before line 4"),
        (["DELETE FROM audit WHERE id IN (2, 3, 4)"], "lines 2 to 4 are missing before line 5"),
        (["DELETE FROM audit WHERE id > 4"], "the newest line is 4, but there was a line 6"),
        (["DELETE FROM audit"], "the newest line is 0, but there was a line 6"),
        (
            [
                "UPDATE audit SET id = 99 WHERE id = 2",
                "UPDATE audit SET id = 2 WHERE id = 3",
                "UPDATE audit SET id = 3 WHERE id = 99",
            ],
            "line 2 is not as it was written",
        ),
        ([ALIKE], "line 7 was not written by this software"),
        ([CHAINED], "line 7 is not as it was written"),
    ],
)
def test_a_line_that_was_changed_taken_out_put_in_or_moved_is_found(lines, statements, said):
    as_owner(lines, *statements)
    found = verdict(lines)
    assert not found.intact
    assert any(said in problem for problem in found.problems), found.problems


def test_a_chain_that_was_written_anew_is_found_by_a_head_that_was_noted_outside(lines):
    noted = verdict(lines).head
    as_owner(lines, "UPDATE audit SET who = 'innocent' WHERE id = 5")
    with lines.store.read() as work:
        rows = audit.newest(work)
    chain, anew = "", []
    for row in sorted(rows, key=lambda row: row.id):
        chain = audit.link(chain, row.model_dump())
        anew.append(f"UPDATE audit SET chain = '{chain}' WHERE id = {row.id}")
    as_owner(lines, *anew, f"UPDATE audit_head SET chain = '{chain}'")
    assert verdict(lines).intact  # what the database alone can say
    found = verdict(lines, noted)
    assert found.problems == ["line 6 is not the one that was noted under this number before"]


def test_a_chain_written_anew_under_the_number_of_the_last_check_is_found(lines):
    """Nothing was done since the check, so that its head and the stored one have the same number."""
    assert attention.check_audit(lines.tools, "a")
    as_owner(lines, "UPDATE audit SET who = 'innocent' WHERE id = 5")
    with lines.store.read() as work:
        rows = audit.newest(work)
    chain, anew = "", []
    for row in sorted(rows, key=lambda row: row.id):
        chain = audit.link(chain, row.model_dump())
        anew.append(f"UPDATE audit SET chain = '{chain}' WHERE id = {row.id}")
    as_owner(lines, *anew, f"UPDATE audit_head SET chain = '{chain}'")
    assert verdict(lines).problems == ["line 6 is not the one that was noted under this number before"]


BEYOND = {"sqlite": ["nonsense", "99999-01-01 00:00:00"], "postgresql": ["infinity", "20000-01-01 00:00:00+00"]}


@pytest.mark.parametrize("place", [0, 1])
def test_a_line_that_nobody_can_read_any_more_is_found_and_ends_no_check(lines, place):
    at = BEYOND[lines.store.engine.dialect.name][place]
    as_owner(lines, f"UPDATE audit SET at = '{at}' WHERE id = 3")
    assert [one[:26] for one in verdict(lines).problems] == ["line 3 is not as it was wr"]
    assert attention.check_audit(lines.tools, "a")
    (told,) = [event for event in lines.events() if event["type"] == "audit.checked"]
    assert (told["data"]["intact"], told["data"]["lines"]) == (False, 6)


@pytest.mark.parametrize("value", ["x'00ff'", "3.5", "'3x'"])
def test_a_value_of_another_kind_than_its_column_is_found(lines, value):
    """Only SQLite takes one."""
    if lines.store.engine.dialect.name == "sqlite":
        as_owner(
            lines, f"UPDATE audit SET who = {value} WHERE id = 2", f"UPDATE audit SET count = {value} WHERE id = 4"
        )
        assert [one[:26] for one in verdict(lines).problems] == [
            f"line {number} is not as it was wr" for number in (2, 4)
        ]


@pytest.mark.parametrize("number", [0, -1])
def test_a_line_put_before_the_first_is_found(lines, number):
    as_owner(lines, ALIKE.replace("SELECT 7", f"SELECT {number}"))
    assert verdict(lines).problems == [f"line {number} was not written by this software: lines are numbered from 1"]
    as_owner(lines, f"DELETE FROM audit WHERE id = {number}", CHAINED.replace("SELECT 7", f"SELECT {number}"))
    assert not verdict(lines).intact


def test_an_audit_that_was_emptied_with_its_head_is_found(lines):
    as_owner(lines, "DELETE FROM audit", "DELETE FROM audit_head")
    assert verdict(lines).problems == ["the head of the audit is missing: every database of this software has one"]


def test_a_check_of_a_day_to_come_hides_no_check_of_today(lines):
    as_owner(
        lines,
        "UPDATE audit SET why = 'no reason' WHERE id = 2",
        "INSERT INTO audit_checks (day, line, chain, problems, checked_at) "
        "VALUES ('9999-12-31', 6, (SELECT chain FROM audit WHERE id = 6), '[]', '9999-12-31 00:00:00')",
    )
    assert attention.check_audit(lines.tools, "a")
    assert {one.value for one in measure(lines.tools) if one.metric.name == "audit_intact"} == {0}


def test_lines_cut_off_with_their_head_are_found_by_a_head_that_was_noted_outside(lines):
    noted = verdict(lines).head
    with lines.store.read() as work:
        fourth = next(row.chain for row in audit.newest(work) if row.id == 4)
    as_owner(lines, "DELETE FROM audit WHERE id > 4", f"UPDATE audit_head SET line = 4, chain = '{fourth}'")
    assert verdict(lines).intact
    assert verdict(lines, noted).problems == ["the newest line is 4, but there was a line 6: lines are missing"]


def test_lines_written_side_by_side_are_one_chain(make_installation, database_url):
    installation = make_installation(database_url)

    def write(number):
        with installation.store.write() as work:
            audit.note(work, f"user{number}", "replay", "harbour", {}, number, "")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    found = verdict(installation)
    assert (found.lines, found.problems) == (40, [])


def test_a_line_of_what_was_rolled_back_is_not_there_and_leaves_no_gap(lines):
    def pause():
        with lines.store.write() as work:
            audit.note(work, "anna", "pause", "*", {}, 0, "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pause()
    with lines.store.write() as work:
        audit.note(work, "anna", "resume", "*", {}, 0, "")
    assert verdict(lines).lines == 7
    assert verdict(lines).intact


def test_once_a_day_the_head_goes_out_as_an_event_a_metric_and_says_what_was_found(lines):
    assert attention.check_audit(lines.tools, "a")
    assert not attention.check_audit(lines.tools, "b")
    (told,) = [event for event in lines.events() if event["type"] == "audit.checked"]
    head = told["data"]["head"]
    assert Head.parse(head) == verdict(lines).head
    assert told["data"]["intact"] is True
    figures = {(one.metric.name, one.labels): one.value for one in measure(lines.tools)}
    assert figures["audit_intact", ()] == 1
    assert figures["audit_head", (head.partition(":")[2],)] == 6

    as_owner(lines, "UPDATE audit SET why = 'no reason' WHERE id = 2")
    lines.later(86_400)
    assert attention.check_audit(lines.tools, "b")
    told = [event for event in lines.events() if event["type"] == "audit.checked"][-1]
    assert told["data"]["intact"] is False
    assert "line 2 is not as it was written" in told["data"]["problems"][0]
    assert {one.value for one in measure(lines.tools) if one.metric.name == "audit_intact"} == {0}


@pytest.fixture
def command(lines, monkeypatch):
    """`crewcard-xero` on this installation."""
    monkeypatch.setattr(common, "ready", lambda: lines.tools)
    return lambda *words: CliRunner().invoke(app, words)


def test_the_command_finds_a_changed_line_and_ends_with_1(lines, command):
    done = command("audit", "verify", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["intact"], said["lines"]) == (0, True, 6)
    assert "only with --head" in command("audit", "verify").stdout
    assert "Every line is as it was written." in command("audit", "verify", "--head", said["head"]).stdout
    as_owner(lines, "UPDATE audit SET company = 'rival' WHERE id = 2")
    done = command("audit", "verify")
    assert done.exit_code == 1
    assert "line 2 is not as it was written" in done.stdout
    assert "as it was written." not in done.stdout.replace("not as it was written", "")


@pytest.mark.parametrize("head", ["6", "6:abc", "six:" + "a" * 64, "6:" + "A" * 64, "-1:" + "a" * 64])
def test_a_head_that_is_none_is_refused(command, head):
    done = command("audit", "verify", "--head", head)
    assert done.exit_code == 2
    assert "64 hexadecimal digits" in done.output


def test_endpoints_that_get_a_companys_events_are_in_the_audit(on_sqlite, monkeypatch):
    monkeypatch.setattr(common, "ready", lambda: on_sqlite.tools)
    added = CliRunner().invoke(app, ["webhooks", "add", "harbour", "https://h.example/c", "--by", "eve", "--json"])
    endpoint = json.loads(added.stdout)["id"]
    CliRunner().invoke(app, ["webhooks", "rotate", endpoint, "--by", "eve"])
    CliRunner().invoke(app, ["webhooks", "remove", endpoint, "--by", "eve"])
    CliRunner().invoke(app, ["webhooks", "remove", endpoint, "--by", "eve"])
    with on_sqlite.store.read() as work:
        found = [line for line in audit.newest(work) if line.who == "eve"]
    assert [line.what for line in found] == [
        "webhook endpoint removed",
        "webhook secret rotated",
        "webhook endpoint added",
    ]
    assert all(line.company == "harbour" and "https://h.example/c" in line.chosen for line in found)


def test_who_reads_invoices_and_takes_the_log_away_is_in_the_audit(on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    with machines.served(uvicorn.Config(main.build(on_sqlite.tools), log_level="error", lifespan="off")) as url:
        reader = Person(on_sqlite, url, "read", "ray")
        reader.sign_in()
        for _ in range(3):  # the page asks for itself again and again
            reader.see("/invoices/harbour/i1")
        with on_sqlite.store.write() as work:
            inbox.set_aside(work, "http", b"{", ["body: not JSON"])
        reader.see("/dead-letters/1")
        reader.see("/log.csv?company=harbour&outcome=created")
        reader.see("/log.csv")
    with on_sqlite.store.read() as work:
        found = [(one.what, one.company, one.chosen) for one in audit.newest(work) if one.who == "ray"][::-1]
    mine = [one for one in found if "viewed" in one[0] or "downloaded" in one[0]]
    assert mine == [
        ("invoice viewed", "harbour", '{"invoice": "i1"}'),
        ("dead letter viewed", "", '{"dead_letter": 1}'),
        ("log downloaded", "harbour", '{"outcome": "created"}'),
        ("log downloaded", "", "{}"),
    ]


def test_a_form_that_was_refused_shows_nothing_that_the_audit_does_not_know(on_sqlite):
    """Whoever is shown a body is noted, by whatever way they came to see it; what is not there is no line."""
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "http", b'{"secret": "body"', ["body: not JSON"])
    with machines.served(uvicorn.Config(main.build(on_sqlite.tools), log_level="error", lifespan="off")) as url:
        anna = Person(on_sqlite, url, "support", "anna")
        anna.sign_in()
        assert "secret" in anna.post("/dead-letters/1/replay", body="").text
        assert "secret" in anna.post("/dead-letters/1/discard", why="").text
        assert "N-i1" in anna.post("/invoices/harbour/i1/cancel", why="").text
        for number in range(5):
            assert anna.browser.get(f"/console/invoices/harbour/made-up-{number}").status_code == 404
    with on_sqlite.store.read() as work:
        found = [(one.what, one.chosen) for one in audit.newest(work) if one.who == "anna" and "viewed" in one.what]
    assert found == [("invoice viewed", '{"invoice": "i1"}'), ("dead letter viewed", '{"dead_letter": 1}')]


def test_the_page_of_the_audit_says_what_the_check_found(lines):
    with machines.served(uvicorn.Config(main.build(lines.tools), log_level="error", lifespan="off")) as url:
        reader = Person(lines, url, "read", "ray")
        reader.sign_in()
        assert "Not checked yet" in reader.see("/audit")
        attention.check_audit(lines.tools, "a")
        assert "fits its chain" in reader.see("/audit")
        as_owner(lines, "DELETE FROM audit WHERE id = 2")
        lines.later(86_400)
        attention.check_audit(lines.tools, "a")
        reader.sign_in()
        page = reader.see("/audit")
    assert "The audit was changed." in page
    assert "line 2 is missing before line 3" in page
