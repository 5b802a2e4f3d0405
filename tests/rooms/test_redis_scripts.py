"""Doorbells: Lua on a real Valkey."""

import pytest
import redis

from tests.machines import wait_for
from worker.doorbells import RELAY, RELAY_SOON, Doorbells
from worker.heartbeat import Ticker


@pytest.fixture
def client(redis_url):
    made = redis.Redis.from_url(redis_url)
    made.flushall()
    yield made
    made.close()


@pytest.fixture
def rung(client):
    pushed = []
    return Doorbells(client, lambda lane, token: pushed.append((lane, token))), pushed


def test_a_lane_that_is_rung_often_gets_one_doorbell(rung):
    bells, pushed = rung
    for _ in range(10):
        bells.ring("a")
    assert [lane for lane, _ in pushed] == ["a"]


def test_a_ring_during_a_turn_is_not_lost(rung):
    bells, pushed = rung
    bells.ring("a")
    lane, token = pushed.pop()
    assert bells.begin(lane, token)
    bells.ring("a")
    assert pushed == []
    bells.end(lane, token, None)
    assert [lane for lane, _ in pushed] == ["a"]


def test_a_turn_without_more_work_rings_nobody(rung):
    bells, pushed = rung
    bells.ring("a")
    lane, token = pushed.pop()
    bells.begin(lane, token)
    bells.end(lane, token, None)
    assert pushed == []
    assert bells.due() == ([], None)


def test_a_lane_that_waits_is_due_later(rung):
    bells, pushed = rung
    bells.ring("a", delay=60)
    lanes, wait = bells.due()
    assert (lanes, pushed) == ([], [])
    assert 59 < wait <= 60
    bells.ring("a")
    assert [lane for lane, _ in pushed] == ["a"]


def test_only_one_of_two_doorbells_gets_the_turn(rung):
    bells, pushed = rung
    bells.ring("a")
    _, token = pushed.pop()
    assert bells.begin("a", token)
    assert not bells.begin("a", "another")


def test_the_rescuer_reminds_nobody_who_is_held_or_due(rung):
    bells, pushed = rung
    bells.ring("a", delay=60)
    assert bells.remind(["a"]) == 0
    assert pushed == []
    assert bells.remind(["b"]) == 1
    assert bells.remind(["a", "b"]) == 0
    assert [lane for lane, _ in pushed] == ["b"]


def test_thousands_of_lanes_that_were_forgotten_are_rung_by_the_sweep_and_by_the_tickers(rung):
    """A bell that waits in a queue longer than it lasts would be rung again, and again."""
    bells, pushed = rung
    lanes = [f"lane {number:04}" for number in range(1200)]
    bells.ring(lanes[3])
    bells.ring(lanes[700], delay=60)
    pushed.clear()
    assert bells.remind(lanes) == 1198
    assert [lane for lane, _ in pushed] == [*lanes[:3], *lanes[4:101]]
    due, _ = bells.due(most=2000)
    assert sorted(due) == sorted({*lanes[101:]} - {lanes[700]})
    assert bells.remind(lanes) == 0


def test_a_process_notices_once_that_redis_was_emptied(rung, client):
    bells, _ = rung
    assert bells.is_emptied("a")
    assert not bells.is_emptied("a")
    client.flushall()
    assert [bells.is_emptied("a"), bells.is_emptied("b"), bells.is_emptied("a")] == [True, True, False]


def test_a_turn_that_died_with_its_worker_holds_its_lane_no_longer_than_its_time(client):
    pushed = []
    bells = Doorbells(client, lambda lane, token: pushed.append((lane, token)), turn_seconds=0.2)
    bells.ring("a")
    assert bells.begin(*pushed.pop())
    bells.remind(["a"])
    assert pushed == []
    client.persist("xp:turns:a")  # the key outlives its turns
    wait_for(lambda: (bells.remind(["a"]), pushed)[1])


def test_whoever_wakes_has_heard_every_bell_until_then(client):
    bells = Doorbells(client, lambda *_: None)
    for _ in range(5):
        bells.wake_relay()
    bells.wait(1.5, RELAY)
    assert not client.exists("xp:wake:relay")


def test_a_busy_relay_hears_a_click_and_lets_a_bulk_send_wait(client):
    bells = Doorbells(client, lambda *_: None)
    bells.wake_relay(soon=True)
    bells.wake_relay()
    bells.wait(1.5, RELAY)
    assert client.keys("xp:wake:*") == [b"xp:wake:relay:soon"]
    bells.wait(1.5, RELAY, RELAY_SOON)
    assert client.keys("xp:wake:*") == []


