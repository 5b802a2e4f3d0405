"""The developers' room: webhook endpoints, what was delivered there and what came of it, hosts' keys."""

import json
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.credentials import Scope, whole_scopes
from store import api_keys, companies, deliveries
from store.sinks import FeedSelection
from web.console import forms, rendering
from web.console.forms import PER_PAGE, Posted
from web.console.visitor import Looking, Missing, Must, MustProve, Visitor
from worker.decisions.rights import Action
from worker.delivery import endpoints, webhooks
from worker.delivery.endpoints import EndpointRefused, Tested
from worker.users import host_keys
from worker.users.host_keys import KeyRefused
from worker.watching import attention

PAGE = "/console/developers"
_KEEP_HOURS = 24.0
_CHANGED = {
    "url": "Its events go to the new address from now on.",
    "batch": "So many events go there in one POST from now on.",
    "off": "Nothing is sent there until it is switched on again.",
    "on": "It is switched on: what came meanwhile is sent now.",
    "remove": "The endpoint is gone, with what waited for it.",
}
router = APIRouter(prefix="/developers")
Developing = Annotated[Visitor, Depends(Must(Action.DEVELOP))]
Proven = Annotated[Visitor, Depends(MustProve(Action.DEVELOP))]
Resending = Annotated[Visitor, Depends(Must(Action.RESEND))]


@router.get("")
def developers_page(request: Request, visitor: Looking) -> Response:
    """Endpoints and how they are doing, keys and what they open."""
    return _page(request, visitor)


@router.post("/endpoints")
def add_endpoint(request: Request, form: Posted, visitor: Proven) -> Response:
    """A new endpoint, whose secret is shown this once."""
    company = form.text("company")
    with visitor.tools.store.read() as work:
        known = companies.called(work, company)
    if len(known) != 1:
        wrong = "Several companies are called so: give the id." if known else f"There is no company “{company}”."
        return _page(request, visitor, wrong, status=422)
    try:
        made = endpoints.add(visitor.tools, visitor.user, known[0].id, form.text("url"))
    except EndpointRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, secret=(f"The endpoint {made.url}", made.secret))


@router.post("/endpoints/{endpoint}/rotate")
def rotate_endpoint(request: Request, visitor: Proven, endpoint: str) -> Response:
    """Another secret for an endpoint, shown this once; the old one signs beside it until the next time."""
    try:
        made = endpoints.rotate(visitor.tools, visitor.user, endpoint)
    except EndpointRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, secret=(f"The endpoint {made.url}", made.secret))


@router.post("/endpoints/{endpoint}/url")
@router.post("/endpoints/{endpoint}/batch")
@router.post("/endpoints/{endpoint}/off")
@router.post("/endpoints/{endpoint}/on")
@router.post("/endpoints/{endpoint}/remove")
def change_endpoint(request: Request, form: Posted, visitor: Proven, endpoint: str) -> Response:
    """Another address, or number of events in a POST; switched off or on; gone."""
    tools, who, act = visitor.tools, visitor.user, request.url.path.rpartition("/")[2]
    try:
        if act == "url":
            endpoints.move(tools, who, endpoint, form.text("url"))
        elif act == "batch":
            endpoints.set_batch(tools, who, endpoint, forms.whole_number(form.text("batch")))
        elif act == "remove":
            endpoints.remove(tools, who, endpoint)
        else:
            endpoints.switch(tools, who, endpoint, off=act == "off")
    except EndpointRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return rendering.redirect(PAGE, _CHANGED[act])


@router.post("/endpoints/{endpoint}/test")
def test_endpoint(request: Request, visitor: Developing, endpoint: str) -> Response:
    """A signed event that is marked as a test, and what the endpoint answered to it."""
    try:
        tried = endpoints.post_test(visitor.tools, visitor.user, endpoint)
    except EndpointRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, tried=tried)


