"""Faults at the wire, over real sockets: what was done, and what the client sees (facts §11.5)."""

import http.client
import json
import threading

import httpx
import pytest

from simulator.faults import KINDS, TOKEN_KINDS
from tests.machines import wait_for
from tests.simulator.desk import an_invoice
from tests.simulator.wire import PATH


def test_dropped_after_the_commit_the_invoice_is_there_and_nobody_was_told(wire):
    wire.fault(commit_then_drop=[1])
    with pytest.raises(httpx.RemoteProtocolError):
        wire.put("A")
    assert wire.books == {"A"}


def test_dropped_before_the_commit_there_is_nothing(wire):
    wire.fault(drop=[1])
    with pytest.raises(httpx.RemoteProtocolError):
        wire.put("A")
    assert wire.books == set()


def test_a_truncated_body_promises_more_than_it_gives(wire):
    wire.fault(truncated=[1])
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        wire.put("A")
    assert wire.books == {"A"}


def test_malformed_json_comes_whole_and_cannot_be_read(wire):
    wire.fault(malformed_json=[1])
    reply = wire.put("A")
    assert reply.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert wire.books == {"A"}


def test_a_slow_call_commits_after_its_client_has_gone(wire):
    wire.fault(slow=[1], slow_seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        wire.put("A", timeout=0.05)
    wait_for(lambda: wire.books == {"A"})


def test_slow_and_then_dropped(wire):
    wire.fault(slow_then_drop=[1], slow_seconds=0.05)
    with pytest.raises(httpx.RemoteProtocolError):
        wire.put("A")
    assert wire.books == {"A"}


ANSWERED = {
    "refuse_tokens": (401, set()),
    "commit_then_500": (500, {"A"}),
    "commit_then_504": (504, {"A"}),
    "foreign_body": (200, {"A"}),
    "http_500": (500, set()),
    "html_503": (503, set()),
    "gateway_504": (504, set()),
    "api_offline": (503, set()),
    "api_unavailable": (503, set()),
    "offline": (503, set()),
    "limit_minute": (429, set()),
    "limit_day": (429, set()),
    "limit_concurrent": (429, set()),
    "limit_appminute": (429, set()),
    "limit_unnamed": (429, set()),
    "expire_tokens": (401, set()),
    "key_store_down": (200, {"A"}),
}


@pytest.mark.parametrize("fault", ANSWERED)
def test_what_is_answered_and_what_is_done(wire, fault):
    status, books = ANSWERED[fault]
    wire.fault(**{fault: [1]})
    assert wire.put("A").status_code == status
    assert wire.books == books
    assert wire.state.faults.happened == {fault: 1}


def test_an_answer_may_lack_an_element(wire):
    wire.fault(missing_element=[1])
    assert len(wire.put("A", "B").json()["Invoices"]) == 1
    assert wire.books == {"A", "B"}


def test_every_kind_of_fault_is_shown_here():
    elsewhere = {
        "commit_then_drop",
        "drop",
        "truncated",
        "malformed_json",
        "slow",
        "slow_then_drop",
        "missing_element",
    }
    assert set(ANSWERED) | elsewhere == set(KINDS)
    assert set(TOKEN_KINDS) == {"token_commit_then_drop", "token_500", "token_invalid_grant"}


def test_a_list_names_the_calls_that_are_troubled_and_a_rate_how_many(wire):
    wire.fault(http_500=[2, 3])
    assert [wire.put("A").status_code for _ in range(4)] == [200, 500, 500, 200]
    wire.fault(http_500=0.5, seed=1)
    statuses = [wire.put("B").status_code for _ in range(40)]
    assert 5 < statuses.count(500) < 35


def test_reads_are_troubled_only_when_asked_and_organisations_can_be_chosen(wire):
    wire.fault(http_500=1)
    assert wire.http.get(PATH, headers=wire.headers).status_code == 200
    wire.fault(http_500=1, reads=True)
    assert wire.http.get(PATH, headers=wire.headers).status_code == 500
    wire.fault(http_500=1, tenants=["somebody else"])
    assert wire.put("A").status_code == 200


@pytest.mark.parametrize(("fault", "status"), [("token_500", 500), ("token_invalid_grant", 400)])
def test_the_token_service_has_its_own_faults(wire, fault, status):
    wire.fault(**{fault: [1]})
    assert refresh(wire).status_code == status
    assert refresh(wire).status_code == 200


def test_a_rotation_can_be_lost_and_the_old_token_still_has_its_grace(wire):
    wire.fault(token_commit_then_drop=[1])
    with pytest.raises(httpx.RemoteProtocolError):
        refresh(wire)
    assert refresh(wire).status_code == 200


def refresh(wire):
    form = {"grant_type": "refresh_token", "refresh_token": wire.pair["refresh_token"]}
    return wire.http.post("/connect/token", data=form, auth=("app", "secret"))


@pytest.mark.parametrize(
    "wrong", [{"earthquake": 1}, {"drop": 2}, {"drop": [0]}, {"slow_seconds": -1}, {"drop": "often"}]
)
def test_a_wrong_fault_is_refused_and_changes_nothing(wire, wrong):
    wire.fault(http_500=[1])
    assert wire.http.put("/_simulator/faults", json=wrong).status_code == 422
    assert wire.state.faults.lists == {"http_500": [1]}


def test_six_calls_at_once_are_one_too_many(wire):
    wire.fault(latency=0.2)
    statuses = []
    calls = [threading.Thread(target=lambda n=n: statuses.append(wire.put(f"T-{n}").status_code)) for n in range(6)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert sorted(statuses) == [200] * 5 + [429]


def test_a_broken_request_does_not_end_the_simulator(wire):
    host, port = wire.http.base_url.host, wire.http.base_url.port
    connection = http.client.HTTPConnection(host, port, timeout=5)
    connection.sock = None
    connection.connect()
    connection.sock.sendall(b"NOT HTTP\r\n\r\n")
    connection.sock.recv(100)
    connection.close()
    assert wire.put("A").status_code == 200


def test_tokens_can_be_refused_for_a_stretch_of_time_while_the_token_service_works(desk):
    desk.control("PUT", "faults", {"refuse_tokens": 1, "reads": True, "for_seconds": 180})
    for _ in range(2):
        refused = desk.call("GET", "Organisation")
        assert refused.status == 401
        assert "invalid_token" in refused.headers["www-authenticate"]
        desk.pair = desk.token(200, grant_type="refresh_token")
        desk.bearer = desk.pair["access_token"]
        assert desk.connections().status == 401
    desk.later(181)
    assert desk.call("GET", "Organisation").status == 200
    assert desk.connections().status == 200
    assert desk.control("GET", "faults")["happened"] == {"refuse_tokens": 2}


def test_a_withdrawn_login_is_over_for_good(desk):
    assert desk.control("DELETE", "grants", {"client_id": "app"}) == {"ended": ["anna@harbour.test"]}
    assert desk.call("GET", "Organisation").status == 401
    assert desk.token(400, grant_type="refresh_token") == {"error": "invalid_grant"}
    desk.control("DELETE", "grants", {"client_id": "nobody"}, status=(422,))


@pytest.mark.parametrize(
    ("answer", "status", "saved"), [("500", 500, set()), ("400", 400, set()), ("500_saving_others", 500, {"A", "C"})]
)
def test_one_poisoned_invoice_spoils_every_write_with_it_and_no_other(desk, answer, status, saved):
    desk.control("PUT", "faults", {"poison_numbers": ["B"], "poison_answer": answer})
    for _ in range(2):
        sent = {"Invoices": [an_invoice(number) for number in ("A", "B", "C")]}
        reply = desk.call("PUT", "Invoices", sent, summarizeErrors="false")
        assert reply.status == status
        assert b'"InvoiceNumber"' not in reply.body
        assert set(desk.books) == saved
    assert desk.put(an_invoice("D"))[0]["HasErrors"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"poison_answer": "503"},
        {"poison_numbers": "B"},
        {"for_seconds": -1},
        {"retry_after": "soon"},
        {"tenants": "all"},
        {"refuse_tokens": 2},
    ],
)
def test_a_wrong_setting_changes_nothing(desk, wrong):
    desk.control("PUT", "faults", {"http_500": 1})
    assert desk.control("PUT", "faults", wrong, status=(422,))["error"]
    assert desk.control("GET", "faults")["rates"] == {"http_500": 1.0}
