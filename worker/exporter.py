"""One turn of a lane: one call to Xero, the whole story in order (DESIGN §3).

anything due? → permit → a settled uncertain batch first → else claim → map → freeze → send → record
"""

from dataclasses import dataclass

import redis

from events.accounting_target import Lane, Organisation, Trouble
from store import connections, lanes
from store.lanes import Due
from worker import breaker, logs, sending, settle, troubles
from worker.tools import Tools
from xero_adapter.pace import Permit

_PROBE_SECONDS = 15.0
_log = logs.log("exporter")


@dataclass(frozen=True)
class Next:
    """When the lane wants its next turn: `seconds` from now, or None for when it is rung."""

    seconds: float | None = None


def answer_doorbell(tools: Tools, lane: Lane, token: str) -> None:
    """Take a turn if the lane is free, and say when the next one is due."""
    if not tools.bells.begin(lane.key, token):
        return
    following = Next(1.0)
    try:
        following = take_turn(tools, lane)
    except redis.RedisError as lost:
        _log.warning("exporter.redis_lost", lane=lane.key, error=type(lost).__name__)
    except Exception:
        _log.exception("exporter.stumbled", lane=lane.key)
        following = Next(tools.settings.sweep)
    finally:
        tools.bells.end(lane.key, token, following.seconds)


def take_turn(tools: Tools, lane: Lane) -> Next:
    """One turn. Everything it does survives being killed on any line."""
    with tools.store.read() as work:
        due = lanes.look(work, lane)
        organisation = connections.organisation(work, lane)
        now = work.now
    if due.stopped or organisation is None:
        return Next()
    if due.blocked_until and due.blocked_until > now:
        return Next((due.blocked_until - now).total_seconds())
    if not due.anything:
        return Next(max(0.0, (due.next_at - now).total_seconds()) if due.next_at else None)
    if not due.settled_batch and breaker.holds_back(due):
        return Next(max(1.0, (due.next_at - now).total_seconds()) if due.next_at else _PROBE_SECONDS)
    permit = tools.pace.ask(organisation, single=due.single)
    if permit.wait:
        return _wait_for_permit(tools, organisation, permit)
    called = False
    try:
        called = _use_permit(tools, organisation, due)
    finally:
        (tools.pace.done if called else tools.pace.abandon)(permit)
    return Next(0)


def _wait_for_permit(tools: Tools, organisation: Organisation, permit: Permit) -> Next:
    """The limit is reached: nothing fails, no attempt is charged; a long wait is told."""
    _log.info("exporter.waited", lane=organisation.lane.key, limit=permit.limit, wait=permit.wait)
    if permit.wait >= troubles.WORTH_TELLING_SECONDS:
        limited = Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        with tools.store.write() as work:
            troubles.rest(work, organisation, limited, 0)
    return Next(permit.wait)


def _use_permit(tools: Tools, organisation: Organisation, due: Due) -> bool:
    """Make the call that matters most; False when none was made after all."""
    if due.settled_batch:
        return settle.settle(tools, organisation, due.settled_batch)
    return sending.send_next(tools, organisation)
