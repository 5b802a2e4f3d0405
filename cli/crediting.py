"""`crewcard-xero credit INVOICE`: a credit note for an invoice in Xero, shown first and handed in with --yes."""

from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, Company, Why, Yes
from worker.commands import registry
from worker.decisions.crediting import EXTENTS
from worker.submission import crediting
from worker.submission.crediting import PreparedCredit
from worker.submission.orders import OrderRefused


def credit(
    company: Company,
    invoice: Annotated[str, typer.Argument(help="Id of the invoice")],
    why: Why,
    extent: Annotated[
        str, typer.Option(help="`difference`: what CrewCard wants less by now; `whole`: all that Xero has of it")
    ] = "",
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say what a credit note for an invoice in Xero would be; with --yes it is handed in, once however often.

    Ends with 1 where none can be raised, and says why.

    Examples:
      crewcard-xero credit i42 --company harbour --why "paid, and two days less"

      crewcard-xero credit i42 --company harbour --extent whole --why "never done" --yes

    """
    if extent not in ("", *EXTENTS):
        output.fail(f"--extent is one of: {', '.join(EXTENTS)}.")
    tools = common.ready()
    request, giver = "", common.person(tools, by)
    if yes:
        try:
            found, receipt = crediting.raise_credit(tools, company, invoice, giver, why, extent)
        except OrderRefused as refused:
            output.fail(str(refused), 1)
        request = receipt.request if receipt else ""
    else:
        found = crediting.prepare(tools, company, invoice)
    output.result(_document(found, extent, request), *_lines(found, extent, request), as_json=as_json)
    raise typer.Exit(0 if found.raised or found.chosen(extent) else 1)


def _document(found: PreparedCredit, extent: str, request: str) -> dict[str, Any]:
    note = found.chosen(extent)
    shown = {"company": found.company, "invoice": found.invoice, "request": request, "raised_before": found.raised}
    if note is None:
        return {**shown, "credit_note": None, "why_not": found.why, "how": found.how}
    said = note.model_dump(mode="json", exclude_none=True)
    return {**shown, "contact": found.contact, "offers": list(found.offers), "credit_note": said}


def _lines(found: PreparedCredit, extent: str, request: str) -> list[str]:
    note = found.chosen(extent)
    if found.raised:
        return [f"A credit note was raised for it before: crewcard-xero why {found.raised}"]
    if note is None:
        return [found.why or "There is no such credit note for it.", found.how]
    told = [f"Credit note {note.number} for {found.contact}, dated {note.date}, credits invoice {found.number}:"]
    told += [f"  {line.description}: {line.quantity} x {line.unit_amount}" for line in note.lines]
    told.append(f"  {crediting.amount_of(note)}")
    done = registry.CREDIT.printed.format(request=request)
    return [*told, f"It is {done}." if request else "Nothing was sent. With --yes it is handed in."]
