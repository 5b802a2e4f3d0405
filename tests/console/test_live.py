"""A page that follows what happens says so, and says since when it does not; time is the browser's, moved by hand."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.browser import IN_A_BROWSER
from tests.builders import COMPANY, an_invoice
from tests.console.visiting import PASSWORD
from tests.machines import wait_for

pytestmark = IN_A_BROWSER
HERE = re.compile(r"/console\??$")


@pytest.fixture
def page(chromium, console, person):
    """The overview in a browser whose clock stands."""
    somebody = person("read")
    context = chromium.new_context(base_url=console)
    context.clock.install()
    seen = context.new_page()
    seen.goto("/console/sign-in")
    seen.get_by_label("User").fill(somebody.user)
    seen.get_by_label("Password").fill(PASSWORD)
    seen.get_by_role("button", name="Sign in").click()
    seen.wait_for_url("**/console")
    yield seen
    context.close()


def let_pass(page, seconds):
    for _ in range(seconds * 2):
        page.clock.run_for(500)


def said(page):
    return page.locator("#live").text_content()


def comes_to_say(page, wanted):
    """The page's time is handed in, the wire's is not: an answer, or none, takes as long as it takes."""

    def says():
        let_pass(page, 1)
        return re.fullmatch(wanted, said(page))

    wait_for(says)


def test_a_live_page_says_how_often_it_is_asked_for(page):
    let_pass(page, 1)
    assert said(page) == "live · 5 s"


def test_while_the_server_is_away_the_page_says_so_and_asks_at_most_twice_in_15_seconds(page):
    asked = []

    def drop(route):
        asked.append(route.request.url)
        route.abort()

    page.route(HERE, drop)
    let_pass(page, 7)
    comes_to_say(page, r"not live since \d\d:\d\d( [AP]M)?")
    asked.clear()
    for _ in range(4):
        let_pass(page, 15)
        assert len(asked) <= 2
        asked.clear()
    page.unroute(HERE)
    with page.expect_response(HERE) as back:
        let_pass(page, 90)
    back.value.finished()
    comes_to_say(page, "live · 5 s")


def test_what_stops_it_where_somebody_works_is_said(page):
    let_pass(page, 1)
    page.locator("#now a").first.focus()
    let_pass(page, 1)
    assert said(page) == "live · paused where something is open or selected"


def test_arrows_go_through_the_suggestions_and_enter_opens_one(page):
    page.locator("#find").fill("harb")
    page.clock.run_for(500)
    page.locator("#found a").first.wait_for()
    page.locator("#find").press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/companies/harbour")


@pytest.mark.parametrize("scripts", [True, False])
def test_times_are_those_of_the_reader_with_utc_at_hand_and_utc_is_named_without_scripts(
    chromium, console, person, on_sqlite, scripts
):
    on_sqlite.ask(an_invoice("i1"))
    on_sqlite.run()
    somebody = person("read")
    context = chromium.new_context(
        base_url=console, timezone_id="Asia/Tokyo", locale="en-GB", java_script_enabled=scripts
    )
    seen = context.new_page()
    seen.goto("/console/sign-in")
    seen.get_by_label("User").fill(somebody.user)
    seen.get_by_label("Password").fill(PASSWORD)
    seen.get_by_role("button", name="Sign in").click()
    seen.goto(f"/console/invoices/{COMPANY}/i1")
    time = seen.locator("dd time").first
    if scripts:
        seen.locator("dd time[data-local]").first.wait_for()
    at = datetime.fromisoformat(time.get_attribute("datetime"))
    utc, tokyo = f"{at:%Y-%m-%d %H:%M:%S} UTC", at.astimezone(ZoneInfo("Asia/Tokyo"))
    if scripts:
        assert f"{tokyo:%H:%M:%S}" in time.inner_text()
        assert time.get_attribute("title") == utc
    else:
        assert time.inner_text() == utc
    context.close()
