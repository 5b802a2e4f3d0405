"""What a host's own pages show: markers, the progress of a request, a client's Xero contact.

The feed: `GET /v1/events` gives a host that was away what it missed, in order, from where it stopped.
The preview for a host's own page: what an export of these invoices would do now; nothing is filed or sent.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import redis
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema

from events import codec
from events.codec import Unreadable
from events.credentials import Scope
from events.outgoing import OUTGOING
from events.preview import InvoiceExportPreviewed, Previewed
from events.snapshot import HostId, Id, Person, Text
from events.unreadable import sentences
from store import companies, contacts, invoice_detail, outbox
from store.api_keys import Key
from store.outbox import Beyond, FeedPage
from store.progress import Progress
from store.unit_of_work import Work
from web import answers, bodies, keys, rates
from web.answers import RefusedRequest
from web.keys import Knock
from web.rates import Portion
from worker.contacts import contact_answers
from worker.delivery import progress
from worker.doorbells import Doorbells
from worker.preview import preview
from worker.tools import Tools

MOST_INVOICES = 200
_IDS_IN_ONE = {"type": "string", "minLength": 1, "maxLength": MOST_INVOICES * 256}
_MOST_REPEATED = 2 * MOST_INVOICES  # more than can be meant, so that too many are told with their number
_IDS = TypeAdapter(tuple[HostId, ...])
_READING: dict[str, Any] = {
    "dependencies": [Depends(keys.entering(Scope.READS))],
    "openapi_extra": keys.needs(Scope.READS),
}
router = APIRouter(prefix="/v1/companies/{company}")


class Which(BaseModel):
    """Which invoices: their ids, separated by commas; or `ids` once for each, whatever the id holds.

    Where it is given more than once, a comma is a part of the id.
    """

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MOST_INVOICES * 256)]],
        Field(
            min_length=1,
            max_length=_MOST_REPEATED,
            description="Ids of invoices: all in one, separated by commas; or given once for each, and then a comma "
            "is a part of the id. For a single id with a comma give it twice.",
        ),
        WithJsonSchema({"anyOf": [_IDS_IN_ONE, {"type": "array", "items": _IDS_IN_ONE, "minItems": 1}]}),
    ]


class Looking(BaseModel):
    """Who looks: the person's role in CrewCard, where the answer should say what this person may do."""

    model_config = ConfigDict(extra="forbid")

    role: Annotated[Text, Field(max_length=50)] | None = None


@router.get("/invoices", **_READING)
def invoices(request: Request, company: str, which: Annotated[Which, Query()]) -> answers.Invoices:
    """Marker, Last Exported, failure and deep link of at most 200 invoices."""
    ids = _ids(which.ids)
    tools: Tools = request.app.state.tools
    with tools.store.read() as work:
        _must_exist(work, company)
        return answers.Invoices(invoices=tuple(invoice_detail.beside_invoices(work, company, ids)))


@router.get("/requests/{request_id:path}", **_READING)
def request_progress(request: Request, company: str, request_id: str) -> Progress:
    """How far a request is."""
    keys.must_be_id(request_id, "request")
    found = progress.progress_of(request.app.state.tools, company, request_id)
    if found is None:
        raise RefusedRequest(404, "Unknown request", [f"request: {company} has no request “{request_id}”"])
    return found


@router.get("/clients/{client:path}/xero-contact", **_READING)
def contact(request: Request, company: str, client: str, looking: Annotated[Looking, Query()]) -> answers.Contact:
    """The client's Xero contact, and whether it may be changed."""
    keys.must_be_id(client, "client")
    tools: Tools = request.app.state.tools
    person = Person(id="host", role=looking.role) if looking.role is not None else None
    with tools.store.read() as work:
        _must_exist(work, company)
        found = contacts.contact_of(work, company, client, person)
        shown = contact_answers.contact_shown(work, tools, company, found.value, found.name) if found.value else None
        warnings = contact_answers.contact_warnings(work, company, client, found.value) if found.value else ()
    return answers.Contact(**asdict(found), link=shown.link if shown else None, warnings=warnings)


