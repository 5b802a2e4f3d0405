"""One invoice that makes every call with it fail is found in two rounds; its neighbours are through by then."""

import json
from dataclasses import replace

import pytest

from simulator import operations
from simulator.wire import as_json
from tests.builders import invoices
from worker.decisions import batching


class Poison:
    """Invoices that make each call fail: with a 500, or with a 400 that names nobody."""

    def __init__(self, monkeypatch, names, status):
        self.calls, real = [], operations.perform

        def perform(state, request, caller, path):
            if request.method in ("PUT", "POST"):
                sent = {one["InvoiceNumber"] for one in json.loads(request.body)["Invoices"]}
                self.calls.append(len(sent))
                if sent & {f"N-{name}" for name in names}:
                    return as_json({"ErrorNumber": 10, "Message": "Xero had a bad moment"}, status)
            return real(state, request, caller, path)

        monkeypatch.setattr(operations, "perform", perform)


def settle_once(installation):
    installation.run()
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()
    installation.run()


@pytest.mark.parametrize("status", [500, 400])
def test_forty_nine_neighbours_are_through_within_two_settle_times(installation, monkeypatch, status):
    poison = Poison(monkeypatch, ["i0020"], status)
    installation.ask(*invoices(50))
    settle_once(installation)
    assert len(installation.answers()) == 43
    settle_once(installation)
    told = installation.answers()
    assert {name for name, one in told.items() if one["type"] == "succeeded"} == set(_names(50)) - {"i0020"}
    assert poison.calls[0] == 50
    assert len(poison.calls) <= 1 + 8 + 7
    installation.settle_down(20)
    last = installation.answers()["i0020"]
    assert last["reason"] == {500: "xero_keeps_failing", 400: "sent_wrongly"}[status]
    assert {500: "500", 400: "bad moment"}[status] in last["xero_words"]
    assert len(installation.books()) == 49


def _names(count):
    return [one["id"] for one in invoices(count)]


def test_two_of_them_hold_back_no_more_than_their_own_groups(installation, monkeypatch):
    Poison(monkeypatch, ["i0001", "i0050"], 500)
    installation.ask(*invoices(50))
    settle_once(installation)
    settle_once(installation)
    assert sum(one["type"] == "succeeded" for one in installation.answers().values()) == 48


def test_a_connection_that_broke_once_is_no_suspicion(installation):
    installation.simulator.state.faults.set({"drop": [1]})
    installation.ask(*invoices(50))
    installation.run()
    installation.simulator.state.faults.set({})
    settle_once(installation)
    assert len(installation.calls("PUT")) == 2
    assert len(installation.books()) == 50


def test_when_xero_itself_is_ill_nobody_is_suspected(installation):
    installation.simulator.state.faults.set({"http_500": 1.0})
    installation.ask(*invoices(200))
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down(4)
    assert len(installation.books()) == 200


class Nameless:
    """Refused elements come back without their number."""

    def __init__(self, monkeypatch):
        real = operations.perform

        def perform(state, request, caller, path):
            reply = real(state, request, caller, path)
            if request.method not in ("PUT", "POST") or not reply.body.startswith(b"{"):
                return reply
            said = json.loads(reply.body)
            for one in said.get("Invoices", []):
                if one.get("ValidationErrors"):
                    one.pop("InvoiceNumber", None)
            return replace(reply, body=json.dumps(said).encode())

        monkeypatch.setattr(operations, "perform", perform)


@pytest.mark.parametrize("bad", [1, 3])
def test_refusals_without_a_name_are_read_where_one_was_sent_alone(installation, monkeypatch, bad):
    Nameless(monkeypatch)
    wanted = invoices(10)
    for one in wanted[:bad]:
        one["lines"][0]["account_code"] = "299"
    installation.ask(*wanted)
    settle_once(installation)
    settle_once(installation)
    told = installation.answers()
    assert {name for name, one in told.items() if one["type"] == "failed"} == {one["id"] for one in wanted[:bad]}
    assert {one["reason"] for one in told.values() if one["type"] == "failed"} == {"account_archived"}
    assert len(installation.books()) == 10 - bad


class Sent:
    def __init__(self, attempts=1, batch_limit=0, alone=False):
        self.attempts, self.batch_limit, self.alone = attempts, batch_limit, alone


@pytest.mark.parametrize(
    ("absent", "answered", "troubled", "limit"),
    [
        ([Sent()] * 50, True, False, 7),
        ([Sent(batch_limit=7)] * 7, True, False, 1),
        ([Sent()] * 50, False, False, 0),
        ([Sent(2)] * 50, False, False, 7),
        ([Sent()] * 50, True, True, 0),
        ([Sent()], True, False, 1),
        ([Sent()] * 2, True, False, 1),
        ([Sent(2, batch_limit=7)] * 7, True, True, 7),
        ([Sent(2, batch_limit=7)] * 7, False, True, 7),
        ([Sent(3, alone=True)], True, True, 0),
        ([Sent()], True, True, 0),
    ],
)
def test_how_many_travel_together_after_a_call_that_failed(absent, answered, troubled, limit):
    assert batching.limit_after(absent, answered=answered, troubled=troubled) == limit
