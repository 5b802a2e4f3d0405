"""Webhooks out: every endpoint at its own pace, in threads, so that one that hangs holds back no other.

One round of webhooks to one endpoint: thirteen tries over three days for each event, and no event holds back others.
The endpoints there are: the installation's own, which gets everything, and those of companies.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store import processes, sinks
from store.unit_of_work import Work
from worker import logs
from worker.decisions import turns
from worker.delivery.webhook_post import Missed, PostTarget
from worker.tools import Tools

INSTALLATION = "webhook"
_MOST_PASSED_OVER = 500  # of others' events, before a company's endpoint is taken on past them
_TOLD_AGAIN_SECONDS = 3600.0
_lost_told: dict[str, float] = {}  # by way out, when this process last said that its secret does not open


@dataclass(frozen=True)
class _KnownEndpoint:
    """An endpoint as it is kept; the installation's own has its secrets in the settings."""

    door: str
    url: str
    company: str | None
    sealed: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class EndpointHealth:
    """An endpoint for people: events of the feed it is `behind`, deliveries to try again, and those given up.

    `rests_until`: after failures in a row nothing is sent for a while; `trouble` is the last of them.
    """

    id: str
    company: str | None
    url: str
    behind: int
    waiting: int
    given_up: int
    failures: int
    trouble: str
    rests_until: datetime | None


def with_work(tools: Tools) -> list[PostTarget]:
    """Endpoints with something to deliver now, that do not rest."""
    with tools.store.read() as work:
        found = _known(work, tools)
        return [_opened(tools, one) for one in _busy(work, found) if _opens(tools, one)] if found else []


def _busy(work: Work, found: Sequence[_KnownEndpoint]) -> list[_KnownEndpoint]:
    standings, due = sinks.standings(work), sinks.due_doors(work)
    newest = sinks.newest(work)
    of_companies = sinks.newest_by_company(work, newest - _MOST_PASSED_OVER)

    def is_busy(one: _KnownEndpoint) -> bool:
        standing = standings.get(one.door)
        position = _position(standing)
        last = newest if one.company is None else of_companies.get(one.company, 0)
        far_behind = newest - position >= _MOST_PASSED_OVER
        return not endpoint_rests(standing, work.now) and (one.door in due or position < last or far_behind)

    return [one for one in found if is_busy(one)]


def endpoint_rests(standing: object, now: datetime) -> bool:
    """Whether the door of this standing rests."""
    until: datetime | None = getattr(standing, "rests_until", None)
    return until is not None and until > now


def endpoint_health(tools: Tools) -> Sequence[EndpointHealth]:
    """Every endpoint and how it is doing."""
    with tools.store.read() as work:
        standings, counts = sinks.standings(work), sinks.counts(work)
        return [_seen(work, one, standings.get(one.door), counts) for one in _known(work, tools)]


def _seen(work: Work, one: _KnownEndpoint, standing: Any, counts: Mapping[tuple[str, str], int]) -> EndpointHealth:
    return EndpointHealth(
        id=one.door.removeprefix("webhook/"),
        company=one.company,
        url=one.url,
        behind=sinks.behind(work, _position(standing), one.company),
        waiting=counts.get((one.door, "waiting"), 0),
        given_up=counts.get((one.door, "given_up"), 0),
        failures=standing.failures if standing else 0,
        trouble=standing.trouble if standing else "",
        rests_until=standing.rests_until if standing and endpoint_rests(standing, work.now) else None,
    )


def door_of(shown: str) -> str:
    """The way out behind the id that people see."""
    return INSTALLATION if shown == INSTALLATION else sinks.door_of(shown)


def _known(work: Work, tools: Tools) -> list[_KnownEndpoint]:
    chosen = tools.settings
    own = [_KnownEndpoint(INSTALLATION, chosen.webhook_url, None, ())] if chosen.webhook_url else []
    return own + [
        _KnownEndpoint(
            sinks.door_of(row.id), row.url, row.company, tuple(filter(None, (row.secret, row.former_secret)))
        )
        for row in sinks.all_endpoints(work)
    ]


def _opens(tools: Tools, one: _KnownEndpoint) -> bool:
    """An endpoint whose secret no listed key opens gets nothing until one does; the doctor says so.

    The log says so once an hour for each.
    """
    if all(tools.vault.opens(secret) for secret in one.sealed):
        _lost_told.pop(one.door, None)
        return True
    now = tools.elapsed()
    if now - _lost_told.get(one.door, -_TOLD_AGAIN_SECONDS) >= _TOLD_AGAIN_SECONDS:
        _lost_told[one.door] = now
        _log.warning("relay.secret_lost", door=one.door)
    return False


def _opened(tools: Tools, one: _KnownEndpoint) -> PostTarget:
    kept = tuple(tools.vault.open(secret) for secret in one.sealed)
    return PostTarget(one.door, one.url, one.company, kept or tools.settings.webhook_secret)


def _position(standing: object) -> int:
    position: int = getattr(standing, "position", 0)
    return position


AT_ONCE = 8
_LEASE_SECONDS = 60.0  # several times the longest round, each of which takes it anew
Post = Callable[[PostTarget, str, str], Missed | None]


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


def deliver(tools: Tools, holder: str, endpoint: PostTarget, post: Post) -> bool:
    """Deliver what is due again and what is new, a few at a time; gives whether there may be more.

    One process at a time; said twice if it is killed before the outcome is kept.
    """
    with tools.store.write() as work:
        if not processes.take_duty(work, endpoint.door, holder, _LEASE_SECONDS):
            return False
        now = _gather(work, endpoint)
    if now is None:
        return False
    outcomes = _post_answers_first(endpoint, now, post)
    with tools.store.write() as work:
        if not processes.take_duty(work, endpoint.door, holder, _LEASE_SECONDS):
            return False  # we were away too long: whoever has it now says the same again
        _record_outcomes(work, endpoint, now, outcomes)
    return bool(now.events or now.to > now.start)


