"""The consumer that waits for doorbells, on a real Valkey."""

import pytest
import redis

from worker import broker


@pytest.fixture
def made(redis_url):
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield broker.build(client)
    client.close()


def scripts_run(made) -> int:
    return made.client.info("commandstats")["cmdstat_evalsha"]["calls"]


def lanes_of(consumer, most=4) -> list[str]:
    return [message.args[0] for message in (next(consumer) for _ in range(most)) if message]


def test_a_consumer_that_has_taken_all_there_was_asks_again_only_when_it_is_woken(made):
    consumer = made.consume(broker.QUEUE, prefetch=8)
    made.push("a", "token")
    assert next(consumer).args[0] == "a"
    before = scripts_run(made)
    assert next(consumer) is None
    assert scripts_run(made) == before


def test_what_comes_while_a_doorbell_is_answered_is_found_by_whoever_waits(made):
    one, other = (made.consume(broker.QUEUE, prefetch=8) for _ in range(2))
    made.push("a", "token")
    assert next(one).args[0] == "a"
    made.push("b", "token")
    made.push("c", "token")
    assert sorted(lanes_of(other) + lanes_of(one)) == ["b", "c"]


def test_each_doorbell_wakes_a_consumer_that_waits_and_their_wakes_do_not_pile_up(made):
    key = made.wake_key(broker.QUEUE)
    made.push("a", "token")
    assert made.client.llen(key) == 1
    for _ in range(100):
        made.push("a", "token")
    assert made.client.llen(key) == 64
