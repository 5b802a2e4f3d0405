"""Webhooks out: every endpoint at its own pace, in threads, so that one that hangs holds back no other.

One round of webhooks to one endpoint: thirteen tries over three days for each event, and no event holds back others.
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from store import deliveries, outbox, processes, sinks
from store.processes import HeldShards
from store.unit_of_work import Work
from worker import logs, tracing
from worker.decisions import turns
from worker.decisions.turns import RoundSize
from worker.delivery.webhook_post import ENDPOINTS_AT_ONCE, PostResult, PostTarget
from worker.delivery.webhooks import Watch, endpoint_rests, with_work
from worker.tools import Tools

_log = logs.log("relay")
_LEASE_SECONDS = 60.0  # several times the longest round, each of which takes it anew
_BATCH_LENGTH = 1_000_000  # characters of one POST
Post = Callable[[PostTarget, str, str], PostResult]
_Posted = tuple[list[Any], PostResult]  # the events of one POST and what came of it


@dataclass(frozen=True)
class Round:
    """What is tried at the same time: events due `again` (with their `tries`) and `new` ones, and their positions.

    `failures` is how many deliveries in a row failed before; `unanswered` are requests whose `completed` is among
    the new ones and whose answers still wait from rounds before.
    """

    again: Sequence[Any]
    new: Sequence[Any]
    start: int
    to: int
    failures: int
    unanswered: Collection[str] = ()

    @property
    def events(self) -> list[Any]:
        """All of them."""
        return [*self.again, *self.new]


@dataclass(frozen=True)
class RoundEnd:
    """What came of a round: whether there may be `more`, and how many are to go side by side in the next one.

    `elsewhere`: nothing came of it, since another process has the endpoint.
    """

    more: bool
    size: RoundSize
    elsewhere: bool = False


def deliver(tools: Tools, holder: str, endpoint: PostTarget, post: Post, size: RoundSize | None = None) -> RoundEnd:
    """Deliver what is due again and what is new, a few at a time.

    One process at a time; said twice if it is killed before the outcome is kept.
    """
    size = size or RoundSize()
    with tools.store.write() as work:
        if not processes.take_duty(work, endpoint.door, holder, _LEASE_SECONDS):
            return RoundEnd(more=False, size=size, elsewhere=True)
        now = _gather(work, endpoint, size.events)
    if now is None:
        return RoundEnd(more=False, size=size)
    began = tools.elapsed()
    posts = _post_answers_first(endpoint, now, post)
    seconds = tools.elapsed() - began
    with tools.store.write() as work:
        if not processes.take_duty(work, endpoint.door, holder, _LEASE_SECONDS):
            return RoundEnd(
                more=False, size=size, elsewhere=True
            )  # away too long: whoever has it now says the same again
        _record_outcomes(work, endpoint, now, posts)
    missed = sum(1 for _, result in posts if result.trouble)
    size = size.after(len(posts) - missed, missed, seconds)
    return RoundEnd(more=bool(now.events or now.to > now.start), size=size)


def leave_round(tools: Tools, holder: str, endpoint: PostTarget) -> None:
    """Nothing more for now: another clock need not wait for the lease to end."""
    with tools.store.write() as work:
        processes.leave_duty(work, endpoint.door, holder)


def _gather(work: Work, endpoint: PostTarget, size: int) -> Round | None:
    """For so many posts; a single event after a failure, until one gets through. None while the endpoint rests."""
    standing = sinks.standing(work, endpoint.door)
    if endpoint_rests(standing, work.now):
        return None
    failures = standing.failures if standing else 0
    most = 1 if failures else size
    again = sinks.due_again(work, endpoint.door, most=max(1, most // 2))
    start = standing.position if standing else 0
    if len(again) == most:
        return Round(again, [], start, start, failures)
    fit = (most - len(again)) * (1 if failures else endpoint.batch)
    new = sinks.window(work, start, endpoint.company, fit)
    ended = [sinks.request_key(event).get("completes") for event in new.events]
    unanswered = sinks.unanswered(work, endpoint.door, [request for request in ended if request])
    return Round(again, new.events, start, new.to, failures, unanswered)


def _post_answers_first(endpoint: PostTarget, now: Round, post: Post) -> list[_Posted]:
    """What came of each post; a `completed` is posted once all answers of its request were taken."""
    requests = {event.id: sinks.request_key(event) for event in now.events}
    first = [event for event in now.events if "completes" not in requests[event.id]]
    posts = _post_side_by_side(endpoint, _batched(endpoint, now, first), post)
    missed = {requests[event.id].get("answers") for events, result in posts if result.trouble for event in events}
    unanswered = missed.union(now.unanswered)
    ends = [event for event in now.events if event not in first and requests[event.id]["completes"] not in unanswered]
    return posts + _post_side_by_side(endpoint, _batched(endpoint, now, ends), post)


def _batched(endpoint: PostTarget, now: Round, events: Sequence[Any]) -> list[list[Any]]:
    """The events of each post. One that is tried again goes alone: no other has to wait with it a second time."""
    batches: list[list[Any]] = []
    room = 0
    for event in events:
        size = len(event.body)
        if event in now.again or not batches or len(batches[-1]) == endpoint.batch or size > room:
            batches.append([])
            room = 0 if event in now.again else _BATCH_LENGTH
        batches[-1].append(event)
        room -= size
    return batches


def _post_side_by_side(endpoint: PostTarget, batches: Sequence[list[Any]], post: Post) -> list[_Posted]:
    def posted(events: list[Any]) -> _Posted:
        if endpoint.batch == 1:
            return events, post(endpoint, events[0].id, events[0].body)
        name = hashlib.sha256(" ".join(event.id for event in events).encode()).hexdigest()[:32]
        return events, post(endpoint, f"batch_{name}", f"[{','.join(event.body for event in events)}]")

    if len(batches) < 2:
        return [posted(events) for events in batches]
    with ThreadPoolExecutor(len(batches)) as threads:
        return list(threads.map(posted, batches))


def _record_outcomes(work: Work, endpoint: PostTarget, now: Round, posts: Sequence[_Posted]) -> None:
    """Every event has its outcome: through, to be tried again, or given up; or it waits for answers, untried."""
    outcomes = [(event, result) for events, result in posts for event in events]
    posted = {event.id for event, _ in outcomes}
    tried = [(event.id, getattr(event, "tries", 0) + 1, result) for event, result in outcomes]
    deliveries.note(work, endpoint.door, [as_tried(*one) for one in tried])
    for event in now.new:
        if event.id not in posted:
            sinks.try_again(work, endpoint.door, event, 0, 0, "")
    for event, result in outcomes:
        if result.trouble:
            tries = getattr(event, "tries", 0) + 1
            sinks.try_again(work, endpoint.door, event, turns.delivery_wait(tries), tries, result.trouble)
            trace = tracing.ids(outbox.trace_of(event.body))
            said = {"event_id": event.id, "attempt": tries, "error": result.trouble, **trace}
            _log.warning("relay.not_delivered", door=endpoint.door, **said)
        elif event in now.again:
            sinks.delivered(work, endpoint.door, event.id)
    if now.to > now.start:
        sinks.move_on(work, endpoint.door, now.to)
    _judge(work, endpoint, now.failures, [result for _, result in posts])


def as_tried(event_id: str, tries: int, result: PostResult) -> dict[str, Any]:
    """A try as it is kept."""
    seen = {"status": result.status, "milliseconds": round(result.seconds * 1000)}
    return {"event_id": event_id, "tries": tries, **seen, "trouble": result.trouble, "answer": result.answer}


def _judge(work: Work, endpoint: PostTarget, before: int, outcomes: Sequence[PostResult]) -> None:
    """An endpoint that takes nothing rests, longer each time; any rests as long as it asks; others do well."""
    missed = [one for one in outcomes if one.trouble]
    asked = max((one.wait for one in missed), default=0.0)
    if missed and (asked or len(missed) == len(outcomes)):
        failures = before + min(len(missed), turns.POSTS_AT_ONCE)  # more side by side are no longer an outage
        rest = max(asked, turns.endpoint_wait(failures))
        sinks.doing(work, endpoint.door, failures, rest, missed[-1].trouble)
    elif before and outcomes:
        sinks.doing(work, endpoint.door, 0, 0, "")
        sinks.hasten(work, endpoint.door, lambda tries: turns.is_hastened(tries, before))


_ROUNDS = 10
DUTY = "webhooks"
SHARDS_SECONDS = 12.0  # what a dead clock had is others' after so long, its rounds at hand after _LEASE_SECONDS


class Webhooks:
    """Begins a few rounds for each endpoint that has something to get; `wait` until it is worth looking again.

    Clocks share the endpoints by shards. An endpoint of its own shards that another clock is still at is looked at
    again and again: the lease of each endpoint, not the shard, is what keeps two from delivering to it.
    """

    def __init__(self, tools: Tools, holder: str, post: Post) -> None:
        self._tools = tools
        self._holder = holder
        self._post = post
        self._threads = ThreadPoolExecutor(ENDPOINTS_AT_ONCE, "webhooks")
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._watch = Watch()
        self._sizes: dict[str, RoundSize] = {}
        self._held: HeldShards | None = None
        self._retake_at = 0.0  # by the tools' own clock
        self._guard = threading.Lock()
        self._news = threading.Event()
        self._stopping = False

    def begin_rounds(self) -> int:
        """Begin for every endpoint with work that is not busy; gives how many."""
        self._news.clear()
        begun = 0
        held = self._shards()
        with self._guard:
            self._watch.again |= self._again
            self._again.clear()
        for endpoint in with_work(self._tools, self._watch, held):
            with self._guard:
                if endpoint.door in self._busy or self._stopping:
                    self._again.add(endpoint.door)
                    continue
                self._busy.add(endpoint.door)
            self._threads.submit(self._serve, endpoint)
            begun += 1
        return begun

    def _shards(self) -> HeldShards:
        """The endpoints of this clock; all of a shard that it did not have are looked at."""
        now, held = self._tools.elapsed(), self._held
        if held is None or now >= self._retake_at:
            before = held.mine if held else frozenset()
            with self._tools.store.write() as work:
                held = self._tools.take_shards(work, DUTY, self._holder, SHARDS_SECONDS)
            if held.mine - before:
                self._watch.whole_at = None
            self._held, self._retake_at = held, now + SHARDS_SECONDS / 4
        return held

    def wait(self, seconds: float) -> None:
        """Until there is news, at most this long."""
        self._news.wait(seconds)

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    def stop(self) -> None:
        """End after the rounds at hand."""
        self._stopping = True
        self._news.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _serve(self, endpoint: PostTarget) -> None:
        more = elsewhere = False
        size = self._sizes.pop(endpoint.door, RoundSize())
        try:
            for _ in range(_ROUNDS):
                if self._stopping:
                    break
                end = deliver(self._tools, self._holder, endpoint, self._post, size)
                more, size, elsewhere = end.more, end.size, end.elsewhere
                if not more:
                    break
            leave_round(self._tools, self._holder, endpoint)
        except Exception:
            more = False
            _log.exception("webhooks.failed", door=endpoint.door)
        with self._guard:
            self._busy.discard(endpoint.door)
            if more or elsewhere:
                self._again.add(endpoint.door)
            if size != RoundSize():
                self._sizes[endpoint.door] = size
        if more:
            self._news.set()