def leave_round(tools: Tools, holder: str, endpoint: PostTarget) -> None:
    """Nothing more for now: another clock need not wait for the lease to end."""
    with tools.store.write() as work:
        processes.leave_duty(work, endpoint.door, holder)


def _gather(work: Work, endpoint: PostTarget) -> Round | None:
    """A single event after a failure, until one gets through; None while the endpoint rests."""
    standing = sinks.standing(work, endpoint.door)
    if endpoint_rests(standing, work.now):
        return None
    failures = standing.failures if standing else 0
    most = 1 if failures else AT_ONCE
    again = sinks.due_again(work, endpoint.door, most=max(1, most // 2))
    start = sinks.position(work, endpoint.door)
    if len(again) == most:
        return Round(again, [], start, start, failures)
    new = sinks.window(work, endpoint.door, endpoint.company, most - len(again))
    ended = [sinks.request_key(event).get("completes") for event in new.events]
    unanswered = sinks.unanswered(work, endpoint.door, [request for request in ended if request])
    return Round(again, new.events, start, new.to, failures, unanswered)


def _post_answers_first(endpoint: PostTarget, now: Round, post: Post) -> list[tuple[Any, Missed | None]]:
    """What came of each event that was posted; a `completed` is, once all answers of its request were taken."""
    requests = {event.id: sinks.request_key(event) for event in now.events}
    first = [event for event in now.events if "completes" not in requests[event.id]]
    outcomes = list(zip(first, _post_side_by_side(endpoint, first, post), strict=True))
    missed = {requests[event.id].get("answers") for event, failed in outcomes if failed}
    unanswered = missed.union(now.unanswered)
    ends = [event for event in now.events if event not in first and requests[event.id]["completes"] not in unanswered]
    return outcomes + list(zip(ends, _post_side_by_side(endpoint, ends, post), strict=True))


def _post_side_by_side(endpoint: PostTarget, events: Sequence[Any], post: Post) -> list[Missed | None]:
    if len(events) < 2:
        return [post(endpoint, event.id, event.body) for event in events]
    with ThreadPoolExecutor(len(events)) as threads:
        return list(threads.map(lambda event: post(endpoint, event.id, event.body), events))


def _record_outcomes(
    work: Work, endpoint: PostTarget, now: Round, outcomes: Sequence[tuple[Any, Missed | None]]
) -> None:
    """Every event has its outcome: through, to be tried again, or given up; or it waits for answers, untried."""
    posted = {event.id for event, _ in outcomes}
    for event in now.new:
        if event.id not in posted:
            sinks.try_again(work, endpoint.door, event, 0, 0, "")
    for event, missed in outcomes:
        if missed is not None:
            tries = getattr(event, "tries", 0) + 1
            sinks.try_again(work, endpoint.door, event, turns.delivery_wait(tries), tries, missed.trouble)
            _log.warning(
                "relay.not_delivered", door=endpoint.door, event_id=event.id, attempt=tries, error=missed.trouble
            )
        elif event in now.again:
            sinks.delivered(work, endpoint.door, event.id)
    if now.to > now.start:
        sinks.move_on(work, endpoint.door, now.to)
    _judge(work, endpoint, now.failures, [missed for _, missed in outcomes])


def _judge(work: Work, endpoint: PostTarget, before: int, outcomes: Sequence[Missed | None]) -> None:
    """An endpoint that takes nothing rests, longer each time; any rests as long as it asks; others do well."""
    missed = [one for one in outcomes if one is not None]
    asked = max((one.wait for one in missed), default=0.0)
    if missed and (asked or len(missed) == len(outcomes)):
        failures = before + len(missed)
        rest = max(asked, turns.endpoint_wait(failures))
        sinks.doing(work, endpoint.door, failures, rest, missed[-1].trouble)
    elif before and outcomes:
        sinks.doing(work, endpoint.door, 0, 0, "")
        sinks.hasten(work, endpoint.door, lambda tries: turns.is_hastened(tries, before))


_ENDPOINTS_AT_ONCE = 32
_ROUNDS = 10
_log = logs.log("relay")


class Webhooks:
    """Begins a few rounds for each endpoint that has something to get; `wait` until it is worth looking again."""

    def __init__(self, tools: Tools, holder: str, post: Post) -> None:
        self._tools = tools
        self._holder = holder
        self._post = post
        self._threads = ThreadPoolExecutor(_ENDPOINTS_AT_ONCE, "webhooks")
        self._busy: set[str] = set()
        self._guard = threading.Lock()
        self._news = threading.Event()
        self._stopping = False

    def begin_rounds(self) -> int:
        """Begin for every endpoint with work that is not busy; gives how many."""
        self._news.clear()
        begun = 0
        for endpoint in with_work(self._tools):
            with self._guard:
                if endpoint.door in self._busy or self._stopping:
                    continue
                self._busy.add(endpoint.door)
            self._threads.submit(self._serve, endpoint)
            begun += 1
        return begun

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
        more = False
        try:
            for _ in range(_ROUNDS):
                more = not self._stopping and deliver(self._tools, self._holder, endpoint, self._post)
                if not more:
                    break
            leave_round(self._tools, self._holder, endpoint)
        except Exception:
            more = False
            _log.exception("webhooks.failed", door=endpoint.door)
        with self._guard:
            self._busy.discard(endpoint.door)
        if more:
            self._news.set()
