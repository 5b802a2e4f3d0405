"""Bulk sends: the list, how far one is, its invoices by state, calling it off."""

import re
from datetime import timedelta

import pytest
from sqlmodel import col, update

from store import audit, requests
from store.paging import PageWanted
from store.tables import Item, Request
from tests.builders import COMPANY, an_invoice, invoices
from tests.console.happenings import EVIL, TOLD, archived, unlinked
from tests.console.visiting import Person
from web.console import sends


@pytest.fixture
def helper(person):
    return person("support")


def named(page):
    return re.findall(r'/console/requests/harbour/([\w-]+)">', page)


def test_bulk_sends_are_listed_newest_first_and_single_clicks_are_not(on_sqlite, helper):
    for number in range(3):
        on_sqlite.later(60)
        on_sqlite.ask(an_invoice(f"i{number}"), request=f"r{number}")
    on_sqlite.ask(an_invoice("click"), request="one", mode="single")
    assert named(helper.see("/requests")) == ["r2", "r1", "r0"]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("?state=open", ["waits"]),
        ("?state=done", ["bad", "good"]),
        ("?state=failures", ["bad"]),
        ("?state=cancelled", []),
        ("?company=quarry", []),
        ("?company=harbour", ["waits", "bad", "good"]),
        ("?state=nonsense", ["waits", "bad", "good"]),
    ],
)
def test_the_list_is_narrowed_by_company_and_state(on_sqlite, helper, asked, shown):
    on_sqlite.ask(an_invoice("g"), request="good")
    on_sqlite.later(1)
    on_sqlite.ask(archived("b"), request="bad")
    on_sqlite.run()
    on_sqlite.later(1)
    on_sqlite.ask(an_invoice("w"), request="waits")
    assert named(helper.see(f"/requests{asked}")) == shown


def test_the_list_goes_on_where_the_page_before_ended(installation):
    for number in range(7):
        installation.ask(an_invoice(f"i{number}"), request=f"r{number}")
    with installation.store.write() as work:  # all at the same moment, as the parts of one import are
        work.session.exec(update(Request).values(created_at=work.now))
    with installation.store.read() as work:
        page, seen = requests.page_of_bulk(work, "", "", PageWanted(3)), []
        while page.following:
            seen += [row.id for row in page.rows]
            page = requests.page_of_bulk(work, "", "", PageWanted(3, after=page.following))
        seen += [row.id for row in page.rows]
    assert seen == [f"r{number}" for number in range(6, -1, -1)]


def test_the_page_after_is_a_link_of_the_list(on_sqlite, helper, monkeypatch):
    monkeypatch.setattr(sends.forms, "PER_PAGE", 2)
    for number in range(3):
        on_sqlite.later(1)
        on_sqlite.ask(an_invoice(f"i{number}"), request=f"r{number}")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', helper.see("/requests"))
    assert named(helper.see(f"/requests{following}")) == ["r0"]
    assert named(helper.see("/requests?after=nonsense"))


def test_a_request_shows_its_bar_its_estimate_and_its_invoices(on_sqlite, helper):
    on_sqlite.ask(*invoices(3), unlinked())
    page = helper.see("/requests/harbour/r1")
    assert "0 of 4 invoices done, 0 failed." in page
    assert "Should be done" in page
    assert 'data-live="2"' in page
    assert page.count('<span class="badge queued">') == 4
    on_sqlite.run()
    page = helper.see("/requests/harbour/r1")
    assert 'value="4"' in page
    assert "Send again: the 1 that failed" in page
    assert "data-live" not in page


def test_its_invoices_are_paged_and_narrowed_by_state(on_sqlite, helper, monkeypatch):
    monkeypatch.setattr(sends.forms, "PER_PAGE", 2)
    on_sqlite.ask(*invoices(3), unlinked())
    on_sqlite.run()
    first = helper.see("/requests/harbour/r1")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    shown = [
        re.findall(r'/console/invoices/harbour/(\w+)"', page)
        for page in (first, helper.see(f"/requests/harbour/r1{following}"))
    ]
    assert shown == [["b1", "i0001"], ["i0002", "i0003"]]
    failed = helper.see("/requests/harbour/r1?state=failed")
    assert re.findall(r'/console/invoices/harbour/(\w+)"', failed) == ["b1"]
    assert "None of its invoices is waiting" in helper.see("/requests/harbour/r1?state=waiting")


def test_the_rest_of_a_request_is_cancelled_with_a_reason(on_sqlite, helper):
    on_sqlite.ask(*invoices(3))
    assert "Say why" in helper.do("/requests/harbour/r1/cancel", 422, why="")
    page = helper.do("/requests/harbour/r1/cancel", why="wrong month")
    assert "3 cancelled" in page
    on_sqlite.run()
    assert on_sqlite.books() == []
    assert "Nothing was left to cancel" in helper.do("/requests/harbour/r1/cancel", why="again")
    with on_sqlite.store.read() as work:
        lines = [line for line in audit.newest(work, COMPANY) if line.what == "cancel"]
    assert [(line.who, line.why, line.count) for line in lines][-1] == ("support", "wrong month", 3)


