"""The signature of a request is good for that request, once: for no other address, body, method, company or time."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn

from store.api_keys import Scope
from tests import machines
from tests.builders import COMPANY, TENANT, a_request, an_invoice
from tests.connections.house import House
from tests.doors.host import Host, problems, signature
from web import main

HERE, THERE = f"/v1/companies/{COMPANY}", "/v1/companies/rival"
LINKS = f"{HERE}/login-links"
SAID = {"company": COMPANY}
PREVIEW = {"invoices": [an_invoice()]}


def caught(host, method, target, body=None, **other):
    """The headers of a request as somebody on the way sees them."""
    at, id_ = int(other.get("at") or time.time()), other.get("id", "caught-1")
    content = b"" if body is None else json.dumps(body).encode()
    signed = signature(host.secret, id_, at, method, target, content, version=other.get("version", 2))
    headers = {"x-crewcard-key": host.key_id, "webhook-id": id_, "webhook-timestamp": str(at)}
    return {**headers, "webhook-signature": signed, "content-type": "application/json"}, content


# What was signed, and what it is used for.
FOR_ANOTHER_THING = [
    (("POST", LINKS, SAID), ("POST", f"{HERE}/disconnect", SAID)),
    (("POST", f"{HERE}/disconnect", SAID), ("POST", LINKS, SAID)),
    (("POST", f"{HERE}/previews", PREVIEW), ("POST", f"{THERE}/previews", PREVIEW)),
    (("POST", f"{HERE}/previews", PREVIEW), ("POST", "/v1/events", PREVIEW)),
    (("POST", "/v1/events", a_request()), ("POST", f"{HERE}/previews", a_request())),
    (("POST", LINKS, SAID), ("POST", f"{LINKS}?x=1", SAID)),
    (("POST", LINKS, SAID), ("POST", f"{HERE}/login%2Dlinks", SAID)),
    (("POST", LINKS, SAID), ("POST", LINKS, {"company": COMPANY, "return_to": "https://app.crewcard.example/"})),
    (("POST", LINKS, SAID), ("GET", f"{HERE}/connection", None)),
    (("GET", f"{HERE}/connection", None), ("GET", f"{THERE}/connection", None)),
    (("GET", f"{HERE}/invoices?ids=i1", None), ("GET", f"{HERE}/invoices?ids=i2", None)),
    (("GET", "/v1/events?after=0&company=harbour", None), ("GET", "/v1/events?after=0", None)),
    (("GET", LINKS, None), ("POST", LINKS, SAID)),
    (("POST", "/v1/events", a_request()), ("POST", "/v1/events", a_request(an_invoice("i2")))),
]


@pytest.mark.parametrize(("signed", "used"), FOR_ANOTHER_THING)
def test_a_signature_is_good_for_nothing_but_what_was_signed(small_host, on_sqlite, signed, used):
    on_sqlite.company("rival", "99999999-2222-4333-8444-555555555555")
    headers, _ = caught(small_host, *signed)
    method, target, body = used
    content = None if body is None else json.dumps(body).encode()
    refused = small_host.http.request(method, target, content=content, headers=headers)
    assert refused.status_code == 401, refused.text
    assert problems(refused)[0].startswith("webhook-signature: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "caught-2"),
        ("webhook-id", "caught-1.1"),
        ("webhook-timestamp", "a second later"),
        ("x-crewcard-key", "other"),
        ("webhook-signature", "v2,"),
        ("webhook-signature", "v3,QJbkkhQO8KMuoTJD2fn93HByhjLBFtr7M7BlW/VDYyU="),
    ],
)
def test_headers_that_were_signed_or_sign_cannot_be_exchanged(small_host, on_sqlite, small_doors, name, value):
    Host(on_sqlite, small_doors, "other")
    headers, content = caught(small_host, "POST", LINKS, SAID)
    later = str(int(headers["webhook-timestamp"]) + 1)
    sent = {**headers, name: later if name == "webhook-timestamp" else value}
    assert small_host.http.post(LINKS, content=content, headers=sent).status_code == 401


@pytest.mark.parametrize("name", ["x-crewcard-key", "webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_signs_and_came_twice_counts_for_nobody(small_host, on_sqlite, small_doors, name, first):
    """One part of what stands between us and a host reads the first, another the last."""
    Host(on_sqlite, small_doors, "other")
    signed, body = caught(small_host, "POST", "/v1/events", a_request())
    other = {**signed, "x-crewcard-key": "other", "webhook-id": "another", "webhook-signature": "v2,AAAA"}
    pair = [(name, other[name]), (name, signed[name])]
    sent = [(key, value) for key, value in signed.items() if key != name] + (pair if first else pair[::-1])
    refused = small_host.http.post("/v1/events", content=body, headers=sent)
    assert (refused.status_code, "came twice" in problems(refused)[0]) == (401, True)
    assert small_host.http.post("/v1/events", content=body, headers=signed).status_code == 202


@pytest.mark.parametrize("spelt", ["V2,", "v2, ", "", "v1,", "v2,v2,", "v2;"])
def test_a_good_mac_under_another_version_is_none(small_host, spelt):
    headers, content = caught(small_host, "POST", LINKS, SAID)
    headers["webhook-signature"] = headers["webhook-signature"].replace("v2,", spelt, 1)
    assert small_host.http.post(LINKS, content=content, headers=headers).status_code == 401


# -- once


@pytest.mark.parametrize("what", ["login-links", "disconnect", "logins", "logins/organisation", "previews"])
def test_the_same_request_again_is_refused_with_a_sentence(host, what):
    body = PREVIEW if what == "previews" else {"company": COMPANY, "state": "s", "code": "c", "login": "l"}
    headers, content = caught(host, "POST", f"{HERE}/{what}", body)
    first = host.http.post(f"{HERE}/{what}", content=content, headers=headers)
    assert first.status_code != 401
    again = host.http.post(f"{HERE}/{what}", content=content, headers=headers)
    assert (again.status_code, again.json()["title"]) == (409, "Request id already used")
    assert problems(again)[0].startswith("webhook-id: ")


def test_a_used_id_stays_used_for_another_body_address_and_moment(host):
    assert host.post(SAID, LINKS, message_id="one").status_code == 201
    for target, body, at in ((LINKS, SAID, time.time() - 200), (f"{HERE}/previews", PREVIEW, None)):
        assert host.post(body, target, message_id="one", at=at).status_code == 409
    assert host.post(SAID, LINKS, message_id="two").status_code == 201


def test_of_the_same_request_many_times_at_once_one_is_carried_out(host):
    headers, content = caught(host, "POST", LINKS, SAID)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: host.http.post(LINKS, content=content, headers=headers), range(16)))
    assert sorted({one.status_code for one in sent}) == [201, 409]
    assert [one.status_code for one in sent].count(201) == 1


def test_the_second_web_process_knows_what_the_first_did_and_redis_need_not(host, installation):
    """Two processes share the database; Redis is emptied between the two requests."""
    headers, content = caught(host, "POST", LINKS, SAID)
    assert host.http.post(LINKS, content=content, headers=headers).status_code == 201
    installation.tools.redis.flushall()
    chosen = uvicorn.Config(main.build(installation.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as second:
        again = Host(installation, second).http.post(LINKS, content=content, headers=headers)
    assert again.status_code == 409


def test_ids_are_of_one_key_so_that_nobody_can_use_up_anothers(host, installation, doors):
    rival = Host(installation, doors, "rival")
    assert rival.post(SAID, LINKS, message_id="one").status_code == 201
    assert host.post(SAID, LINKS, message_id="one").status_code == 201


def test_what_was_refused_for_its_key_or_signature_uses_no_id_up(host, installation, doors):
    reads = Host(installation, doors, "reads", [COMPANY], [Scope.READS])
    reads.secret = host.secret
    for wrong in ({"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, {"at": time.time() - 400}):
        assert host.post(SAID, LINKS, message_id="one", **wrong).status_code == 401
    assert host.post(SAID, LINKS, message_id="one").status_code == 201


def test_an_event_may_be_repeated_under_its_id_and_is_taken_once(host):
    headers, content = caught(host, "POST", "/v1/events", a_request())
    answers = [host.http.post("/v1/events", content=content, headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [202, 202, 202]
    assert [one.headers.get("x-crewcard-repeated") for one in answers] == [None, "true", "true"]


def test_reading_twice_is_no_harm(host):
    headers, _ = caught(host, "GET", f"{HERE}/connection")
    assert {host.http.get(f"{HERE}/connection", headers=headers).status_code for _ in range(3)} == {200}


# -- version 1


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("POST", "/v1/events", a_request()), ("GET", f"{HERE}/connection", None), ("POST", LINKS, SAID)],
)
@pytest.mark.parametrize("accepted", [False, True])
def test_version_1_is_refused_unless_the_installation_takes_it(small_host, on_sqlite, method, target, body, accepted):
    allowed = on_sqlite.settings.model_copy(update={"accept_signatures_v1": accepted})
    object.__setattr__(on_sqlite.tools, "settings", allowed)
    headers, content = caught(small_host, method, target, body, version=1)
    answer = small_host.http.request(method, target, content=content or None, headers=headers)
    if accepted:
        assert answer.status_code in (200, 201, 202)
        return
    assert answer.status_code == 401
    assert "must be of version 2" in problems(answer)[0]


def test_where_version_1_is_taken_its_ids_are_remembered_and_version_2_is_as_strict_as_ever(small_host, on_sqlite):
    allowed = on_sqlite.settings.model_copy(update={"accept_signatures_v1": True})
    object.__setattr__(on_sqlite.tools, "settings", allowed)
    headers, content = caught(small_host, "POST", LINKS, SAID, version=1)
    sent = [small_host.http.post(LINKS, content=content, headers=headers).status_code for _ in range(2)]
    assert sent == [201, 409]
    newer, content = caught(small_host, "POST", LINKS, SAID, id="newer")
    assert small_host.http.post(f"{HERE}/disconnect", content=content, headers=newer).status_code == 401
    newer["webhook-signature"] = newer["webhook-signature"].replace("v2,", "v1,")
    assert small_host.http.post(LINKS, content=content, headers=newer).status_code == 401


def test_a_caught_hand_over_connects_nobody_twice(house: House):
    """A hand-over that was seen on the way is of no use, for this company or another."""
    house.company()
    house.company("rival")
    host = Host(house.installation, house.url)
    browser = house.browser()
    back = house.xero.answer(house.to_xero(browser, house.link()), tenant=TENANT)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    said = {"company": COMPANY, "state": answer["state"], "code": answer["code"]}
    headers, content = caught(host, "POST", f"{HERE}/logins", said)
    for target, status in ((f"{THERE}/logins", 401), (f"{HERE}/logins", 200), (f"{HERE}/logins", 409)):
        assert host.http.post(target, content=content, headers=headers).status_code == status
    assert house.connection("rival") is None
