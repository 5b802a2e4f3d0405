"""Endpoints of webhooks as people look after them: made, removed, tested, sent to again; each act in the audit."""

import functools
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from events import codec
from events.outgoing import WebhookTested
from events.snapshot import Event
from store import audit, deliveries, endpoints, outbox, sinks
from store.endpoints import NewEndpoint
from store.sinks import FeedSelection
from store.tables import Endpoint
from store.unit_of_work import Work
from worker.decisions import addresses
from worker.delivery import rounds, webhooks
from worker.delivery.webhook_post import Poster, PostResult, PostTarget
from worker.tools import Tools

_Known = TypeVar("_Known", NewEndpoint, Endpoint)
MOST_IN_A_POST = 100
_MOST_NAMED = 100  # events in a line of the audit
_AGO = re.compile(r"([0-9]{1,5}) ?([mhd])")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


class EndpointRefused(Exception):
    """What was asked of an endpoint cannot be done; the text says why, and what can."""


def since(text: str, now: datetime) -> datetime:
    """A moment that is over: `30m`, `2h`, `3d` (so long ago), a day, or a moment by ISO 8601 (without a zone: UTC).

    Raises EndpointRefused.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        at = now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]]) if ago else datetime.fromisoformat(text.strip())
    except ValueError:
        told = f"“{text}” is no moment: write 2h (so long ago; also m and d), or a moment like 2026-11-28T03:00:00Z."
        raise EndpointRefused(told) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if not _LONG_AGO < at <= now:
        raise EndpointRefused(f"“{text}” is no moment that is over and that this service was there.")
    return at


def add(tools: Tools, who: str, company: str, url: str, batch: int = 1) -> NewEndpoint:
    """Send the company's events there too, from now on; the same address again changes but how many go in one POST.

    Raises EndpointRefused for an address that webhooks may not go to.
    """
    problem = addresses.objection(url, private=tools.settings.webhook_private_addresses)
    if problem:
        raise EndpointRefused(f"{url} {problem}.")
    with tools.store.write() as work:
        made = endpoints.add_endpoint(work, tools.vault, company, url, batch)
        audit.note(
            work, who, "webhook endpoint added", company, {"endpoint": made.id, "url": url, "batch": batch}, 0, ""
        )
    return made


def rotate(tools: Tools, who: str, endpoint: str) -> NewEndpoint:
    """The endpoint with a new secret, beside which the old one signs until the next time. Raises EndpointRefused."""
    told = f"There is no endpoint “{endpoint}” (WEBHOOK_SECRET may hold two, separated by a comma)."
    return _noted(
        tools,
        who,
        "webhook secret rotated",
        told,
        lambda work: endpoints.rotate_endpoint(work, tools.vault, endpoint),
    )


def remove(tools: Tools, who: str, endpoint: str) -> None:
    """Drop the endpoint, with what still waits for it. Raises EndpointRefused."""
    told = f"There is no endpoint “{endpoint}” (that of WEBHOOK_URL goes with its setting)."
    _noted(tools, who, "webhook endpoint removed", told, lambda work: endpoints.remove_endpoint(work, endpoint))


def move(tools: Tools, who: str, endpoint: str, url: str) -> None:
    """Send the endpoint's events to another address from now on, signed as before. Raises EndpointRefused."""
    problem = addresses.objection(url, private=tools.settings.webhook_private_addresses)
    if problem:
        raise EndpointRefused(f"{url} {problem}.")
    change = functools.partial(endpoints.change_endpoint, endpoint_id=endpoint, url=url)
    _noted(tools, who, "webhook endpoint changed", _unknown(endpoint), change)


def set_batch(tools: Tools, who: str, endpoint: str, events: int | None) -> None:
    """Send up to so many events there in one POST from now on, several as a JSON array. Raises EndpointRefused."""
    if events is None or not 1 <= events <= MOST_IN_A_POST:
        raise EndpointRefused(f"One POST carries 1 to {MOST_IN_A_POST} events.")
    change = functools.partial(endpoints.change_endpoint, endpoint_id=endpoint, batch=events)
    _noted(tools, who, "webhook endpoint changed", _unknown(endpoint), change)


def switch(tools: Tools, who: str, endpoint: str, *, off: bool) -> None:
    """Send nothing there from now on, or again: what came meanwhile goes then. Raises EndpointRefused."""
    change = functools.partial(endpoints.change_endpoint, endpoint_id=endpoint, off=off)
    _noted(tools, who, f"webhook endpoint switched {'off' if off else 'on'}", _unknown(endpoint), change)


def _unknown(endpoint: str) -> str:
    return (
        f"There is no endpoint “{endpoint}” that could be changed here (that of WEBHOOK_URL goes with its setting)."
    )


