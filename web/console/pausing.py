"""Pause and resume, one company or all, with a reason; a pause counts down until nothing is in flight."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import batches, companies, pauses
from store.pauses import EVERYBODY
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Missing, Must, Visitor
from worker.decisions.roles import Action
from worker.tools import Tools
from worker.waiting import pausing

LONGEST_REASON = 500
_WHY = "Say why: whoever looks at this page next needs to know."
_ALL = "/console/pause"
Ops = Annotated[Visitor, Depends(Must(Action.PAUSE))]
router = APIRouter()


@router.get("/pause")
def pauses_page(request: Request, visitor: Looking) -> Response:
    """Who is paused, and how much is still in flight."""
    return _page(request, visitor)


@router.post("/pause")
def pause_all(request: Request, form: Posted, visitor: Ops) -> Response:
    """No company's exports begin a new call."""
    why = form.text("why")[:LONGEST_REASON]
    if not why:
        return _page(request, visitor, _WHY)
    news = pausing.pause(_tools(request), EVERYBODY, visitor.user, why)
    return rendering.redirect(_ALL, "Everything is paused." if news else "Everything was paused before.")


@router.post("/resume")
def resume_all(request: Request, form: Posted, visitor: Ops) -> Response:
    """Everybody goes on, but for companies that are paused alone."""
    news = pausing.resume(_tools(request), EVERYBODY, visitor.user, form.text("why")[:LONGEST_REASON])
    return rendering.redirect(_ALL, "Everything goes on." if news else "Nothing was paused.")


@router.post("/companies/{company}/pause")
def pause(request: Request, form: Posted, visitor: Ops, company: str) -> Response:
    """One company's exports begin no new call."""
    tools, page = _tools(request), _known(request, company)
    why = form.text("why")[:LONGEST_REASON]
    if not why:
        return rendering.redirect(page, f"Nothing was done. {_WHY}")
    news = pausing.pause(tools, company, visitor.user, why)
    return rendering.redirect(page, f"{company} {'is paused' if news else 'was paused before'}.")


@router.post("/companies/{company}/resume")
def resume(request: Request, form: Posted, visitor: Ops, company: str) -> Response:
    """One company goes on."""
    tools, page = _tools(request), _known(request, company)
    news = pausing.resume(tools, company, visitor.user, form.text("why")[:LONGEST_REASON])
    return rendering.redirect(page, f"{company} {'goes on' if news else 'was not paused'}.")


def _page(request: Request, visitor: Visitor, problem: str = "") -> Response:
    with _tools(request).store.read() as work:
        held = pauses.active(work)
        facts = {"held": held, "everybody": EVERYBODY, "in_flight": batches.in_flight(work)}
        now = work.now
    return rendering.page(request, visitor, "pause", now, 422 if problem else 200, problem=problem, **facts)


def _known(request: Request, company: str) -> str:
    """The address of the company's page. Raises Missing."""
    with _tools(request).store.read() as work:
        if not companies.exists(work, company):
            raise Missing(f"There is no company “{company}” here.")
    return f"/console/companies/{quote(company, safe='')}"


def _tools(request: Request) -> Tools:
    tools: Tools = request.app.state.tools
    return tools
