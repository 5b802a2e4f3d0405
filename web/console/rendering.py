"""How a page of the console is made: a template, who looks, and facts; headers that let nothing else in."""

import functools
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from web.console import wording
from web.console.visitor import Visitor

_SAID = "crewcard_said"
HERE = Path(__file__).parent
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


def page(request: Request, visitor: Visitor | None, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A whole page. Ages on it are by database time, not the browser's clock: `now`, or when it was asked for."""
    now = facts.pop("now", None) or (visitor.whose.now if visitor else _now(request))
    said = unquote(request.cookies.get(_SAID, ""))
    asked = request.query_params.multi_items()
    html = (
        _templates()
        .get_template(f"{template}.html")
        .render(visitor=visitor, now=now, path=request.url.path, asked=asked, said=said, **facts)
    )
    answer = HTMLResponse(html, status, headers=HEADERS)
    if said:
        answer.delete_cookie(_SAID, path="/console")
    return answer


def _now(request: Request) -> datetime:
    with request.app.state.tools.store.read() as work:
        now: datetime = work.now
    return now


def redirect(address: str, said: str = "") -> Response:
    """On to a page of ours after something was done, which that page then says in a sentence."""
    answer = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    if said:
        # A cookie and not the address: nobody can send somebody a link that puts words into our mouth.
        answer.set_cookie(_SAID, quote(said), max_age=60, path="/console", httponly=True, samesite="strict")
    return answer


@functools.cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(wording.FILTERS)
    made.globals["static"] = static
    return made


@functools.cache
def static(name: str) -> str:
    """The address of a file of ours, which changes when the file does, so that browsers may keep it."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/console/static/{name}?v={digest}"
