"""What is no login of ours is refused: stale, used, forged, begun elsewhere, on its way to somebody else's site."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.connections.house import BACK, OTHER_TENANT, TENANT, hidden_fields

BOTH = [TENANT, OTHER_TENANT]


def test_a_stale_link_is_refused(small_house):
    small_house.company()
    link = small_house.link()
    small_house.installation.later(small_house.tools.settings.login_link_seconds + 1)
    reply = small_house.browser().get(link)
    assert reply.status_code == 410
    assert "too old" in reply.text


def test_a_link_works_once(house):
    house.company()
    link = house.link()
    house.to_xero(house.browser(), link)
    reply = house.browser().get(link)
    assert reply.status_code == 410
    assert "works once" in reply.text


def test_of_two_who_press_the_button_of_one_link_one_logs_in(house):
    house.company()
    link, browsers = house.link(), [house.browser(), house.browser()]
    forms = [hidden_fields(browser.get(house.here(link)).text) for browser in browsers]
    with ThreadPoolExecutor(2) as pool:
        pressed = pool.map(lambda browser, form: browser.post("/connect/harbour", data=form), browsers, forms)
    assert sorted(reply.status_code for reply in pressed) == [303, 410]


@pytest.mark.parametrize("change", ["tamper", "nothing", "another sealed word"])
def test_a_forged_link_is_refused(small_house, change):
    small_house.company()
    link = small_house.link()
    forged = {
        "tamper": link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:],
        "nothing": link.partition("?")[0],
        "another sealed word": link.partition("?")[0] + "?link=" + small_house.tools.vault.seal("[1]").decode(),
    }[change]
    assert small_house.browser().get(forged).status_code == 400


def test_a_link_of_one_company_does_not_open_anothers_login(small_house):
    small_house.company()
    small_house.company("rival")
    link = small_house.link("rival").replace("/connect/rival", "/connect/harbour")
    assert small_house.browser().get(link).status_code == 400


def test_a_forged_state_is_refused(small_house):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    forged = back.replace("state=", "state=x")
    assert browser.get(forged).status_code == 400
    assert small_house.connection() is None
    assert small_house.xero.token_calls() == 0


def test_a_code_and_its_state_serve_once(house):
    house.company()
    browser = house.browser()
    back = house.xero.answer(house.to_xero(browser, house.link()), tenant=TENANT)
    cookies = dict(browser.cookies)
    assert browser.get(back).status_code == 303
    again = house.browser()
    again.cookies.update(cookies)
    reply = again.get(back)
    assert reply.status_code == 409
    assert house.xero.token_calls() == 1


def test_a_code_that_xero_took_before_ends_in_one_sentence_and_one_call(small_house):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    stale = back.replace(parse_qs(urlsplit(back).query)["code"][0], "used-before")
    reply = browser.get(stale)
    assert reply.status_code == 409
    assert "used before" in reply.text
    assert small_house.xero.token_calls() == 1


def test_an_answer_that_comes_too_late_is_refused(small_house):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    small_house.installation.later(small_house.tools.settings.login_seconds + 1)
    assert browser.get(back).status_code == 409


def test_an_answer_that_another_browser_began_is_refused_and_does_not_use_it_up(small_house):
    small_house.company()
    mine, attackers = small_house.browser(), small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(mine, small_house.link()), tenant=TENANT)
    small_house.to_xero(attackers, small_house.link())
    assert attackers.get(back).status_code == 403
    assert small_house.connection() is None
    assert mine.get(back).status_code == 303


def test_a_page_of_a_good_login_that_is_loaded_again_says_that_nothing_is_left_to_do(small_house):
    """The browser's cookie is gone by then: it was told that another browser had begun the login."""
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    assert browser.get(back).status_code == 303
    assert small_house.connection() is not None
    again = browser.get(back)
    assert (again.status_code, "nothing is left to do" in again.text) == (409, True)
    assert small_house.xero.token_calls() == 1


