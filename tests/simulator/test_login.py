"""A person logs in and chooses an organisation; the app exchanges its code (facts §7.1)."""

import base64
import hashlib
from urllib.parse import urlencode

import pytest

from simulator.wire import Request
from tests.simulator.desk import OTHER, TENANT, an_invoice
from tests.simulator.people import BACK, Form, authorize, click_through, connections, submit, token


def test_a_person_logs_in_chooses_an_organisation_and_the_app_gets_tokens(desk):
    called_back = click_through(desk)
    assert called_back["state"] == "s 1"
    reply = token(desk, grant_type="authorization_code", code=called_back["code"], redirect_uri=BACK)
    pair = reply.document()
    assert (pair["expires_in"], pair["token_type"]) == (1800, "Bearer")
    (connection,) = connections(desk, bearer=pair["access_token"]).document()
    assert (connection["tenantId"], connection["tenantName"]) == (TENANT, "Harbour Crew Ltd")
    assert connection["id"] != TENANT
    desk.bearer = pair["access_token"]
    assert desk.put(an_invoice())[0]["HasErrors"] is False


def test_a_code_is_good_once_and_for_five_minutes(desk):
    said = {"grant_type": "authorization_code", "redirect_uri": BACK}
    code = click_through(desk)["code"]
    assert [token(desk, code=code, **said).status for _ in range(2)] == [200, 400]
    code = click_through(desk)["code"]
    desk.later(301)
    assert token(desk, code=code, **said).document() == {"error": "invalid_grant"}


def test_a_code_is_good_only_for_its_redirect_and_its_app(desk):
    code = click_through(desk)["code"]
    other = {"grant_type": "authorization_code", "redirect_uri": "https://elsewhere.test"}
    assert token(desk, code=code, **other).status == 400


def test_a_person_can_say_no(desk):
    assert click_through(desk, decision="cancel")["error"] == "access_denied"


def test_a_person_is_offered_the_organisations_they_belong_to(desk):
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Private", "users": {"eve@x.test": "STANDARD"}})
    page = Form(authorize(desk).body.decode())
    offered = Form(submit(desk, page, user="bob@harbour.test").body.decode()).offered
    assert offered == [TENANT]
    assert click_through(desk, tenants=(OTHER,))["error"] == "access_denied"


def test_only_the_higher_tiers_connect_several_organisations_at_once(desk):
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Other"})
    said = {"grant_type": "authorization_code", "redirect_uri": BACK}
    for tier, count in (("core", 1), ("advanced", 2)):
        desk.control("POST", "apps", {"client_id": "app", "client_secret": "secret", "tier": tier})
        code = click_through(desk, user=f"{tier}@harbour.test", tenants=(TENANT, OTHER))["code"]
        pair = token(desk, code=code, **said).document()
        assert len(connections(desk, bearer=pair["access_token"]).document()) == count


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "http://crewcard.test/back"},
        {"redirect_uri": "http://127.0.0.1:8700/back"},
        {"redirect_uri": "http://[::1/back"},
        {"scope": "accounting.everything"},
        {"scope": "accounting.transactions"},
        {"response_type": "token"},
    ],
)
def test_a_wrong_request_to_log_in_shows_a_page_and_redirects_nowhere(desk, wrong):
    reply = authorize(desk, **wrong)
    assert reply.status == 400
    assert "location" not in reply.headers


def test_http_goes_back_to_localhost_and_by_switch_to_127_0_0_1(desk):
    assert authorize(desk, redirect_uri="http://localhost:8700/back").status == 200
    desk.switch(redirects_to_127_0_0_1=True)
    assert authorize(desk, redirect_uri="http://127.0.0.1:8700/back").status == 200


def test_an_older_app_may_ask_for_broad_scopes(desk):
    desk.control("POST", "apps", {"client_id": "app", "client_secret": "secret", "broad_scopes": True})
    assert authorize(desk, scope="accounting.transactions").status == 200
    desk.bearer = desk.grant("accounting.transactions")["access_token"]
    assert desk.call("GET", "Invoices").status == 200


def test_a_native_app_proves_itself_by_pkce(desk):
    desk.control("POST", "apps", {"client_id": "app", "kind": "pkce"})
    assert authorize(desk).status == 400
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"verifier").digest()).rstrip(b"=").decode()
    said = {"grant_type": "authorization_code", "redirect_uri": BACK, "client_id": "app"}
    for verifier, status in (("wrong", 400), ("verifier", 200)):
        code = click_through(desk, code_challenge=challenge, code_challenge_method="S256")["code"]
        body = urlencode({**said, "code": code, "code_verifier": verifier}).encode()
        assert desk.ask(Request("POST", "/connect/token", body=body)).status == status


def test_nothing_typed_or_sent_becomes_markup(desk):
    evil = '"><script>alert(1)</script>'
    page = authorize(desk, login_hint=evil, state=evil)
    assert b"<script>" not in page.body
    assert b"<script>" not in submit(desk, Form(page.body.decode()), user=evil).body
