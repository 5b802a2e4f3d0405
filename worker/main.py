"""The worker process: `python -m worker.main`, which is `dramatiq worker.main:start` with lines like all others."""

import os
import sys
from collections.abc import Callable

from dramatiq import cli
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from worker import actors, broker, logs, settings, tracing, wiring
from worker.heartbeat import Heartbeat, Ticker
from worker.redis_client import redis_client
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
        tracing.set_up("worker")
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
        tracing.stop()


def start() -> None:
    """Set the process up; dramatiq calls this, nothing happens at import."""
    chosen = settings.load_at_start()
    tools = wiring.later(chosen, "worker")
    made = broker.build(redis_client(chosen.redis_url, name=wiring.name_of("worker")), _Boot(tools))
    broker.use(made)
    actors.declare(made, tools)


def main() -> None:
    """Dramatiq's command with these options; what it says itself is written as our own lines are."""
    chosen = settings.load()
    logs.set_up(chosen.log_level, chosen.log_format)
    options = cli.make_argument_parser()  # type: ignore[no-untyped-call]
    words = ["worker.main:start", "--skip-logging", *sys.argv[1:]]
    sys.exit(cli.main(options.parse_args(words)))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