def _ids(said: Sequence[str]) -> list[str]:
    """The ids, each once, in order; only what is said once is a list with commas. Raises RefusedRequest (422)."""
    named = said if len(said) > 1 else said[0].split(",")
    try:
        ids = list(dict.fromkeys(_IDS.validate_python([one.strip() for one in named])))
    except ValidationError as broken:
        place = broken.errors()[0]["loc"][0]
        raise RefusedRequest(422, "Invoices not readable", [f"ids.{place}: is not the id of an invoice"]) from None
    if len(ids) > MOST_INVOICES:
        raise RefusedRequest(
            422, "Too many invoices", [f"ids: at most {MOST_INVOICES} at once, these are {len(ids)}"]
        )
    return ids


def _must_exist(work: Work, company: str) -> None:
    if not companies.exists(work, company):
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"])


MOST_EVENTS = 500
MOST_WAITERS = 100  # of one key in one process
LONGEST_WAIT_SECONDS = 20
_LOOK_SECONDS = 0.5  # for a bell that was not heard
_LOOKS_AT_ONCE = 8  # of those who wait, so that a ring that concerns all leaves threads to the others
_HEARING_ON_SECONDS = 30.0
feed_router = APIRouter(prefix="/v1")


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


@feed_router.get("/events", openapi_extra=keys.needs(Scope.FEED))
async def read_feed(
    request: Request, key: Annotated[Key, Depends(keys.entering(Scope.FEED))], asked: Annotated[Asked, Query()]
) -> Response:
    """The next events for this key: `events`, the cursor to go on from, whether there are more right now."""
    if asked.company:
        keys.must_speak_for(key, asked.company)
    companies, types = {asked.company} if asked.company else key.companies, _types(asked.types)
    tools, at = request.app.state.tools, asked.after
    if not asked.wait:
        return _as_json(await answers.in_a_thread(request, _read_page, tools, at, asked.limit, companies, types))
    waiters: FeedWaiters = request.app.state.feed_waiters
    end = time.monotonic() + asked.wait
    with waiters.waiting(key.id, companies) as rung:
        while True:
            rung.clear()
            async with waiters.looks:
                page = await answers.in_a_thread(request, _read_page, tools, at, asked.limit, companies, types)
            left = end - time.monotonic()
            if page.events or page.more or left <= 0 or request.app.state.draining.is_set():
                return _as_json(page)  # who stays until this process is gone gets no answer
            at = page.next
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), min(left, _LOOK_SECONDS))


class FeedWaiters:
    """Who waits at the feed in this process: woken by the relay's bell, by which the stream is written too.

    The bell is heard in a thread of its own, for as long as somebody waits. Where it is not heard, they look.
    """

    def __init__(self, bells: Doorbells) -> None:
        self._bells = bells
        self._rung: dict[asyncio.Event, tuple[str, Collection[str] | None]] = {}
        self._hearing = threading.Lock()
        self._is_heard = False
        self.looks = asyncio.Semaphore(_LOOKS_AT_ONCE)

    @contextlib.contextmanager
    def waiting(self, key: str, companies: Collection[str] | None) -> Iterator[asyncio.Event]:
        """What is set when there is news of these companies. Raises RefusedRequest (429)."""
        if self.count(key) >= MOST_WAITERS:
            problem = (
                f"wait: {MOST_WAITERS} requests of this key wait here already; ask without it, or with one of them"
            )
            raise RefusedRequest(429, "Too many wait", [problem], {"Retry-After": "1"})
        rung = asyncio.Event()
        self._rung[rung] = key, companies
        with self._hearing:
            if not self._is_heard:
                self._is_heard = True
                threading.Thread(target=self._hear, args=(asyncio.get_running_loop(),), daemon=True).start()
        try:
            yield rung
        finally:
            del self._rung[rung]

    def count(self, key: str) -> int:
        """How many requests of a key wait here."""
        return sum(one == key for one, _ in self._rung.values())

    def _hear(self, loop: asyncio.AbstractEventLoop) -> None:
        until = time.monotonic() + _HEARING_ON_SECONDS
        while True:
            try:
                for companies in self._bells.hear_feed():
                    if companies != frozenset():
                        loop.call_soon_threadsafe(self._wake, companies)
                    if self._rung:
                        until = time.monotonic() + _HEARING_ON_SECONDS
                    elif time.monotonic() > until and self._is_over():
                        return
            except redis.RedisError:
                threading.Event().wait(1)
            except RuntimeError:  # the loop has ended, and with it whoever waited
                self._is_heard = False
                return

    def _is_over(self) -> bool:
        with self._hearing:
            self._is_heard = bool(self._rung)
            return not self._is_heard

    def _wake(self, news: frozenset[str] | None) -> None:
        for rung, (_, awaited) in self._rung.items():
            if news is None or awaited is None or not news.isdisjoint(awaited):
                rung.set()


