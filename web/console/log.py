"""The export log: filtered by its address, ticked, taken away as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from events import wording
from events.reasons import Reason
from store import audit, companies, export_log
from store.export_log import LogFilter
from store.unit_of_work import Store
from web.console import forms, rendering
from web.console.rendering import HEADERS
from web.console.visitor import Looking, NarrowedTo

MOST_IN_A_FILE = 100_000
OUTCOMES = ("created", "updated", "adopted", "unchanged", "failed")
_COLUMNS = (
    "at",
    "company",
    "number",
    "invoice",
    "client",
    "outcome",
    "reason",
    "message",
    "xero_words",
    "request",
    "xero_invoice_id",
    "verified",
    "differences",
    "changes",
    "proof",
    "event_id",
)
router = APIRouter()


@router.get("/log")
def log_page(request: Request, visitor: Looking, company: NarrowedTo, after: str = "") -> Response:
    """A page of the log."""
    said = dict(request.query_params)
    chosen = forms.log_filter(said)
    with visitor.tools.store.read() as work:
        lines = export_log.log_page(work, chosen, forms.whole_number(after), forms.PER_PAGE + 1)
        names = companies.names(work, {line.company for line in lines})
    more = lines[forms.PER_PAGE - 1].id if len(lines) > forms.PER_PAGE else None
    facts: dict[str, Any] = {
        "lines": lines[: forms.PER_PAGE],
        "names": names,
        "more": more,
        "said": said,
        "company": company,
        "problem": forms.objections(said),
        "outcomes": OUTCOMES,
        "reasons": sorted((one.value.title, one.code) for one in Reason),
        "titles": {one.code: one.value.title for one in Reason},
    }
    return rendering.page(request, visitor, "log", filters=facts.pop("said"), **facts)


@router.get("/log.csv")
def take_away(request: Request, visitor: Looking) -> Response:
    """The lines that match as a file for a spreadsheet."""
    chosen = forms.log_filter(dict(request.query_params))
    filters = {name: value for name, value in request.query_params.items() if value}
    with visitor.tools.store.write() as work:
        audit.note(work, visitor.user, "log downloaded", filters.pop("company", ""), filters, 0, "")
    named = {**HEADERS, "content-disposition": 'attachment; filename="export-log.csv"'}
    return StreamingResponse(_file(visitor.tools.store, chosen), media_type="text/csv; charset=utf-8", headers=named)


def _file(store: Store, chosen: LogFilter) -> Iterator[str]:
    """The file in pieces; at its end it says so when it does not hold everything."""
    count, last = 0, None
    yield "\ufeff" + _line(_COLUMNS)  # the mark tells spreadsheets that it is UTF-8
    for lines in export_log.log_pages(store, chosen, MOST_IN_A_FILE):
        count, last = count + len(lines), lines[-1].id
        yield "".join(_line([_cell(getattr(line, name)) for name in _COLUMNS]) for line in lines)
    with store.read() as work:
        cut = count >= MOST_IN_A_FILE and bool(export_log.log_page(work, chosen, last, 1))
    if cut:
        yield _line([f"Only the newest {MOST_IN_A_FILE:,} lines: narrow the filter for the others."])


def _line(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _cell(value: Any) -> str:
    """Moments as ISO writes them; text that no spreadsheet takes for a formula."""
    return wording.cell(value.isoformat() if hasattr(value, "isoformat") else value)
