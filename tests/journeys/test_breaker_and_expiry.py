"""When Xero stops answering properly little is spent; and nothing waits for ever."""

from dataclasses import replace

import pytest

from simulator import operations, refusals
from simulator.wire import as_text
from store.tables import Export, Item
from tests.builders import an_invoice, invoices
from worker.decisions import turns
from worker.export import rescuer
from xero_adapter.target import XeroTarget


class Lane:
    def __init__(self, unsettled=0, unknown=0, broken=0):
        self.unsettled, self.unknown_in_a_row, self.broken_lanes = unsettled, unknown, broken


@pytest.mark.parametrize(
    ("lane", "held"),
    [
        (Lane(), False),
        (Lane(unsettled=3, unknown=2), False),
        (Lane(unsettled=4), True),
        (Lane(unsettled=1, unknown=3), True),
        (Lane(unknown=3), False),
        (Lane(broken=2), False),
        (Lane(broken=3), True),
    ],
)
def test_when_nothing_new_is_sent(lane, held):
    assert turns.holds_back(lane) is held


def an_hour_of(installation, **faults):
    installation.simulator.state.faults.set({**faults, "reads": True})
    for _ in range(240):
        installation.run()
        installation.later(15)
        rescuer.sweep(installation.tools, "test")
        installation.tools.redis.flushall()
        rescuer.sweep(installation.tools, "test")
    installation.run()


def test_an_hour_of_nothing_but_500s_costs_a_bounded_number_of_calls_and_loses_nothing(on_sqlite, monkeypatch):
    monkeypatch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=10))
    on_sqlite.ask(*invoices(100))
    an_hour_of(on_sqlite, http_500=1.0)
    assert len(on_sqlite.calls("PUT")) <= 4
    assert len(on_sqlite.calls()) <= 40
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.settle_down(20)
    assert len(on_sqlite.books()) == 100
    assert {answer["type"] for answer in on_sqlite.answers().values()} == {"succeeded"}


def test_three_broken_lanes_hold_back_the_others_for_a_moment_only(on_sqlite, monkeypatch):
    monkeypatch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=5))
    tenants = [f"{n}{n}{n}{n}0000-2222-4333-8444-555555555555" for n in range(2, 6)]
    for number, tenant in enumerate(tenants):
        on_sqlite.company(f"c{number}", tenant)
    on_sqlite.simulator.state.faults.set({"drop": 1.0})
    for number in range(3):
        on_sqlite.ask(*invoices(25), company=f"c{number}")
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.ask(an_invoice(), company="c3", request="calm")
    on_sqlite.run()
    assert on_sqlite.answers("calm") == {}
    on_sqlite.later(61)
    on_sqlite.tools.redis.flushall()
    rescuer.sweep(on_sqlite.tools, "test")
    on_sqlite.run()
    assert on_sqlite.answers("calm")["i1"]["type"] == "succeeded"


def test_what_waits_too_long_unsent_expires(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice())
    installation.until_proven()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    assert installation.answers()["i1"]["reason"] == "expired"
    assert len(installation.events("invoice.export.completed")) == 1


def test_what_was_sent_and_never_settled_is_told_as_unknown_and_its_number_stays_bound(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice())
    installation.run()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    assert installation.answers()["i1"]["reason"] == "outcome_unknown"
    installation.simulator.state.faults.set({})
    installation.ask(an_invoice(number="N-new", revision=2), request="again")
    installation.settle_down()
    assert [invoice["InvoiceNumber"] for invoice in installation.books()] == ["N-i1"]


def test_an_item_that_slipped_through_is_answered_by_the_rescuer(installation):
    installation.ask(an_invoice(), request="first")
    installation.run()
    export = installation.export("i1")
    with installation.store.write() as work:
        work.session.add(
            Item(company=export.company, request="first", invoice="slipped", export_id=export.id, content_hash="x")
        )
        work.session.get_one(Export, export.id)
    installation.later(200)
    rescuer.sweep(installation.tools, "test")
    assert installation.answers("first")["slipped"]["outcome"] == "unchanged"


def choking_on(monkeypatch, number, answer):
    """The simulator answers so to every write that carries the number."""
    real = operations.perform

    def choke(state, request, caller, path):
        writes = request.method == "PUT" and number.encode() in request.body
        return answer if writes else real(state, request, caller, path)

    monkeypatch.setattr(operations, "perform", choke)


def test_a_batch_refused_whole_goes_one_by_one_and_what_is_refused_alone_fails(on_sqlite, monkeypatch):
    choking_on(monkeypatch, "N-bad", refusals.unreadable("JSON request body could not be read"))
    on_sqlite.ask(an_invoice("bad"), *invoices(3))
    on_sqlite.settle_down(12)
    answers = on_sqlite.answers()
    assert answers.pop("bad")["reason"] == "sent_wrongly"
    assert {name: answer["type"] for name, answer in answers.items()} == dict.fromkeys(
        ("i0001", "i0002", "i0003"), "succeeded"
    )


def test_an_invoice_that_makes_xero_fail_does_not_hold_back_its_neighbours_for_ever(on_sqlite, monkeypatch):
    choking_on(monkeypatch, "N-bad", as_text("An error occurred", 500))
    on_sqlite.ask(an_invoice("bad"), *invoices(3))
    on_sqlite.settle_down(30)
    answers = on_sqlite.answers()
    assert answers.pop("bad")["reason"] == "xero_keeps_failing"
    assert {answer["type"] for answer in answers.values()} == {"succeeded"}
    assert len(on_sqlite.books()) == 3


def test_a_request_whose_parts_never_all_came_completes_with_what_came(installation):
    installation.ask(*invoices(2), part=1, parts=2)
    installation.run()
    installation.later(installation.settings.expiry_seconds + 1)
    installation.wake()
    (completed,) = installation.events("invoice.export.completed")
    assert (completed["data"]["total"], completed["data"]["exported"]) == (2, 2)
    installation.wake()
    assert len(installation.events("invoice.export.completed")) == 1
