"""The endpoints there are: the installation's own, which gets everything, and those of companies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store import endpoints, sinks
from store.unit_of_work import Work
from worker import logs
from worker.delivery.webhook_post import PostTarget
from worker.tools import Tools

INSTALLATION = "webhook"
_MOST_PASSED_OVER = 500  # of others' events, before a company's endpoint is taken on past them
_TOLD_AGAIN_SECONDS = 3600.0
_lost_told: dict[str, float] = {}  # by way out, when this process last said that its secret does not open
_log = logs.log("relay")


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
        return not rests(standing, work.now) and (one.door in due or position < last or far_behind)

    return [one for one in found if is_busy(one)]


def rests(standing: object, now: datetime) -> bool:
    """Whether the door of this standing rests."""
    until: datetime | None = getattr(standing, "rests_until", None)
    return until is not None and until > now


def seen(tools: Tools) -> Sequence[EndpointHealth]:
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
        rests_until=standing.rests_until if standing and rests(standing, work.now) else None,
    )


def door_of(shown: str) -> str:
    """The way out behind the id that people see."""
    return INSTALLATION if shown == INSTALLATION else endpoints.door_of(shown)


def _known(work: Work, tools: Tools) -> list[_KnownEndpoint]:
    chosen = tools.settings
    own = [_KnownEndpoint(INSTALLATION, chosen.webhook_url, None, ())] if chosen.webhook_url else []
    return own + [
        _KnownEndpoint(
            endpoints.door_of(row.id), row.url, row.company, tuple(filter(None, (row.secret, row.former_secret)))
        )
        for row in endpoints.all_endpoints(work)
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
