"""Doorbells and pace: Lua on a real Valkey."""

import pytest
import redis

from events.accounting_target import Lane, Organisation
from tests.machines import wait_for
from worker.doorbells import Doorbells
from xero_adapter.pace import Limits, Pace

ORGANISATION = Organisation(Lane("c", "t"), "Org", "!A", "USD", "app", "user")


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
    bells.remind("a")
    assert pushed == []
    bells.remind("b")
    bells.remind("b")
    assert [lane for lane, _ in pushed] == ["b"]


def test_a_turn_that_died_with_its_worker_holds_its_lane_no_longer_than_its_time(client):
    pushed = []
    bells = Doorbells(client, lambda lane, token: pushed.append((lane, token)), turn_seconds=0.2)
    bells.ring("a")
    assert bells.begin(*pushed.pop())
    bells.remind("a")
    assert pushed == []
    client.persist("xp:turns:a")  # the key outlives its turns
    wait_for(lambda: (bells.remind("a"), pushed)[1])


def test_a_dead_redis_stops_no_ring():
    bells = Doorbells(redis.Redis(port=1, retry=None), lambda *_: None)
    bells.ring("a")
    bells.wake_relay()


def test_the_minute_is_never_overstepped(client):
    pace = Pace(client, Limits(per_minute=3, at_once=5))
    permits = [pace.ask(ORGANISATION) for _ in range(5)]
    assert [bool(permit.wait) for permit in permits] == [False, False, False, True, True]
    assert permits[3].limit == "minute"
    for permit in permits[:3]:
        pace.done(permit)
    assert 59 < pace.ask(ORGANISATION).wait <= 61


def test_an_abandoned_permit_costs_nothing(client):
    pace = Pace(client, Limits(per_minute=1))
    for _ in range(5):
        permit = pace.ask(ORGANISATION)
        assert not permit.wait
        pace.abandon(permit)


def test_no_more_calls_are_in_flight_than_xero_allows(client):
    pace = Pace(client, Limits(at_once=2))
    first, _, third = (pace.ask(ORGANISATION) for _ in range(3))
    assert third.limit == "concurrent"
    pace.done(first)
    assert not pace.ask(ORGANISATION).wait


def test_a_killed_workers_place_in_flight_heals(client):
    pace = Pace(client, Limits(at_once=1, deadline=0.05, minute=0.05, margin=0))
    pace.ask(ORGANISATION)
    assert pace.ask(ORGANISATION).limit == "concurrent"
    wait_for(lambda: not pace.ask(ORGANISATION).wait)


def test_bulk_leaves_the_days_reserve_to_single_sends(client):
    pace = Pace(client, Limits(per_minute=1000, per_day=10, at_once=100, reserve=0.2))
    assert [bool(pace.ask(ORGANISATION).wait) for _ in range(9)] == [False] * 8 + [True]
    assert [bool(pace.ask(ORGANISATION, single=True).wait) for _ in range(3)] == [False, False, True]


def test_headers_lower_the_books_and_never_raise_them(client):
    pace = Pace(client, Limits(per_minute=60, per_day=5000))
    pace.note(ORGANISATION, {"x-minlimit-remaining": "1", "x-daylimit-remaining": "4000"})
    assert not pace.ask(ORGANISATION).wait
    assert pace.ask(ORGANISATION).limit == "minute"
    pace.note(ORGANISATION, {"x-minlimit-remaining": "50"})
    assert pace.ask(ORGANISATION).limit == "minute"


def test_a_starter_tiers_day_is_learnt_from_the_header(client):
    pace = Pace(client, Limits(per_minute=60, per_day=5000, reserve=0))
    pace.note(ORGANISATION, {"x-daylimit-remaining": "1"})
    assert not pace.ask(ORGANISATION).wait
    assert pace.ask(ORGANISATION).limit == "day"


def test_a_429_pauses_the_organisation_and_the_apps_limit_all_of_its_organisations(client):
    pace = Pace(client, Limits())
    pace.pause(ORGANISATION, "minute", 30)
    assert 29 < pace.ask(ORGANISATION).wait <= 30
    sister = Organisation(Lane("d", "u"), "Other", "!B", "USD", "app", "user")
    assert not pace.ask(sister).wait
    pace.pause(ORGANISATION, "appminute", 30)
    assert pace.ask(sister).limit == "appminute"


def test_without_redis_there_is_no_call():
    pace = Pace(redis.Redis(port=1, retry=None), Limits())
    with pytest.raises(redis.RedisError):
        pace.ask(ORGANISATION)
