"""Pause and resume, one company or all, with a reason; a pause counts down until nothing is in flight."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import batches, companies, pauses
from store.pauses import EVERYBODY
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Must, Visitor, must_exist
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import rights

LONGEST_REASON = 500
_WHY = "Say why: whoever looks at this page next needs to know."
_ALL = "/console/pause"
_OPPOSITE = {"pause": "resume", "resume": "pause"}
Ops = Annotated[Visitor, Depends(Must(rights.ACTIONS[registry.PAUSE.effect]))]
router = APIRouter()


@router.get("/pause")
def pauses_page(request: Request, visitor: Looking) -> Response:
    """Who is paused, and how much is still in flight."""
    return _page(request, visitor)


@router.post("/pause")
@router.post("/resume")
def every_company(request: Request, form: Posted, visitor: Ops) -> Response:
    """No company's exports begin a new call; or all go on, but for those that are paused alone."""
    command, why = _command(request), form.text("why")[:LONGEST_REASON]
    if command is registry.PAUSE and not why:
        return _page(request, visitor, _WHY)
    news = command.run(visitor.tools, EVERYBODY, visitor.user, why)
    nothing = command is registry.RESUME and not news
    said = "Nothing was paused." if nothing else command.shown.about("Everything", news=news)
    return rendering.redirect(_ALL, said, [_OPPOSITE[command.name]] if news else ())


@router.post("/companies/{company}/pause")
@router.post("/companies/{company}/resume")
def one_company(request: Request, form: Posted, visitor: Ops, company: str) -> Response:
    """One company's exports begin no new call; or go on."""
    must_exist(visitor, company)
    command, why, page = (
        _command(request),
        form.text("why")[:LONGEST_REASON],
        f"/console/companies/{quote(company, safe='')}",
    )
    if command is registry.PAUSE and not why:
        return rendering.redirect(page, f"Nothing was done. {_WHY}")
    news = command.run(visitor.tools, company, visitor.user, why)
    with visitor.tools.store.read() as work:
        name = companies.name_of(work, company)
    said = command.shown.about(name, news=news)
    return rendering.redirect(page, said, [_OPPOSITE[command.name], company] if news else ())


def _page(request: Request, visitor: Visitor, problem: str = "") -> Response:
    with visitor.tools.store.read() as work:
        held = pauses.active(work)
        facts: dict[str, Any] = {"held": held, "everybody": EVERYBODY, "in_flight": batches.in_flight(work)}
        facts["names"] = companies.names(work, {one.scope for one in held})
    return rendering.page(request, visitor, "pause", 422 if problem else 200, problem=problem, **facts)


def _command(request: Request) -> Command:
    """Pause or resume, as the address says."""
    return registry.RESUME if request.url.path.endswith("/resume") else registry.PAUSE
