"""The last steps of setting a company up: one invoice as it would be sent, and a test invoice, deleted again."""

import redis
from fastapi import APIRouter, Request
from fastapi.responses import Response

from events.invoice import Invoice
from events.lane import Lane
from store import audit, connections, exports
from store.connections import NOT_YET
from web.console import rendering, setup
from web.console.forms import Posted
from web.console.setup import PREVIEWED, SettingUp, SettingUpProven, Shown
from web.console.visitor import must_exist
from worker.preview import preview
from worker.tools import Tools
from worker.watching import drafts
from worker.watching.drafts import NoDraft

HERE = "/companies/{company}/setup"
_AWAY = "Redis does not answer, so Xero cannot be asked just now. Try again in a few minutes."
router = APIRouter()


@router.post(f"{HERE}/preview")
def look_ahead(request: Request, visitor: SettingUp, form: Posted, company: str) -> Response:
    """Say what would be sent of one invoice, to the cent, by reads alone."""
    must_exist(visitor, company)
    tools, text = visitor.tools, form.text("number") or form.text("invoice")
    try:
        invoice = _invoice(tools, company, text)
    except NoDraft as refused:
        return setup.show(request, visitor, company, Shown(str(refused), "preview", found={"chosen": text}), 422)
    try:
        foretold = preview.preview(tools, company, [invoice])
    except redis.RedisError:
        return setup.show(request, visitor, company, Shown(_AWAY, "preview", found={"chosen": text}), 422)
    found = {
        "invoice": invoice,
        "picture": preview.as_sent(tools, company, invoice),
        "foretold": foretold,
        "chosen": text,
    }
    if foretold.complete and not foretold.forecast.waits_for:
        said = {"invoice": invoice.id, "number": foretold.invoices[0].number or invoice.number}
        with tools.store.write() as work:
            fails = {} if foretold.fine else {"fails": "yes"}
            at = connections.of_company(work, company)
            where = {"tenant": at.tenant} if at else {}
            audit.note(work, visitor.user, PREVIEWED, company, {**said, **fails, **where}, 0, "")
    return setup.show(request, visitor, company, Shown(part="preview", found=found))


@router.post(f"{HERE}/test")
def test_invoice(request: Request, visitor: SettingUpProven, form: Posted, company: str) -> Response:
    """Send a test invoice as a draft, look up what became of it, or delete it again."""
    must_exist(visitor, company)
    act, tools = form.text("do"), visitor.tools
    try:
        if act == "send":
            drafts.send(tools, company, visitor.user)
        elif act == "delete":
            drafts.delete(tools, company, visitor.user)
        else:
            drafts.settle(tools, company)
    except NoDraft as refused:
        return setup.show(request, visitor, company, Shown(str(refused), "test"), 422)
    return rendering.redirect(setup.setup_address(company, "test"))


def _invoice(tools: Tools, company: str, text: str) -> Invoice:
    """The invoice of this number or id; an example where none is named. Raises NoDraft."""
    with tools.store.read() as work:
        at = connections.of_company(work, company)
        content = exports.called(work, Lane(company, at.tenant if at else NOT_YET), text) if text else ""
        if text and not content:
            raise NoDraft(f"No invoice “{text}” of this company waits or is kept here.")
        found = Invoice.readable(content) if content else drafts.example(work, company)
        if found is None:
            raise NoDraft(f"Invoice “{text}” was kept in a form that cannot be read any more; export it again.")
        return found
