"""A login to Xero is bound to itself: no code of another is taken, and it leads back to listed addresses alone."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.connections.house import OTHER_TENANT, TENANT
from worker.decisions import addresses

KINDS = ["web", "pkce"]


def changed(address, **query):
    """The address with other parameters; None takes one away."""
    parts = urlsplit(address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return parts._replace(
        query=urlencode({name: value for name, value in asked.items() if value is not None})
    ).geturl()


def said(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_login_has_a_challenge_and_a_nonce_of_its_own(small_house, kind):
    small_house.company(kind=kind)
    asked = [said(small_house.to_xero(small_house.browser(), small_house.link())) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name] for one in asked}) == 3
        assert all(len(one[name]) >= 43 for one in asked)
    assert {one["code_challenge_method"] for one in asked} == {"S256"}
    assert all("openid" in one["scope"].split() for one in asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["browser", "host"])
def test_a_code_of_another_login_of_the_same_app_is_refused(house, kind, by):
    """Mallory puts the code that Xero gave to Anna into a login of his own, at our page or by the host."""
    house.company(kind=kind)
    annas = said(house.xero.answer(house.to_xero(house.browser(), house.link()), tenant=TENANT))
    mallory = house.browser()
    own = house.xero.answer(house.to_xero(mallory, house.link()), "mallory@example.com", OTHER_TENANT)
    if by == "browser":
        answer = mallory.get(changed(own, code=annas["code"]))
    else:
        body = {"company": "harbour", "state": said(own)["state"], "code": annas["code"]}
        answer = house.host().post("/v1/companies/harbour/logins", body)
    assert answer.status_code == 409
    assert "another login" in answer.text
    assert house.connection() is None


@pytest.mark.parametrize(
    "stripped",
    [
        {"code_challenge": None, "code_challenge_method": None, "nonce": None},
        {"code_challenge": None, "code_challenge_method": None, "nonce": "guessed"},
        {"nonce": None},
        {"scope": "offline_access accounting.invoices accounting.contacts.read accounting.settings.read"},
    ],
)
def test_a_login_whose_address_was_changed_on_the_way_to_xero_is_refused(small_house, stripped):
    """A code that was asked for without this login's nonce is none of this login's, with a challenge or without."""
    small_house.company()
    browser = small_house.browser()
    address = changed(small_house.to_xero(browser, small_house.link()), **stripped)
    assert browser.get(small_house.xero.answer(address, tenant=TENANT)).status_code == 409
    assert small_house.connection() is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_from_outside_any_login_of_ours_is_refused(small_house, kind):
    small_house.company(kind=kind)
    browser = small_house.browser()
    address = small_house.to_xero(browser, small_house.link())
    own = small_house.xero.answer(address, tenant=TENANT)
    theirs = changed(
        address, state="theirs", nonce="theirs", code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
    code = said(small_house.xero.answer(theirs, tenant=TENANT))["code"]
    assert browser.get(changed(own, code=code)).status_code == 409
    assert small_house.connection() is None


def test_what_is_kept_of_a_login_begins_and_ends_none(house):
    """A thief of the database has neither state, nonce, verifier nor the browser's secret."""
    house.company()
    browser = house.browser()
    asked = said(house.to_xero(browser, house.link()))
    with house.installation.store.engine.connect() as connection:
        rows = str([tuple(row) for row in connection.exec_driver_sql("SELECT * FROM logins").all()])
    for secret in (asked["state"], asked["nonce"], asked["code_challenge"], *browser.cookies.values()):
        assert secret not in rows


