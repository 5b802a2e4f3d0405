"""The feed: `GET /v1/events` gives a host that was away what it missed, in order, from where it stopped."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from events.outgoing import OUTGOING
from events.scopes import Scope
from events.snapshot import Id
from store import feed
from store.api_keys import Key
from store.feed import Beyond, FeedPage
from web import keys
from web.problems import RefusedRequest
from worker.tools import Tools

MOST_EVENTS = 500
LONGEST_WAIT_SECONDS = 20
_LOOK_SECONDS = 0.5
router = APIRouter(prefix="/v1")


class Asked(BaseModel):
    """Which events: those `after` a cursor (from the beginning without one), at most `limit`.

    `types` are names of events, separated by commas. `wait` is how many seconds the answer may wait for news.
    """

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS)] = 100
    types: Annotated[str, Field(max_length=2000)] = ""
    company: Id | None = None
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)] = 0


@router.get("/events", openapi_extra=keys.needs(Scope.FEED))
async def read_feed(
    request: Request, key: Annotated[Key, Depends(keys.entering(Scope.FEED))], asked: Annotated[Asked, Query()]
) -> Response:
    """The next events for this key: `events`, the cursor to go on from, whether there are more right now."""
    if asked.company:
        keys.must_speak_for(key, asked.company)
    companies, types = {asked.company} if asked.company else key.companies, _types(asked.types)
    tools, at = request.app.state.tools, asked.after
    end = time.monotonic() + asked.wait
    while True:
        page = await run_in_threadpool(_read_page, tools, at, asked.limit, companies, types)
        if page.events or page.more or time.monotonic() >= end:
            return _as_json(page)
        at = page.next
        await asyncio.sleep(_LOOK_SECONDS)


def _read_page(
    tools: Tools, after: int, most: int, companies: frozenset[str] | set[str] | None, types: set[str] | None
) -> FeedPage:
    try:
        with tools.store.read() as work:
            return feed.page(work, after, most, companies, types)
    except Beyond as beyond:
        problem = f"after: the feed ends at {beyond.end}; this cursor is of another feed, or of before a restore"
        raise RefusedRequest(422, "Cursor not of this feed", [problem]) from None


def _types(text: str) -> set[str] | None:
    named = {name.strip() for name in text.split(",")} - {""}
    for name in sorted(named - OUTGOING.keys()):
        known = ", ".join(sorted(OUTGOING))
        raise RefusedRequest(422, "Unknown type", [f"types: “{name[:100]}” is not an event we send; we send {known}"])
    return named or None


def _as_json(page: FeedPage) -> Response:
    """Events are kept as JSON text already."""
    more = "true" if page.more else "false"
    text = f'{{"events":[{",".join(page.events)}],"next":"{page.next}","more":{more}}}'
    return Response(text, media_type="application/json")
