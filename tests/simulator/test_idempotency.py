"""Idempotency keys (facts §3.1)."""

import pytest

from tests.simulator.desk import OTHER, an_invoice

KEY = {"idempotency-key": "K-1"}
BODY = {"Invoices": [an_invoice()]}


def send(desk, body=BODY, key=KEY, **query):
    return desk.call("PUT", "Invoices", body, headers=key, summarizeErrors="false", **query)


def test_the_same_request_again_is_answered_alike_and_done_once(desk):
    first, again = send(desk), send(desk)
    assert first.body == again.body
    assert len(desk.books) == 1


def test_after_six_minutes_the_key_is_new(desk):
    send(desk)
    desk.later(359)
    assert not send(desk).document()["Invoices"][0]["HasErrors"]
    desk.later(1)
    assert send(desk).document()["Invoices"][0]["HasErrors"]


@pytest.mark.parametrize("changed", ["body", "query", "method"])
def test_another_request_under_the_key_is_a_400(desk, changed):
    send(desk)
    if changed == "body":
        reply = send(desk, {"Invoices": [an_invoice("N-2")]})
    elif changed == "query":
        reply = send(desk, unitdp=4)
    else:
        reply = desk.call("POST", "Invoices", BODY, headers=KEY, summarizeErrors="false")
    assert reply.status == 400
    assert reply.document()["Message"] == "Idempotency Key: K-1 is used with a different request."


def test_errors_are_remembered_even_when_their_cause_is_gone(desk):
    desk.control("PUT", "faults", {"http_500": [1]})
    assert [send(desk).status, send(desk).status] == [500, 500]
    assert desk.books == {}
    assert send(desk, key={"idempotency-key": "K-2"}).status == 200


def test_refused_invoices_are_remembered_unless_the_switch_says_otherwise(desk):
    bad = {"Invoices": [an_invoice(CurrencyCode="EUR")]}
    first = desk.call("PUT", "Invoices", bad, headers=KEY)
    desk.change(currencies=["EUR"])
    assert desk.call("PUT", "Invoices", bad, headers=KEY).body == first.body
    desk.switch(cache_validation_answers=False)
    other = {"idempotency-key": "K-2"}
    desk.change(currencies=[])
    assert desk.call("PUT", "Invoices", bad, headers=other).status == 400
    desk.change(currencies=["EUR"])
    assert desk.call("PUT", "Invoices", bad, headers=other).status == 200


def test_a_limit_comes_first_and_is_not_remembered_and_a_replay_costs_a_call(desk):
    desk.control("PUT", "faults", {"limit_minute": [1]})
    assert [send(desk).status, send(desk).status] == [429, 200]
    left = [int(send(desk).headers["X-MinLimit-Remaining"]) for _ in range(2)]
    assert left[0] - left[1] == 1


def test_an_expired_token_is_not_remembered(desk):
    desk.control("PUT", "faults", {"expire_tokens": [1]})
    assert send(desk).status == 401
    desk.renew()
    assert send(desk).status == 200


def test_a_key_belongs_to_the_app_whatever_the_organisation(desk):
    """The danger the facts warn of: another organisation's answer comes back."""
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Other"})
    desk.bearer = desk.grant(tenants=[OTHER])["access_token"]
    first = send(desk)
    elsewhere = desk.call("PUT", "Invoices", BODY, {**KEY, "xero-tenant-id": OTHER}, summarizeErrors="false")
    assert elsewhere.body == first.body


def test_by_switch_a_key_belongs_to_app_and_organisation(desk):
    desk.switch(idempotency_scope="tenant")
    desk.control("POST", "organisations", {"tenant": OTHER, "name": "Other"})
    desk.bearer = desk.grant(tenants=[OTHER])["access_token"]
    first = send(desk)
    elsewhere = desk.call("PUT", "Invoices", BODY, {**KEY, "xero-tenant-id": OTHER}, summarizeErrors="false")
    assert elsewhere.body != first.body


def test_a_key_on_a_read_is_ignored(desk):
    first = desk.call("GET", "Invoices", headers=KEY)
    desk.put(an_invoice())
    assert desk.call("GET", "Invoices", headers=KEY).body != first.body


def test_a_store_of_keys_that_is_down_is_a_500_and_nothing_is_done(desk):
    desk.control("PUT", "faults", {"key_store_down": 1})
    assert send(desk).status == 500
    assert send(desk, key={}).status == 200
    assert len(desk.books) == 1
