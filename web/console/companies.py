"""Companies: a row for each connection, why it waits and until when; a page for one."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import audit, failing, requests, status
from web.console import forms, rendering
from web.console.visitor import Looking, Missing
from worker.status import companies as statuses

_FEW = 5
router = APIRouter()


@router.get("/companies")
def companies_page(request: Request, visitor: Looking, state: str = "", q: str = "") -> Response:
    """Companies in a state, or all, by name."""
    tools = visitor.tools
    state = state if state in status.STATES else ""
    with tools.store.read() as work:
        page = status.page_of_companies(work, state, q.strip(), forms.page_wanted(request))
        found = statuses.of_companies(tools, work, [row.id for row in page.rows])
        counts = status.counts(work)
        failures = failing.by_company(work, [row.id for row in page.rows])
    seen = {one.health.company: one for one in found}
    in_order = [seen[row.id] for row in page.rows if row.id in seen]
    facts: dict[str, Any] = {"companies": in_order, "page": page, "counts": counts, "state": state, "q": q}
    facts["failures"] = failures
    return rendering.page(request, visitor, "companies", limits=tools.settings, **facts)


@router.get("/companies/{company}")
def company_page(request: Request, visitor: Looking, company: str) -> Response:
    """One company: its connection, its lane, its bulk sends, its failures, what people did."""
    tools = visitor.tools
    with tools.store.read() as work:
        seen = statuses.of_companies(tools, work, [company])
        if not seen:
            raise Missing(f"There is no company “{company}” here.")
        counts, groups = failing.counts(work, company), failing.groups(work, company, _FEW)
        facts: dict[str, Any] = {
            "one": seen[0],
            "sends": requests.open_ones(work, company, _FEW + 1),
            "causes": [(one.cause, one.in_words()["title"], one.invoices) for one in groups],
            "more_causes": max(0, len(counts) - _FEW),
            "failed": sum(counts.values()),
            "lines": audit.newest(work, company, _FEW),
        }
    return rendering.page(request, visitor, "company", limits=tools.settings, **facts)
