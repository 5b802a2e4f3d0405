"""The actors: what a doorbell does."""

from collections.abc import Callable

import dramatiq

from events.accounting_target import Lane
from worker.broker import QUEUE, TURN, WaitingBroker
from worker.export.turn import answer_doorbell
from worker.tools import Tools
from worker.watching import canary


def declare(broker: WaitingBroker, tools: Callable[[], Tools]) -> None:
    """Tell the broker what to do with a doorbell; tools are made in the worker process, at the first one."""

    @dramatiq.actor(broker=broker, actor_name=TURN, queue_name=QUEUE)
    def turn(lane: str, token: str) -> None:
        if lane == canary.LANE.key:
            canary.answer_doorbell(tools(), token)
        else:
            answer_doorbell(tools(), Lane.of(lane), token)
