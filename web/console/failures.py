"""Failures by cause, with the fix beside them, and the invoices of one group."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.failures import thing_of, titled
from store import companies, failing
from store.failing import Group
from web.console import forms, rendering
from web.console.forms import PER_PAGE
from web.console.visitor import CompanyFilter, Looking, Missing, NarrowedTo

router = APIRouter(prefix="/failures")


@router.get("")
def failures_page(
    request: Request, visitor: Looking, company: NarrowedTo, reason: str = "", after: str = ""
) -> Response:
    """The groups, the largest first, of a company or reason."""
    skip = min(forms.whole_number(after) or 0, 100_000)
    with visitor.tools.store.read() as work:
        groups = failing.groups(work, company.id or None, PER_PAGE + 1, skip, reason)
        names = companies.names(work, {group.company for group in groups})
    shown = [(group, group_in_words(group)) for group in groups[:PER_PAGE]]
    more = str(skip + PER_PAGE) if len(groups) > PER_PAGE else ""
    return rendering.page(
        request, visitor, "failures", groups=shown, names=names, more=more, company=company, reason=titled(reason)
    )


@router.get("/{company}")
def look_at_one(request: Request, visitor: Looking, company: str, cause: str = "", after: str = "") -> Response:
    """One group, with a page of its invoices; without a cause, the company's groups."""
    if not cause:
        return failures_page(request, visitor, CompanyFilter(company))
    with visitor.tools.store.read() as work:
        group = failing.group(work, company, cause)
        rows = failing.page(work, company, cause, _place(after), PER_PAGE + 1) if group else []
        name = companies.name_of(work, company)
    if group is None:
        raise Missing("Nothing fails for this any more: it was fixed, or is being sent again.")
    last = rows[PER_PAGE - 1] if len(rows) > PER_PAGE else None
    facts: dict[str, Any] = {
        "group": group,
        "told": group_in_words(group),
        "company_name": name,
        "rows": rows[:PER_PAGE],
        "more": f"{last.changed_at.isoformat()}~{last.invoice}" if last else "",
    }
    return rendering.page(request, visitor, "failure", **facts)


def group_in_words(group: Group) -> dict[str, Any]:
    """The group in words, and the client whose contact would mend it."""
    return {**group.in_words(), "client": thing_of(group.cause) if group.cause.startswith("contact_") else ""}


def _place(after: str) -> tuple[datetime, str] | None:
    at, _, invoice = after.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, invoice) if moment.tzinfo else None
