"""Companies: a row for each, why it waits in a sentence, until when; a page for one."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from events.accounting_target import Lane as Where
from events.connections import ConnectionProblem
from events.settings import CompanySettings
from store import companies, lanes
from tests.builders import TENANT, an_invoice, invoices
from tests.console.conftest import statements
from tests.console.happenings import unlinked
from tests.console.test_overview import SCRIPT, park
from tests.console.visiting import Person
from worker.connections import health
from worker.decisions import precedence
from worker.decisions.precedence import Block, Obstacle, StatusFacts
from worker.waiting import pausing

NOW = datetime(2026, 11, 22, 14, 0, 0, tzinfo=UTC)


def tenant(number):
    return f"{number:08d}-2222-4333-8444-555555555555"


def row(page, company):
    """What stands in a company's row, without tags."""
    (found,) = [one for one in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if f'/companies/{company}"' in one]
    return re.sub(r"(<[^>]+>|\s)+", " ", found)


def listed(page):
    return re.findall(r'<th scope="row" class="company"><span><a href="/console/companies/([^"]+)"', page)


@pytest.mark.parametrize(
    ("known", "state", "sentence"),
    [
        ({}, "idle", "Up to date."),
        ({"pending": 3}, "sending", "Sending."),
        (
            {"pending": 3, "login": Obstacle("Log in.", "clerk"), "pause": Obstacle("Paused.", "ops")},
            "needs_person",
            "Log in.",
        ),
        ({"login": Obstacle("Decide.", "ops")}, "needs_person", "Decide."),
        ({"pending": 3, "pause": Obstacle("Paused by Anna.", "ops")}, "paused", "Paused by Anna."),
        (
            {"pending": 3, "block": Block("limit", NOW + timedelta(seconds=130), "minute")},
            "waiting",
            "Waits for Xero's minute limit until 14:02:10 UTC.",
        ),
        (
            {"block": Block("offline", NOW + timedelta(seconds=300))},
            "waiting",
            "The organisation is offline at Xero; tried again at 14:05:00 UTC.",
        ),
        (
            {"block": Block("trouble", NOW + timedelta(seconds=15))},
            "waiting",
            "Xero does not answer properly; tried again at 14:00:15 UTC.",
        ),
        ({"pending": 3, "block": Block("trouble", NOW - timedelta(seconds=1))}, "sending", "Sending."),
        (
            {"pending": 3, "limit": "appminute", "limit_seconds": 9},
            "waiting",
            "Waits for the limit that Xero has for the app until 14:00:09 UTC.",
        ),
        ({"pending": 3, "minute_frees": 42}, "waiting", "Waits for Xero's minute limit until 14:00:42 UTC."),
        (
            {"pending": 3, "day_ends": 7200},
            "waiting",
            "Waits for Xero's day limit until 16:00:00 UTC at the latest; Xero is asked in between.",
        ),
        ({"minute_frees": 42}, "idle", "Up to date."),
        (
            {"pending": 3, "workers": False},
            "needs_person",
            "No worker is running. Start one; nothing is lost meanwhile.",
        ),
        ({"workers": False, "redis": False}, "idle", "Up to date."),
        ({"uncertain": 1}, "waiting", "Checking with Xero whether the last batch arrived. Nothing to do."),
    ],
)
def test_why_a_company_waits_is_one_sentence(known, state, sentence):
    found = precedence.status(StatusFacts(NOW, **known))
    assert (found.state, found.sentence) == (state, sentence)


