"""Companies: a row for each connection, why it waits and until when; a page for one."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.failures import titled
from store import audit, failing, requests, status
from web.console import rendering
from web.console.visitor import Looking, Missing
from worker.status import companies as statuses

MOST = 50
_FEW = 5
router = APIRouter()


@router.get("/companies")
def companies_page(request: Request, visitor: Looking, state: str = "", q: str = "", after: str = "") -> Response:
    """Companies in a state, or all."""
    tools = visitor.tools
    state = state if state in status.STATES else ""
    with tools.store.read() as work:
        found = status.matching(work, state, q.strip(), after, MOST + 1)
        seen = statuses.of_companies(tools, work, found[:MOST])
        counts = status.counts(work)
    more = found[MOST - 1] if len(found) > MOST else ""
    facts: dict[str, Any] = {"companies": seen, "counts": counts, "state": state, "q": q, "after": more}
    facts["asked_after"] = after
    return rendering.page(request, visitor, "companies", limits=tools.settings, **facts)


@router.get("/companies/{company}")
def company_page(request: Request, visitor: Looking, company: str) -> Response:
    """One company: its connection, its lane, its bulk sends, its failures, what people did."""
    tools = visitor.tools
    with tools.store.read() as work:
        seen = statuses.of_companies(tools, work, [company])
        if not seen:
            raise Missing(f"There is no company “{company}” here.")
        causes = sorted(failing.counts(work, company).items(), key=lambda one: (-one[1], one[0]))
        facts: dict[str, Any] = {
            "one": seen[0],
            "sends": requests.open_ones(work, company, _FEW + 1),
            "causes": [(cause, titled(cause), count) for cause, count in causes[:_FEW]],
            "more_causes": max(0, len(causes) - _FEW),
            "lines": audit.found(work, audit.AuditFilter(company=company), _FEW),
        }
    return rendering.page(request, visitor, "company", limits=tools.settings, **facts)
