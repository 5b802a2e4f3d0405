"""The worker process: `python -m worker.main`, which is `dramatiq worker.main:start` with lines like all others."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, cast

from dramatiq import Broker, cli
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from worker import actors, broker, database, logs, settings, telemetry, wiring
from worker.broker import WaitingBroker
from worker.heartbeat import Heartbeat, Ticker
from worker.redis_client import redis_client
from worker.tools import Tools


class _Boot(Middleware):
    """Starts this process's ticker and heartbeat once the fork is behind it."""

    def __init__(self, tools: Callable[[], Tools]) -> None:
        self._tools = tools
        self._ticker: Ticker | None = None
        self._heartbeat: Heartbeat | None = None
        self._is_ending = threading.Event()

    def before_worker_boot(self, _broker: object, worker: Worker) -> None:
        worker.queue_prefetch = worker.worker_threads  # no doorbell waits in a process that is busy

    def after_worker_boot(self, broker_: Broker, worker: Worker) -> None:
        telemetry.set_up("worker")
        tools, queue = self._tools(), cast("WaitingBroker", broker_)
        self._ticker = Ticker(tools.bells, tools.redis, worker.worker_threads, lambda: queue.quiet)
        self._ticker.start()
        self._heartbeat = Heartbeat(
            tools.store, "worker", tools.redis, process=tools.process, be_quiet=queue.be_quiet
        )
        self._heartbeat.start()
        if master := multiprocessing.parent_process():
            threading.Thread(target=self._end_with, args=(master,), name="master", daemon=True).start()
        logs.log("worker").info("worker.started", pid=os.getpid())

    def _end_with(self, master: Any) -> None:
        """A master that was killed -9 stops nobody: its child ends by itself, as by SIGTERM, behind its turns.

        Nobody supervises it any more, and the next master starts another one.
        """
        multiprocessing.connection.wait([master.sentinel])
        if sys.__stderr__:
            logs.write_to(sys.__stderr__)  # until now the master wrote our lines there
        if not self._is_ending.is_set():
            logs.log("worker").warning("worker.orphaned", pid=os.getpid())
            os.kill(os.getpid(), signal.SIGTERM)

    def before_worker_shutdown(self, *_: object) -> None:
        self._is_ending.set()
        if self._ticker:
            self._ticker.stop()

    def after_worker_shutdown(self, *_: object) -> None:
        if self._heartbeat:
            self._heartbeat.stop()
        telemetry.stop()


def start() -> None:
    """Set the process up; dramatiq calls this, nothing happens at import."""
    chosen = settings.load_at_start()
    tools = wiring.later(chosen, "worker")
    made = broker.build(redis_client(chosen.redis_url, name=database.name_of("worker")), _Boot(tools))
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
