"""Companies: a row for each connection, why it waits and until when; a page for one."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import audit, failing, requests, standing
from web.console import rendering
from web.console.visitor import Looking, Missing
from worker.tools import Tools
from worker.watching import companies as watching

MOST = 50
_FEW = 5
router = APIRouter()


@router.get("/companies")
def listed(request: Request, visitor: Looking, state: str = "", q: str = "", after: str = "") -> Response:
    """Companies in a state, or all."""
    tools: Tools = request.app.state.tools
    state = state if state in standing.STATES else ""
    with tools.store.read() as work:
        found = standing.listed(work, state, q.strip(), after, MOST + 1)
        seen = watching.look(tools, work, found[:MOST])
        counts = standing.counts(work)
        now = work.now
    more = found[MOST - 1] if len(found) > MOST else ""
    facts: dict[str, Any] = {"companies": seen, "counts": counts, "state": state, "q": q, "after": more}
    facts["asked_after"] = after
    return rendering.page(request, visitor, "companies", now, limits=tools.settings, **facts)


@router.get("/companies/{company}")
def look(request: Request, visitor: Looking, company: str) -> Response:
    """One company: its connection, its lane, its bulk sends, its failures, what people did."""
    tools: Tools = request.app.state.tools
    with tools.store.read() as work:
        seen = watching.look(tools, work, [company])
        if not seen:
            raise Missing(f"There is no company “{company}” here.")
        groups = failing.groups(work, company)
        facts: dict[str, Any] = {
            "one": seen[0],
            "sends": requests.open_ones(work, company, _FEW + 1),
            "groups": groups[:_FEW],
            "more_groups": max(0, len(groups) - _FEW),
            "lines": audit.found(work, audit.Wanted(company=company), _FEW),
        }
        now = work.now
    return rendering.page(request, visitor, "company", now, limits=tools.settings, **facts)
