"""Failures by cause, with the fix beside them."""

import re

import pytest

from store import failing
from tests.builders import COMPANY, an_invoice
from tests.console.happenings import EVIL, TOLD, archived, link_crane, unlinked
from tests.journeys.test_groups import waiting_for
from web.console import failures
from worker.commands import excluding

OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def helper(on_sqlite, person):
    """Somebody of support, after three of one cause, one of another, and another company's."""
    on_sqlite.company("quarry", OTHER)
    on_sqlite.ask(*[archived(id_) for id_ in "abc"], unlinked("d"), an_invoice("good"))
    on_sqlite.ask(archived("theirs"), request="q1", company="quarry")
    on_sqlite.run()
    return person("support")


def test_groups_are_listed_the_largest_first_with_who_mends_them_and_how(helper):
    page = helper.see("/failures")
    assert page.index("Account archived: 299") < page.index("Client has no Xero contact")
    assert "<strong>3 invoices</strong>" in page
    assert "What to do <small>(bookkeeper)</small>" in page
    assert "<li>In Xero open Accounting" in page
    assert "Once it is fixed, these go by themselves." in page


def test_a_companys_groups_are_its_own(helper):
    page = helper.see("/failures?company=quarry")
    assert page.count("<strong>1 invoice</strong>") == 1
    assert "Client has no" not in page
    assert "There is no company “nobody”." in helper.see("/failures?company=nobody")


def test_a_group_lists_its_invoices_and_leads_to_sending_them_again(helper):
    page = helper.see("/failures/harbour?cause=account_archived:299")
    assert re.findall(r'/console/invoices/harbour/(\w+)"', page) == ["a", "b", "c"]
    assert "/console/replay?act=replay&amp;company=harbour&amp;cause=account_archived%3A299" in page
    assert page.count('name="pick"') == 3


def test_a_groups_invoices_are_paged(helper, monkeypatch):
    monkeypatch.setattr(failures.forms, "PER_PAGE", 2)
    first = helper.see("/failures/harbour?cause=account_archived:299")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = helper.see(f"/failures/harbour{following.replace('&amp;', '&')}")
    assert re.findall(r'/console/invoices/harbour/(\w+)"', second) == ["c"]


def test_the_list_of_groups_is_paged(helper, monkeypatch):
    monkeypatch.setattr(failures.forms, "PER_PAGE", 2)
    first = helper.see("/failures")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    both = first + helper.see(f"/failures{following}")
    assert both.count('<article class="card bad">') == 3


def test_a_group_that_is_mended_is_gone(helper, on_sqlite):
    link_crane(on_sqlite)
    helper.do("/invoices/harbour/d/replay", why="linked")
    on_sqlite.run()
    assert "Nothing fails for this any more" in helper.see("/failures/harbour?cause=contact_not_mapped:crane", 404)
    assert "Client has no" not in helper.see("/failures")


def test_script_in_a_clients_name_is_text(helper):
    page = helper.see("/failures") + helper.see("/failures/harbour?cause=contact_not_mapped:crane")
    assert TOLD in page
    assert EVIL not in page


def test_both_databases_group_alike(installation):
    installation.ask(*[archived(id_) for id_ in "abc"], *waiting_for("wharf", "w1", "w2"), an_invoice("good"))
    installation.run()
    excluding.exclude(installation.tools, COMPANY, ["a"], "olga", "settled")
    installation.ask(archived("b", revision=2), request="again")
    with installation.store.read() as work:
        found = failing.groups(work)
        assert failing.groups(work, most=1, skip=1) == found[1:]
        assert failing.group(work, COMPANY, found[0].cause) == found[0]
        assert failing.group(work, COMPANY, "nothing") is None
    assert [(one.cause, one.invoices, one.sending, one.numbers) for one in found] == [
        ("account_archived:299", 2, 1, ["N-b", "N-c"]),
        ("contact_not_mapped:wharf", 2, 0, ["N-w1", "N-w2"]),
    ]
