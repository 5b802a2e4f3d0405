"""The export log: filters that live in the address, pages that follow on, a file for spreadsheets."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import update

from store import export_log
from store.export_log import LogFilter
from store.tables import LogEntry
from tests.builders import an_invoice
from tests.console.happenings import EVIL, TOLD, archived, unlinked
from tests.console.visiting import Person
from web.console import log

OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def reader(on_sqlite, person):
    """Somebody who reads, after three kinds of answers for two companies."""
    on_sqlite.company("quarry", OTHER)
    on_sqlite.ask(an_invoice("good", number="NW-1"), archived("old", number="NW-2"), unlinked("new", number="NB-1"))
    on_sqlite.ask(an_invoice("theirs", number="Q-1"), request="q1", company="quarry")
    on_sqlite.run()
    return person("read")


def numbers(page):
    return re.findall(r'/console/invoices/\w+/\w+">([^<]+)</a>', page)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", {"NW-1", "NW-2", "NB-1", "Q-1"}),
        ("?company=quarry", {"Q-1"}),
        ("?outcome=failed", {"NW-2", "NB-1"}),
        ("?outcome=created&company=harbour", {"NW-1"}),
        ("?reason=account_archived", {"NW-2"}),
        ("?client=crane", {"NB-1"}),
        ("?client=acme", {"NW-1", "NW-2", "Q-1"}),
        ("?number=nw", {"NW-1", "NW-2"}),
        ("?number=NW-2&outcome=created", set()),
        ("?from=2020-01-01&to=2020-12-31", set()),
    ],
)
def test_a_filter_in_the_address_shows_what_it_says(reader, asked, shown):
    assert set(numbers(reader.see(f"/log{asked}"))) == shown


def test_days_include_the_last_one(reader, on_sqlite):
    today = f"{on_sqlite.now():%Y-%m-%d}"
    assert len(numbers(reader.see(f"/log?from={today}&to={today}"))) == 4
    later = f"{on_sqlite.now() + timedelta(days=1):%Y-%m-%d}"
    assert numbers(reader.see(f"/log?from={later}")) == []


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [("", 22, 4), ("", 23, 0), ("Pacific/Auckland", 23, 4), ("Pacific/Auckland", 22, 0), ("../Mars", 22, 4)],
)
def test_days_are_those_of_the_time_zone_that_the_address_names(reader, on_sqlite, zone, day, count):
    with on_sqlite.store.write() as work:
        work.session.exec(update(LogEntry).values(at=datetime(2026, 11, 22, 20, 0, tzinfo=UTC)))
    page = reader.see(f"/log?from=2026-11-{day}&to=2026-11-{day}&zone={zone}")
    assert len(numbers(page)) == count
    assert f"From ({zone if 'Auckland' in zone else 'UTC'})" in page


@pytest.mark.parametrize("end", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_that_can_be_written_break_nothing(reader, end):
    for zone in ("Pacific/Auckland", "America/Los_Angeles", ""):
        reader.see(f"/log?from={end}&to={end}&zone={zone}")


def test_a_day_that_is_none_is_said_and_left_out(reader):
    page = reader.see("/log?from=yesterday")
    assert "“yesterday” is not a day such as" in page
    assert len(numbers(page)) == 4


def test_pages_follow_on_without_a_gap(reader, monkeypatch):
    everything = numbers(reader.see("/log"))
    monkeypatch.setattr(log.forms, "PER_PAGE", 3)
    first = reader.see("/log")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = reader.see(f"/log{following}")
    assert numbers(first) + numbers(second) == everything
    assert 'rel="next"' not in second


def test_script_in_a_message_or_a_filter_is_text(reader):
    page = reader.see("/log", 200) + reader.see(f"/log?client={EVIL}")
    assert TOLD in page
    assert EVIL not in page


def test_the_file_holds_what_the_filter_says(reader):
    answer = reader.browser.get("/console/log.csv?outcome=failed")
    assert answer.headers["content-disposition"] == 'attachment; filename="export-log.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert {(row["number"], row["client"], row["reason"]) for row in rows} == {
        ("NW-2", "acme", "account_archived"),
        ("NB-1", "crane", "contact_not_mapped"),
    }


def test_each_line_says_who_asked_by_name_where_one_was_given(reader, on_sqlite):
    """Two companies may have a request of one id: each line has its own request's person."""
    anna = {"id": "u-17", "name": "Anna Berg"}
    on_sqlite.ask(an_invoice("late", number="NW-9"), request="q1", requested_by=anna)
    on_sqlite.ask(an_invoice("odd", number="NW-8"), request="q2", requested_by={"id": ["no", "id"]})
    on_sqlite.run()
    page = reader.see("/log")
    by_number = dict(zip(numbers(page), re.findall(r'data-name="When">(.*)</td>', page), strict=True))
    assert '"u-17">asked by Anna Berg<' in by_number["NW-9"]
    assert '"anna">asked by anna<' in by_number["Q-1"]
    assert "asked by" not in by_number["NW-8"]
    file = reader.browser.get("/console/log.csv").text.lstrip("\ufeff")
    told = {row["number"]: row["requested_by"] for row in csv.DictReader(io.StringIO(file))}
    assert (told["NW-9"], told["Q-1"], told["NW-8"]) == ("Anna Berg", "anna", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_of_the_file_is_taken_for_a_formula(on_sqlite, person, start):
    text = f'{start}HYPERLINK("http://evil.example")'
    on_sqlite.ask(unlinked(), an_invoice("f1", number=f"{start}1", client={"id": "crane", "name": text}))
    on_sqlite.run()
    file = person("read").browser.get("/console/log.csv").text
    cells = [cell for row in csv.reader(io.StringIO(file.lstrip("\ufeff"))) for cell in row]
    assert f"'{start}1" in cells
    assert f"'{text} is not linked" in " ".join(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_a_file_that_does_not_hold_everything_says_so(reader, monkeypatch):
    monkeypatch.setattr(log, "MOST_IN_A_FILE", 2)
    lines = reader.browser.get("/console/log.csv").text.splitlines()
    assert len(lines) == 4
    assert "Only the newest 2 lines" in lines[-1]
    monkeypatch.setattr(log, "MOST_IN_A_FILE", 4)
    assert "Only" not in reader.browser.get("/console/log.csv").text


def test_the_same_lines_are_found_on_both_databases(installation):
    installation.ask(
        an_invoice("good", number="NW-1"), archived("old", number="nw-2"), unlinked("new", number="NB-1")
    )
    installation.run()
    with installation.store.read() as work:
        hour = timedelta(hours=1)
        asked = LogFilter(
            "harbour", "failed", number="Nw", client="acme", since=work.now - hour, until=work.now + hour
        )
        assert [line.number for line in export_log.log_page(work, asked, None, 10)] == ["nw-2"]
        assert export_log.log_page(work, LogFilter(until=work.now - hour), None, 10) == []
    assert [len(page) for page in export_log.log_pages(installation.store, LogFilter(), 2)] == [2]


def test_ticked_lines_are_offered_only_to_whom_they_concern(reader, on_sqlite, console):
    assert "Send again: the ticked" not in reader.see("/log")
    somebody = Person(on_sqlite, console, "support")
    somebody.sign_in()
    assert "Send again: the ticked" in somebody.see("/log")


def test_a_time_finds_lines_whatever_the_order_of_their_ids(on_sqlite):
    """Lines of one transaction share a moment, and a longer transaction gives its ids later than its moment."""
    noon = on_sqlite.now().replace(hour=12, minute=0, second=0, microsecond=0)
    moments = {1: 20, 2: 10, 3: 10, 4: 0, 5: 10}
    with on_sqlite.store.write() as work:
        for id_, seconds in moments.items():
            at = noon + timedelta(seconds=seconds)
            line = {"company": "harbour", "request": "r1", "invoice": f"i{id_}", "outcome": "created"}
            work.session.add(LogEntry(id=id_, event_id=f"e{id_}", at=at, **line))
    for since in (-3600, -5, 5, 10, 15, 3600):
        for until in (-5, 5, 10, 15, 25, 3600):
            asked = LogFilter(since=noon + timedelta(seconds=since), until=noon + timedelta(seconds=until))
            with on_sqlite.store.read() as work:
                found = {line.id for line in export_log.log_page(work, asked, None, 10)}
            assert found == {id_ for id_, at in moments.items() if since <= at < until}, (since, until)
