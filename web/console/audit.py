"""The audit: who did what, when and why, and whether every line is as it was written."""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import audit, companies
from store.pauses import EVERYBODY
from store.tables import AuditCheck, AuditLine
from web.console import forms, rendering
from web.console.visitor import Looking, NarrowedTo

_LONGEST = 200
router = APIRouter()


@router.get("/audit")
def audit_page(request: Request, visitor: Looking, company: NarrowedTo, who: str = "", what: str = "") -> Response:
    """The newest lines first."""
    wanted = audit.AuditFilter(who.strip(), company.id, what.strip())
    with visitor.tools.store.read() as work:
        page = audit.page_of_lines(work, wanted, forms.page_wanted(request))
        check = audit.newest_check(work)
        names = companies.names(work, {line.company for line in page.rows})
    shown = [(line, chosen(line)) for line in page.rows]
    return rendering.page(
        request,
        visitor,
        "audit",
        lines=shown,
        wanted=wanted,
        page=page,
        names=names,
        everybody=EVERYBODY,
        company=company,
        **_checked(check),
    )


def _checked(check: AuditCheck | None) -> dict[str, Any]:
    return {"check": check, "problems": json.loads(check.problems) if check else []}


def chosen(line: AuditLine) -> list[tuple[str, str]]:
    """What was chosen, name by name, in words and shortened."""
    try:
        said = json.loads(line.chosen)
    except ValueError:
        return [("", line.chosen)]
    return [(name.replace("_", " "), _in_words(value)) for name, value in said.items()]


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{name.replace('_', ' ')} {_in_words(one)}" for name, one in value.items())
    elif isinstance(value, list):
        text = ", ".join(_in_words(one) for one in value)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
