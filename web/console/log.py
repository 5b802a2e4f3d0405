"""The export log: filtered by its address, ticked, taken away as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from events import wording
from events.reasons import Reason
from events.snapshot import Person
from store import audit, companies, export_log, invoice_detail, requests
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
    "requested_by",
)
router = APIRouter()


@router.get("/log")
def log_page(request: Request, visitor: Looking, company: NarrowedTo) -> Response:
    """A page of the log."""
    said = forms.several(request)
    with visitor.tools.store.read() as work:
        page = export_log.page_of_log(work, forms.log_filter(said), forms.page_wanted(request))
        names = companies.names(work, {line.company for line in page.rows})
        now_of = invoice_detail.now_of(work, [(line.company, line.invoice) for line in page.rows])
        askers = requests.askers(work, [(line.company, line.request) for line in page.rows])
    facts: dict[str, Any] = {
        "page": page,
        "names": names,
        "now_of": now_of,
        "askers": askers,
        "said": said,
        "zone": getattr(forms.zone_of(said), "key", "UTC"),
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
    filters = {name: value for name, value in forms.several(request).items() if value}
    chosen = forms.log_filter(filters)
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
        with store.read() as work:
            askers = requests.askers(work, [(line.company, line.request) for line in lines])
        yield "".join(_line(_cells(line, askers.get((line.company, line.request)))) for line in lines)
    with store.read() as work:
        cut = count >= MOST_IN_A_FILE and bool(export_log.log_page(work, chosen, last, 1))
    if cut:
        yield _line([f"Only the newest {MOST_IN_A_FILE:,} lines: narrow the filter for the others."])


def _cells(line: Any, asker: Person | None) -> list[Any]:
    by = asker.known_as if asker else ""
    return [_cell(by if name == "requested_by" else getattr(line, name)) for name in _COLUMNS]


def _line(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _cell(value: Any) -> str:
    """Moments as ISO writes them; text that no spreadsheet takes for a formula."""
    return wording.cell(value.isoformat() if hasattr(value, "isoformat") else value)
