"""The pause switch: no new call begins, what is in flight is counted exactly, and resuming rings."""

import threading

import pytest

from events.accounting_target import Lane
from store import audit, batches, exports, lanes, pauses, queries
from store.pauses import EVERYBODY
from tests.builders import COMPANY, TENANT, a_request, an_invoice, invoices
from worker.export import rescuer, turn
from worker.intake import intake
from worker.waiting import pausing

OTHER = "99999999-2222-4333-8444-555555555555"


def pause(installation, scope=COMPANY):
    return pausing.pause(installation.tools, scope, "olga", "closing the books")


def resume(installation, scope=COMPANY):
    return pausing.resume(installation.tools, scope, "olga", "closed")


@pytest.mark.parametrize("scope", [COMPANY, EVERYBODY])
def test_a_paused_lane_makes_no_call_until_it_is_resumed(installation, scope):
    installation.ask(*invoices(60))
    assert pause(installation, scope)
    installation.run()
    rescuer.sweep(installation.tools, "test")
    installation.run()
    assert installation.calls() == []
    assert resume(installation, scope)
    installation.run()
    assert len(installation.books()) == 60


def test_a_pause_of_one_company_does_not_hold_back_another(installation):
    installation.company("quay", OTHER)
    pause(installation)
    installation.ask(an_invoice())
    installation.ask(an_invoice(), company="quay")
    installation.run()
    assert (len(installation.books()), len(installation.books(OTHER))) == (0, 1)


def test_a_company_that_is_paused_stays_so_when_everybody_else_goes_on(installation):
    pause(installation)
    pause(installation, EVERYBODY)
    installation.ask(an_invoice())
    resume(installation, EVERYBODY)
    installation.run()
    assert installation.books() == []
    resume(installation)
    installation.run()
    assert len(installation.books()) == 1


def test_an_unknown_outcome_is_looked_up_after_the_pause_and_not_in_it(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice())
    installation.run()
    installation.simulator.state.faults.set({})
    pause(installation)
    installation.settle_down(2)
    assert installation.calls("GET") == []
    resume(installation)
    installation.settle_down(2)
    assert installation.answers()["i1"]["outcome"] == "adopted"


def test_every_request_that_waits_is_told_once_and_newcomers_too(installation):
    installation.ask(an_invoice("a"), request="waits")
    pause(installation)
    pause(installation, EVERYBODY)
    installation.ask(an_invoice("b"), request="comes")
    told = [event["data"] for event in installation.events("invoice.export.deferred")]
    assert sorted((one["request"], one["cause"]) for one in told) == [("comes", "paused"), ("waits", "paused")]


def test_the_count_in_flight_is_that_of_claimed_and_sent_batches(installation):
    installation.ask(*invoices(100))
    lane = Lane(COMPANY, TENANT)
    with installation.store.write() as work:
        hold = batches.claim(work, lane, exports.pending(work, lane, 50), lease=90)
    pause(installation)
    assert pausing.in_flight(installation.tools, COMPANY) == 1
    assert pausing.in_flight(installation.tools, EVERYBODY) == 1
    assert pausing.in_flight(installation.tools, "quay") == 0
    with installation.store.write() as work:
        batches.move(work, hold, "claimed", state="given_back", closed_at=work.now)
    assert pausing.in_flight(installation.tools, COMPANY) == 0


def test_a_turn_that_had_begun_before_the_pause_claims_nothing_after_it(installation, monkeypatch):
    """It looked before, and claims after: the claim itself asks again."""
    installation.ask(an_invoice())
    real = turn._claim

    def late(tools, organisation, calls):
        pause(installation)
        return real(tools, organisation, calls)

    monkeypatch.setattr(turn, "_claim", late)
    turn.take_turn(installation.tools, Lane(COMPANY, TENANT))
    assert installation.calls("PUT") == []
    assert pausing.in_flight(installation.tools, COMPANY) == 0


def test_a_pause_waits_for_the_claim_at_hand_so_that_its_count_is_exact(installation):
    """Two sessions held open: the pause may not commit while a claim that it cannot see is not yet committed."""
    installation.ask(an_invoice())
    lane, paused, counted = Lane(COMPANY, TENANT), threading.Event(), []

    def press():
        pause(installation)
        paused.set()
        counted.append(pausing.in_flight(installation.tools, COMPANY))

    with installation.store.write() as work:
        assert pauses.may_begin(work, COMPANY)
        batches.claim(work, lane, exports.pending(work, lane, 50), lease=90)
        pressing = threading.Thread(target=press)
        pressing.start()
        assert not paused.wait(0.2)
    pressing.join(20)
    assert counted == [1]


def test_pausing_twice_and_resuming_twice_change_nothing(installation):
    assert pause(installation)
    assert not pause(installation)
    assert resume(installation)
    assert not resume(installation)
    with installation.store.read() as work:
        assert [line.what for line in audit.newest(work)] == ["resume", "pause"]


def test_the_lane_says_that_it_is_paused(installation):
    pause(installation, EVERYBODY)
    with installation.store.read() as work:
        assert lanes.due_work(work, Lane(COMPANY, TENANT)).stopped == "paused"


def test_requests_are_accepted_while_paused(installation):
    pause(installation)
    assert intake.accept(installation.tools, a_request(*invoices(3))).invoices == 3


def test_beside_an_invoice_of_a_paused_company_it_says_that_it_waits(installation):
    def markers():
        with installation.store.read() as work:
            return {one.invoice: one.marker for one in queries.invoices_of(work, COMPANY, "r1")}

    installation.ask(an_invoice())
    assert markers() == {"i1": "queued"}
    pause(installation)
    assert markers() == {"i1": "waiting"}
    resume(installation)
    installation.run()
    assert markers() == {"i1": "exported"}
