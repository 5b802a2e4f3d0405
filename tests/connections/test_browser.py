"""The login clicked through in a real browser (headless Chromium) against the simulator: well, and refused."""

import pytest

from tests.browser import IN_A_BROWSER
from tests.connections.house import BACK, OTHER_TENANT, TENANT
from tests.machines import wait_for

pytestmark = IN_A_BROWSER
FIRST, SECOND = f"Organisation {TENANT[:4]}", f"Organisation {OTHER_TENANT[:4]}"


@pytest.fixture
def page(chromium):
    """A page of a fresh browser; CrewCard's own page, where people come back to, is answered here."""
    context = chromium.new_context()
    context.route(f"{BACK}**", lambda route: route.fulfill(body="<h1>CrewCard</h1>", content_type="text/html"))
    yield context.new_page()
    context.close()


def test_a_clerk_logs_in_and_is_back_in_crewcard_connected(small_house, page):
    small_house.company()
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url(f"{BACK}?xero=connected")
    assert small_house.connection().tenant == TENANT


def test_of_several_organisations_the_clerk_chooses_one(small_house, page):
    small_house.company_of_a_group()
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, [FIRST, SECOND])
    page.get_by_label(SECOND).check()
    page.get_by_role("button", name="Continue with Organization").click()
    page.wait_for_url(f"{BACK}?xero=connected")
    assert small_house.connection().tenant == OTHER_TENANT


def test_an_organisation_of_another_company_cannot_be_chosen(small_house, page):
    small_house.company("rival")
    small_house.log_in("rival")
    small_house.company_of_a_group()
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, [FIRST, SECOND])
    assert page.get_by_label(FIRST).is_disabled()
    assert "already used by another company" in page.content()


def test_a_wrong_company_is_told_so_and_may_go_back(small_house, page):
    small_house.company("rival")
    small_house.log_in("rival")
    small_house.company()
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, FIRST)
    assert "already used by another company" in page.get_by_role("alert").inner_text()
    page.get_by_role("link", name="Back to CrewCard").click()
    page.wait_for_url(f"{BACK}?xero=all_taken")


def test_who_cancels_at_xero_is_told_that_nothing_was_connected(small_house, page):
    small_house.company()
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, None)
    assert "declined" in page.get_by_role("alert").inner_text()
    assert small_house.connection() is None


def test_a_login_whose_organisations_are_gone_by_now_is_told_so(small_house, page):
    grants = small_house.installation.simulator.state.identity.grants
    small_house.company()
    _to_xero(page, small_house.link())

    def gone(answer: str) -> str:
        for grant in grants.values():
            grant.connections.clear()
        return answer

    _on_the_way_back(small_house, page, gone)
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url("**/xero/callback?*")
    assert "opens no organisation" in page.get_by_role("alert").inner_text()
    assert small_house.connection() is None


@pytest.mark.parametrize(("part", "words"), [("state", "no login we know"), ("code", "belongs to another login")])
def test_an_answer_of_xeros_with_another_state_or_code_connects_nothing(small_house, page, part, words):
    small_house.company()
    _to_xero(page, small_house.link())
    _on_the_way_back(small_house, page, lambda answer: answer.replace(f"{part}=", f"{part}=forged"))
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url("**/xero/callback?*")
    assert words in page.get_by_role("alert").inner_text()
    assert small_house.connection() is None


def test_the_answer_to_an_attackers_login_is_refused_in_the_browser_of_the_victim(small_house, page, chromium):
    small_house.company()
    attacker, kept = chromium.new_context().new_page(), []
    _to_xero(attacker, small_house.link())
    _on_the_way_back(small_house, attacker, lambda answer: kept.append(answer) or "about:blank")
    small_house.xero.fill_in(attacker, FIRST)
    wait_for(lambda: attacker.wait_for_load_state() or kept)
    _to_xero(page, small_house.link())
    page.goto(kept[0])
    assert "started elsewhere" in page.get_by_role("heading").inner_text()
    assert small_house.connection() is None
    attacker.context.close()


def test_without_any_organisation_there_is_nothing_to_connect(small_house, page):
    small_house.company()
    books = small_house.installation.simulator.state.world.organisations
    for one in books.values():
        one.users = {"somebody.else@example.com": "STANDARD"}
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, None)
    assert small_house.connection() is None
    assert "nothing was connected" in page.get_by_role("alert").inner_text()


def test_stale_links_used_links_and_forged_answers_end_on_a_page_that_says_so(small_house, page):
    small_house.company()
    link = small_house.link()
    _to_xero(page, link)
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
    _to_xero(page, small_house.link())
    small_house.xero.fill_in(page, FIRST)
    page.wait_for_url(f"{BACK}?xero=connected")
    calls = small_house.xero.token_calls()
    page.goto(answers[0])
    assert page.get_by_role("alert").is_visible()
    assert small_house.xero.token_calls() == calls
    assert small_house.connection().state == "connected"


def test_the_page_of_a_link_names_company_and_organisation_and_only_its_button_uses_the_link_up(small_house, page):
    small_house.company()
    small_house.log_in()
    link = small_house.link()
    for _ in range(3):
        page.goto(link)
    assert page.get_by_role("heading").inner_text() == "Connect Harbour to Xero"
    assert f"Harbour is connected to the organisation {FIRST}" in page.get_by_role("main").inner_text()
    assert page.get_by_role("button").count() == 1
    page.get_by_role("button", name="Log in to Xero").click()
    small_house.xero.fill_in(page, SECOND)
    page.wait_for_url(f"{BACK}?xero=connected")
    assert small_house.connection().tenant == OTHER_TENANT


def _to_xero(page, link) -> None:
    """Open the link and press its button."""
    page.goto(link)
    page.get_by_role("button", name="Log in to Xero").click()


def _on_the_way_back(house, page, change) -> None:
    """Where Xero sends the browser to is changed before the browser goes there."""

    def answered(route) -> None:
        reply = route.fetch(max_redirects=0)
        if "location" in reply.headers:
            route.fulfill(status=302, headers={"location": change(reply.headers["location"])})
        else:
            route.fulfill(response=reply)

    page.route(f"{house.xero.url}/**", answered)
