"""Tokens, scopes and connections (facts §7, §6.1 D and H)."""

import base64
import json
from urllib.parse import urlencode

import pytest

from simulator.wire import Request
from tests.simulator.desk import NOBODY, OTHER, TENANT, an_invoice
from tests.simulator.people import click_through, connections, refreshed, token


def test_refresh_tokens_rotate_and_the_old_one_has_thirty_minutes_of_grace(desk):
    old = desk.pair["refresh_token"]
    new = refreshed(desk, old).document()
    assert new["refresh_token"] != old
    desk.later(1799)
    assert refreshed(desk, old).status == 200
    desk.later(2)
    assert refreshed(desk, old).document() == {"error": "invalid_grant"}
    assert refreshed(desk, new["refresh_token"]).status == 200


def test_a_refresh_token_dies_after_sixty_days_unused(desk):
    desk.later(60 * 86_400 + 1)
    assert refreshed(desk, desk.pair["refresh_token"]).document() == {"error": "invalid_grant"}


def test_another_apps_refresh_token_is_no_good(desk):
    desk.control("POST", "apps", {"client_id": "other", "client_secret": "secret"})
    assert refreshed(desk, desk.pair["refresh_token"], client="other").document() == {"error": "invalid_grant"}


def test_tokens_belong_to_app_and_user_not_to_an_organisation(desk):
    """A second organisation, connected by the same user, is open to the first token too."""
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Other"})
    assert desk.call("GET", "Organisation", headers={"xero-tenant-id": OTHER}).status == 403
    desk.grant(tenants=[OTHER])
    assert desk.call("GET", "Organisation", headers={"xero-tenant-id": OTHER}).status == 200


@pytest.mark.parametrize(("kills", "status"), [(True, 400), (False, 200)])
def test_whether_a_new_consent_ends_the_earlier_tokens_is_a_switch(desk, kills, status):
    desk.switch(new_consent_kills_old_tokens=kills)
    click_through(desk, user="anna@harbour.test")
    assert refreshed(desk, desk.pair["refresh_token"]).status == status


def test_a_custom_connection_needs_no_user_no_refresh_token_and_no_tenant_header(desk):
    desk.control("POST", "apps", {"client_id": "own", "client_secret": "s", "kind": "custom", "tenant": TENANT})
    pair = token(desk, "own", "s", grant_type="client_credentials", scope="accounting.invoices").document()
    assert "refresh_token" not in pair
    desk.bearer = pair["access_token"]
    assert desk.call("PUT", "Invoices", an_invoice(), headers={"xero-tenant-id": ""}).status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_grant"),
    ],
)
def test_the_token_service_names_what_is_wrong(desk, form, error):
    reply = token(desk, **form)
    assert (reply.status, reply.document()) == (400, {"error": error})


def test_revoking_takes_all_connections_of_the_user_with_it(desk):
    basic = {"authorization": f"Basic {base64.b64encode(b'app:secret').decode()}"}
    body = urlencode({"token": desk.pair["refresh_token"]}).encode()
    assert desk.ask(Request("POST", "/connect/revocation", "", basic, body)).status == 200
    assert desk.call("GET", "Organisation").status == 401
    assert refreshed(desk, desk.pair["refresh_token"]).status == 400


def test_a_connection_is_deleted_by_its_own_id_not_the_tenants(desk):
    (mine,) = connections(desk).document()
    assert connections(desk, "DELETE", f"/connections/{TENANT}").status == 403
    assert connections(desk, "DELETE", f"/connections/{NOBODY}").status == 404
    assert connections(desk, "DELETE", f"/Connections/{mine['id']}").status == 204
    assert connections(desk).document() == []
    assert desk.call("GET", "Organisation").status == 403


def test_connections_of_one_consent_can_be_listed(desk):
    (mine,) = connections(desk).document()
    bearer = {"authorization": f"Bearer {desk.bearer}"}
    for event, count in ((mine["authEventId"], 1), (NOBODY, 0)):
        reply = desk.ask(Request("GET", "/Connections", urlencode({"authEventId": event}), bearer))
        assert len(reply.document()) == count


def test_an_expired_organisation_is_a_403(desk):
    desk.change(expired=True)
    assert desk.call("GET", "Organisation").status == 403


@pytest.mark.parametrize(("keys", "title"), [("pascal", "Title"), ("lower", "title")])
def test_problems_come_with_keys_of_either_case(desk, keys, title):
    desk.switch(problem_keys=keys)
    assert title in desk.call("GET", "Organisation", headers={"authorization": "Bearer x"}).document()


def test_the_access_token_names_the_user_and_the_consent(desk):
    payload = desk.bearer.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    (mine,) = connections(desk).document()
    assert claims["authentication_event_id"] == mine["authEventId"]
    assert "accounting.invoices" in claims["scope"]
    assert claims["exp"] - claims["nbf"] == 1800


def test_a_scope_to_read_does_not_write(desk):
    desk.bearer = desk.grant("accounting.invoices.read")["access_token"]
    assert desk.call("GET", "Invoices").status == 200
    assert desk.call("PUT", "Invoices", an_invoice()).status == 401
