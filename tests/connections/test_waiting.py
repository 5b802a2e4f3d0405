"""Work and connections: what waits for a login, what goes on by itself, what a person has to decide."""

import pytest
from sqlmodel import func, select

from events.accounting_target import Lane, Trouble
from store import connections
from store.tables import Export
from tests.builders import a_request, an_invoice, invoices
from tests.connections.house import ANNA, OTHER_TENANT, TENANT
from worker.connections import apps
from worker.waiting import login_block


def test_work_that_comes_before_the_first_login_waits_and_then_goes_by_itself(house):
    house.company()
    receipt = house.installation.ask(*invoices(3))
    assert receipt.connection == "needs_login"
    house.installation.run()
    (deferred,) = house.installation.events("invoice.export.deferred")
    assert (deferred["data"]["cause"], deferred["data"]["login_due"]) == ("needs_login", True)
    assert house.installation.calls() == []
    said = {"company": "harbour"}
    link = house.host().post("/v1/companies/harbour/login-links", said).json()["url"]
    browser = house.browser()
    back = house.xero.answer(house.to_xero(browser, link), tenant=TENANT)
    assert browser.get(back).status_code == 200
    house.installation.run()
    assert {answer["type"] for answer in house.installation.answers().values()} == {"succeeded"}
    assert len(house.books()) == 3


def test_the_door_says_that_a_login_is_due_until_somebody_has_logged_in(small_house):
    small_house.company()
    event = a_request(an_invoice())
    first, again = (small_house.host().post("/v1/events", event).json() for _ in range(2))
    assert first["connection"] == again["connection"] == "needs_login"
    assert first["login_due"] is again["login_due"] is True
    small_house.log_in()
    later = small_house.host().post("/v1/events", a_request(an_invoice("i2"), request="r2")).json()
    assert {"connection", "login_due"}.isdisjoint(later)


def test_two_companies_without_a_login_may_use_the_same_numbers(house):
    house.company()
    house.company("rival")
    house.installation.ask(an_invoice("a", number="INV-1"))
    house.installation.ask(an_invoice("b", number="INV-1"), company="rival")
    assert house.installation.answers() == {}
    house.log_in()
    house.log_in("rival", OTHER_TENANT)
    house.installation.run()
    assert [len(house.books(tenant)) for tenant in (TENANT, OTHER_TENANT)] == [1, 1]


def test_a_dead_login_parks_the_company_and_tells_the_host_once_that_a_login_is_due(house):
    house.company()
    house.log_in()
    house.installation.simulator.state.identity.grants.clear()
    house.installation.ask(*invoices(120))
    house.installation.until_proven()
    (told,) = house.installation.events("xero.connection.needs_login")
    assert told["data"]["reason"] == "login_ended"
    assert told["data"]["who"] == "clerk"
    assert told["data"]["login_due"] is True
    assert house.connection().state == "needs_login"
    house.log_in()
    house.installation.run()
    assert len(house.books()) == 120


def test_a_request_that_comes_while_parked_is_told_at_once(small_house):
    small_house.company()
    small_house.log_in()
    small_house.installation.simulator.state.identity.grants.clear()
    small_house.installation.ask(an_invoice())
    small_house.installation.until_proven()
    assert small_house.installation.ask(an_invoice("i2"), request="r2").connection == "needs_login"
    told = small_house.installation.events("invoice.export.deferred", request="r2")
    assert [event["data"]["cause"] for event in told] == ["needs_login"]


def test_trouble_from_before_a_new_login_does_not_park_it(small_house):
    small_house.company()
    small_house.log_in()
    small_house.installation.ask(an_invoice())
    with small_house.tools.store.read() as work:
        before = connections.organisation(work, Lane("harbour", TENANT))
    small_house.installation.later(1)
    small_house.log_in()
    refused = Trouble("needs_login", "Xero answered 401", problem="login_ended")
    with small_house.tools.store.write() as work:
        assert not login_block.after_refusal(work, before, refused)
    assert small_house.connection().state == "connected"


def test_disconnecting_takes_the_organisation_off_the_app_and_frees_it_for_others(house):
    house.company()
    house.log_in()
    reply = house.host().post("/v1/companies/harbour/disconnect", {"company": "harbour"})
    assert reply.status_code == 200
    assert house.installation.simulator.state.identity.grants[f"app-harbour/{ANNA}"].tenants == []
    (told,) = house.installation.events("xero.connection.disconnected")
    assert told["data"]["by"] == "us"
    house.installation.ask(an_invoice())
    house.installation.settle_down(1)
    assert house.books() == []
    house.company("rival")
    assert house.log_in("rival").status_code == 303
    assert house.host().post("/v1/companies/harbour/disconnect", {"company": "harbour"}).status_code == 409


def test_disconnected_at_xero_is_told_apart_from_a_user_without_rights(house):
    house.company()
    house.log_in()
    house.installation.simulator.state.identity.grants[f"app-harbour/{ANNA}"].connections.clear()
    house.installation.ask(an_invoice())
    house.installation.run()
    (told,) = house.installation.events("xero.connection.disconnected")
    assert told["data"]["by"] == "xero"
    (asked,) = house.installation.events("xero.connection.needs_login")
    assert asked["data"]["reason"] == "disconnected"
    house.log_in()
    house.installation.run()
    assert len(house.books()) == 1


@pytest.mark.parametrize("what", ["disable", "scopes"])
def test_what_support_changes_parks_the_company_and_a_remedy_is_told(small_house, what):
    small_house.company()
    small_house.log_in()
    if what == "disable":
        apps.disable(small_house.tools, "harbour", "olga")
    else:
        assert apps.change_scopes(small_house.tools, "harbour", "granular accounting.attachments", "olga") is True
        assert apps.change_scopes(small_house.tools, "harbour", "accounting.attachments granular", "olga") is False
    small_house.installation.ask(an_invoice())
    small_house.installation.settle_down(1)
    assert small_house.books() == []
    (told,) = small_house.installation.events("xero.connection.needs_login")
    assert told["data"]["reason"] == {"disable": "app_disabled", "scopes": "scopes_changed"}[what]
    if what == "disable":
        assert told["data"]["login_due"] is False
        apps.enable(small_house.tools, "harbour", "olga")
    else:
        small_house.log_in()
    small_house.installation.settle_down(1)
    assert len(small_house.books()) == 1


def test_switching_off_and_on_again_does_not_replace_the_login_that_is_due(small_house):
    small_house.company()
    small_house.log_in()
    apps.change_scopes(small_house.tools, "harbour", "granular accounting.attachments", "olga")
    apps.disable(small_house.tools, "harbour", "olga")
    apps.enable(small_house.tools, "harbour", "olga")
    assert (small_house.connection().state, small_house.connection().problem) == ("needs_login", "scopes_changed")
    assert small_house.installation.events("xero.connection.needs_login")[-1]["data"]["login_due"]
    small_house.log_in()
    assert small_house.connection().state == "connected"


def test_thousands_of_waiting_invoices_find_their_organisation(small_house):
    small_house.company()
    for part in range(1, 5):
        small_house.installation.ask(*invoices(500, prefix=f"p{part}-"), request=f"r{part}")
    small_house.log_in()
    with small_house.tools.store.read() as work:
        moved = select(func.count()).select_from(Export).where(Export.tenant == TENANT, Export.state == "pending")
        assert work.session.exec(moved).one() == 2000