def test_a_cookie_that_was_there_before_the_login_opens_nothing(small_house):
    small_house.company()
    victim = small_house.browser()
    begun = small_house.press(victim, small_house.link())
    name = next(iter(begun.cookies))
    own = begun.cookies[name]
    victim.cookies.clear()
    victim.cookies.set(name, "planted-by-an-attacker")
    back = small_house.xero.answer(begun.headers["location"], tenant=TENANT)
    assert victim.get(back).status_code == 403
    assert own != "planted-by-an-attacker"
    assert "HttpOnly" in begun.headers["set-cookie"]
    assert "SameSite=lax" in begun.headers["set-cookie"]


def test_over_https_the_cookie_never_travels_in_the_clear(make_house, sqlite_url):
    house = make_house(sqlite_url, public_url="https://exporter.crewcard.example", second_factor="required")
    house.company()
    cookies = house.browser().get(house.here(house.link())).headers["set-cookie"]
    assert "Secure" in cookies
    assert cookies.startswith("__Host-")


def test_a_form_that_another_site_sends_chooses_nothing(small_house):
    small_house.company_of_a_group()
    browser = small_house.browser()
    page = small_house.log_in(tenant=BOTH, browser=browser)
    form = hidden_fields(page.text) | {"tenant": OTHER_TENANT}
    for forged in (form | {"form": ""}, form | {"form": "0" * 64}, {"login": form["login"], "tenant": OTHER_TENANT}):
        assert browser.post("/connect/xero/choose", data=forged).status_code == 403
    assert small_house.browser().post("/connect/xero/choose", data=form).status_code == 403
    assert small_house.connection() is None


def test_an_organisation_that_was_not_offered_is_refused(small_house):
    small_house.company_of_a_group()
    browser = small_house.browser()
    page = small_house.log_in(tenant=BOTH, browser=browser)
    stranger = hidden_fields(page.text) | {"tenant": "33333333-2222-4333-8444-555555555555"}
    assert browser.post("/connect/xero/choose", data=stranger).status_code == 400
    assert small_house.connection() is None


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "https://app.crewcard.example.evil.example/invoices",
        "https://app.crewcard.example@evil.example/invoices",
        "https://app.crewcard.example:444/invoices",
        "http://app.crewcard.example/invoices",
        "https://app.crewcard.example/invoices/../../admin",
        "https://app.crewcard.example/invoices/%2e%2e/admin",
        "https://app.crewcard.example/invoices-of-others",
        "https://app.crewcard.example\\@evil.example/invoices",
        "https://app.crewcard.example/invoices#@evil.example",
        "javascript:alert(1)",
        "https://app.crewcard.example/invoices\r\nset-cookie: a=b",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_on_the_list(small_house, address):
    small_house.company()
    reply = small_house.host().post("/v1/companies/harbour/login-links", {"company": "harbour", "return_to": address})
    assert reply.status_code == 422
    assert "return_address" in reply.text


def test_an_address_below_a_listed_one_is_kept_with_its_query(small_house):
    small_house.company()
    said = {"company": "harbour", "return_to": f"{BACK}/42?tab=xero"}
    link = small_house.host().post("/v1/companies/harbour/login-links", said).json()["url"]
    browser = small_house.browser()
    reply = browser.get(small_house.xero.answer(small_house.to_xero(browser, link), tenant=TENANT))
    assert reply.headers["location"] == f"{BACK}/42?tab=xero&xero=connected"


def test_an_app_without_a_secret_proves_itself_by_pkce(small_house):
    small_house.company(kind="pkce")
    browser = small_house.browser()
    address = small_house.to_xero(browser, small_house.link())
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert browser.get(small_house.xero.answer(address, tenant=TENANT)).status_code == 303
    assert small_house.connection().state == "connected"


def test_a_pkce_code_is_worthless_without_its_verifier(small_house):
    small_house.company(kind="pkce")
    browser = small_house.browser()
    address = small_house.to_xero(browser, small_house.link())
    parts = urlsplit(address)
    other = {key: value[0] for key, value in parse_qs(parts.query).items()} | {"code_challenge": "somebody-elses"}
    swapped = parts._replace(query=urlencode(other)).geturl()
    assert browser.get(small_house.xero.answer(swapped, tenant=TENANT)).status_code == 409
    assert small_house.connection() is None


def test_pages_are_not_kept_framed_or_told_to_other_sites(small_house):
    reply = small_house.browser().get("/connect/harbour?link=nonsense")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
