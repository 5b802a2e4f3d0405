"""Bad settings end in one clear sentence and a stated number of token calls, never in a storm."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlmodel import select

from events.connections import ConnectionProblem
from events.credentials import AppKeys
from store import connections as kept_apps
from store.tables import Token, XeroApp
from tests.builders import an_invoice, invoices
from tests.connections.house import OTHER_TENANT, TENANT
from worker.connections import apps, connecting, health


def test_a_wrong_secret_at_the_login_takes_one_token_call(small_house):
    small_house.company(secret="mistyped", xero_secret="right")
    reply = small_house.log_in()
    assert reply.status_code == 409
    assert "does not accept the Client ID and Client Secret" in reply.text
    assert small_house.xero.token_calls() == 1


@pytest.mark.parametrize(
    ("case", "reason", "token_calls"),
    [
        ("wrong secret", "app_refused", 3),
        ("app revoked", "login_ended", 3),
        ("app deleted", "app_refused", 3),
    ],
)
def test_a_connection_that_xero_refuses_stops_after_three_token_calls(small_house, case, reason, token_calls):
    _connected(small_house)
    identity = small_house.installation.simulator.state.identity
    if case == "wrong secret":
        small_house.xero.app("app-harbour", "changed at Xero")
    elif case == "app deleted":
        identity.apps.clear()
    else:
        identity.grants.clear()
    small_house.installation.later(3600)
    small_house.installation.ask(*invoices(200))
    small_house.installation.settle_down(4)
    assert small_house.xero.token_calls() == token_calls
    (told,) = small_house.installation.events("xero.connection.needs_login")
    assert told["data"]["reason"] == reason
    assert told["data"]["message"].count(".") == 1
    assert told["data"]["who"] == ConnectionProblem.by_code(reason).value.who


def test_companies_that_share_a_dead_login_cost_three_token_calls_together(house):
    _connected(house)
    house.company("twin", client_id="app-harbour")
    house.log_in("twin", OTHER_TENANT)
    house.installation.simulator.state.identity.token_calls = 0
    house.installation.simulator.state.identity.grants.clear()
    house.installation.later(3600)
    for company in ("harbour", "twin"):
        house.installation.ask(an_invoice(company), company=company, request=company)
    house.installation.settle_down(4)
    assert {house.connection(company).problem for company in ("harbour", "twin")} == {"login_ended"}
    assert house.xero.token_calls() == 3


def test_the_right_secret_mends_it_without_a_new_login(small_house):
    _connected(small_house)
    small_house.xero.app("app-harbour", "changed at Xero")
    small_house.installation.later(3600)
    small_house.installation.ask(an_invoice())
    small_house.installation.until_proven()
    assert small_house.connection().problem == "app_refused"
    apps.rotate_secret(small_house.tools, "harbour", "changed at Xero", "olga")
    small_house.installation.run()
    assert len(small_house.books()) == 1
    assert small_house.connection().state == "connected"


def test_a_secret_that_is_put_right_before_it_is_proven_wrong_is_used_within_a_minute(small_house):
    _connected(small_house)
    small_house.xero.app("app-harbour", "changed at Xero")
    small_house.installation.later(3600)
    small_house.installation.ask(an_invoice())
    small_house.installation.run()
    apps.rotate_secret(small_house.tools, "harbour", "changed at Xero", "olga")
    small_house.installation.later(61)
    small_house.installation.wake()
    small_house.installation.run()
    assert len(small_house.books()) == 1
    assert small_house.installation.events("xero.connection.needs_login") == []


def test_while_a_secret_is_replaced_either_one_works(house):
    _connected(house)
    apps.rotate_secret(house.tools, "harbour", "new", "olga")
    for at_xero, calls in (("s", 2), ("new", 1)):
        house.xero.app("app-harbour", at_xero)
        before = house.xero.token_calls()
        house.tools.targets["xero"].login.auth.renew(*house.login())
        assert house.xero.token_calls() == before + calls
        (seen,) = health.of_all(house.tools)
        assert any("refuses the newest" in note for note in seen.notes) is (at_xero == "s")
    assert apps.forget_former_secret(house.tools, "harbour", "olga")
    house.xero.app("app-harbour", "s")
    house.installation.ask(an_invoice())
    house.installation.later(3600)
    house.installation.settle_down(3)
    assert house.connection().problem == "app_refused"


def test_an_app_that_may_not_ask_for_a_scope_is_told_so_without_a_token_call(small_house):
    small_house.company(scopes="broad", at_xero={"broad_scopes": False})
    browser = small_house.browser()
    address = small_house.to_xero(browser, small_house.link())
    assert "Invalid scope" in httpx.get(address).text, "Xero says so on its own page, and sends nobody back"
    state = parse_qs(urlsplit(address).query)["state"][0]
    reply = browser.get(f"/connect/xero/callback?error=invalid_scope&state={state}")
    assert reply.status_code == 409
    assert "may not ask for the permissions" in reply.text
    assert small_house.xero.token_calls() == 0


def test_a_login_that_does_not_grant_every_scope_is_refused(small_house):
    small_house.company()
    browser = small_house.browser()
    address = small_house.to_xero(browser, small_house.link()).replace("+accounting.settings.read", "")
    reply = browser.get(small_house.xero.answer(address, tenant=TENANT))
    assert reply.status_code == 409
    assert "does not carry every permission" in reply.text
    assert small_house.xero.token_calls() == 1
    assert small_house.connection() is None


def test_a_token_without_the_permission_is_not_renewed_for_it(small_house):
    _connected(small_house)
    identity = small_house.installation.simulator.state.identity
    for grant in identity.grants.values():
        for access in grant.access.values():
            access.scopes[:] = ["offline_access"]
    small_house.installation.ask(*invoices(60))
    small_house.installation.settle_down(4)
    (told,) = small_house.installation.events("xero.connection.needs_login")
    assert told["data"]["reason"] == "scope_missing"
    assert small_house.xero.token_calls() == 0


def test_broad_scopes_can_be_chosen_per_company(small_house):
    small_house.company(scopes="broad")
    assert "scope=offline_access+accounting.transactions" in small_house.to_xero(
        small_house.browser(), small_house.link()
    )


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_clock_that_differs_from_xeros_refreshes_no_more_and_no_less(small_house, skew):
    small_house.installation.offset += timedelta(seconds=skew)
    _connected(small_house)
    small_house.installation.ask(*invoices(150))
    small_house.installation.run()
    assert len(small_house.books()) == 150
    assert small_house.xero.token_calls() == 0


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_clock_that_is_put_right_costs_one_token_call(house, jump):
    _connected(house)
    house.installation.offset += timedelta(seconds=jump)
    house.installation.simulator.state.identity.expire_all()
    house.installation.ask(*invoices(150))
    house.installation.settle_down(1)
    assert len(house.books()) == 150
    assert house.xero.token_calls() == 1


def test_a_token_service_that_gives_very_short_lives_is_not_asked_at_every_call(small_house):
    _connected(small_house)
    with small_house.tools.store.write() as work:
        token = work.session.exec(select(Token)).one()
        token.expires_at = work.after(40)
        pair = small_house.tools.vault.open(token.pair).replace('"expires_in": 1800', '"expires_in": 50')
        token.pair = small_house.tools.vault.seal(pair)
    small_house.installation.ask(*invoices(150))
    small_house.installation.run()
    assert small_house.xero.token_calls() == 0


def test_an_app_that_another_company_uses_is_joined_only_by_who_knows_its_secret(house):
    _connected(house)
    house.company("twin", client_id="app-harbour", secret="s")
    with pytest.raises(kept_apps.AnotherSecret):
        apps.set_app(house.tools, "thief", AppKeys("app-harbour", ("guess",)), "granular", "", "olga")
    with house.tools.store.read() as work:
        app = work.session.get(XeroApp, "app-harbour")
        assert house.tools.vault.open(app.secret) == "s"


def test_the_kind_of_an_app_is_not_changed_under_the_logins_of_others(house):
    _connected(house)
    with pytest.raises(kept_apps.AnotherKind) as refused:
        apps.set_app(house.tools, "twin", AppKeys("app-harbour", ("s",), "custom"), "granular", "", "olga")
    assert "other companies log in by it: harbour." in str(refused.value)
    with house.tools.store.read() as work:
        assert kept_apps.kind_of_app(work, "app-harbour") == "web"
    connecting.disconnect(house.tools, "harbour", "olga")
    apps.set_app(house.tools, "twin", AppKeys("app-harbour", ("s",), "custom"), "granular", "", "olga")


def _connected(house) -> None:
    house.company()
    assert house.log_in().status_code == 303
    house.installation.simulator.state.identity.token_calls = 0
