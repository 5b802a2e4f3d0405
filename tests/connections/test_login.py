"""A person logs in to Xero: what connects a company, and everything that does not."""

from tests.connections.house import ANNA, BACK, OTHER_TENANT, TENANT, hidden_fields

BOTH = [TENANT, OTHER_TENANT]


def test_a_login_with_one_organisation_connects_it_and_brings_the_person_back(house):
    house.company()
    reply = house.log_in()
    assert (reply.status_code, reply.headers["location"]) == (303, f"{BACK}?xero=connected")
    found = house.connection()
    assert (found.state, found.tenant, found.short_code, found.base_currency) == ("connected", TENANT, "!AbC1", "USD")
    (told,) = house.installation.events("xero.connection.connected")
    assert told["data"]["organisation"]["name"] == "Organisation 1111"
    assert "accounting.invoices" in told["data"]["scopes"]


def test_several_organisations_are_shown_and_the_chosen_one_is_connected(house):
    house.company_of_a_group()
    browser = house.browser()
    page = house.log_in(tenant=BOTH, browser=browser)
    assert page.status_code == 200
    assert "Organisation 1111" in page.text
    assert "Organisation 2222" in page.text
    reply = browser.post("/connect/xero/choose", data=hidden_fields(page.text) | {"tenant": OTHER_TENANT})
    assert reply.headers["location"] == f"{BACK}?xero=connected"
    assert house.connection().tenant == OTHER_TENANT


def test_an_organisation_of_another_company_is_refused_with_a_sentence(house):
    house.company()
    house.log_in()
    house.company("rival")
    reply = house.log_in("rival")
    assert reply.status_code == 409
    assert "already used by another company" in reply.text
    assert "harbour" not in reply.text.lower()
    assert house.connection("rival") is None


def test_of_two_organisations_the_taken_one_cannot_be_chosen(small_house):
    small_house.company()
    small_house.log_in()
    small_house.company_of_a_group("rival")
    browser = small_house.browser()
    page = small_house.log_in("rival", BOTH, browser=browser)
    refused = browser.post("/connect/xero/choose", data=hidden_fields(page.text) | {"tenant": TENANT})
    assert refused.status_code == 409
    free = hidden_fields(page.text) | {"tenant": OTHER_TENANT}
    assert browser.post("/connect/xero/choose", data=free).status_code == 303
    assert small_house.connection("rival").tenant == OTHER_TENANT


def test_denied_consent_connects_nothing(small_house):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), decision="cancel")
    reply = browser.get(back)
    assert reply.status_code == 403
    assert "declined" in reply.text
    assert f"{BACK}?xero=denied" in reply.text
    assert small_house.connection() is None
    assert small_house.xero.token_calls() == 0


def test_a_login_without_organisations_is_told_so(small_house):
    small_house.company()
    browser = small_house.browser()
    back = small_house.xero.answer(small_house.to_xero(browser, small_house.link()), tenant=TENANT)
    small_house.installation.simulator.state.identity.grants[f"app-harbour/{ANNA}"].connections.clear()
    reply = browser.get(back)
    assert reply.status_code == 409
    assert "opens no organisation" in reply.text
    assert small_house.connection() is None