LISTED = (
    "https://app.crewcard.example/xero",
    "http://localhost:8080/",
    "https://[2001:db8::1]/back",
    "https://a.example",
)
ELSEWHERE = [
    "/..%2fevil",
    "/..%2Fevil",
    "/%2e%2e/evil",
    "/%2E%2E%2fevil",
    "/.%2e/evil",
    "/%2e./evil",
    "/%252e%252e/evil",
    "/..%252fevil",
    "/%25252e%25252e%25252fevil",
    "/..%5cevil",
    "/%5c..%5cevil",
    "/..;/evil",
    "/..;x=1/evil",
    "/%2e%2e;/evil",
    "/%2e%2e%3b/evil",
    "/.../evil",
    "/..%20/evil",
    "/..%00/evil",
    "/..%0d%0a/evil",
    "/..%09/evil",
    "/%c0%ae%c0%ae/evil",
    "/%ef%bc%8e%ef%bc%8e/evil",
    "/%e2%80%a5/evil",
    "/..%c0%afevil",
    "/..%ef%bc%8fevil",
    "/%u002e%u002e/evil",
    "/%2e%2",
    "/./x",
    "/%",
    "/..",
    "-evil",
    "%2f..%2fevil",
    "%00",
    "/\\..\\evil",
]


@pytest.mark.parametrize("tail", ELSEWHERE)
def test_no_spelling_leads_above_a_listed_path(tail):
    assert not addresses.return_allowed(f"{LISTED[0]}{tail}", LISTED)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/xero",
        "https://app.crewcard.example@evil.example/xero",
        "https://evil.example%2f@app.crewcard.example/xero",
        "https://app.crewcard.example%40evil.example/xero",
        "https://user@app.crewcard.example/xero",
        "https://user:secret@app.crewcard.example/xero",
        "https://@app.crewcard.example/xero",
        "https://app.crewcard.example:8443/xero",
        "https://app.crewcard.example:80/xero",
        "https://app.crewcard.example:0443x/xero",
        "https://app.crewcard.example.evil.example/xero",
        "https://app.crewcard.example./xero",
        "https://app.crewcard.example.:443/xero",
        "https://.app.crewcard.example/xero",
        "https://app.crewcard.example%2eevil.example/xero",
        "https://app.crewcard.example%00.evil.example/xero",
        "https://app.crewcard.example\\.evil.example/xero",
        "https://app.crewcard.example\\@evil.example/xero",
        "https:\\\\app.crewcard.example\\xero",
        "https:/app.crewcard.example/xero",
        "https:app.crewcard.example/xero",
        "https:///app.crewcard.example/xero",
        "https://app.crewcard.example",
        "https://app.crewcard.example?/xero",
        "https://app.crewcard.example/Xero",
        "http://app.crewcard.example/xero",
        "ftp://app.crewcard.example/xero",
        "javascript://app.crewcard.example/xero",
        "//app.crewcard.example/xero",
        "/xero",
        " https://app.crewcard.example/xero",
        "https://app.crewcard.example/xero#@evil.example",
        "https://\uff41pp.crewcard.example/xero",
        "https://app\u3002crewcard\u3002example/xero",
        "http://localhost/",
        "https://localhost:8080/",
        "http://127.0.0.1:8080/",
        "https://[2001:db8::2]/back",
        "https://[2001:db8::1",
        "",
    ],
)
def test_no_spelling_of_another_place_is_on_the_list(address):
    assert not addresses.return_allowed(address, LISTED)


@pytest.mark.parametrize(
    "address",
    [
        "https://app.crewcard.example/xero",
        "https://app.crewcard.example/xero/",
        "https://app.crewcard.example/xero/42?tab=a%2Fb&x=..%2f",
        "HTTPS://APP.crewcard.example/xero",
        "https://app.crewcard.example:443/xero",
        "https://app.crewcard.example/%78ero/jobs%20open",
        "https://app.crewcard.example/xero/v1.2/.well-known",
        "http://localhost:8080/anything",
        "https://[2001:db8::1]:443/back",
        "https://a.example/",
        "https://a.example:443",
    ],
)
def test_what_is_on_the_list_stays_on_it_however_it_is_written(address):
    assert addresses.return_allowed(address, LISTED)


@pytest.mark.parametrize("tail", ["/..%2fevil", "/%252e%252e/evil", "/..;/evil"])
def test_a_host_cannot_have_people_led_elsewhere(small_house, tail):
    small_house.company()
    asked = {"company": "harbour", "return_to": f"https://app.crewcard.example/invoices{tail}"}
    refused = small_house.host().post("/v1/companies/harbour/login-links", asked)
    assert refused.status_code == 422
    assert "return_address" in refused.text
