"""The clock process: `python -m worker.scheduler` relays events and sweeps, until it is told to stop."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import redis

from store import metrics_rows, outbox, processes
from worker import database, feed_witness, logs, pruner, settings, telemetry, wiring
from worker.attachments.attacher import Attacher
from worker.connections import tending
from worker.contacts import changes, new_contacts, rechecking
from worker.delivery import relay
from worker.delivery.rounds import Webhooks
from worker.delivery.webhook_post import Poster
from worker.doorbells import CHANGED_INVOICES, CHANGES, PREVIEWS, RELAY, RELAY_SOON
from worker.ending import when_asked_to_end
from worker.erasing import pieces
from worker.export import allocator, rescuer
from worker.failing import alerting, sending_again
from worker.heartbeat import Heartbeat
from worker.intake.stream_consumer import RequestStream, StreamConsumer
from worker.measuring import measuring
from worker.preview import preview
from worker.reconcile import reconciler, restore_check
from worker.reconcile.changed_invoices import InvoiceLooks
from worker.redis_client import redis_client
from worker.submission import orders
from worker.tools import Tools
from worker.watching import attention, daily_summary, drafts, throughput

_AFTER_TROUBLE_SECONDS = 1.0
_IDLE_SECONDS = 1.5
_LOOK_SECONDS = 1.0
_REFUSED_SECONDS = rechecking.REFUSED_PASS_SECONDS
_TOGETHER_SECONDS = 0.1  # answers of a bulk send go out together while there are many; a click's at once


@dataclass(frozen=True)
class NextRun:
    """Seconds until a duty is wanted again, or sooner, when one of these wake lists rings."""

    seconds: float = 0.0
    wakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeriodicJob:
    """One periodic job: `run` does what is due and says when it is wanted again. Leases keep other machines out."""

    name: str
    run: Callable[["Scheduler"], NextRun]


class Scheduler:
    """Runs the duties, each in a thread of its own, until it is told to stop."""

    def __init__(self, tools: Tools) -> None:
        self._stopping = threading.Event()
        self.tools = tools = replace(tools, is_ending=self._stopping.is_set)
        self.holder = f"{socket.gethostname()}/{os.getpid()}"
        poster = Poster(private=tools.settings.webhook_private_addresses)
        self.next_sweep = 0.0  # by the tools' own clock
        self.looks = InvoiceLooks(tools, self.holder)
        self.pruner = pruner.Pruner(tools, self.holder)
        self.webhooks = Webhooks(tools, self.holder, poster.post)
        self.attacher = Attacher(tools)
        self.allocator = allocator.Allocator(tools, self.holder)
        client = redis_client(tools.settings.redis_url, name=database.name_of("clock"))
        self.stream = StreamConsumer(tools, RequestStream(client, self.holder))

    def run(self) -> None:
        """Work until stopped; finishes what is in hand."""
        duties = [duty for duty in DUTIES if duty is not STREAM or self.tools.settings.stream_in]
        threads = [threading.Thread(target=self._keep_running, args=(duty,), name=duty.name) for duty in duties]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.webhooks.stop()
        with contextlib.suppress(Exception), self.tools.store.write() as work:  # leases end by themselves as well
            processes.leave_shards(work, self.holder)
        self.attacher.stop()
        self.allocator.stop()

    def stop(self) -> None:
        """End after the duty at hand."""
        self._stopping.set()
        self.webhooks.wake()

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def _keep_running(self, duty: PeriodicJob) -> None:
        while not self._stopping.is_set():
            try:
                self._wait(duty.run(self))
            except Exception:
                logs.log("clock").exception("clock.failed", duty=duty.name)
                self._stopping.wait(_AFTER_TROUBLE_SECONDS)

    def _wait(self, rest: NextRun) -> None:
        if not rest.wakes:
            self._stopping.wait(rest.seconds)
            return
        try:
            self.tools.bells.wait(rest.seconds, *rest.wakes)
        except redis.RedisError:
            self._stopping.wait(_AFTER_TROUBLE_SECONDS)


def _every(seconds: float, *moves: Callable[[Tools, str], object]) -> Callable[[Scheduler], NextRun]:
    """A duty of these moves, one after the other, begun so often; one that takes longer begins again at once."""

    def run(clock: Scheduler) -> NextRun:
        began = clock.tools.elapsed()
        for move in moves:
            move(clock.tools, clock.holder)
        return NextRun(max(0.0, seconds - (clock.tools.elapsed() - began)))

    return run


def relay_duty(clock: Scheduler) -> NextRun:
    """Events go out; a process without the duty hands the bell on."""
    moved = relay.relay(clock.tools, clock.holder)
    if moved is None:
        clock.tools.bells.wake_relay()  # whoever has the duty did not hear this bell
        return NextRun(_IDLE_SECONDS)
    if moved:
        clock.webhooks.wake()
    if moved >= outbox.AT_ONCE:
        return NextRun()  # there may be more; what comes from now on wakes us
    return NextRun(_TOGETHER_SECONDS, (RELAY,)) if moved else NextRun(_IDLE_SECONDS, (RELAY, RELAY_SOON))


def _witness(clock: Scheduler) -> NextRun:
    clock.tools.witness.prove(clock.tools.store, clock.tools.redis)
    return NextRun(feed_witness.PASS_SECONDS)


def _webhooks(clock: Scheduler) -> NextRun:
    clock.webhooks.begin_rounds()
    clock.webhooks.wait(_LOOK_SECONDS)
    return NextRun()


def _webhook_news(clock: Scheduler) -> NextRun:
    """Whichever clock relays, all that have endpoints hear of it at once."""
    try:
        for companies in clock.tools.bells.hear_feed():
            if companies is None or companies:
                clock.webhooks.wake()
            if clock.is_stopping:
                break
    except redis.RedisError:
        return NextRun(_AFTER_TROUBLE_SECONDS)  # they are looked at each second as well
    return NextRun()


def _attachments(clock: Scheduler) -> NextRun:
    clock.attacher.begin_rounds()
    clock.attacher.wait(_IDLE_SECONDS)
    return NextRun()


def _allocations(clock: Scheduler) -> NextRun:
    clock.allocator.begin_rounds()
    return NextRun(allocator.PASS_SECONDS)


def _rescuer(clock: Scheduler) -> NextRun:
    """What Redis forgot is not left until the next sweep when it forgot everything."""
    now = clock.tools.elapsed()
    if clock.tools.bells.is_emptied(clock.holder) or now >= clock.next_sweep:
        clock.next_sweep = now + clock.tools.settings.sweep_seconds
        rescuer.sweep(clock.tools, clock.holder)
    return NextRun(min(_LOOK_SECONDS, clock.tools.settings.sweep_seconds))


def _logins(clock: Scheduler) -> NextRun:
    tending.tend(clock.tools, clock.holder)
    return NextRun(tending.seconds_until_next(clock.tools))


def _changes(clock: Scheduler) -> NextRun:
    return NextRun() if changes.answer_due(clock.tools, clock.holder) else NextRun(_IDLE_SECONDS, (CHANGES,))


def _changed_invoices(clock: Scheduler) -> NextRun:
    return NextRun() if clock.looks.look_at_due() else NextRun(_IDLE_SECONDS, (CHANGED_INVOICES,))


def _previews(clock: Scheduler) -> NextRun:
    return NextRun() if preview.answer_next(clock.tools) else NextRun(_IDLE_SECONDS, (PREVIEWS,))


def _bulk_jobs(clock: Scheduler) -> NextRun:
    """Orders about many invoices and to erase, what is sent again because its cause is gone, and alerts."""
    busy = orders.go_on(clock.tools) + sending_again.go_on(clock.tools) + alerting.watch(clock.tools)
    busy += pieces.go_on(clock.tools)
    return NextRun() if busy else NextRun(_LOOK_SECONDS)


def _pruner(clock: Scheduler) -> NextRun:
    return NextRun(_LOOK_SECONDS if clock.pruner.prune() >= pruner.MANY else pruner.PASS_SECONDS)


def _counts(clock: Scheduler) -> NextRun:
    return NextRun(measuring.PASS_SECONDS if measuring.count_on(clock.tools) < metrics_rows.AT_ONCE else 0.0)


def _stream(clock: Scheduler) -> NextRun:
    try:
        clock.stream.take()
    except redis.RedisError as lost:
        logs.log("door").warning("door.lost", door="stream", error=type(lost).__name__)
        return NextRun(_AFTER_TROUBLE_SECONDS)
    return NextRun()


STREAM = PeriodicJob("stream", _stream)
DUTIES = (
    PeriodicJob("relay", relay_duty),
    PeriodicJob("witness", _witness),
    PeriodicJob("webhooks", _webhooks),
    PeriodicJob("webhook_news", _webhook_news),
    PeriodicJob("attachments", _attachments),
    PeriodicJob("rescuer", _rescuer),
    PeriodicJob("reconciler", _every(reconciler.PASS_SECONDS, reconciler.reconcile)),
    PeriodicJob("changed_invoices", _changed_invoices),
    PeriodicJob("restore_check", _every(restore_check.PASS_SECONDS, restore_check.check_restored)),
    PeriodicJob("logins", _logins),
    PeriodicJob("changes", _changes),
    PeriodicJob("rechecks", _every(rechecking.PASS_SECONDS, rechecking.recheck_due, rechecking.recheck_settings_due)),
    PeriodicJob("new_contacts", _every(new_contacts.PASS_SECONDS, new_contacts.ask_by_setting)),
    PeriodicJob("refused_settings", _every(rechecking.REFUSED_PASS_SECONDS, rechecking.recheck_refused)),
    PeriodicJob("bulk_jobs", _bulk_jobs),
    PeriodicJob("previews", _previews),
    PeriodicJob("pruner", _pruner),
    PeriodicJob("drafts", _every(drafts.PASS_SECONDS, drafts.settle_due)),
    PeriodicJob("allocations", _allocations),
    PeriodicJob("counts", _counts),
    PeriodicJob("throughput", _every(throughput.PASS_SECONDS, throughput.count)),
    PeriodicJob("queues", _every(throughput.QUEUE_SECONDS, throughput.note_queues)),
    PeriodicJob("summaries", _every(daily_summary.PASS_SECONDS, daily_summary.tell_due)),
    PeriodicJob("audit_check", _every(attention.AUDIT_PASS_SECONDS, attention.check_audit)),
    STREAM,
)


def main() -> None:
    """Run the clock process."""
    chosen = settings.load_at_start()
    telemetry.set_up("clock")
    tools = wiring.build(chosen, "clock")
    scheduler, heartbeat = Scheduler(tools), Heartbeat(tools.store, "clock", tools.redis)
    when_asked_to_end(scheduler.stop)
    logs.log("clock").info("clock.started", pid=os.getpid())
    heartbeat.start()
    scheduler.run()
    heartbeat.stop()
    telemetry.stop()


if __name__ == "__main__":
    main()
