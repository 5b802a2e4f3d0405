"""Orders to exports that were asked for: `cancel`, `replay`, `raise-anew`."""

from typing import Annotated

import typer

from cli import order_submission, output
from cli.order_submission import AsJson, By, Company, Why, Yes
from events.orders import (
    InvoiceExportCancelRequested,
    InvoiceExportRaiseAnewRequested,
    InvoiceExportReplayRequested,
)
from store import choosing
from worker.decisions.receipts import Receipt

Request = Annotated[str | None, typer.Argument(help="Id of the request; else every request")]
Invoices = Annotated[list[str] | None, typer.Option("--invoice", "-i", help="Only this invoice id; may be repeated")]
_LEFT_OUT = {
    "answered": "had their answer already",
    "in_flight": "on their way to Xero: cancelled if they come back, else answered by what Xero says",
    "never_sent": "never sent to Xero, or not known",
    "under_way": "on their way to Xero right now",
    "not_failed": "did not fail, or are being sent again already",
    "unknown": "not known",
    "unreadable": "could not be read when they came, so nothing was kept to send: they must come again",
}


def cancel(
    company: Company,
    why: Why,
    request: Request = None,
    invoice: Invoices = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Do not send what has not been sent yet. Other requests for the same invoices go on.

    Examples:
      crewcard-xero cancel r-1017 --company harbour --why "wrong month"

      crewcard-xero cancel --invoice i42 --company harbour --why "disputed" --yes

    """
    tools = order_submission.ready()
    order = order_submission.order(
        InvoiceExportCancelRequested, by, company=company, request=request, invoices=invoice or [], why=why
    )
    with tools.store.read() as work:
        found = len(choosing.to_cancel(work, order))
    order_submission.sure(f"Cancel {order_submission.count(found)} of {company}?", yes=yes or not found)
    _report(order_submission.file_order(tools, order), "cancelled", as_json=as_json)


def replay(
    company: Company,
    why: Why,
    request: Request = None,
    invoice: Invoices = None,
    reason: Annotated[str | None, typer.Option(help="Only what failed for this reason (see: failures)")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try failed invoices again, as a new request; nothing is ever sent twice by it.

    Examples:
      crewcard-xero replay --company harbour --reason contact_archived --why "contact restored"

      crewcard-xero replay r-1017 --company harbour --why "books are open again" --yes

    """
    tools = order_submission.ready()
    said = {"company": company, "request": request, "invoices": invoice or [], "reason": reason, "why": why}
    order = order_submission.order(InvoiceExportReplayRequested, by, **said)
    with tools.store.read() as work:
        found = len(choosing.to_replay(work, order))
    order_submission.sure(f"Try {order_submission.count(found)} of {company} again?", yes=yes or not found)
    receipt = order_submission.file_order(tools, order)
    _report(receipt, f"asked for again (request {receipt.request})", as_json=as_json)


def raise_anew(
    company: Company,
    invoice: Annotated[list[str], typer.Argument(help="Ids of the invoices")],
    why: Why,
    number: Annotated[str | None, typer.Option(help="Its number in Xero from now on; only for one invoice")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Raise invoices again that are voided, deleted or gone in Xero, each once, as a new invoice there.

    Xero is looked at first: what is alive there is not raised a second time. A voided invoice keeps its number, so
    that the new one gets --number, or -2 behind the old one.

    Examples:
      crewcard-xero raise-anew i42 --company harbour --why "voided by mistake"

      crewcard-xero raise-anew i42 --company harbour --number N-42A --why "voided by mistake" --yes

    """
    tools = order_submission.ready()
    said = {"company": company, "invoices": invoice, "number": number, "why": why}
    order = order_submission.order(InvoiceExportRaiseAnewRequested, by, **said)
    with tools.store.read() as work:
        found = len(choosing.to_raise(work, order))
    order_submission.sure(f"Raise {order_submission.count(found)} of {company} again?", yes=yes or not found)
    receipt = order_submission.file_order(tools, order)
    _report(receipt, f"asked for anew (request {receipt.request})", as_json=as_json)


def _report(receipt: Receipt, done: str, *, as_json: bool) -> None:
    left = receipt.left_out or {}
    if as_json:
        output.print_json(
            {"company": receipt.company, "request": receipt.request, "moved": receipt.invoices, "left_out": left}
        )
        return
    output.say(
        f"{order_submission.count(receipt.invoices)} {done}." if receipt.invoices else "There was nothing to do."
    )
    for name, number in left.items():
        output.say(f"  {number} {_LEFT_OUT[name]}")
