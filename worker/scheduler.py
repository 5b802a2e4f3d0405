"""The clock process: `python -m worker.scheduler` relays events and sweeps, until it is told to stop."""

import os
import signal
import socket
import threading
from collections.abc import Callable

import redis

from store import counters, outbox
from worker import broker, logs, settings, wiring
from worker.bulk import bulk_jobs
from worker.connections import tending
from worker.contacts import changes, rechecking, settings_rechecking
from worker.delivery import relay
from worker.delivery.webhook_post import Poster
from worker.delivery.webhooks import Webhooks
from worker.doorbells import CHANGES, PREVIEWS, RELAY, RELAY_SOON
from worker.export import rescuer
from worker.failing import alerting, sending_again
from worker.heartbeat import Heartbeat
from worker.intake.request_stream import RequestStream
from worker.intake.stream_consumer import StreamConsumer
from worker.measuring import counting
from worker.preview import previews
from worker.pruning import pruner
from worker.reconcile import reconciler
from worker.tools import Tools
from worker.watching import audit_check, throughput

_AFTER_TROUBLE_SECONDS = 1.0
_IDLE_SECONDS = 1.5
_LOOK_SECONDS = 1.0
_TOGETHER_SECONDS = 0.1  # answers of a bulk send go out together while there are many; a click's at once


class Scheduler:
    """The periodic duties, each in a thread of its own; a lease per duty keeps other machines out."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._holder = f"{socket.gethostname()}/{os.getpid()}"
        self._stopping = threading.Event()
        chosen = tools.settings
        poster = Poster(private=chosen.webhook_private_addresses)
        self._webhooks = Webhooks(tools, self._holder, poster.post)
        client = broker.redis_client(chosen.redis_url)
        self._stream_consumer = StreamConsumer(tools, RequestStream(client, self._holder))

    def run(self) -> None:
        """Work until stopped; finishes what is in hand."""
        threads = [
            threading.Thread(target=self._run_duty, args=(duty,), name=duty.__name__.strip("_"))
            for duty in (
                self._relay,
                self._deliver,
                self._sweep,
                self._reconcile,
                self._tend,
                self._change,
                self._recheck,
                self._recheck_refused,
                self._look_after,
                self._preview,
                self._prune,
                *([self._take_in] if self._tools.settings.stream_in else []),
                self._count,
                self._count_through,
                self._check_audit,
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._webhooks.stop()

    def stop(self, *_: object) -> None:
        """End after the duty at hand."""
        self._stopping.set()
        self._webhooks.wake()

    def _run_duty(self, duty: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                duty()
            except Exception:
                logs.log("clock").exception("clock.stumbled", duty=duty.__name__.strip("_"))
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def _relay(self) -> None:
        moved = relay.relay(self._tools, self._holder)
        if moved is None:
            self._tools.bells.wake_relay()  # whoever has the duty did not hear this bell
            self._stopping.wait(_IDLE_SECONDS)
            return
        if moved:
            self._webhooks.wake()
        if moved >= outbox.AT_ONCE:
            return  # there may be more; what comes from now on wakes us
        if moved:
            self._wait(_TOGETHER_SECONDS, RELAY)
        else:
            self._wait(_IDLE_SECONDS, RELAY, RELAY_SOON)

    def _wait(self, seconds: float, *whom: str) -> None:
        try:
            self._tools.bells.wait(seconds, *whom)
        except redis.RedisError:
            self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def _preview(self) -> None:
        if not previews.answer_next(self._tools):
            self._wait(_IDLE_SECONDS, PREVIEWS)

    def _deliver(self) -> None:
        self._webhooks.begin_rounds()
        self._webhooks.wait(_LOOK_SECONDS)

    def _take_in(self) -> None:
        try:
            self._stream_consumer.take()
        except redis.RedisError as lost:
            logs.log("door").warning("door.lost", door="stream", error=type(lost).__name__)
            self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def _sweep(self) -> None:
        rescuer.sweep(self._tools, self._holder)
        self._stopping.wait(self._tools.settings.sweep)

    def _tend(self) -> None:
        tending.tend(self._tools, self._holder)
        self._stopping.wait(tending.seconds_until_next(self._tools))

    def _change(self) -> None:
        if not changes.answer_due(self._tools, self._holder):
            self._wait(_IDLE_SECONDS, CHANGES)

    def _recheck(self) -> None:
        rechecking.recheck_due(self._tools, self._holder)
        settings_rechecking.recheck_due(self._tools, self._holder)
        self._stopping.wait(rechecking.PASS_SECONDS)

    def _recheck_refused(self) -> None:
        settings_rechecking.recheck_refused(self._tools, self._holder)
        self._stopping.wait(settings_rechecking.REFUSED_PASS_SECONDS)

    def _look_after(self) -> None:
        if not bulk_jobs.go_on(self._tools) + sending_again.go_on(self._tools) + alerting.watch(self._tools):
            self._stopping.wait(_LOOK_SECONDS)

    def _prune(self) -> None:
        busy = pruner.prune(self._tools, self._holder)
        self._stopping.wait(_LOOK_SECONDS if busy else pruner.PASS_SECONDS)

    def _count(self) -> None:
        if counting.count_on(self._tools) < counters.AT_ONCE:
            self._stopping.wait(counting.PASS_SECONDS)

    def _count_through(self) -> None:
        throughput.count(self._tools, self._holder)
        self._stopping.wait(throughput.PASS_SECONDS)

    def _check_audit(self) -> None:
        audit_check.check(self._tools, self._holder)
        self._stopping.wait(audit_check.PASS_SECONDS)

    def _reconcile(self) -> None:
        reconciler.reconcile(self._tools, self._holder)
        self._stopping.wait(reconciler.PASS_SECONDS)


def main() -> None:
    """Run the clock process."""
    chosen = settings.load()
    logs.set_up(chosen.log_level, chosen.log_format)
    tools = wiring.build(chosen)
    scheduler, heartbeat = Scheduler(tools), Heartbeat(tools.store, "clock")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, scheduler.stop)
    logs.log("clock").info("clock.started", pid=os.getpid())
    heartbeat.start()
    scheduler.run()
    heartbeat.stop()


if __name__ == "__main__":
    main()