def _read_page(
    tools: Tools, after: int, most: int, companies: frozenset[str] | set[str] | None, types: set[str] | None
) -> FeedPage:
    try:
        with tools.store.read() as work:
            return outbox.feed_page(work, after, most, companies, types)
    except Beyond as beyond:
        if beyond.on is None and _is_restored(tools, after, companies):
            return _read_page(tools, after, most, companies, types)
        problem = f"after: the feed ends at {beyond.end}; this cursor is of another feed, or of before a restore"
        if beyond.on is not None:
            problem += f". Go on with after={beyond.on}: nothing is missed, what you have you know by its id"
        raise RefusedRequest(422, "Cursor not of this feed", [problem]) from None


def _is_restored(tools: Tools, cursor: int, companies: Collection[str] | None) -> bool:
    """Whether our database went back in time, by what Redis remembers or by the cursor of a host of all companies."""
    here = tools.store, tools.redis
    return tools.witness.compare(*here) or (companies is None and tools.witness.hear(*here, cursor))


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


_WAIT_SECONDS = 5
previews_router = APIRouter(prefix="/v1")


@previews_router.post("/companies/{company}/previews", openapi_extra=keys.needs(Scope.PREVIEWS))
async def preview_invoices(request: Request, company: str) -> Response:
    """Say what would happen to `invoices`, a list of at most 500 as an export would name them."""
    at = await keys.knock_of_a_known_key(request, codec.MOST_BYTES)
    return await answers.in_a_thread(request, _preview, request.app.state.tools, at, company)


def _preview(tools: Tools, at: Knock, company: str) -> Response:
    key = keys.enter(tools, at, Scope.PREVIEWS, company)
    must_have_previews(tools, key, company)
    bodies.must_be_json(at.headers)
    try:
        asked = Previewed.model_validate(codec.parse(at.body))
    except Unreadable as broken:
        raise RefusedRequest(422, "Invoices not readable", broken.problems) from None
    except ValidationError as broken:
        raise RefusedRequest(422, "Invoices not readable", sentences(broken)) from None
    told = _tell(tools, key.id, company, asked)
    return Response(told.model_dump_json(exclude_none=True), media_type="application/json")


def _tell(tools: Tools, key: str, company: str, asked: Previewed) -> InvoiceExportPreviewed:
    try:
        return preview.preview(tools, company, asked.invoices, key=key)
    except preview.NoCompany:
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"]) from None
    except redis.RedisError:
        problem = "The counters of Xero's limits cannot be reached at the moment; the invoices are not at fault."
        raise RefusedRequest(503, "Try again in a moment", [problem], {"Retry-After": str(_WAIT_SECONDS)}) from None


def must_have_previews(tools: Tools, key: Key, company: str | None) -> None:
    """Raises RefusedRequest (429) when the key has asked for enough of them, or its calls to Xero are used up.

    Without Redis nothing is counted, and nothing of Xero can be seen either.
    """
    keys.must_have(tools, key, "Too many previews", Portion(rates.PREVIEWS, 1, tools.settings.previews_per_minute))
    wait = preview.seconds_to_look(tools, company, key.id) if company is not None else 0
    if wait:
        problem = f"company: the calls to Xero are used up that previews of “{str(company)[:100]}” have today"
        raise RefusedRequest(429, "Too many previews", [f"{problem}; wait {wait} s"], {"Retry-After": str(wait)})