def test_a_row_tells_what_waits_and_what_may_still_be_asked(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    on_sqlite.ask(*invoices(60), request="r2")
    on_sqlite.a_worker_runs()
    said = row(person("read").see("/companies"), "harbour")
    assert "Sending" in said
    assert " 60 " in said
    assert "59 of 60" in said
    assert "4,999 of 5,000" in said
    assert " good " in said


def test_a_limit_that_xero_named_is_told_with_its_end(person, on_sqlite):
    on_sqlite.ask(*invoices(3))
    on_sqlite.a_worker_runs()
    with on_sqlite.store.write() as work:
        until = work.after(130)
        lanes.block(work, Where("harbour", TENANT), "limit", "Xero's limit (minute) is reached", until)
    page = person("read").see("/companies?state=waiting")
    assert f"Waits for a limit of Xero's until {until:%H:%M:%S} UTC." in row(page, "harbour").replace("&#39;", "'")


def test_companies_stand_by_name(person, on_sqlite):
    """Not by id, on whichever page."""
    with on_sqlite.store.write() as work:
        for company, name in {"co-001": "Zinc Yard", "co-002": "anchor Ltd", "co-003": "Mast & Sons"}.items():
            companies.set_up(work, company, name, CompanySettings())
    somebody = person("read")
    assert listed(somebody.see("/companies")) == ["co-002", "harbour", "co-003", "co-001"]
    assert listed(somebody.see("/companies?state=needs_person")) == ["co-002", "co-003", "co-001"]


def test_companies_are_found_by_state_and_by_part_of_their_name(person, on_sqlite):
    for number, company in enumerate(("brook", "cedar", "delta"), 1):
        on_sqlite.company(company, tenant=tenant(number))
    with on_sqlite.store.write() as work:
        companies.set_up(work, "new", f"New {SCRIPT}", CompanySettings())
    park(on_sqlite, "brook")
    pausing.pause(on_sqlite.tools, "cedar", "anna", "stocktaking")
    on_sqlite.ask(an_invoice(), company="delta")
    somebody = person("read")
    every = somebody.see("/companies")
    assert listed(every) == ["brook", "cedar", "delta", "harbour", "new"]
    assert SCRIPT not in every
    assert 'Needs attention <span class="n">2</span>' in every
    for state, wanted in {"needs_person": ["brook", "new"], "paused": ["cedar"], "busy": ["delta"]}.items():
        assert listed(somebody.see(f"/companies?state={state}")) == wanted, state
    assert listed(somebody.see("/companies?q=EDA")) == ["cedar"]
    assert listed(somebody.see("/companies?q=%25")) == []
    assert "No company fits" in somebody.see("/companies?q=nowhere")
    assert "Paused by anna since" in row(every, "cedar")


def test_many_companies_are_leafed_through_fifty_at_a_time(person, on_sqlite):
    with on_sqlite.store.write() as work:
        for number in range(120):
            companies.set_up(work, f"c{number:03d}", f"Company {number:03d}", CompanySettings())
    somebody, seen, address = person("read"), [], "/companies?state=needs_person"
    while address:
        page = somebody.see(address)
        assert len(listed(page)) <= 50
        seen += listed(page)
        more = re.search(r'<a href="(\?[^"]+)" rel="next">', page)
        address = f"/companies{more[1].replace('&amp;', '&')}" if more else None
    assert seen == [f"c{number:03d}" for number in range(120)]


def test_a_companys_page_tells_all_of_it(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1", client={"id": "nord", "name": f"Nord {SCRIPT}"}))
    on_sqlite.run()
    on_sqlite.ask(*invoices(4), request="bulk-7")
    page = person("ops").see("/companies/harbour")
    assert "Organisation 1111" in page
    assert "/console/requests/harbour/bulk-7" in page
    assert "0 of 4" in page
    assert "/console/failures/harbour?cause=contact_not_mapped%3Anord" in page
    assert "Client has no Xero contact: Nord " in page  # by name, as on the overview
    assert re.search(r'<a href="/console/failures\?company=harbour">Failed</a></dt>\s*<dd>1</dd>', page)
    assert SCRIPT not in page
    for link in ("log?company=harbour", "contacts?company=harbour", "failures?company=harbour"):
        assert f"/console/{link}" in page


def test_what_a_person_has_to_mend_stands_on_the_companys_page_with_how(person, on_sqlite):
    park(on_sqlite, problem=ConnectionProblem.NOT_PERMITTED)
    page = person("read").see("/companies/harbour")
    assert "Log in as a Standard or Adviser user" in page
    assert "Needs attention" in page


def test_a_company_whose_invoices_failed_is_not_called_up_to_date(person, on_sqlite):
    on_sqlite.ask(unlinked("b1"), unlinked("b2"), an_invoice("good"))
    on_sqlite.run()
    somebody = person("read")
    page = somebody.see("/companies")
    assert re.search(r'data-name="Failed" class="n"><a href="/console/failures\?company=harbour">2</a>', page)
    for seen in (page, somebody.see("/companies/harbour")):
        assert ">Nothing waits</span>" in seen
        assert ">Up to date</span>" not in seen


def test_a_company_that_is_not_there_is_said_to_be_missing(person):
    assert "There is no company “nobody” here." in person("read").see("/companies/nobody", 404)


def test_an_address_that_no_database_takes_is_no_page(installation, console_of):
    somebody = Person(installation, console_of(installation), "ops")
    somebody.sign_in()
    for path in ("/companies/%00", "/companies?q=%00", "/audit?who=a%00", "/companies?after=%00"):
        assert "There is no such page." in somebody.see(path, 404), path
    for path in ("/companies/%ED%A0%80", "/companies?state=%27--", "/audit?after=1e9"):
        assert somebody.browser.get(f"/console{path}").status_code in (200, 404), path


@pytest.mark.parametrize("path", ["/companies", "/companies/c1"])
def test_a_page_asks_the_same_number_of_questions_however_many_companies_there_are(installation, console_of, path):
    somebody = Person(installation, console_of(installation), "read")
    somebody.sign_in()
    asked = []
    for numbers in (range(1, 3), range(3, 45)):
        for number in numbers:
            installation.company(f"c{number}", tenant=tenant(number))
            installation.ask(an_invoice(f"i{number}"), company=f"c{number}", request=f"r{number}")
        with statements(installation) as found:
            somebody.see(path)
        asked.append(len(found))
    assert asked[0] == asked[1] <= 20


def test_how_all_connections_are_takes_a_constant_number_of_questions(installation):
    asked = []
    for numbers in (range(1, 2), range(2, 8)):
        for number in numbers:
            installation.company(f"c{number}", tenant=tenant(number))
        with statements(installation) as found:
            seen = health.of_all(installation.tools)
        asked.append(len(found))
    assert asked[0] == asked[1]
    assert [one.day_calls_left for one in seen] == [5000] * 8


@pytest.mark.parametrize("page", ["/failures", "/log", "/requests", "/contacts", "/audit"])
def test_a_page_about_a_company_that_does_not_exist_says_so(person, page):
    """A typing mistake is never answered with good news."""
    somebody = person("support")
    if page == "/failures":
        moved = somebody.browser.get("/console/failures/habour", follow_redirects=False)
        assert moved.headers["location"] == "/console/failures?company=habour"
    seen = somebody.see(f"{page}?company=habour")
    assert "There is no company “habour”." in seen
    assert "Nothing of this company has failed" not in seen


@pytest.mark.parametrize("page", ["/failures", "/log", "/requests", "/contacts", "/audit"])
def test_a_company_is_found_by_its_name_and_the_address_then_carries_its_id(person, on_sqlite, page):
    for number in (1, 2):
        on_sqlite.company(f"quay-{number}", tenant=f"{number:08d}-2222-4333-8444-555555555555")
    somebody = person("support")
    answer = somebody.browser.get(f"/console{page}?company=harbOUR&after=0", follow_redirects=False)
    answer = answer if answer.status_code == 200 else somebody.browser.get(answer.headers["location"])
    assert answer.url.params["company"] == "harbour"
    assert "Several companies are called “quay”: Quay-1 (quay-1), Quay-2 (quay-2)." in somebody.see(
        f"{page}?company=quay"
    )
