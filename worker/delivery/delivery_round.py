"""One round of webhooks to one endpoint: ten tries over three days for each event, and no event holds back others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from store import duties, sinks
from store.unit_of_work import Work
from worker import logs
from worker.decisions import retries
from worker.delivery import endpoints
from worker.delivery.webhook_post import Missed, PostTarget
from worker.tools import Tools

AT_ONCE = 8
_LEASE_SECONDS = 60.0  # several times the longest round, each of which takes it anew
_log = logs.log("relay")
Post = Callable[[PostTarget, str, str], Missed | None]


@dataclass(frozen=True)
class Round:
    """What is tried at the same time: events due `again` (with their `tries`) and `new` ones, and their positions.

    `failures` is how many deliveries in a row failed before.
    """

    again: Sequence[Any]
    new: Sequence[Any]
    start: int
    to: int
    failures: int

    @property
    def events(self) -> list[Any]:
        """All of them."""
        return [*self.again, *self.new]


def deliver(tools: Tools, holder: str, endpoint: PostTarget, post: Post) -> bool:
    """Deliver what is due again and what is new, a few at a time; gives whether there may be more.

    One process at a time; said twice if it is killed before the outcome is kept.
    """
    with tools.store.write() as work:
        if not duties.take(work, endpoint.door, holder, _LEASE_SECONDS):
            return False
        now = _gather(work, endpoint)
    if now is None:
        return False
    outcomes = _post_side_by_side(endpoint, now.events, post)
    with tools.store.write() as work:
        if not duties.take(work, endpoint.door, holder, _LEASE_SECONDS):
            return False  # we were away too long: whoever has it now says the same again
        _record_outcomes(work, endpoint, now, outcomes)
    return bool(now.events or now.to > now.start)


def leave(tools: Tools, holder: str, endpoint: PostTarget) -> None:
    """Nothing more for now: another clock need not wait for the lease to end."""
    with tools.store.write() as work:
        duties.leave(work, endpoint.door, holder)


def _gather(work: Work, endpoint: PostTarget) -> Round | None:
    """A single event after a failure, until one gets through; None while the endpoint rests."""
    standing = sinks.standing(work, endpoint.door)
    if endpoints.rests(standing, work.now):
        return None
    failures = standing.failures if standing else 0
    most = 1 if failures else AT_ONCE
    again = sinks.due_again(work, endpoint.door, most=max(1, most // 2))
    start = sinks.position(work, endpoint.door)
    if len(again) == most:
        return Round(again, [], start, start, failures)
    new = sinks.window(work, endpoint.door, endpoint.company, most - len(again))
    return Round(again, new.events, start, new.to, failures)


def _post_side_by_side(endpoint: PostTarget, events: Sequence[Any], post: Post) -> list[Missed | None]:
    if len(events) < 2:
        return [post(endpoint, event.id, event.body) for event in events]
    with ThreadPoolExecutor(len(events)) as threads:
        return list(threads.map(lambda event: post(endpoint, event.id, event.body), events))


def _record_outcomes(work: Work, endpoint: PostTarget, now: Round, outcomes: Sequence[Missed | None]) -> None:
    """Every event has its outcome: through, to be tried again, or given up."""
    for event, missed in zip(now.events, outcomes, strict=True):
        if missed is not None:
            tries = getattr(event, "tries", 0) + 1
            sinks.try_again(work, endpoint.door, event.id, retries.delivery_wait(tries), tries, missed.trouble)
            _log.warning(
                "relay.not_delivered", door=endpoint.door, event_id=event.id, attempt=tries, error=missed.trouble
            )
        elif event in now.again:
            sinks.delivered(work, endpoint.door, event.id)
    if now.to > now.start:
        sinks.move_on(work, endpoint.door, now.to)
    _judge(work, endpoint, now.failures, outcomes)


def _judge(work: Work, endpoint: PostTarget, before: int, outcomes: Sequence[Missed | None]) -> None:
    """An endpoint that takes nothing rests, longer each time; any rests as long as it asks; others do well."""
    missed = [one for one in outcomes if one is not None]
    asked = max((one.wait for one in missed), default=0.0)
    if missed and (asked or len(missed) == len(outcomes)):
        failures = before + len(missed)
        rest = max(asked, retries.endpoint_wait(failures))
        sinks.doing(work, endpoint.door, failures, rest, missed[-1].trouble)
    elif before and outcomes:
        sinks.doing(work, endpoint.door, 0, 0, "")
