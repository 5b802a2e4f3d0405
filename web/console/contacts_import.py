"""A table of clients and their Xero contacts, pasted from a spreadsheet."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from events.accounting_target import Trouble
from events.codec import Unreadable
from store import client_contacts, companies
from web.console import rendering, wording
from web.console.forms import Form, Posted
from web.console.visitor import Must, Visitor
from worker.decisions import client_table
from worker.decisions.roles import Action
from worker.decisions.tables import NoTable
from worker.submission import contact_import
from worker.submission.contact_import import Imported
from worker.tools import Tools

MOST_LINES, _PATIENCE_SECONDS = 500, 20.0
router = APIRouter()
Mapping = Annotated[Visitor, Depends(Must(Action.MAP_CONTACTS))]


@router.get("/contacts/import")
def ask(request: Request, visitor: Mapping, company: str = "") -> Response:
    """A table can be pasted."""
    return _page(request, visitor, company)


@router.post("/contacts/import")
def take(request: Request, visitor: Mapping, form: Posted) -> Response:
    """Say what would become of the table, or import it."""
    company, table, done = form.text("company"), form.whole("table"), Imported()
    try:
        _move(request.app.state.tools, visitor, form, done)
    except (NoTable, Unreadable) as refused:
        return _page(request, visitor, company, table, str(refused))
    except Trouble as trouble:
        return _page(request, visitor, company, table, wording.away(trouble))
    return _page(request, visitor, company, table, done=done, imported=form.text("do") == "import")


def _move(tools: Tools, visitor: Visitor, form: Form, done: Imported) -> None:
    """Raises NoTable, Unreadable, Trouble."""
    company = form.text("company")
    _must_be_editable(tools, company)
    lines = client_table.wishes(form.whole("table"), "line", done.mistakes)
    if len(lines) > MOST_LINES:
        raise NoTable(f"These are {len(lines)} lines. Paste at most {MOST_LINES} at once, or use the command line.")
    person = visitor.actor if form.text("do") == "import" else None
    contact_import.take(tools, company, lines, done, person, _PATIENCE_SECONDS)


def _must_be_editable(tools: Tools, company: str) -> None:
    """Raises NoTable."""
    with tools.store.read() as work:
        if not companies.exists(work, company):
            raise NoTable(f"There is no company “{company}” here.")
        closed = client_contacts.why_not(work, company)
    if closed:
        raise NoTable(closed)


def _page(
    request: Request,
    visitor: Visitor,
    company: str,
    table: str = "",
    problem: str = "",
    *,
    done: Imported | None = None,
    imported: bool = False,
) -> Response:
    facts = {"company": company, "table": table, "problem": problem, "imported": imported, "most": MOST_LINES}
    told = {**facts, "done": done, "counts": {name: len(some) for name, some in asdict(done or Imported()).items()}}
    return rendering.page(request, visitor, "contacts_import", 422 if problem else 200, **told)
