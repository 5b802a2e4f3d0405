"""Promise 3: one bad invoice never holds back its neighbours, nor one company another, nor a bulk a person."""

import pytest

from store import batches, exports
from store.tables import Export
from tests.builders import an_invoice, invoices
from worker.export import rescuer

OTHER = "99999999-2222-4333-8444-555555555555"


def test_one_bad_invoice_does_not_hold_back_the_others_in_its_call(installation):
    installation.ask(an_invoice("bad", line={"account_code": "299"}), *invoices(20))
    installation.run()
    answers = installation.answers()
    assert answers["bad"]["reason"] == "account_archived"
    assert sum(answer["type"] == "succeeded" for answer in answers.values()) == 20
    assert len(installation.calls("PUT")) == 1


def test_an_invoice_that_cannot_be_read_fails_alone(installation):
    installation.ask(an_invoice("bad", line={"quantity": "a lot"}), an_invoice("good"))
    installation.run()
    answers = installation.answers()
    assert answers["bad"]["reason"] == "invoice_unreadable"
    assert "quantity" in answers["bad"]["notification"]["message"]
    assert answers["good"]["type"] == "succeeded"


def test_an_invoice_whose_mapping_breaks_fails_alone(on_sqlite, monkeypatch):
    real = on_sqlite.tools.targets["xero"].element

    def break_for_one(posting):
        if posting.invoice.id == "bad":
            raise ZeroDivisionError
        return real(posting)

    monkeypatch.setattr(on_sqlite.tools.targets["xero"], "element", break_for_one)
    on_sqlite.ask(an_invoice("bad"), an_invoice("good"))
    on_sqlite.run()
    answers = on_sqlite.answers()
    assert (answers["bad"]["type"], answers["good"]["type"]) == ("failed", "succeeded")


def test_turns_go_round_between_companies(installation):
    installation.company("other", OTHER)
    installation.ask(*invoices(300))
    installation.ask(an_invoice(), company="other")
    installation.run()
    tenants = [call["tenant"] for call in installation.calls("PUT")]
    assert tenants.index(OTHER) <= 1


def test_a_click_overtakes_a_bulk_of_the_same_company(installation):
    installation.ask(*invoices(200))
    installation.ask(an_invoice("click"), request="click", mode="single")
    installation.run(1)
    assert installation.answers("click")["click"]["type"] == "succeeded"


def test_an_uncertain_batch_is_parked_while_the_lane_goes_on(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(*invoices(50))
    installation.run(1)
    installation.simulator.state.faults.set({})
    installation.ask(*invoices(10, "later"), request="later")
    installation.run()
    assert {answer["type"] for answer in installation.answers("later").values()} == {"succeeded"}
    assert set(installation.markers().values()) == {"uncertain"}


def test_an_invoice_that_kills_workers_travels_alone_and_is_then_set_aside(installation):
    installation.ask(an_invoice("poison"), *invoices(5))
    _crashed(installation, "poison", 2)
    installation.run(1)
    assert len(installation.books()) == 5
    installation.run(1)
    assert len(installation.calls("PUT")) == 2
    installation.ask(an_invoice("worse"), request="worse")
    _crashed(installation, "worse", 8)
    installation.run()
    assert installation.answers("worse")["worse"]["reason"] == "quarantined"
    assert len(installation.calls("PUT")) == 2


def test_one_that_was_hit_seven_times_is_not_set_aside_and_tried_at_ever_longer_pauses(installation):
    """Who kills workers from outside hits whatever is there: it takes more than chance, and minutes, to be blamed."""
    lane = installation.company()
    installation.ask(an_invoice("unlucky"))
    pauses = []
    for _ in range(7):
        with installation.store.write() as work:
            batches.claim(work, lane, exports.pending(work, lane, 50), lease=10)
        installation.later(11)
        rescuer.sweep(installation.tools, "test")
        pauses.append((installation.export("unlucky").due_at - installation.now()).total_seconds())
        installation.later(max(0.0, pauses[-1]) + 1)
    assert pauses[:2] == pytest.approx([0, 0], abs=5)
    assert pauses[2:] == pytest.approx([15, 30, 60, 120, 240], abs=5)
    installation.wake()
    installation.run()
    assert installation.answers()["unlucky"]["type"] == "succeeded"


def _crashed(installation, invoice, times):
    with installation.store.write() as work:
        work.session.get_one(Export, installation.export(invoice).id).crashes = times
