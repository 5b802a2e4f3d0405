"""The host hands Xero's answer over: the apps of today answer to CrewCard's own address."""

from urllib.parse import parse_qs, urlsplit

from tests.connections.house import BACK, OTHER_TENANT, TENANT

CALLBACK = f"{BACK}/callback.php"


def _answer(house, company="harbour", **other):
    """What Xero's redirect brings to the host's callback."""
    address = house.to_xero(house.browser(), house.link(company))
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [CALLBACK]
    back = house.xero.answer(address, tenant=other.pop("tenant", TENANT), **other)
    assert back.startswith(CALLBACK)
    return {key: value[0] for key, value in parse_qs(urlsplit(back).query).items()} | {"company": company}


def test_the_host_hands_over_code_and_state_and_the_company_is_connected(house):
    house.company(callback=CALLBACK)
    reply = house.host().post("/v1/companies/harbour/logins", _answer(house))
    assert reply.status_code == 200, reply.text
    assert reply.json()["connected"] == "Organisation 1111"
    assert house.connection().tenant == TENANT


def test_with_several_organisations_the_host_gets_them_to_show(house):
    house.company_of_a_group(callback=CALLBACK)
    house.company("rival")
    house.log_in("rival")
    host = house.host()
    said = host.post("/v1/companies/harbour/logins", _answer(house, tenant=[TENANT, OTHER_TENANT])).json()
    assert said["connected"] is None
    assert [(one["name"], one["taken"]) for one in said["organisations"]] == [
        ("Organisation 1111", True),
        ("Organisation 2222", False),
    ]
    chosen = {"company": "harbour", "login": said["login"], "tenant": OTHER_TENANT}
    assert host.post("/v1/companies/harbour/logins/organisation", chosen).json()["connected"] == "Organisation 2222"
    assert house.connection().tenant == OTHER_TENANT


def test_an_answer_serves_once(small_house):
    small_house.company(callback=CALLBACK)
    host, answer = small_house.host(), _answer(small_house)
    assert host.post("/v1/companies/harbour/logins", answer).status_code == 200
    assert host.post("/v1/companies/harbour/logins", answer).status_code == 409
    assert small_house.xero.token_calls() == 1


def test_the_login_of_one_company_cannot_be_handed_over_for_another(small_house):
    small_house.company(callback=CALLBACK)
    small_house.company("rival")
    answer = _answer(small_house) | {"company": "rival"}
    reply = small_house.host("rival").post("/v1/companies/rival/logins", answer)
    assert reply.status_code == 403
    assert "wrong_company" in reply.text
    assert small_house.connection("rival") is None
    assert small_house.connection() is None


def test_only_a_key_of_the_company_opens_its_logins(small_house):
    small_house.company(callback=CALLBACK)
    host = small_house.host("rival")
    for path in ("login-links", "logins", "logins/organisation", "disconnect"):
        assert host.post(f"/v1/companies/harbour/{path}", {"company": "harbour"}).status_code == 403
    assert host.get("/v1/companies/harbour/connection").status_code == 403
    unsigned = small_house.browser().post("/v1/companies/harbour/login-links", json={"company": "harbour"})
    assert unsigned.status_code == 401


def test_a_body_for_another_company_than_the_address_is_refused(small_house):
    small_house.company()
    reply = small_house.host().post("/v1/companies/harbour/disconnect", {"company": "rival"})
    assert reply.status_code == 422


def test_a_denied_consent_is_handed_over_too(small_house):
    small_house.company(callback=CALLBACK)
    reply = small_house.host().post("/v1/companies/harbour/logins", _answer(small_house, decision="cancel"))
    assert reply.status_code == 403
    assert "denied" in reply.text
    assert small_house.xero.token_calls() == 0


def test_a_browser_cannot_finish_a_login_whose_answer_went_to_the_host(small_house):
    small_house.company(callback=CALLBACK)
    answer = _answer(small_house)
    query = f"state={answer['state']}&code={answer['code']}"
    assert small_house.browser().get(f"/connect/xero/callback?{query}").status_code == 403


def test_the_host_sees_how_its_company_is_connected(house):
    house.company()
    host = house.host("harbour")
    before = host.get("/v1/companies/harbour/connection").json()
    assert (before["well"], before["state"], before["who"]) == (False, "not connected", "clerk")
    house.log_in()
    after = host.get("/v1/companies/harbour/connection").json()
    assert (after["well"], after["organisation"], after["short_code"]) == (True, "Organisation 1111", "!AbC1")


def test_what_is_no_object_of_texts_is_refused_with_a_sentence(small_house):
    small_house.company()
    host = small_house.host()
    for said in ([], {"company": 1}, {"company": ["harbour"]}):
        reply = host.post("/v1/companies/harbour/logins", said)
        assert reply.status_code == 422
        assert reply.json()["problems"]
