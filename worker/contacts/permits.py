"""One call to Xero under one permit, for moves that are not a lane's turn; never inside a transaction."""

from collections.abc import Callable
from typing import TypeVar

import redis

from events.accounting_target import Organisation, Permit, Trouble
from worker.tools import Tools

_WITHOUT_REDIS_SECONDS = 15.0
Wait = Callable[[float], None]
T = TypeVar("T")


def call(
    tools: Tools, organisation: Organisation, ask: Callable[[], T], wait: Wait | None = None, *, single: bool = True
) -> T:
    """What Xero answers. Where there is no permit, `wait` sits it out; without it that is Trouble. Raises Trouble.

    `single` calls may use the day's reserve, but only for a person who waits here: what a host sends and the clock
    asks about leaves it to clicks.
    """
    while (permit := _ask(tools, organisation, single=single and wait is not None)).wait:
        if wait is None:
            raise Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        wait(permit.wait)
    try:
        return ask()
    finally:
        tools.target(organisation).pace.done(permit)


def _ask(tools: Tools, organisation: Organisation, *, single: bool) -> Permit:
    try:
        return tools.target(organisation).pace.ask(organisation, single=single)
    except redis.RedisError as lost:
        message = f"no permit without Redis: {type(lost).__name__}"
        raise Trouble("not_sent", message, wait=_WITHOUT_REDIS_SECONDS) from None
