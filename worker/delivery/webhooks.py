"""The endpoints of webhooks: the installation's own, which gets everything, and those of companies.

Which of them have something to get, and how each is doing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from store import deliveries, endpoints, sinks
from store.processes import HeldShards
from store.unit_of_work import Work
from worker import logs
from worker.delivery.webhook_post import PostTarget
from worker.tools import Tools

INSTALLATION = "webhook"
MOST_COUNTED = 10_000
_TOLD_AGAIN_SECONDS = 3600.0
_MOST_NEWS = 2_000  # positions: after more of them every endpoint is looked at
_WHOLE_LOOK_SECONDS = 10.0
_log = logs.log("relay")
_lost_told: dict[str, float] = {}  # by way out, when this process last said that its secret does not open


@dataclass(frozen=True)
class _KnownEndpoint:
    """An endpoint as it is kept; the installation's own has its secrets in the settings."""

    door: str
    url: str
    company: str | None
    sealed: tuple[bytes, ...] = field(repr=False)
    off_since: datetime | None = None
    batch: int = 1


@dataclass(frozen=True)
class EndpointHealth:
    """An endpoint for people: events of the feed it is `behind`, deliveries to try again, and those given up.

    `rests_until`: after failures in a row nothing is sent for a while; `trouble` is the last of them, and the first
    was at `failing_since`. `off_since`: it is switched off. `taken` and `missed` are when something was last taken
    there and last not, as far as is kept. A `batch` of new events goes there in one POST.
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
    failing_since: datetime | None
    off_since: datetime | None = None
    taken: datetime | None = None
    missed: datetime | None = None
    batch: int = 1

    @property
    def takes_nothing(self) -> str:
        """Which endpoint takes nothing, since when, why and how much waits. Its path may be a secret."""
        whose = f"{self.company}, endpoint {self.id}" if self.company else "WEBHOOK_URL"
        since = f" since {self.failing_since:%Y-%m-%d %H:%M:%S} UTC" if self.failing_since else ""
        waits = self.behind + self.waiting
        more = "more than " if max(self.behind, self.waiting) >= MOST_COUNTED else ""
        events = f"{more}{waits:,} {'event waits' if waits == 1 else 'events wait'}"
        return f"{whose} at {urlsplit(self.url).hostname} has taken nothing{since} ({self.trouble}); {events}"


@dataclass
class Watch:
    """What one clock has looked at: the feed up to a `position`; `again` are ways out to look at whatever comes.

    Every endpoint is looked at now and then, the last time at `whole_at`: another clock that had some of them may be
    gone.
    """

    position: int = 0
    again: frozenset[str] = frozenset()
    whole_at: datetime | None = None


def with_work(tools: Tools, watch: Watch | None = None, held: HeldShards | None = None) -> list[PostTarget]:
    """Endpoints with something to deliver now, that do not rest; of the `held` shards, or any.

    With a `watch` only those are looked at that may have something new: its cost grows with the events since the
    look before, not with the endpoints there are.
    """
    watch = watch or Watch()
    with tools.store.read() as work:
        newest, due = sinks.newest(work), sinks.due_doors(work)
        within = _within(work, watch, newest, due)
        known = [one for one in _known(work, tools, within) if not one.off_since]
        wanted = (endpoints.doors_behind(work, within) if known else set()) | due
        standings = sinks.standings(work, within)
        if known and known[0].door == INSTALLATION and _position(standings.get(INSTALLATION)) < newest:
            wanted.add(INSTALLATION)
        wanted = wanted if held is None else {door for door in wanted if held.has(door)}
        rest = {door for door in wanted if endpoint_rests(standings.get(door), work.now)}
        found = [one for one in known if one.door in wanted - rest]
        watch.position, watch.again = newest, frozenset(rest)
        return [_opened(tools, one) for one in found if _opens(tools, one)]


def _within(work: Work, watch: Watch, newest: int, due: Collection[str]) -> Collection[str] | None:
    """The ways out that may have something; None: any."""
    was_long_ago = watch.whole_at is None or watch.whole_at <= work.after(-_WHOLE_LOOK_SECONDS)
    if was_long_ago or newest - watch.position > _MOST_NEWS:
        watch.whole_at = work.now
        return None
    return {INSTALLATION, *due, *watch.again, *endpoints.doors_with_news(work, watch.position, newest)}


def endpoint_rests(standing: object, now: datetime) -> bool:
    """Whether the door of this standing rests."""
    until: datetime | None = getattr(standing, "rests_until", None)
    return until is not None and until > now


def endpoint_health(tools: Tools) -> Sequence[EndpointHealth]:
    """Every endpoint and how it is doing."""
    with tools.store.read() as work:
        standings, counts, last = sinks.standings(work), sinks.counts(work), deliveries.last(work)
        return [
            _seen(work, one, standings.get(one.door), counts, last=last.get(one.door)) for one in _known(work, tools)
        ]


def failing(tools: Tools, work: Work, most: int) -> tuple[list[EndpointHealth], int]:
    """Endpoints that take nothing, those first that have done so longest: `most` of them, and how many there are.

    What is behind or waits is counted up to `MOST_COUNTED` each, and what was given up is not.
    """
    standings = {door: one for door, one in sinks.standings(work).items() if one.failures}
    known = _known(work, tools, standings) if standings else []
    found = [one for one in known if one.door in standings and not one.off_since]
    found.sort(key=lambda one: standings[one.door].failing_since or work.now)
    waits = {(one.door, "waiting"): sinks.waiting(work, one.door, MOST_COUNTED) for one in found[:most]}
    return [_seen(work, one, standings[one.door], waits, MOST_COUNTED) for one in found[:most]], len(found)


def _seen(
    work: Work,
    one: _KnownEndpoint,
    standing: Any,
    counts: Mapping[tuple[str, str], int],
    within: int | None = None,
    last: Any = None,
) -> EndpointHealth:
    return EndpointHealth(
        id=shown_id(one.door),
        company=one.company,
        url=one.url,
        behind=sinks.behind(work, _position(standing), one.company, within),
        waiting=counts.get((one.door, "waiting"), 0),
        given_up=counts.get((one.door, "given_up"), 0),
        failures=standing.failures if standing else 0,
        trouble=standing.trouble if standing else "",
        rests_until=standing.rests_until if standing and endpoint_rests(standing, work.now) else None,
        failing_since=standing.failing_since if standing else None,
        off_since=one.off_since,
        taken=last.taken if last else None,
        missed=last.missed if last else None,
        batch=one.batch,
    )


def door_of(shown: str) -> str:
    """The way out behind the id that people see."""
    return INSTALLATION if shown == INSTALLATION else endpoints.door_of(shown)


def shown_id(door: str) -> str:
    """The id by which people know the way out."""
    return door.removeprefix("webhook/")


def doors(work: Work, tools: Tools) -> Mapping[str, str | None]:
    """The way out to each endpoint that is not switched off, and the company whose events it gets (None: all)."""
    return {one.door: one.company for one in _known(work, tools) if not one.off_since}


def target_of(work: Work, tools: Tools, door: str) -> PostTarget | None:
    """Where this way out leads, with its secrets; None where there is no such endpoint."""
    return next((_opened(tools, one) for one in _known(work, tools, {door}) if one.door == door), None)


def _known(work: Work, tools: Tools, within: Collection[str] | None = None) -> list[_KnownEndpoint]:
    """The endpoints there are, the installation's own first; of these ways out, or all."""
    chosen = tools.settings
    own = _KnownEndpoint(INSTALLATION, chosen.webhook_url, None, (), batch=chosen.webhook_batch)
    return ([own] if chosen.webhook_url else []) + [
        _KnownEndpoint(
            endpoints.door_of(row.id),
            row.url,
            row.company,
            tuple(filter(None, (row.secret, row.former_secret))),
            row.disabled_at,
            row.batch,
        )
        for row in endpoints.all_endpoints(work, within)
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
    return PostTarget(one.door, one.url, one.company, kept or tools.settings.webhook_secret, one.batch)


def _position(standing: object) -> int:
    position: int = getattr(standing, "position", 0)
    return position
