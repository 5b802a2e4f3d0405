"""The login clicked through in a real browser (headless Chromium) against the simulator: well, and refused."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.connections.house import BACK, OTHER_TENANT, TENANT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
FIRST, SECOND = f"Organisation {TENANT[:4]}", f"Organisation {OTHER_TENANT[:4]}"


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of a fresh browser; CrewCard's own page, where people come back to, is answered here."""
    context = chromium.new_context()
    context.route(f"{BACK}**", lambda route: route.fulfill(body="<h1>CrewCard</h1>", content_type="text/html"))
    yield context.new_page()
    context.close()


def test_a_clerk_logs_in_and_is_back_in_crewcard_connected(small_house, page):
    small_house.company()
    page.goto(small_house.link())
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url(f"{BACK}?xero=connected")
    assert small_house.connection().tenant == TENANT


def test_of_several_organisations_the_clerk_chooses_one(small_house, page):
    small_house.company_of_a_group()
    page.goto(small_house.link())
    small_house.xero.fill_in(page, [FIRST, SECOND])
    page.get_by_label(SECOND).check()
    page.get_by_role("button", name="Continue with Organization").click()
    page.wait_for_url(f"{BACK}?xero=connected")
    assert small_house.connection().tenant == OTHER_TENANT


def test_an_organisation_of_another_company_cannot_be_chosen(small_house, page):
    small_house.company("rival")
    small_house.log_in("rival")
    small_house.company_of_a_group()
    page.goto(small_house.link())
    small_house.xero.fill_in(page, [FIRST, SECOND])
    assert page.get_by_label(FIRST).is_disabled()
    assert "already used by another company" in page.content()


def test_a_wrong_company_is_told_so_and_may_go_back(small_house, page):
    small_house.company("rival")
    small_house.log_in("rival")
    small_house.company()
    page.goto(small_house.link())
    small_house.xero.fill_in(page, FIRST)
    assert "already used by another company" in page.get_by_role("alert").inner_text()
    page.get_by_role("link", name="Back to CrewCard").click()
    page.wait_for_url(f"{BACK}?xero=all_taken")


def test_who_cancels_at_xero_is_told_that_nothing_was_connected(small_house, page):
    small_house.company()
    page.goto(small_house.link())
    small_house.xero.fill_in(page, None)
    assert "declined" in page.get_by_role("alert").inner_text()
    assert small_house.connection() is None


def test_without_any_organisation_there_is_nothing_to_connect(small_house, page):
    small_house.company()
    books = small_house.installation.simulator.state.world.organisations
    for one in books.values():
        one.users = {"somebody.else@example.com": "STANDARD"}
    page.goto(small_house.link())
    small_house.xero.fill_in(page, None)
    assert small_house.connection() is None
    assert "nothing was connected" in page.get_by_role("alert").inner_text()


def test_stale_links_used_links_and_forged_answers_end_on_a_page_that_says_so(small_house, page):
    small_house.company()
    link = small_house.link()
    page.goto(link)
    page.goto(link)
    assert "used already" in page.get_by_role("heading").inner_text()
    old = small_house.link()
    small_house.installation.later(small_house.tools.settings.login_link_seconds + 1)
    page.goto(old)
    assert "too old" in page.get_by_role("heading").inner_text()
    page.goto(f"{small_house.url}/connect/xero/callback?code=guessed&state=guessed")
    assert "not started here" in page.get_by_role("heading").inner_text()


def test_going_back_and_sending_the_same_code_again_changes_nothing(small_house, page):
    small_house.company()
    answers = []
    page.on("request", lambda asked: answers.append(asked.url) if "/xero/callback" in asked.url else None)
    page.goto(small_house.link())
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url(f"{BACK}?xero=connected")
    calls = small_house.xero.token_calls()
    page.goto(answers[0])
    assert page.get_by_role("alert").is_visible()
    assert small_house.xero.token_calls() == calls
    assert small_house.connection().state == "connected"
