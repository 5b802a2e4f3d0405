"""The endpoints there are: the installation's own, which gets everything, and those of companies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store import doors_out, endpoints
from store.unit_of_work import Work
from worker.outgoing.posting import Endpoint
from worker.tools import Tools

INSTALLATION = "webhook"


@dataclass(frozen=True)
class Seen:
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


def with_work(tools: Tools) -> list[Endpoint]:
    """Endpoints with something to deliver now, that do not rest."""
    with tools.store.read() as work:
        found = _all(work, tools)
        if not found:
            return []
        standings, newest, due = doors_out.standings(work), doors_out.newest(work), doors_out.due_doors(work)
        now = work.now
    return [
        endpoint
        for endpoint in found
        if (endpoint.door in due or _position(standings.get(endpoint.door)) < newest)
        and not rests(standings.get(endpoint.door), now)
    ]


def rests(standing: object, now: datetime) -> bool:
    """Whether the door of this standing rests."""
    until: datetime | None = getattr(standing, "rests_until", None)
    return until is not None and until > now


def seen(tools: Tools) -> Sequence[Seen]:
    """Every endpoint and how it is doing."""
    with tools.store.read() as work:
        standings, newest, counts = doors_out.standings(work), doors_out.newest(work), doors_out.counts(work)
        return [
            Seen(
                id=endpoint.door.removeprefix("webhook/"),
                company=endpoint.company,
                url=endpoint.url,
                behind=newest - _position(standing),
                waiting=counts.get((endpoint.door, "waiting"), 0),
                given_up=counts.get((endpoint.door, "given_up"), 0),
                failures=standing.failures if standing else 0,
                trouble=standing.trouble if standing else "",
                rests_until=standing.rests_until if standing and rests(standing, work.now) else None,
            )
            for endpoint in _all(work, tools)
            for standing in (standings.get(endpoint.door),)
        ]


def door_of(shown: str) -> str:
    """The way out behind the id that people see."""
    return INSTALLATION if shown == INSTALLATION else endpoints.door_of(shown)


def _all(work: Work, tools: Tools) -> list[Endpoint]:
    chosen = tools.settings
    own = [Endpoint(INSTALLATION, chosen.webhook_url, None, chosen.webhook_secret)] if chosen.webhook_url else []
    return own + [
        Endpoint(endpoints.door_of(row.id), row.url, row.company, (tools.vault.open(row.secret),))
        for row in endpoints.listed(work)
        if tools.vault.opens(row.secret)
    ]


def _position(standing: object) -> int:
    position: int = getattr(standing, "position", 0)
    return position
