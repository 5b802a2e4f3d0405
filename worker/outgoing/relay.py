"""The relay: events from the outbox to the host, at least once, in the order of the feed."""

from collections.abc import Sequence

import redis

from store import doors_out, duties, outbox
from store.tables import OutboxEvent
from worker import logs
from worker.tools import Tools

DUTY = "relay"
STREAM = "crewcard.invoice-export.events"
_STREAM_LENGTH = 200_000
_log = logs.log("relay")


def relay(tools: Tools, holder: str) -> int:
    """Stamp what was committed and write it to the stream; give how many events moved. One process at a time.

    Webhooks follow the stamps at their own pace (`delivering`).
    """
    with tools.store.write() as work:
        if not duties.take(work, DUTY, holder, tools.settings.sweep * 3):
            return 0
        moved = outbox.stamp(work)
    if tools.settings.stream_out:
        moved += _to_stream(tools)
    return moved


def _to_stream(tools: Tools) -> int:
    """Everything new, in one pipeline; said twice if we are killed before the position is kept."""
    with tools.store.read() as work:
        events = outbox.after(work, doors_out.position(work, "stream"))
    if not events:
        return 0
    try:
        _add(tools, events)
    except redis.RedisError as lost:
        _log.warning("relay.stream_lost", error=type(lost).__name__)
        return 0
    with tools.store.write() as work:
        doors_out.move_on(work, "stream", events[-1].position or 0)
    return len(events)


def _add(tools: Tools, events: Sequence[OutboxEvent]) -> None:
    with tools.redis.pipeline(transaction=False) as pipe:
        for event in events:
            pipe.xadd(STREAM, {"event": event.body}, maxlen=_STREAM_LENGTH, approximate=True)
        pipe.execute()
