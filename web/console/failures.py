"""Failures by cause, with the fix beside them, and the invoices of one group."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.failures import reason_of, thing_of, titled
from store import companies, failing, invoice_detail
from store.failing import Group
from web.console import forms, rendering
from web.console.visitor import CompanyFilter, Looking, Missing, NarrowedTo
from worker.decisions import crediting

router = APIRouter(prefix="/failures")


@router.get("")
def failures_page(
    request: Request, visitor: Looking, company: NarrowedTo, reason: str = "", after: str = "", before: str = ""
) -> Response:
    """The groups, the largest first, of a company or reason; behind so many of them."""
    skip = min(forms.whole_number(after or before) or 0, 100_000)
    with visitor.tools.store.read() as work:
        groups = failing.groups(work, company.id or None, forms.PER_PAGE, skip, reason)
        page = failing.page_of_groups(work, company.id or None, reason, groups, skip, forms.PER_PAGE)
        names = companies.names(work, {group.company for group in groups})
    facts: dict[str, Any] = {"page": page, "names": names, "company": company, "reason": titled(reason)}
    shown = [(group, group_in_words(group)) for group in groups]
    return rendering.page(request, visitor, "failures", groups=shown, **facts)


@router.get("/{company}")
def look_at_one(request: Request, visitor: Looking, company: str, cause: str = "") -> Response:
    """One group, with a page of its invoices; without a cause, the company's groups."""
    if not cause:
        return failures_page(request, visitor, CompanyFilter(company))
    with visitor.tools.store.read() as work:
        group = failing.group(work, company, cause)
        page, now_of = invoice_detail.page_with_now(
            work, forms.page_wanted(request), lambda wanted: failing.page_of_group(work, company, cause, wanted)
        )
        name = companies.name_of(work, company)
    if group is None:
        raise Missing("Nothing fails for this any more: it was fixed, or is being sent again.")
    facts: dict[str, Any] = {
        "group": group,
        "told": group_in_words(group),
        "company_name": name,
        "page": page,
        "now_of": now_of,
        "credited": reason_of(cause) in crediting.REASONS,
    }
    return rendering.page(request, visitor, "failure", **facts)


def group_in_words(group: Group) -> dict[str, Any]:
    """The group in words, and the client whose contact would mend it."""
    return {**group.in_words(), "client": thing_of(group.cause) if group.cause.startswith("contact_") else ""}
