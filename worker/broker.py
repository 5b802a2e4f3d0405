"""Dramatiq on Redis: settings that were measured, and a consumer that waits instead of polling."""

import re
import threading
import time
from typing import Any, ClassVar

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message
from dramatiq.middleware import Middleware, ShutdownNotifications
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError
from redis.retry import Retry

from worker import doorbells, logs

QUEUE = "exports"
TURN = "turn"
_LONGEST_WAIT_SECONDS = 1.0


# Why a Redis that answers does not do as it is told, by the code of its answer; what a person does about it.
_REFUSALS = {
    "OOM": "it is out of memory: raise its maxmemory",
    "READONLY": "it is a read-only replica: REDIS_URL must lead to the primary",
    "NOREPLICAS": "it has too few replicas to take anything: bring them back",
    "NOPERM": "its account may not do this: see its rights (ACL)",
    "CROSSSLOT": "it is in cluster mode, which is not supported",
    "MOVED": "it is in cluster mode, which is not supported",
    "CLUSTERDOWN": "it is in cluster mode, which is not supported",
    "MISCONF": "it cannot save to its disk: see its log",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "BUSY": "a script keeps it busy",
}
_EXPECTED = ("NOSCRIPT", "NOGROUP", "BUSYGROUP")  # whoever asks knows what to do
_TOLD_SECONDS = 60.0


def refusal_code(refused: redis.ResponseError) -> str:
    """The code that Redis gave, also from within a script; ERR where it gave none that is known."""
    words = re.findall(r"[A-Z]{3,}", f"{refused.status_code or ''} {refused}")
    return next((word for word in words if word in _REFUSALS or word in _EXPECTED), refused.status_code or "ERR")


def refusal(refused: redis.ResponseError) -> str:
    """What Redis refuses and why, as a sentence for whoever runs it."""
    code = refusal_code(refused)
    return f"{_REFUSALS.get(code, 'it refuses what it is asked')} ({code})"


class TellingRedis(redis.Redis):
    """A client whose refusals are told in the log, once a minute and code: who asks may take one for an absence."""

    _told: ClassVar[dict[str, float]] = {}

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute a command. Raises redis.RedisError."""
        try:
            return super().execute_command(*args, **options)
        except redis.ResponseError as refused:
            code, now = refusal_code(refused), time.monotonic()
            if code not in _EXPECTED and now - self._told.get(code, float("-inf")) >= _TOLD_SECONDS:
                self._told[code] = now
                logs.log("redis").error("redis.refused", reason=refusal(refused), error=code)
            raise


def redis_client(url: str, *, patient: bool = True, name: str | None = None) -> redis.Redis:
    """A client for workers (patient: about a minute of retries) or for doors (half a second, one retry)."""
    retry = Retry(ExponentialBackoff(cap=1), 60 if patient else 1)
    seconds = 5.0 if patient else 0.5
    return TellingRedis.from_url(
        url,
        retry=retry,
        retry_on_error=[redis.ConnectionError, redis.TimeoutError, BusyLoadingError],
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        client_name=name,
    )


class WaitingConsumer(_RedisConsumer):
    """Waits on a blocking pop for the next doorbell: 2 ms instead of up to a second, at one query a second."""

    def __init__(self, broker: "WaitingBroker", queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        self._room = threading.Event()
        self._all_taken = False

    def ack(self, message: Any) -> None:
        super().ack(message)
        self._room.set()

    def nack(self, message: Any) -> None:
        super().nack(message)
        self._room.set()

    def __next__(self) -> Any:
        if not self.message_cache:
            self._fetch()
            if not self.message_cache:
                self._wait()
                return None
        return super().__next__()

    def _fetch(self) -> None:
        """Take what there is room for; after less than that nothing was left, and what has come since wakes us."""
        free = self.prefetch - self.outstanding_message_count
        if free <= 0 or self._all_taken:
            return
        try:
            self.message_cache = self.broker.do_fetch(self.queue_name, free)
        except redis.RedisError as lost:
            raise ConnectionClosed(lost) from None
        self._all_taken = 0 < len(self.message_cache) < free

    def _wait(self) -> None:
        self._all_taken = False
        if self.outstanding_message_count >= self.prefetch:
            self._room.wait(_LONGEST_WAIT_SECONDS)
            self._room.clear()
            return
        try:
            self.broker.client.blpop([self.broker.wake_key(self.queue_name)], timeout=_LONGEST_WAIT_SECONDS)
        except redis.RedisError as lost:
            raise ConnectionClosed(lost) from None


class WaitingBroker(RedisBroker):
    """A Redis broker that wakes a waiting consumer with every message."""

    @property
    def consumer_class(self) -> type[WaitingConsumer]:
        return WaitingConsumer

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        sent = super().enqueue(message, delay=delay)
        doorbells.wake(self.client, self.wake_key(sent.queue_name))
        return sent

    def wake_key(self, queue_name: str) -> str:
        """Where waiting consumers of a queue are woken."""
        return f"{self.namespace}:wake:{queue_name}"

    def push(self, lane: str, token: str) -> None:
        """Put a doorbell into the queue."""
        self.enqueue(Message(queue_name=QUEUE, actor_name=TURN, args=(lane, token), kwargs={}, options={}))


def build(client: redis.Redis, *more: Middleware) -> WaitingBroker:
    """The broker: nothing retries, nothing is delayed; a lost doorbell is rung again from the database."""
    broker = WaitingBroker(
        client=client,
        namespace="xp:dramatiq",
        middleware=[ShutdownNotifications(), *more],
        maintenance_chance=50_000,
        heartbeat_timeout=30_000,
        dead_message_ttl=3 * 24 * 3_600_000,
    )
    broker.declare_queue(QUEUE)
    return broker


def use(broker: WaitingBroker) -> None:
    """Make this the process's broker."""
    dramatiq.set_broker(broker)


def queue_length(client: redis.Redis) -> int:
    """Doorbells that nobody has taken yet."""
    return int(client.llen(f"xp:dramatiq:{QUEUE}"))


def oldest(client: redis.Redis) -> bytes | None:
    """The doorbell that waits longest, as it was written; None when there is none."""
    first: Any = client.lindex(f"xp:dramatiq:{QUEUE}", 0)
    found: Any = client.hget(f"xp:dramatiq:{QUEUE}.msgs", first) if first else None
    return found if isinstance(found, bytes) else None
