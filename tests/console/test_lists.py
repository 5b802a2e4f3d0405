"""Lists: where a page stands and of how many, back and forward, filters that last, amounts and states as of now."""

import html
import re

import pytest

from store import audit, export_log, paging
from store.export_log import LogFilter
from store.paging import PageWanted
from tests.builders import an_invoice, invoices
from tests.console.filled import fields_of
from tests.console.happenings import archived, restore_account, unlinked
from tests.console.visiting import Person
from web.console import forms


@pytest.fixture
def somebody(installation, console_of):
    """Support, on both databases."""
    made = Person(installation, console_of(installation), "support")
    made.sign_in()
    return made


@pytest.fixture
def short_pages(monkeypatch):
    """Three rows a page."""
    monkeypatch.setattr(forms, "PER_PAGE", 3)


def invoices_on(page):
    return re.findall(r'<td data-name="Invoice"><a href="/console/invoices/harbour/([^"]+)"', page)


def position(page):
    """What a page says of where it stands."""
    told = re.search(r'<nav class="pages".*?<span>(.*?)</span>', page, re.DOTALL)
    return re.sub(r"<[^>]+>", "", told[1]).replace("\u2013", "-") if told else ""


def link(page, rel):
    """The address behind “Next” (`next`) or “Previous” (`prev`); empty where there is none."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    return html.unescape(found[1]) if found else ""


def walked(person, path, rel):
    """From this page on, link by link: what each page says of its position, and its invoices."""
    seen = []
    while path:
        page = person.see(path)
        seen.append((position(page), invoices_on(page)))
        asked = link(page, rel)
        path = path.partition("?")[0] + asked if asked else ""
    return seen


LISTS = {
    "a bulk send": ("/requests/harbour/r1", [f"b{number}" for number in range(1, 9)]),
    "the log": ("/log?client=crane", [f"b{number}" for number in range(8, 0, -1)]),
    "a group of failures": (
        "/failures/harbour?cause=contact_not_mapped:crane",
        [f"b{number}" for number in range(1, 9)],
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_says_where_a_page_stands_and_goes_on_and_back(installation, somebody, short_pages, name):
    path, everything = LISTS[name]
    installation.ask(*[unlinked(f"b{number}") for number in range(1, 9)])
    installation.run()
    forward = walked(somebody, path, "next")
    assert [said for said, _ in forward] == ["1-3 of 8", "4-6 of 8", "7-8 of 8"]
    assert [one for _, some in forward for one in some] == everything
    page = somebody.see(path)
    while link(page, "next"):
        last = path.partition("?")[0] + link(page, "next")
        page = somebody.see(last)
    assert walked(somebody, last, "prev") == forward[::-1]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_turned_round_and_paged_so(installation, somebody, short_pages, name):
    path, everything = LISTS[name]
    installation.ask(*[unlinked(f"b{number}") for number in range(1, 9)])
    installation.run()
    page = somebody.see(path)
    (turned,) = re.findall(r'aria-sort="\w+"><a href="([^"]+)"', page)
    other = path.partition("?")[0] + html.unescape(turned)
    seen = walked(somebody, other, "next")
    assert [one for _, some in seen for one in some] == everything[::-1]
    assert [said for said, _ in seen][-1] == "7-8 of 8"
    assert re.search(r'aria-sort="(\w+)"', page)[1] != re.search(r'aria-sort="(\w+)"', somebody.see(other))[1]


def amounts(page):
    return re.findall(r'data-name="Amount" class="n">\s*([\d,.]+)', page)


@pytest.mark.parametrize("path", ["/requests/harbour/r1?q=crane", LISTS["a group of failures"][0]])
def test_a_short_list_is_sorted_by_amount_and_number_over_its_pages_and_says_so(
    installation, somebody, short_pages, path
):
    """No index has these orders: all rows are fetched, of lists that are short enough for that."""
    prices = {"9": "20.00", "10": "3.00", "11": "100.00", "100": "7.50", "8": "20.00"}
    installation.ask(
        *[
            unlinked(f"b{number}", number=f"N-{number}", line={"unit_amount": price})
            for number, price in prices.items()
        ]
    )
    installation.run()
    page, root = somebody.see(path), path.partition("?")[0]

    def header(page, name):
        return html.unescape(re.search(rf'<th scope="col"[^>]*><a href="([^"]+)"[^>]*>{name}', page)[1])

    largest = root + header(page, "Amount")
    seen = somebody.see(largest)
    assert re.search(r'aria-sort="descending"><a[^>]*>Amount', seen)
    assert "By amount; what has none stands last." in seen
    assert amounts(seen) == ["100.00", "20.00", "20.00"]
    assert amounts(somebody.see(root + link(seen, "next"))) == ["7.50", "3.00"]
    assert position(somebody.see(root + link(seen, "next"))) == "4-5 of 5"
    assert amounts(somebody.see(root + link(somebody.see(root + link(seen, "next")), "prev"))) == amounts(seen)
    assert amounts(somebody.see(root + header(seen, "Amount")))[0] == "3.00", "turned round"
    seen = somebody.see(f"{path}&sort=number")
    assert [one for _, some in walked(somebody, f"{path}&sort=number", "next") for one in some] == [
        "b8", "b9", "b10", "b11", "b100",
    ]  # fmt: skip
    assert re.search(r'aria-sort="ascending"><a[^>]*>Invoice', seen)


def test_a_long_list_keeps_its_own_order_and_says_why(on_sqlite, person, monkeypatch):
    monkeypatch.setattr(paging, "MOST_SORTED", 5)
    on_sqlite.ask(*invoices(7))
    page = person("read").see("/requests/harbour/r1?sort=amount")
    assert "s id. A list of up to 500 can be sorted by number or amount too." in page
    assert re.search(r'aria-sort="ascending"><a[^>]*>Invoice', page)
    assert re.search(r"<th[^>]*>Amount</th>", page)


def test_what_has_no_amount_stands_last_either_way():
    rows = [1, None, 3, 2, None]
    for turned, told in ((False, [1, 2, 3, None, None]), (True, [3, 2, 1, None, None])):
        found = paging.sorted_page(rows, PageWanted(10, turned=turned, sort="amount"), lambda one: one)
        assert list(found.rows) == told


@pytest.mark.parametrize("place", ["-1", "999999999999", "b3", "1~2", "1e3", "\u0663"])
def test_a_place_that_is_none_begins_a_sorted_list_anew_or_ends_it(place):
    for wanted in (PageWanted(2, after=place, sort="amount"), PageWanted(2, before=place, sort="amount")):
        found = paging.sorted_page([3, 1, 2], wanted, lambda one: one)
        assert found.rows in ([1, 2], []), place


@pytest.mark.parametrize(
    ("path", "form"),
    [("/log?order=turned", "/console/log"), ("/audit?order=turned", "/console/audit"),
     ("/companies?order=turned", "/console/companies"), ("/requests?order=turned", "/console/requests"),
     ("/requests/harbour/r1?sort=amount&order=turned", "/console/requests/harbour/r1")],
)  # fmt: skip
def test_filters_keep_the_order(on_sqlite, person, path, form):
    on_sqlite.ask(*invoices(2))
    asked = fields_of(person("ops").see(path), form)
    assert asked["order"] == "turned"
    assert asked.get("sort", "") == ("amount" if "sort" in path else "")


def test_companies_requests_and_groups_say_where_a_page_stands(on_sqlite, person, short_pages):
    for number in range(7):
        on_sqlite.company(f"c{number}", f"{number}2222222-2222-4333-8444-555555555555")
        on_sqlite.ask(unlinked(f"i{number}"), request=f"r{number}", company=f"c{number}")
    on_sqlite.run()
    reader, root = person("read"), person("ops")
    with on_sqlite.store.read() as work:
        known = len(audit.newest(work))
    for number in range(8 - known):
        root.do(f"/companies/c{number}/pause", why="books are closed")
    for path, whole in (("/companies", 8), ("/requests", 7), ("/failures", 7), ("/audit", 8)):
        first = reader.see(path)
        assert position(first) == f"1-3 of {whole}", path
        second = reader.see(path + link(first, "next"))
        assert position(second) == f"4-6 of {whole}", path
        assert position(reader.see(path + link(second, "prev"))) == f"1-3 of {whole}", path


def test_beyond_a_bound_rows_are_not_counted_and_the_page_says_so(on_sqlite, person, short_pages, monkeypatch):
    monkeypatch.setattr(paging, "COUNTED_TO", 5)
    on_sqlite.ask(*invoices(7))
    page = person("read").see("/requests/harbour/r1")
    assert position(page) == "1-3 of 5+ (more than 5 are not counted)"


@pytest.mark.parametrize("asked", ["after=nonsense", "before=~~", "after=2026&row=x", "before=%00x", "row=-4"])
def test_an_address_that_is_no_place_shows_the_first_page(on_sqlite, person, asked):
    on_sqlite.ask(*invoices(2))
    on_sqlite.run()
    reader = person("read")
    for path in ("/log", "/requests", "/audit", "/companies", "/dead-letters"):
        answer = reader.browser.get(f"/console{path}?{asked}")
        assert answer.status_code in (200, 404), (path, asked)


def test_rows_that_went_meanwhile_lead_back_to_a_whole_first_page(installation):
    installation.ask(*invoices(4))
    installation.run()
    with installation.store.read() as work:
        page = export_log.page_of_log(work, LogFilter(), PageWanted(3, before="3", first=1))
    assert (len(page.rows), page.first, page.previous) == (3, 1, "")


def test_several_filters_stand_in_the_address_and_survive_paging(installation, somebody, short_pages):
    installation.ask(
        *[archived(f"a{number}") for number in range(3)],
        *[unlinked(f"b{number}") for number in range(3)],
        an_invoice("good"),
    )
    installation.run()
    both = "/log?reason=account_archived&reason=contact_not_mapped&company=harbour"
    seen = walked(somebody, both, "next")
    assert [said for said, _ in seen] == ["1-3 of 6", "4-6 of 6"]
    assert {one for _, some in seen for one in some} == {"a0", "a1", "a2", "b0", "b1", "b2"}
    page = somebody.see(both)
    (one_away, *_) = re.findall(r'<a class="badge" href="([^"]+)"', page)
    assert position(somebody.see(f"/log{html.unescape(one_away)}")) == "1-3 of 3"
    rows = somebody.browser.get(f"/console{both.replace('/log', '/log.csv')}").text
    assert rows.count("account_archived") == rows.count("contact_not_mapped") == 3
    again = re.search(r'href="(/console/replay[^"]+)"', page)[1]
    assert "<strong>6 invoices</strong>" in somebody.browser.get(html.unescape(again)).text


def test_a_bulk_is_searched_by_what_a_clerk_says_within_a_state(installation, somebody):
    vins = {"client": {"id": "vins", "name": "Vins et Fromages"}}
    installation.ask(an_invoice("v1", **vins), an_invoice("v2", **vins), an_invoice("x1"), unlinked("bad"))
    installation.ask(an_invoice("v9", **vins), request="other")
    here = "/requests/harbour/r1"
    assert invoices_on(somebody.see(f"{here}?q=vins+et")) == ["v1", "v2"]
    assert invoices_on(somebody.see(f"{here}?q=n-x")) == ["x1"]
    assert position(somebody.see(f"{here}?q=vins")) == "1-2 of 2"
    page = somebody.see(f"{here}?q=vins&state=exported")
    assert invoices_on(page) == []
    assert "None of its invoices that are exported has “vins” in it." in page
    assert 'href="/console/requests/harbour/r1?q=vins&amp;state=failed"' in page


def row_of(page, invoice):
    """The cells of an invoice's row, by name."""
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    (mine,) = [row for row in rows if f'/{invoice}">' in row]
    cells = re.findall(r'<td[^>]*data-name="(\w+)"[^>]*>(.*?)</td>', mine, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", html.unescape(cell)).strip() for name, cell in cells}


def test_every_list_of_invoices_says_what_each_comes_to_and_how_it_stands_now(installation, somebody):
    told = {"totals": {"subtotal": "1000.00", "tax": "150.00", "total": "1150.00"}}
    large = an_invoice("a1", line={"account_code": "299", "unit_amount": "1000.00"}, **told)
    installation.ask(large, archived("a2"), an_invoice("good", amounts_are="inclusive"))
    installation.run()
    restore_account(installation)
    somebody.do("/invoices/harbour/a1/replay", why="account restored")
    log = somebody.see("/log")
    assert row_of(log, "a1")["Amount"] == "1,150.00 USD"
    assert row_of(log, "a2")["Amount"].endswith(" USD + tax")
    assert "tax" not in row_of(log, "good")["Amount"]
    assert {name: row_of(log, name)["Now"] for name in ("a1", "a2", "good")} == {
        "a1": "Queued",
        "a2": "Failed",
        "good": "Exported",
    }
    group = somebody.see("/failures/harbour?cause=account_archived:299")
    assert (row_of(group, "a1")["Amount"], row_of(group, "a1")["Now"]) == ("1,150.00 USD", "Queued")
    bulk = somebody.see("/requests/harbour/r1")
    assert (row_of(bulk, "a1")["Amount"], row_of(bulk, "a1")["Now"]) == ("1,150.00 USD", "Queued")
    assert row_of(bulk, "a1")["Client"] == "ACME Ltd"
    for found in ("/search?q=N-a1", "/search/suggestions?q=N-a1"):
        assert "1,150.00 USD" in somebody.see(found)
