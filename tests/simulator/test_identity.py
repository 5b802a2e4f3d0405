"""Logging in, tokens, scopes and connections (facts §7, §6.1 D and H)."""

import base64
import hashlib
import json
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from simulator.wire import Request
from tests.simulator.desk import ALL_SCOPES, NOBODY, OTHER, TENANT, an_invoice

BACK = "https://crewcard.test/xero/callback"


def token(desk, client="app", secret="secret", **form):
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"}
    return desk.ask(Request("POST", "/connect/token", "", headers, urlencode(form).encode()))


def refreshed(desk, refresh, **other):
    return token(desk, grant_type="refresh_token", refresh_token=refresh, **other)


def connections(desk, method="GET", path="/connections", bearer=None):
    return desk.ask(Request(method, path, "", {"authorization": f"Bearer {bearer or desk.bearer}"}))


class Form(HTMLParser):
    """The one form of a page: where it goes, its hidden fields, the organisations offered."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.offered = "", {}, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "form":
            self.action = said["action"]
        elif said.get("type") == "hidden":
            self.fields[said["name"]] = said["value"]
        elif said.get("name") == "tenant":
            self.offered.append(said["value"])


def authorize(desk, **other):
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": BACK,
        "scope": ALL_SCOPES,
        "state": "s 1",
        **other,
    }
    return desk.ask(Request("GET", "/identity/connect/authorize", urlencode(asked)))


def submit(desk, form, **typed):
    fields = urlencode({**form.fields, **typed}, doseq=True).encode()
    return desk.ask(Request("POST", form.action, body=fields))


def click_through(desk, user="bob@harbour.test", tenants=(TENANT,), decision="allow", **other):
    """What a person does in a browser; gives what the app is called back with."""
    page = authorize(desk, **other)
    assert page.status == 200, page.body
    choice = Form(submit(desk, Form(page.body.decode()), user=user, password="any").body.decode())
    back = submit(desk, choice, tenant=list(tenants), decision=decision)
    assert back.status == 302
    assert back.headers["location"].startswith(BACK)
    return {name: text[0] for name, text in parse_qs(urlsplit(back.headers["location"]).query).items()}


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