def retry(tools: Tools, who: str, events: Sequence[str] | None, endpoint: str | None = None) -> int:
    """Try given-up deliveries again: these events', or all, at this endpoint or at any; gives how many."""
    with tools.store.write() as work:
        count = sinks.retry(work, events, None if endpoint is None else webhooks.door_of(endpoint))
        if count:
            chosen = {"endpoint": endpoint, "events": list(events)[:_MOST_NAMED] if events is not None else "all"}
            audit.note(work, who, "webhooks retried", "", chosen, count, "")
    return count


def to_resend(tools: Tools, which: FeedSelection, endpoint: str | None = None) -> Mapping[str, int]:
    """How many of these events each endpoint would get again, by its id; of those switched off none.

    Raises EndpointRefused.
    """
    with tools.store.read() as work:
        found = _chosen(work, tools, endpoint)
        return {
            webhooks.shown_id(door): sinks.sent_count(work, door, company, which) for door, company in found.items()
        }


def resend(tools: Tools, who: str, which: FeedSelection, endpoint: str | None = None, why: str = "") -> int:
    """Deliver again what these endpoints had, under the ids it had, in the order of the feed; gives how many.

    In pieces, so that no round of deliveries waits long; what comes newly meanwhile has its share of each round.
    Raises EndpointRefused.
    """
    with tools.store.write() as work:
        found, due = _chosen(work, tools, endpoint), work.now
        count = sum(sinks.sent_count(work, door, company, which) for door, company in found.items())
        if count:
            chosen = {
                name: value.isoformat() if isinstance(value, datetime) else value
                for name, value in vars(which).items()
            }
            audit.note(
                work, who, "webhooks sent again", which.company or "", {"endpoint": endpoint, **chosen}, count, why
            )
    for door, company in found.items() if count else ():
        after: int | None = 0
        while after is not None:
            with tools.store.write() as work:
                after = sinks.resend(work, door, company, which, due, after)
    return count


@dataclass(frozen=True)
class Tested:
    """A test event as it was posted, and what came of it."""

    url: str
    event: str
    body: str
    result: PostResult


def post_test(tools: Tools, who: str, endpoint: str, example: Callable[[str | None], Event] | None = None) -> Tested:
    """Post a signed event to the endpoint that is marked as a test and about nothing that happened.

    It is a `webhook.tested`, or the example made for the company whose events the endpoint gets (None: of all).
    Raises EndpointRefused.
    """
    with tools.store.write() as work:
        target = webhooks.target_of(work, tools, webhooks.door_of(endpoint))
        if target is None:
            raise EndpointRefused(f"There is no endpoint “{endpoint}”.")
        plain = WebhookTested(endpoint=endpoint, message="A test: nothing has happened.")
        event = example(target.company) if example else plain
        chosen = {"endpoint": endpoint, "url": target.url, "event": event.TYPE}
        audit.note(work, who, "webhook endpoint tested", target.company or "", chosen, 0, "")
    tried = post_example(target, event, private=tools.settings.webhook_private_addresses)
    with tools.store.write() as work:
        deliveries.note(work, target.door, [{**rounds.as_tried(tried.event, 1, tried.result), "body": tried.body}])
    return tried


def post_example(target: PostTarget, event: Event, *, private: bool) -> Tested:
    """Post the event there as a test, under an id of its own. Never raises."""
    event_id, subject = str(uuid.uuid4()), str(getattr(event, "invoice", getattr(event, "company", "test")))
    now = datetime.now(UTC)
    body = codec.write(event, id=event_id, source=outbox.SOURCE, subject=subject, time=now, test=True)
    body = f"[{body}]" if target.batch > 1 else body
    return Tested(target.url, event_id, body, Poster(private=private).post(target, event_id, body))


def _chosen(work: Work, tools: Tools, endpoint: str | None) -> Mapping[str, str | None]:
    """The doors of the endpoints that are meant, each with the company whose events it gets (None: all)."""
    found = webhooks.doors(work, tools)
    if endpoint is None:
        return found
    door = webhooks.door_of(endpoint)
    if door not in found:
        raise EndpointRefused(f"There is no endpoint “{endpoint}”, or it is switched off.")
    return {door: found[door]}


def _noted(
    tools: Tools, who: str, what: str, unknown: str, change: Callable[[Work], _Known | Literal[False] | None]
) -> _Known:
    with tools.store.write() as work:
        made = change(work)
        if made is None:
            raise EndpointRefused(unknown)
        if made is False:
            raise EndpointRefused("The company has another endpoint at this address.")
        chosen = {"endpoint": made.id, "url": made.url, "batch": getattr(made, "batch", None)}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        audit.note(work, who, what, made.company, chosen, 0, "")
    return made
