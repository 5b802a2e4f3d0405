"""Clients' Xero contacts: `crewcard-xero contacts …`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import contact_lines, contacts_import, csv_contacts, order_submission, output, submission
from cli.order_submission import AsJson, By
from cli.plain_numbers import Most
from events.accounting_target import Organisation, Trouble
from events.contacts import ClientXeroContactUpdateRequested
from store import client_contacts, companies
from worker.contacts import changes, contact_previews, rechecking, suggesting
from worker.tools import Tools

app = typer.Typer(help="Which Xero contact each client is billed as.", no_args_is_help=True)
Company = Annotated[str, typer.Option(help="Whose clients")]
Pasted = Annotated[str, typer.Argument(help="The contact's address in Xero, or its ID; empty ends the link")]
_GOOD = ("active", "")


@app.command(name="list")
def list_(company: Company, as_json: AsJson = False) -> None:
    """The linked clients with Xero's name and state, and the clients that have none; ends with 1 when one is amiss.

    Example:  crewcard-xero contacts list --company harbour --json | jq '.linked[] | select(.status != "active")'
    """
    tools = ready(company)
    with tools.store.read() as work:
        linked = client_contacts.all_of(work, company)
        missing = suggesting.unlinked(work, company)
    if as_json:
        without = [{**asdict(card), "failed_invoices": failed} for card, failed in missing.items()]
        output.print_json({"linked": [asdict(one) for one in linked], "unlinked": without})
    else:
        contact_lines.show(linked)
        for card, failed in missing.items():
            waits = f"; {order_submission.count(failed)} failed for it" if failed else ""
            output.say(f"{card.client} ({card.name}) has no Xero contact{waits}.")
    raise typer.Exit(1 if missing or any(one.status not in _GOOD for one in linked) else 0)


@app.command(name="set")
def set_(
    client: Annotated[str, typer.Argument(help="The client's id in CrewCard")],
    pasted: Pasted,
    company: Company,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Bill a client as the contact that was pasted, once Xero has been asked; ends with 1 when it is refused.

    Examples:
      crewcard-xero contacts set acme https://go.xero.com/app/!AbC12/contacts/contact/5b96e86b-… --company harbour

      crewcard-xero contacts set acme "" --company harbour

    """
    tools = ready(company)
    said = {"company": company, "client": client, "xero_contact": pasted}
    told = submission.file_change(tools, ClientXeroContactUpdateRequested, said, by)
    if as_json:
        output.print_json(told)
    else:
        submission.print_answer(told)
    raise typer.Exit(1 if told["state"] == "rejected" else 0)


@app.command()
def check(
    pasted: Pasted,
    company: Company,
    client: Annotated[str, typer.Option(help="For which client")] = "",
    as_json: AsJson = False,
) -> None:
    """What would be said to this contact: Xero's name and state, and warnings. Changes nothing.

    Example:  crewcard-xero contacts check 5b96e86b-418e-48e8-8949-308c14aec278 --company harbour
    """
    tools = ready(company)
    try:
        found = contact_previews.preview_one(tools, company, client, pasted, submission.wait)
    except Trouble as trouble:
        submission.away(trouble)
    if as_json:
        output.print_json(asdict(found))
    else:
        output.say(found.message)
        for more in (*found.warnings, *([found.how] if found.how else [])):
            output.say(f"  {more}")
    raise typer.Exit(0 if found.usable else 1)


@app.command()
def suggest(
    company: Company,
    file: Annotated[Path | None, typer.Argument(help="CSV: client, name, number, email", exists=True)] = None,
    most: Most = 3,
    as_json: AsJson = False,
) -> None:
    """Contacts that clients without one may be, by number, e-mail and name; of the file, or of our invoices.

    Examples:
      crewcard-xero contacts suggest --company harbour

      crewcard-xero contacts suggest clients.csv --company harbour --json

    """
    tools = ready(company)
    with tools.store.read() as work:
        cards = csv_contacts.cards(file) if file else list(suggesting.unlinked(work, company))
        organisation = connected(tools, company)
    try:
        found = suggesting.suggest(tools, organisation, cards, most, submission.wait)
    except Trouble as trouble:
        submission.away(trouble)
    if as_json:
        output.print_json(contact_lines.suggested(tools, organisation, found))
    else:
        contact_lines.show_suggestions(tools, organisation, found)


@app.command()
def recheck(company: Company, as_json: AsJson = False) -> None:
    """Look at every linked contact in Xero now, 45 in one call; the clock does this every week.

    Example:  crewcard-xero contacts recheck --company harbour
    """
    tools = ready(company)
    connected(tools, company)
    try:
        with submission.bar("Contacts", quiet=as_json) as shown:
            looked = rechecking.recheck(tools, company, wait=submission.wait, shown=shown)
    except Trouble as trouble:
        submission.away(trouble)
    tools.bells.wake_relay()
    with tools.store.read() as work:
        amiss = [one for one in client_contacts.all_of(work, company) if one.status not in _GOOD]
    if as_json:
        output.print_json({"looked_at": looked, "amiss": [asdict(one) for one in amiss]})
    else:
        output.say(f"{order_submission.count(looked, 'contact')} looked at, {len(amiss)} of them amiss.")
        contact_lines.show(amiss)
    raise typer.Exit(1 if amiss else 0)


app.command(name="import")(contacts_import.import_)


def ready(company: str) -> Tools:
    """The tools, for a company that there is."""
    tools = order_submission.ready()
    with tools.store.read() as work:
        if not companies.exists(work, company):
            output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)
    return tools


def connected(tools: Tools, company: str) -> Organisation:
    """The company's organisation, or an end that says what to do."""
    with tools.store.read() as work:
        organisation = changes.organisation_of(work, company)
    if organisation is None:
        output.fail(f"{company} is not connected to Xero. Connect it: crewcard-xero connect {company}", 1)
    return organisation
