"""The relay: events from the outbox to the host, at least once, in the order of the feed."""

import time
from collections.abc import Sequence
from typing import Any

import redis

from store import canaries, outbox, processes, restores, sinks
from store.restores import HighWaterMark
from worker import feed_witness, logs, tracing
from worker.tools import Tools

DUTY = "relay"
STREAM = "crewcard.invoice-export.events"
_DOOR = "stream"
_STREAM_LENGTH = 200_000
# One command for all of them: a client spends more on packing commands and reading answers than Redis on doing them.
_ADD = """
for place = 2, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'event', ARGV[place])
end
"""
_log = logs.log("relay")


def relay(tools: Tools, holder: str) -> int | None:
    """Stamp what was committed and write it to the stream; give how many events moved. One process at a time.

    None when there is something to do and another process has the duty. Webhooks follow the stamps at their own
    pace (`webhooks`).
    """
    with tools.store.read() as work:
        lag = sinks.lag(work, _DOOR)
    is_behind = tools.settings.stream_out and lag.position < lag.newest
    if not (lag.unstamped or is_behind or lag.canary):
        return 0
    seen = feed_witness.recall(tools.redis)
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, tools.settings.sweep_seconds * 3):
            return None
        began = time.time_ns()
        here = restores.high_water(work)
        is_older = seen is not None and restores.went_back(work, seen, here)
        stamped = [] if is_older else outbox.stamp(work)
        if stamped:
            here = HighWaterMark(here.epoch, stamped[-1].position, stamped[-1].id)
        if lag.canary and not is_older:
            canaries.relay(work)
    if is_older:  # its places were given to others before: first a new epoch of the feed has to begin
        tools.witness.compare(tools.store, tools.redis)
        return 0
    feed_witness.remember(tools.redis, here, seen)
    tools.bells.ring_feed({event.company for event in stamped})
    if tracing.is_sent():
        for event in stamped:
            if context := outbox.trace_of(event.body):
                with tracing.span("relay", context, {"position": event.position}, began=began):
                    pass
    sent = _to_stream(tools, lag.position, stamped) if tools.settings.stream_out else 0
    return len(stamped) + sent


def _to_stream(tools: Tools, position: int, stamped: Sequence[Any]) -> int:
    """Everything new, at once; said twice if we are killed before the position is kept."""
    follows = stamped and stamped[0].position == position + 1
    events = stamped if follows else _behind(tools)
    if not events:
        return 0
    try:
        tools.redis.eval(_ADD, 1, STREAM, str(_STREAM_LENGTH), *(event.body for event in events))
    except redis.RedisError as lost:
        _log.warning("relay.stream_lost", error=type(lost).__name__)
        return 0
    with tools.store.write() as work:
        sinks.move_on(work, _DOOR, events[-1].position)
    return len(events)


def _behind(tools: Tools) -> Sequence[Any]:
    """What the stream has not got: of what was stamped just now, or before Redis went away."""
    with tools.store.read() as work:
        return outbox.after(work, sinks.position(work, _DOOR))
