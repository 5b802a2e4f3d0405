"""The worker process: `dramatiq worker.main:start`."""

import os
from collections.abc import Callable

from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from worker import actors, broker, logs, settings, wiring
from worker.heartbeat import Heartbeat, Ticker
from worker.tools import Tools


class _Boot(Middleware):
    """Starts this process's ticker and heartbeat once the fork is behind it."""

    def __init__(self, tools: Callable[[], Tools]) -> None:
        self._tools = tools
        self._ticker: Ticker | None = None
        self._heartbeat: Heartbeat | None = None

    def before_worker_boot(self, _broker: object, worker: Worker) -> None:
        worker.queue_prefetch = worker.worker_threads  # no doorbell waits in a process that is busy

    def after_worker_boot(self, _broker: object, worker: Worker) -> None:
        tools = self._tools()
        self._ticker = Ticker(tools.bells, tools.redis, worker.worker_threads)
        self._ticker.start()
        self._heartbeat = Heartbeat(tools.store, "worker")
        self._heartbeat.start()
        logs.log("worker").info("worker.started", pid=os.getpid())

    def before_worker_shutdown(self, *_: object) -> None:
        if self._ticker:
            self._ticker.stop()

    def after_worker_shutdown(self, *_: object) -> None:
        if self._heartbeat:
            self._heartbeat.stop()


def start() -> None:
    """Set the process up; dramatiq calls this, nothing happens at import."""
    chosen = settings.load_at_start()
    tools = wiring.later(chosen)
    made = broker.build(broker.redis_client(chosen.redis_url), _Boot(tools))
    broker.use(made)
    actors.declare(made, tools)
