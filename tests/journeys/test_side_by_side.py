"""Several turns of one lane side by side: in flight together, claimed apart, alone after trouble."""

import threading

import pytest

from tests.builders import TENANT, an_invoice, invoices
from tests.machines import wait_for
from worker.decisions import turns
from worker.export import turn
from worker.export.turn import Lane


@pytest.fixture
def staffed(installation):
    """An installation whose doorbells are answered by threads, as workers do."""
    installation.tools.bells.staff("here", 16, 600)
    return installation


def answer_all(installation):
    """Answer every doorbell in a thread of its own, until all have ended."""
    threads = []
    while True:
        while installation.rings:
            lane, token = installation.rings.pop(0)
            answer = (installation.tools, Lane.of(lane), token)
            threads.append(threading.Thread(target=turn.answer_doorbell, args=answer))
            threads[-1].start()
        if not any(thread.is_alive() for thread in threads) and not installation.rings:
            return len(threads)
        threading.Event().wait(0.005)


def test_a_backlog_is_sent_three_calls_at_once_and_never_more(staffed):
    staffed.simulator.state.faults.set({"latency": 0.3})
    seen = []
    staffed.simulator.state.limits.in_flight = Watched(seen)
    staffed.ask(*invoices(400))
    answer_all(staffed)
    assert max(seen) == turns.MOST_FOR_BULK
    assert len(staffed.books()) == 400
    assert {answer["type"] for answer in staffed.answers().values()} == {"succeeded"}
    assert len(staffed.calls("PUT")) == 8


class Watched(dict):
    """Calls in flight; notes every count there was."""

    def __init__(self, seen):
        super().__init__()
        self._seen = seen

    def __setitem__(self, key, count):
        self._seen.append(count)
        super().__setitem__(key, count)


def test_a_click_goes_beside_a_bulk_whose_calls_are_slow(staffed):
    staffed.simulator.state.faults.set({"latency": 1.5})
    staffed.ask(*invoices(400))
    working = threading.Thread(target=answer_all, args=(staffed,))
    working.start()
    wait_for(lambda: staffed.simulator.state.limits.in_flight.get(lane(staffed)) == 3)
    staffed.simulator.state.faults.set({"latency": 0})
    staffed.ask(an_invoice("click"), request="click", mode="single")
    wait_for(lambda: staffed.answers("click"))
    wait_for(staffed.answers)
    assert len(staffed.answers()) == 49  # that travelled with it, while the others are still in flight
    working.join()
    assert len(staffed.books()) == 401


def lane(installation):
    organisation = next(iter(installation.simulator.state.world.organisations))
    return f"{organisation}/app-harbour"


def test_after_a_call_whose_outcome_is_unknown_the_lane_goes_alone(staffed):
    staffed.simulator.state.faults.set({"commit_then_drop": [1]})
    staffed.ask(*invoices(50))
    answer_all(staffed)
    seen = []
    staffed.simulator.state.faults.set({"latency": 0.2})
    staffed.simulator.state.limits.in_flight = Watched(seen)
    staffed.ask(*invoices(200, "later"), request="later")
    answer_all(staffed)
    assert max(seen) == 1
    assert len(staffed.answers("later")) == 200


def test_calls_that_fail_side_by_side_open_the_breaker_before_a_fifth(staffed):
    staffed.simulator.state.faults.set({"commit_then_drop": 1.0, "latency": 0.2})
    staffed.ask(*invoices(500))
    answer_all(staffed)
    assert len(staffed.calls("PUT")) <= 4
    staffed.simulator.state.faults.set({"latency": 0})
    staffed.settle_down()
    assert {answer["type"] for answer in staffed.answers().values()} == {"succeeded"}
    assert len(staffed.books()) == 500


def test_completed_comes_behind_every_answer_of_its_request(staffed):
    staffed.simulator.state.faults.set({"latency": 0.05})
    staffed.ask(*invoices(300))
    answer_all(staffed)
    staffed.relay()
    kinds = [event["type"].rpartition(".")[2] for event in staffed.events()]
    assert kinds[-1] == "completed"
    assert kinds.count("succeeded") == 300


def test_nothing_begins_beside_a_turn_before_a_persons_answer_in_it_is_written_down(on_sqlite, monkeypatch):
    monkeypatch.setattr(turns, "_QUICK_SECONDS", 0.0)
    heard = []
    on_sqlite.ask(an_invoice("click"), request="click", mode="single")
    turn.take_turn(on_sqlite.tools, Lane("harbour", TENANT), turn.Manner(1, heard.append))
    assert set(on_sqlite.answers("click")) == {"click"}
    assert heard == []
    on_sqlite.ask(*invoices(3))
    turn.take_turn(on_sqlite.tools, Lane("harbour", TENANT), turn.Manner(1, heard.append))
    assert heard == [1]
