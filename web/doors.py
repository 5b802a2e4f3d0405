"""The door for hosts: `POST /v1/events`."""

import json
import time
from contextlib import AbstractContextManager
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from opentelemetry.trace import Span

from events import codec
from events.codec import Unreadable
from events.credentials import SCOPES_OF_EVENTS, Scope
from store import inbox
from store.api_keys import Key
from store.inbox import OtherBody
from web import answers, bodies, keys, reads
from web.answers import RefusedRequest
from web.keys import Knock
from worker import logs, tracing
from worker.decisions import rights
from worker.decisions.merge_rules import Receipt, TooMuch
from worker.decisions.rights import NotAllowed
from worker.intake import dead_letters, intake
from worker.intake.group_commit import GroupCommit
from worker.intake.intake import Verdict
from worker.intake.parsed_event import Brought
from worker.tools import Tools

MOST_EVENTS = 500
PLACE_HEADER = "x-crewcard-place"
REPEATED_HEADER = "x-crewcard-repeated"
_log = logs.log("door")
router = APIRouter(prefix="/v1")


@router.post(
    "/events",
    status_code=202,
    responses={202: {"model": answers.Accepted | answers.Results}},
    openapi_extra=keys.needs(*SCOPES_OF_EVENTS, Scope.EVENTS),
)
async def take_events(request: Request) -> Response:
    """Accept one CloudEvent or an array of them; 202 means committed. Each needs the scope of its type."""
    at = await keys.knock_of_a_known_key(request)
    return await answers.in_a_thread(request, _take, request.app.state.tools, request.app.state.group_commit, at)


def _take(tools: Tools, group: GroupCommit, at: Knock) -> Response:
    key = keys.enter(tools, at, SCOPES_OF_EVENTS)
    bodies.must_be_json(at.headers)
    began = time.time_ns()
    place, body = at.headers.get(PLACE_HEADER, "")[:200], at.body
    try:
        document = codec.parse(body, most=bodies.MOST_BYTES)
    except Unreadable as broken:
        return _set_aside(tools, key, body, broken, place).response()
    if isinstance(document, list):
        return _take_each(tools, key, document, place, at)
    document = _in_trace(document, at)
    with _span(document, began) as span:
        try:
            receipt = _answer(tools, key, _take_one(tools, group, key, _in_span(document)), body, place)
        except RefusedRequest as refused:
            span.set_attribute("http.response.status_code", refused.status)
            return refused.response()
        span.set_attributes({"crewcard.company": receipt.company, "crewcard.request": receipt.request})
    return JSONResponse(_said(receipt), 202, headers={REPEATED_HEADER: "true"} if receipt.repeated else {})


def _in_trace(document: Any, at: Knock) -> Any:
    """An event that names no trace of its own belongs to that of the request which brought it."""
    if not isinstance(document, dict) or codec.trace_of(document.get("traceparent")):
        return document
    return {**document, **{name: at.headers[name] for name in codec.TRACING if name in at.headers}}


def _span(document: Any, began: int) -> AbstractContextManager[Span]:
    brought = document if isinstance(document, dict) else {}
    context = codec.trace_of(brought.get("traceparent"), brought.get("tracestate"))
    return tracing.span("door", context, began=began)


def _in_span(document: Any) -> Any:
    """The event, as what comes of it hangs at the span at hand."""
    here = tracing.headers()
    if not (here and isinstance(document, dict)):
        return document
    return {**{name: value for name, value in document.items() if name not in codec.TRACING}, **here}


def _take_one(tools: Tools, group: GroupCommit, key: Key, document: Any) -> Verdict:
    _must_be_allowed(tools, key, document)
    try:
        return group.accept(Brought(document, (keys.actor_of(key),)))
    except (Unreadable, NotAllowed, TooMuch, OtherBody) as refused:
        return refused


