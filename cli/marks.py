"""The mark “do not send”: `exclude` and `include`."""

from typing import Annotated

import typer

from cli import order_submission, output
from cli.order_submission import AsJson, By, Company, Why
from worker.commands import excluding
from worker.commands.excluding import Marked
from worker.decisions.rights import Effect

Names = Annotated[list[str], typer.Argument(help="Invoice ids or numbers")]


def exclude(invoices: Names, company: Company, why: Why, by: By = "", as_json: AsJson = False) -> None:
    """Mark invoices “do not send”; ends with 1 when one of them is not known.

    Example:  crewcard-xero exclude N-1007 N-1008 --company harbour --why "settled in cash"
    """
    tools = order_submission.ready()
    giver = order_submission.must_be_allowed(tools, by, Effect.EXCLUDE, company)
    done = excluding.exclude(tools, company, invoices, giver, why)
    _report(done, "marked “do not send”", as_json=as_json)


def include(
    invoices: Names,
    company: Company,
    why: Annotated[str, typer.Option(help="Why; kept in the audit")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take the mark off again. Nothing is sent by it: export the invoice, or replay it.

    Example:  crewcard-xero include N-1007 --company harbour
    """
    tools = order_submission.ready()
    giver = order_submission.must_be_allowed(tools, by, Effect.EXCLUDE, company)
    done = excluding.include(tools, company, invoices, giver, why)
    _report(done, "no longer marked", as_json=as_json)


def _report(done: Marked, what: str, *, as_json: bool) -> None:
    if as_json:
        output.print_json(done.__dict__)
    else:
        _print_marked(done, what)
    raise typer.Exit(1 if done.unknown else 0)


def _print_marked(done: Marked, what: str) -> None:
    output.say(f"{order_submission.count(len(done.changed))} {what}.")
    told = (
        (done.so_before, "so before"),
        (done.in_flight, "on their way to Xero: called back if they come back, else they stay in Xero"),
        (done.in_xero, "in Xero already: only later changes are kept from it"),
    )
    for names, where in told:
        if names:
            output.say(f"  {where}: {', '.join(names)}")
    if done.unknown:
        output.warn(f"Not known here, so not marked: {', '.join(done.unknown)}")
