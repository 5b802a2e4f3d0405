"""The ticker: turns lanes that have become due into doorbells. Only a net: rings do the work."""

import os
import socket
import threading

import redis

from worker import broker, logs
from worker.decisions.turns import MOST_FOR_BULK
from worker.doorbells import TICKER, Doorbells

_LONG_QUEUE = 200
_AFTER_TROUBLE_SECONDS = 1.0
_STAFF_SECONDS = 10.0


class Ticker(threading.Thread):
    """One thread per worker process; any number of them agree through Redis."""

    def __init__(self, bells: Doorbells, client: redis.Redis, threads: int) -> None:
        super().__init__(name="ticker", daemon=True)
        self._bells = bells
        self._client = client
        self._threads = threads
        self._process = f"{socket.gethostname()}/{os.getpid()}"
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bells.wait(self.tick(), TICKER)
            except redis.RedisError:
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)
            except Exception:
                logs.log("ticker").exception("ticker.failed")
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def tick(self) -> float:
        """Ring what is due; give the seconds until it is worth looking again."""
        self._bells.staff(self._process, self._threads, _STAFF_SECONDS)
        if broker.queue_length(self._client) > _LONG_QUEUE:
            return 1.0
        lanes, wait = self._bells.due()
        for lane in lanes:
            self._bells.ring(lane, most=MOST_FOR_BULK)
        if lanes:
            return 0.25
        return 1.5 if wait is None else wait

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()
