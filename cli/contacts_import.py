"""`crewcard-xero contacts import FILE.csv`: lines with mistakes are named, the rest is imported."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import csv_contacts, order_submission, output, submission
from cli.order_submission import AsJson, By
from events.accounting_target import Trouble
from store import client_contacts, companies
from worker.decisions.rights import ConsoleUser, Operator
from worker.submission import contact_import
from worker.submission.contact_import import Imported, Line
from worker.tools import Tools

_LONGEST_SECONDS = 3600.0
Giver = ConsoleUser | Operator


def import_(
    file: Annotated[Path, typer.Argument(help="CSV: client, xero_contact, name", exists=True, dir_okay=False)],
    company: Annotated[str, typer.Option(help="Whose clients")],
    by: By = "",
    check: Annotated[bool, typer.Option("--check", help="Only say what would happen")] = False,
    as_json: AsJson = False,
) -> None:
    """Link the clients in a file to their Xero contacts, each after asking Xero (45 in one call).

    The same file again changes nothing. Ends with 1 when a line had a mistake.

    Example:  crewcard-xero contacts import clients.csv --company harbour --check
    """
    tools = order_submission.ready()
    done = Imported()
    lines = csv_contacts.wishes(file, done.mistakes)
    _must_be_editable(tools, company)
    fresh = contact_import.without_known(tools, company, lines, done)
    move = _check if check else _import
    try:
        move(tools, company, fresh, done, order_submission.person(tools, by), quiet=as_json)
    except Trouble as trouble:
        submission.away(trouble)
    _report(done, check=check, as_json=as_json)
    raise typer.Exit(1 if done.mistakes else 0)


def _must_be_editable(tools: Tools, company: str) -> None:
    with tools.store.read() as work:
        if not companies.exists(work, company):
            output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)
        closed = client_contacts.why_not(work, company)
    if closed:
        output.fail(f"{closed} (crewcard-xero companies settings {company} --set contact_ids_editable=true)", 1)


def _check(tools: Tools, company: str, fresh: Sequence[Line], done: Imported, _person: Giver, *, quiet: bool) -> None:
    with submission.bar("Asking Xero", quiet=quiet) as shown:
        contact_import.check(tools, company, fresh, done, submission.wait, shown)


def _import(tools: Tools, company: str, fresh: Sequence[Line], done: Imported, person: Giver, *, quiet: bool) -> None:
    with submission.bar("Accepting", quiet=quiet) as shown, submission.refusals():
        before, places = contact_import.file(tools, company, fresh, person, shown)
    with submission.bar("Asking Xero", quiet=quiet) as shown:
        contact_import.answer(tools, company, before, _LONGEST_SECONDS, submission.wait, shown)
    contact_import.sort_out(tools, company, before, places, done)


def _report(done: Imported, *, check: bool, as_json: bool) -> None:
    if as_json:
        output.print_json(asdict(done))
        return
    would = "would be " if check else ""
    output.say(
        f"{order_submission.count(len(done.linked), 'client')} {would}linked, {len(done.before)} were so before."
    )
    if done.waiting:
        output.say(f"{len(done.waiting)} are accepted and wait until Xero can be asked.")
    for client, warning in done.warnings.items():
        output.say(f"  {client}: {warning}")
    for place, mistake in done.mistakes.items():
        output.warn(f"Not imported: {place}: {mistake}")