@router.post("/endpoints/{endpoint}/retry")
def retry_failed(visitor: Resending, endpoint: str) -> Response:
    """All that was given up there is tried again."""
    count = endpoints.retry(visitor.tools, visitor.user, None, endpoint)
    return rendering.redirect(PAGE, f"{rendering.count(count, 'delivery', 'deliveries')} tried again from now on.")


@router.post("/endpoints/{endpoint}/resend")
def resend_since(request: Request, form: Posted, visitor: Resending, endpoint: str) -> Response:
    """First how many events the endpoint had since then; confirmed, they are sent again in their order."""
    tools, text = visitor.tools, form.text("since")
    try:
        with tools.store.read() as work:
            since = endpoints.since(text, work.now)
        which = FeedSelection(since=since)
        if not form.text("confirmed"):
            count = sum(endpoints.to_resend(tools, which, endpoint).values())
            ask = {"endpoint": endpoint, "since": since.isoformat(), "at": since, "count": count}
            return _page(request, visitor, ask=ask)
        count = endpoints.resend(tools, visitor.user, which, endpoint, form.text("why")[:255])
    except EndpointRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return rendering.redirect(PAGE, f"{rendering.count(count, 'event')} sent again, in their order.")


@router.get("/deliveries")
def deliveries_page(
    request: Request, visitor: Looking, endpoint: str = "", event: str = "", state: str = "", after: str = ""
) -> Response:
    """What was tried, newest first; of one endpoint, of one event, or what failed alone."""
    door = webhooks.door_of(endpoint) if endpoint else ""
    with visitor.tools.store.read() as work:
        rows = deliveries.newest(
            work, door, event.strip(), failed=state == "failed", most=PER_PAGE + 1, before=forms.whole_number(after)
        )
    facts: dict[str, Any] = {
        "rows": [(row, webhooks.shown_id(row.door)) for row in rows[:PER_PAGE]],
        "more": rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        "endpoints": [(one, _address(one.url)) for one in webhooks.endpoint_health(visitor.tools)],
        "chosen": {"endpoint": endpoint, "event": event, "state": state},
    }
    return rendering.page(request, visitor, "deliveries", **facts)


@router.get("/deliveries/{number}")
def look_at_delivery(request: Request, visitor: Looking, number: str) -> Response:
    """One try: what was sent, what came back, and how long that took."""
    row = _delivery(visitor, number)
    attention.note_view(visitor.tools, visitor.user, "delivery viewed", row.company or "", {"delivery": row.id})
    body = row.body or row.sent
    shown = json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body else ""
    name = webhooks.shown_id(row.door)
    return rendering.page(
        request, visitor, "delivery", row=row, endpoint=name, shown=shown, resendable=bool(row.sent)
    )


@router.post("/deliveries/{number}/resend")
def resend_one(visitor: Resending, number: str) -> Response:
    """The event of this try goes to its endpoint once more, under the id it had."""
    row, here = _delivery(visitor, number), f"{PAGE}/deliveries/{forms.whole_number(number)}"
    endpoint = webhooks.shown_id(row.door)
    try:
        count = endpoints.resend(visitor.tools, visitor.user, FeedSelection(event=row.event_id), endpoint)
    except EndpointRefused as refused:
        return rendering.redirect(here, str(refused))
    said = "It is sent again." if count else "It is kept no longer, so that it cannot be sent again."
    query = urlencode({"endpoint": endpoint, "event": row.event_id})
    return rendering.redirect(f"{PAGE}/deliveries?{query}" if count else here, said)


@router.post("/keys")
def make_key(request: Request, form: Posted, visitor: Proven) -> Response:
    """A new key, whose secret is shown this once."""
    named = [one.strip() for one in form.text("companies").split(",") if one.strip()]
    if bool(named) == bool(form.text("every")):
        wrong = "Name the companies it speaks for, or tick “every company”; not both."
        return _page(request, visitor, wrong, status=422)
    scopes, ends = [one for one in Scope if one in form.every("scope")], form.text("expires") or "never"
    try:
        made = host_keys.make(visitor.tools, visitor.user, form.text("key"), named, scopes, ends)
    except KeyRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, secret=(f"The key {made.id}", made.secret))


