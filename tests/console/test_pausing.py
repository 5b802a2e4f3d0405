"""Pause and resume at the console: with a reason, by ops, told on every page until it is over."""

import re

import pytest

from events.accounting_target import Lane
from store import audit, batches, exports
from tests.builders import TENANT, an_invoice

WHY = "Xero announced maintenance"


def lines(installation):
    with installation.store.read() as work:
        return [(line.who, line.what, line.company, line.why) for line in audit.newest(work)]


def flying(page):
    return re.sub(r"(<[^>]+>|\s)+", " ", re.search(r'<p class="countdown".*?</p>', page, re.DOTALL)[0]).strip()


def claim(installation):
    """A worker takes the next batch and does not come back from it."""
    lane = Lane("harbour", TENANT)
    with installation.store.write() as work:
        return batches.claim(work, lane, exports.pending(work, lane, 50), 90)


def test_one_company_is_paused_and_goes_on(person, on_sqlite):
    ops = person("ops")
    on_sqlite.ask(an_invoice("i1"))
    page = ops.do("/companies/harbour/pause", why="stocktaking")
    assert "Harbour is paused." in page
    assert "stocktaking" in page
    on_sqlite.run()
    assert on_sqlite.calls("PUT") == []
    assert "Harbour goes on." in ops.do("/companies/harbour/resume")
    on_sqlite.run()
    assert len(on_sqlite.books()) == 1
    assert lines(on_sqlite)[:2] == [("ops", "resume", "harbour", ""), ("ops", "pause", "harbour", "stocktaking")]


def test_a_pause_of_everybody_is_told_on_every_page_until_it_is_over(person, on_sqlite):
    ops, reader = person("ops"), person("read")
    assert 'id="paused"' not in reader.see()
    assert "Everything is paused." in ops.do("/pause", why=WHY)
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    assert on_sqlite.calls("PUT") == []
    for path in ("", "/companies", "/companies/harbour", "/audit", "/password"):
        banner = re.search(r'<aside id="paused".*?</aside>', reader.see(path), re.DOTALL)[0]
        assert WHY in banner
        assert "Nothing is in flight." in banner
    assert "Everything goes on." in ops.do("/resume")
    assert 'id="paused"' not in reader.see()
    on_sqlite.run()
    assert len(on_sqlite.books()) == 1


def test_a_drain_counts_down_to_nothing_in_flight(person, on_sqlite):
    on_sqlite.ask(an_invoice("i1"))
    hold = claim(on_sqlite)
    ops = person("ops")
    ops.do("/pause", why=WHY)
    assert flying(ops.see("/pause")) == "1 call to Xero in flight, of all companies"
    assert "1 call to Xero still in flight." in ops.see("/audit")
    assert "Nothing is in flight" not in ops.see("/companies/harbour")
    with on_sqlite.store.write() as work:
        batches.move(work, hold, "claimed", state="given_back")
    assert flying(ops.see("/pause")) == "Nothing is in flight. It is safe to stop the workers."


@pytest.mark.parametrize("path", ["/pause", "/companies/harbour/pause"])
def test_nobody_pauses_without_saying_why(person, on_sqlite, path):
    page = person("ops").do(path, 422 if path == "/pause" else 303, why="  ")
    assert "Say why" in page
    assert lines(on_sqlite) == [line for line in lines(on_sqlite) if line[1] != "pause"]


def test_support_sees_who_is_paused_and_cannot_pause(person, on_sqlite):
    support = person("support")
    person("ops").do("/companies/harbour/pause", why="<script>alert(1)</script>")
    page = support.see("/pause")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Pause every company" not in page
    for path in ("/pause", "/resume", "/companies/harbour/pause", "/companies/harbour/resume"):
        assert "not part of your role" in support.do(path, 403, why=WHY)


def test_a_pause_twice_is_one_and_an_unknown_company_cannot_be_paused(person, on_sqlite):
    ops = person("ops")
    ops.do("/pause", why=WHY)
    assert "Everything was paused before." in ops.do("/pause", why="again")
    ops.do("/resume")
    assert "Nothing was paused." in ops.do("/resume")
    assert "There is no company" in ops.do("/companies/nobody/pause", 404, why=WHY)