def _take_each(tools: Tools, key: Key, documents: list[Any], place: str, at: Knock) -> Response:
    """An array gets a result per event: one bad event does not hold back the others."""
    if len(documents) > MOST_EVENTS:
        raise RefusedRequest(413, "Too many events", [f"body: at most {MOST_EVENTS} events at once"])
    results: list[dict[str, Any]] = [{} for _ in documents]
    own: list[int] = []
    for number, document in enumerate(documents):
        try:
            _must_be_allowed(tools, key, document)
            own.append(number)
        except RefusedRequest as refused:
            results[number] = refused.body()
    within = []
    for number in own:
        document = _in_trace(documents[number], at)
        with _span(document, time.time_ns()):
            within.append(_in_span(document))
    verdicts = intake.accept_each(tools, within, (keys.actor_of(key),))
    for number, verdict in zip(own, verdicts, strict=True):
        body = json.dumps(documents[number], default=str).encode()
        try:
            receipt = _answer(tools, key, verdict, body, f"{place}[{number}]")
            results[number] = {"status": 202, **_said(receipt)}
        except RefusedRequest as refused:
            results[number] = refused.body()
    return JSONResponse({"results": results}, 202)


def _must_be_allowed(tools: Tools, key: Key, document: Any) -> None:
    """Raises RefusedRequest for an event about another's company, or of a type that this key lacks the scope for.

    Said before anything else of it is read; what it turns out to ask for is asked about again where it is filed.
    """
    company = document.get("data", {}).get("company") if _has_data(document) else None
    if isinstance(company, str):
        keys.must_speak_for(key, company)
    type_ = document.get("type") if isinstance(document, dict) else None
    effect = rights.OF_EVENT.get(type_) if isinstance(type_, str) else None
    wrong = rights.objection((keys.actor_of(key),), effect) if effect else None
    if wrong:
        raise keys.refusal(wrong)
    if effect is rights.Effect.PREVIEW:
        reads.must_have_previews(tools, key, company if isinstance(company, str) else None)


def _answer(tools: Tools, key: Key, verdict: Verdict, body: bytes, place: str) -> Receipt:
    """The receipt. Raises RefusedRequest with what is to be done about it."""
    if isinstance(verdict, Unreadable):
        raise _set_aside(tools, key, body, verdict, place) from None
    if isinstance(verdict, NotAllowed):
        raise keys.refusal(verdict.objection) from None
    if isinstance(verdict, TooMuch):
        wait = {"Retry-After": str(verdict.wait)}
        raise RefusedRequest(429, "Too much pending", [str(verdict)], wait) from None
    if isinstance(verdict, OtherBody):
        problem = "id: this event id was used before with another body"
        raise RefusedRequest(409, "Event id already used", [problem]) from None
    if isinstance(verdict, Exception):
        raise verdict
    _log.info("door.accepted", company=verdict.company, request=verdict.request, event_id=verdict.event)
    return verdict


def _has_data(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("data"), dict)


def _set_aside(tools: Tools, key: Key, body: bytes, broken: Unreadable, place: str) -> RefusedRequest:
    """Kept, unless so many of this key wait for somebody already; what is wrong is said all the same.

    Refused for good either way: the same again stays unreadable, however long its sender waits.
    """
    most, most_bytes = tools.settings.open_dead_letters, tools.settings.open_dead_letter_bytes
    with tools.store.write() as work:
        count, size = inbox.open_of_key(work, dead_letters.HTTP, key.id)
        full = count >= most or size + min(len(body), codec.MOST_BYTES) > most_bytes
        lost = full and not inbox.is_set_aside(work, body, key)
        if not full:
            inbox.set_aside(work, dead_letters.HTTP, body, broken.problems, place, key)
    _log.warning("door.refused", count=len(broken.problems), kept=not lost)
    if not lost:
        return RefusedRequest(422, "Event not readable", broken.problems)
    problem = (
        f"body: {count:,} events of this key ({size:,} bytes) could not be read and wait for somebody, so this one "
        "is not kept; mend what sends them"
    )
    return RefusedRequest(422, "Event not readable", [*broken.problems, problem])


def _said(receipt: Receipt) -> dict[str, Any]:
    """The receipt, and whether a login to Xero is due; a link for it is made where somebody asks (web.logins)."""
    said = {key: value for key, value in receipt.__dict__.items() if key != "repeated" and value is not None}
    if receipt.connection == "needs_login":
        said["login_due"] = True
    return said