def test_a_request_nobody_made_is_not_found(helper):
    assert "has no request" in helper.see("/requests/harbour/ghost", 404)
    assert "has no request" in helper.do("/requests/harbour/ghost/cancel", 404, why="because")


def test_script_in_what_failed_is_text(on_sqlite, helper):
    on_sqlite.ask(unlinked())
    on_sqlite.run()
    page = helper.see("/requests/harbour/r1")
    assert TOLD in page
    assert EVIL not in page


def figures(page):
    """The tiles by name."""
    return dict(re.findall(r"<dt>(\w+)</dt>\s*<dd>([\d,]+)</dd>", page))


def test_what_a_person_cancelled_is_counted_apart_from_what_failed(installation, console_of):
    """On both databases: on the request's page, in the list, and in its filters."""
    installation.ask(*invoices(3), unlinked(), parts=2, part=1)
    installation.run()
    installation.ask(*invoices(2, "late"), parts=2, part=2)
    somebody = Person(installation, console_of(installation), "support")
    somebody.sign_in()
    somebody.do("/requests/harbour/r1/cancel", why="wrong month")
    page = somebody.see("/requests/harbour/r1")
    assert figures(page) == {"Exported": "3", "Failed": "1", "Cancelled": "2", "Waiting": "0"}
    assert "4 of 6 invoices done, 1 failed, 2 cancelled." in page
    assert 'max="6" value="4"' in page
    assert "by support: “wrong month”" in page
    assert "Send again: the 1 that failed" in page
    assert page.count('<span class="badge cancelled">Cancelled</span>') == 2
    row = re.search(r"<tbody>.*?</tbody>", somebody.see("/requests"), re.DOTALL)[0]
    assert re.findall(r'data-name="(Exported|Failed|Cancelled|Waiting)">(\d+)<', row) == [
        ("Exported", "3"),
        ("Failed", "1"),
        ("Cancelled", "2"),
        ("Waiting", "0"),
    ]
    listed = [somebody.see(f"/requests/harbour/r1?state={state}") for state in ("failed", "cancelled")]
    assert [re.findall(r'/console/invoices/harbour/(\w+)"', one) for one in listed] == [
        ["b1"],
        ["late0001", "late0002"],
    ]


def test_a_bulk_of_which_the_rest_was_cancelled_has_no_failures(on_sqlite, helper):
    on_sqlite.ask(*invoices(2))
    helper.do("/requests/harbour/r1/cancel", why="wrong month")
    assert "again …" not in helper.see("/requests/harbour/r1")
    assert named(helper.see("/requests?state=failures")) == []
    assert named(helper.see("/requests?state=cancelled")) == ["r1"]


def test_a_cancelled_invoice_is_no_failure_and_says_who_and_why(on_sqlite, helper):
    on_sqlite.ask(an_invoice("whole"), an_invoice("other"))
    on_sqlite.ask(an_invoice("alone"), request="r2", mode="single")
    helper.do("/invoices/harbour/alone/cancel", why="paid in cash")
    helper.do("/requests/harbour/r1/cancel", why="wrong month")
    for invoice, why in (("alone", "paid in cash"), ("whole", "wrong month")):
        page = helper.see(f"/invoices/harbour/{invoice}")
        assert "Why it failed" not in page
        assert "badge failed" not in page
        assert "0 times" not in page
        assert "By support <time" in page
        assert f"“{why}”." in page


def test_a_bulk_that_stands_still_says_why_and_promises_no_time(on_sqlite, helper):
    on_sqlite.a_worker_runs()
    on_sqlite.ask(*invoices(3))
    assert "Should be done" in helper.see("/requests/harbour/r1")
    on_sqlite.simulator.state.faults.set({"offline": 1.0})
    on_sqlite.run()
    page = helper.see("/requests/harbour/r1")
    assert "The organisation is offline at Xero" in page
    assert "No finish time yet." in page
    assert "Should be done" not in page
    on_sqlite.later(120)
    assert "No worker is running" in helper.see("/requests/harbour/r1")


def test_the_estimate_is_of_the_bulks_own_speed_tells_its_spread_and_counts_down(installation, console_of):
    """Fifty were answered every ten seconds: for two hundred forty are left, whatever calls took elsewhere."""
    installation.a_worker_runs()
    installation.ask(*invoices(500))
    begun = installation.now()
    with installation.store.write() as work:
        for number in range(6):
            at = begun + timedelta(seconds=10 * (number + 1))
            some = [f"i{one:04d}" for one in range(50 * number + 1, 50 * number + 51)]
            mine = update(Item).where(col(Item.invoice).in_(some))
            work.session.exec(mine.values(state="exported", answered_at=at))
        work.session.exec(update(Request).values(exported=300))
    installation.later(60)
    installation.a_worker_runs()
    somebody = Person(installation, console_of(installation), "read")
    somebody.sign_in()
    told = re.compile(r"Should be done <time[^>]*>in (\d+) to (\d+) seconds</time>")
    ((low, high),) = told.findall(somebody.see("/requests/harbour/r1"))
    assert 10 <= int(low) < int(high) <= 60  # a page takes its time, too
    installation.later(10)
    installation.a_worker_runs()
    ((_, later),) = told.findall(somebody.see("/requests/harbour/r1"))
    assert int(later) < int(high)