def test_a_dead_redis_stops_no_ring():
    bells = Doorbells(redis.Redis(port=1, retry=None), lambda *_: None)
    bells.ring("a")
    bells.wake_relay()


def test_a_lane_gets_turns_side_by_side_while_less_than_half_of_all_threads_are_busy(rung):
    bells, pushed = rung
    bells.staff("here", 4, 60)
    bells.staff("there", 3, 60)
    for _ in range(9):
        bells.ring("a", most=3)
    assert len(pushed) == 3
    bells.ring("b", most=3)
    bells.ring("b", most=3)
    assert [lane for lane, _ in pushed[3:]] == ["b"]


def test_a_lane_goes_alone_while_nobody_has_said_how_many_threads_there_are(rung):
    bells, pushed = rung
    bells.ring("a", most=4)
    bells.ring("a", most=4)
    assert len(pushed) == 1


def test_the_threads_of_a_process_that_died_count_no_longer(client, rung):
    bells, pushed = rung
    bells.staff("dead", 64, -1)
    bells.ring("a", most=3)
    bells.ring("a", most=3)
    assert len(pushed) == 1


def test_a_turn_goes_on_while_less_than_half_of_all_threads_are_busy(rung):
    bells, pushed = rung
    bells.staff("here", 4, 60)
    bells.ring("a")
    lane, token = pushed.pop()
    bells.begin(lane, token)
    assert bells.go_on("a", token, 1)
    bells.ring("b")
    assert not bells.go_on("a", token, 1)


def test_a_turn_does_not_go_on_beside_more_than_the_lane_may_have(rung):
    bells, pushed = rung
    bells.staff("here", 16, 60)
    bells.ring("a", most=2)
    bells.ring("a", most=2)
    assert bells.go_on("a", pushed[0][1], 2)
    assert not bells.go_on("a", pushed[0][1], 1)


def test_a_turn_whose_time_is_over_does_not_go_on(client):
    bells = Doorbells(client, lambda *_: None, turn_seconds=0.05)
    bells.staff("here", 16, 60)
    assert bells.begin("a", "mine")
    assert bells.go_on("a", "mine", 1)
    wait_for(lambda: not bells.go_on("a", "mine", 1), every=0.1)


def test_a_turn_that_goes_on_holds_its_lane_anew(client):
    bells = Doorbells(client, lambda *_: None, turn_seconds=60)
    bells.staff("here", 16, 60)
    bells.begin("a", "mine")
    client.zadd("xp:turns:a", {"mine": client.zscore("xp:turns:a", "mine") - 50_000})
    before = client.zscore("xp:turns:a", "mine")
    assert bells.go_on("a", "mine", 1)
    assert client.zscore("xp:turns:a", "mine") >= before + 50_000


def test_a_click_gets_a_slot_beside_a_bulk_that_holds_all_of_its_own(rung):
    bells, pushed = rung
    bells.staff("here", 16, 60)
    for _ in range(5):
        bells.ring("a", most=3)
    assert len(pushed) == 3
    bells.ring("a", most=4)
    assert len(pushed) == 4
    bells.ring("a", most=4)
    assert len(pushed) == 4


def test_a_turn_that_ends_makes_room_for_the_next_of_its_lane(rung):
    bells, pushed = rung
    bells.staff("here", 16, 60)
    bells.ring("a", most=1)
    bells.ring("a", most=1)
    lane, token = pushed.pop()
    assert bells.begin(lane, token)
    bells.end(lane, token, 0, most=1)
    assert len(pushed) == 1


def test_a_doorbell_that_comes_too_late_gets_no_turn_beside_others(client):
    pushed = []
    bells = Doorbells(client, lambda lane, token: pushed.append((lane, token)), bell_seconds=0.05)
    bells.staff("here", 16, 60)
    bells.ring("a")
    late = pushed.pop()
    wait_for(lambda: (bells.ring("a"), pushed)[1])
    assert bells.begin(*pushed.pop())
    assert not bells.begin(*late)


def test_a_lane_that_waited_for_a_limit_goes_on_beside_its_calls_in_flight(client, rung):
    bells, pushed = rung
    ticker = Ticker(bells, client, 8)
    ticker.tick()
    bells.ring("a")
    assert bells.begin(*pushed.pop())  # a slow call
    bells.ring("a", most=2)
    lane, token = pushed.pop()
    bells.begin(lane, token)
    bells.end(lane, token, 0.05, most=2)  # the limit says: in 50 ms
    assert pushed == []
    wait_for(lambda: (ticker.tick(), pushed)[1])
