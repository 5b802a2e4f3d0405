"""What Redis says: doorbells, turns, threads. None of it is work; it shows how soon work is seen."""

import json
import time
from collections.abc import Iterator
from typing import Any

import redis

from worker import broker
from worker.measuring import catalogue as metrics
from worker.measuring.database_metrics import MetricReading
from worker.tools import Tools

_DUE, _TURNS, _STAFF = "xp:due", "xp:turns", "xp:staff"  # worker/doorbells says what they hold


def queue_readings(tools: Tools) -> Iterator[MetricReading]:
    """All of it, in a constant number of commands. Raises redis.RedisError."""
    client = tools.redis
    yield MetricReading(metrics.DOORBELLS, broker.queue_length(client))
    yield MetricReading(metrics.DOORBELL_AGE, _age(broker.oldest(client)))
    yield from _lanes_and_threads(client)
    memory: Any = client.info("memory")
    yield MetricReading(metrics.REDIS_BYTES, memory["used_memory"])


def _lanes_and_threads(client: redis.Redis) -> Iterator[MetricReading]:
    seconds, micros = client.time()
    now = seconds * 1000 + micros // 1000
    with client.pipeline(transaction=False) as pipe:
        pipe.zcard(_DUE)
        pipe.zrange(_DUE, 0, 0, withscores=True)
        pipe.zcount(_TURNS, now, "+inf")
        pipe.zrangebyscore(_STAFF, now, "+inf")
        due, first, turns, staff = pipe.execute()
    yield MetricReading(metrics.LANES_DUE, due)
    yield MetricReading(metrics.LANE_OVERDUE, max(0.0, (now - first[0][1]) / 1000) if first else 0.0)
    yield MetricReading(metrics.TURNS, turns)
    yield MetricReading(metrics.THREADS, sum(int(one.rpartition(b"/")[2]) for one in staff))


def _age(doorbell: bytes | None) -> float:
    """Seconds since the doorbell was rung, by the clocks of two machines."""
    if doorbell is None:
        return 0.0
    rung = float(json.loads(doorbell)["message_timestamp"]) / 1000
    return max(0.0, time.time() - rung)