@router.post("/keys/{key}/rotate")
def rotate_key(request: Request, visitor: Proven, key: str) -> Response:
    """Another secret for a key, shown this once; the old one is good for a day more."""
    try:
        made = host_keys.rotate(visitor.tools, visitor.user, key, _KEEP_HOURS)
    except KeyRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return _page(request, visitor, secret=(f"The key {made.id}", made.secret))


@router.post("/keys/{key}/scopes")
def rescope_key(request: Request, form: Posted, visitor: Proven, key: str) -> Response:
    """What a key may be used for; who was let in a moment ago is let in for two seconds more."""
    scopes = None if form.text("everything") else [one for one in Scope if one in form.every("scope")]
    try:
        changed = host_keys.rescope(visitor.tools, visitor.user, key, scopes)
    except KeyRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    opens = "everything" if scopes is None else ", ".join(scopes)
    said = (
        f"{key} opens {opens} within two seconds."
        if changed
        else f"{key} opened {opens} before: nothing was changed."
    )
    return rendering.redirect(PAGE, said)


@router.post("/keys/{key}/expire")
@router.post("/keys/{key}/revoke")
def end_key(request: Request, form: Posted, visitor: Proven, key: str) -> Response:
    """Until when a key is good; or its end, at once and for good."""
    try:
        if request.url.path.endswith("/revoke"):
            host_keys.revoke(visitor.tools, visitor.user, key)
            return rendering.redirect(PAGE, f"{key} opens nothing from now on.")
        at = host_keys.expire(visitor.tools, visitor.user, key, form.text("expires") or "never")
    except KeyRefused as refused:
        return _page(request, visitor, str(refused), status=422)
    return rendering.redirect(PAGE, f"{key} is good until {rendering.moment(at) if at else 'it is revoked'}.")


def _delivery(visitor: Visitor, number: str) -> Any:
    with visitor.tools.store.read() as work:
        row = deliveries.numbered(work, forms.whole_number(number) or 0)
    if row is None:
        raise Missing(f"There is no delivery {number}; the newest of each endpoint are kept for two weeks.")
    return row


def _address(url: str) -> str:
    """An endpoint's address without what stands behind “?”: some put a token there."""
    parts = urlsplit(url)
    return parts._replace(query="…" if parts.query else "", fragment="").geturl()


def _page(
    request: Request,
    visitor: Visitor,
    problem: str = "",
    secret: tuple[str, str] | None = None,
    tried: Tested | None = None,
    ask: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    tools = visitor.tools
    seen = webhooks.endpoint_health(tools)
    with tools.store.read() as work:
        keys, soon = api_keys.all_keys(work), work.after(tools.settings.key_warning_days * 86_400)
        asked = request.query_params.get("company", "").strip()
        ids = {asked, *(one.id for one in companies.called(work, asked))} if asked else set()
    found = sorted(
        (one for one in seen if not asked or one.company in ids),
        key=lambda one: not (one.rests_until or one.given_up),
    )
    facts = {
        "endpoints": [(one, _address(one.url), one.id == webhooks.INSTALLATION) for one in found[:PER_PAGE]],
        "left_out": max(0, len(found) - PER_PAGE),
        "of_company": asked,
        "keys": [(one, host_keys.state(one, soon), quote(one.id, safe=""), whole_scopes(one.scopes)) for one in keys],
        "scopes": [one for one in Scope if one is not Scope.EVENTS],
        "problem": problem,
        "secret": secret,
        "tried": tried and (_address(tried.url), tried.result),
        "ask": ask,
        "most_in_a_post": endpoints.MOST_IN_A_POST,
    }
    return rendering.page(request, visitor, "developers", status, **facts)
