"""Clients' Xero contacts: `crewcard-xero contacts …`; files of them: client, xero_contact, name, number, email."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, Most, Yes
from events.accounting_target import Organisation
from events.contacts import ClientXeroContactUpdateRequested, NotAContact
from store import changes, contacts
from store.contacts import ClientContact
from worker.contacts import contact_answers, new_contacts, rechecking, suggesting
from worker.decisions import tables
from worker.decisions.contact_checks import Card, Suggestion
from worker.decisions.tables import NoTable, Wish
from worker.submission import change_submission, orders
from worker.submission.change_submission import GivenBy, Imported
from worker.tools import Tools

app = typer.Typer(help="Which Xero contact each client is billed as.", no_args_is_help=True)
Company = Annotated[str, typer.Option(help="Whose clients")]
Pasted = Annotated[str, typer.Argument(help="The contact's address in Xero, or its ID; empty ends the link")]
_GOOD = ("active", "")
_LONGEST_IMPORT_SECONDS = 3600.0


@app.command(name="list")
def list_(company: Company, as_json: AsJson = False) -> None:
    """The linked clients with Xero's name and state, and the clients that have none; ends with 1 when one is amiss.

    Example:  crewcard-xero contacts list --company harbour --json | jq '.linked[] | select(.status != "active")'
    """
    tools = common.ready_for(company)
    with tools.store.read() as work:
        linked = contacts.contacts_of_company(work, company)
        missing = suggesting.unlinked(work, company)
    if as_json:
        without = [{**asdict(card), "failed_invoices": failed} for card, failed in missing.items()]
        output.print_json({"linked": [asdict(one) for one in linked], "unlinked": without})
    else:
        _show(linked)
        for card, failed in missing.items():
            waits = f"; {common.count(failed)} failed for it" if failed else ""
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
    tools = common.ready_for(company)
    said = {"company": company, "client": client, "xero_contact": pasted}
    told = common.file_change(tools, ClientXeroContactUpdateRequested, said, by)
    if as_json:
        output.print_json(told)
    else:
        _print_answer(told)
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
    tools = common.ready_for(company)
    found = suggesting.preview_one(tools, company, client, pasted, common.wait)
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
    tools = common.ready_for(company)
    with tools.store.read() as work:
        asked = cards(file) if file else list(suggesting.unlinked(work, company))
        organisation = connected(tools, company)
    found = list(suggesting.suggest(tools, organisation, asked, most, common.wait).items())

    def link(one: Suggestion) -> str:
        return tools.target(organisation).contact_link(organisation.short_code, one.contact.id)

    def document(row: tuple[Card, Sequence[Suggestion]]) -> dict[str, Any]:
        card, likely = row
        told = [
            {
                "xero_contact_id": one.contact.id,
                "name": one.contact.name,
                "link": link(one),
                "score": one.score,
                "by": one.by,
            }
            for one in likely
        ]
        return {"client": card.client, "name": card.name, "suggestions": told}

    def lines(row: tuple[Card, Sequence[Suggestion]]) -> Iterator[str]:
        card, likely = row
        yield f"{card.client} {card.name}".rstrip() + ("" if likely else ": nothing like it in Xero")
        for one in likely:
            yield f"  {one.score:.0%} by {one.by}: {one.contact.name}  {link(one)}"

    output.listing(found, as_json=as_json, document=document, lines=lines)


@app.command()
def match(
    company: Company,
    only_check: Annotated[bool, typer.Option("--check", help="Only say what would happen")] = False,
    yes: Yes = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Link each client without a contact that is one in Xero without doubt: of the same number or name, and alone.

    Shows them first, and asks; those with more than one candidate stay. Ends with 1 when one could not be linked.

    Examples:
      crewcard-xero contacts match --company harbour --check

      crewcard-xero contacts match --company harbour --yes --json

    """
    tools, done = common.ready_for(company), Imported()
    organisation = connected(tools, company)
    found = suggesting.matches(tools, organisation, common.wait)
    for card, one in found.exact.items():
        output.warn(f"{card.client} ({card.name}): {one.contact.name} {one.contact.id}, by {one.by}")
    with tools.store.read() as work:
        waiting = len(changes.subjects_waiting(work, company))
    if waiting:
        output.warn(f"{common.count(waiting, 'client')} left out: Xero is being asked about them already.")
    stay = {"several": len(found.several), "alike": len(found.alike), "unlike": len(found.unlike)}
    output.warn(
        f"{common.count(len(found.exact), 'client')} without doubt. These stay: {stay['several']} with more than one "
        f"candidate, {stay['alike']} only alike, {stay['unlike']} like nothing in Xero."
    )
    if found.exact and not only_check:
        common.confirm(f"Link {common.count(len(found.exact), 'client')}?", yes=yes)
        person, progress = common.person(tools, by), partial(common.bar, quiet=as_json)
        change_submission.link_exact(
            tools, company, found, done, person, _LONGEST_IMPORT_SECONDS, common.wait, progress
        )
    exact = [{"client": card.client, "xero_contact_id": one.contact.id} for card, one in found.exact.items()]
    _report(done, would="", as_json=as_json, more={"exact": exact, "stay": stay})
    raise typer.Exit(1 if done.mistakes else 0)


@app.command()
def create(
    company: Company,
    clients: Annotated[
        list[str] | None,
        typer.Argument(
            help="Clients by their ids in CrewCard; none: all without a contact that are like none in Xero"
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What the one client is called, before its first invoice")] = "",
    yes: Yes = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Create contacts in Xero, each once, with name, e-mail, address and tax number as CrewCard said them.

    Shows them first, with the contacts that each may be, and asks. Ends with 1 when one is refused.

    Examples:
      crewcard-xero contacts create acme --company harbour

      crewcard-xero contacts create --company harbour --yes --json

    """
    tools, done = common.ready_for(company), Imported()
    organisation = connected(tools, company)
    with tools.store.read() as work:
        unlinked = {card.client: card for card in suggesting.unlinked(work, company)}
    cards = [unlinked.get(one, Card(one, name)) for one in clients or unlinked]
    likely = suggesting.suggest(tools, organisation, cards, 3, common.wait)
    wanted = [card for card in cards if clients or not likely[card]]
    for card in wanted:
        _show_new(tools, company, card, likely[card])
    if left := len(cards) - len(wanted):
        output.warn(f"{common.count(left, 'client')} left out: Xero has contacts like them. See: contacts suggest")
    if wanted:
        common.confirm(f"Create {common.count(len(wanted), 'contact')} in {organisation.name}?", yes=yes)
        given, progress = GivenBy(common.person(tools, by), orders.COMMAND), partial(common.bar, quiet=as_json)
        change_submission.create(tools, company, wanted, done, given, _LONGEST_IMPORT_SECONDS, common.wait, progress)
    _report(done, would="", as_json=as_json)
    raise typer.Exit(1 if done.mistakes else 0)


def _show_new(tools: Tools, company: str, card: Card, likely: Sequence[Suggestion]) -> None:
    """A contact as it would be created, on standard error: what is printed is what came of it."""
    try:
        client = new_contacts.preview(tools, company, card.client, card.name)
    except NotAContact as refused:
        output.warn(f"{card.client} {card.name}: {refused.problem.message(refused.facts)}")
        return
    at = client.address
    place = [*at.lines, at.postal_code, at.city, at.region, at.country] if at else []
    told = [client.name, client.email, client.tax_number, *place]
    output.warn(f"{client.id}: {', '.join(one for one in told if one)}")
    for one in likely:
        output.warn(f"  may be {one.contact.name} ({one.score:.0%} by {one.by})")


@app.command()
def recheck(company: Company, as_json: AsJson = False) -> None:
    """Look at every linked contact in Xero now, 45 in one call; the clock does this every week.

    Example:  crewcard-xero contacts recheck --company harbour
    """
    tools = common.ready_for(company)
    connected(tools, company)
    with common.bar("Contacts", quiet=as_json) as shown:
        looked = rechecking.recheck(tools, company, wait=common.wait, shown=shown)
    tools.bells.wake_relay()
    with tools.store.read() as work:
        amiss = [one for one in contacts.contacts_of_company(work, company) if one.status not in _GOOD]
    if as_json:
        output.print_json({"looked_at": looked, "amiss": [asdict(one) for one in amiss]})
    else:
        output.say(f"{common.count(looked, 'contact')} looked at, {len(amiss)} of them amiss.")
        _show(amiss)
    raise typer.Exit(1 if amiss else 0)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: client, xero_contact, name", exists=True, dir_okay=False)],
    company: Company,
    by: By = "",
    only_check: Annotated[bool, typer.Option("--check", help="Only say what would happen")] = False,
    as_json: AsJson = False,
) -> None:
    """Link the clients in a file to their Xero contacts, each after asking Xero (45 in one call).

    The same file again changes nothing. Ends with 1 when a line had a mistake.

    Example:  crewcard-xero contacts import clients.csv --company harbour --check
    """
    tools, done = common.ready(), Imported()
    lines = wishes(file, done.mistakes)
    with tools.store.read() as work:
        common.must_exist(work, company)
        closed = contacts.why_not_editable(work, company)
    if closed:
        output.fail(f"{closed} (crewcard-xero companies settings {company} --set contact_ids_editable=true)", 1)
    person, progress = None if only_check else common.person(tools, by), partial(common.bar, quiet=as_json)
    change_submission.take(tools, company, lines, done, person, _LONGEST_IMPORT_SECONDS, common.wait, progress)
    _report(done, would="would be " if only_check else "", as_json=as_json)
    raise typer.Exit(1 if done.mistakes else 0)


def connected(tools: Tools, company: str) -> Organisation:
    """The company's organisation, or an end that says what to do."""
    with tools.store.read() as work:
        organisation = contact_answers.organisation_of(work, tools, company)
    if organisation is None:
        output.fail(f"{company} is not connected to Xero. Connect it: crewcard-xero connect {company}", 1)
    return organisation


def cards(file: Path) -> list[Card]:
    """Clients in a file, each once; what is no table ends the command."""
    try:
        return tables.cards(_text(file))
    except NoTable as broken:
        output.fail(f"{file.name}:{broken.line}: {broken}", 2)


def wishes(file: Path, mistakes: dict[str, str]) -> Mapping[str, tuple[str, Wish]]:
    """The wish of each client and the line it stands at; rows that say none go to the mistakes."""
    try:
        return tables.wishes(_text(file), file.name, mistakes)
    except NoTable as broken:
        output.fail(f"{file.name}:{broken.line}: {broken}", 2)


def _text(file: Path) -> str:
    decoded = tables.decoded(file.read_bytes())
    if decoded.note:
        output.warn(f"{file.name}: {decoded.note}")
    return decoded.text


def _show(linked: Sequence[ClientContact]) -> None:
    """A table of links; nothing where there are none."""
    if linked:
        columns: dict[str, Any] = {"client": "client", "name in Xero": "name", "state": "status"}
        columns["looked at"] = lambda one: f"{one.checked_at:%Y-%m-%d}" if one.checked_at else "not yet"
        output.listing(linked, as_json=False, columns={**columns, "set by": "changed_by", "Xero Client ID": "value"})


def _print_answer(told: Mapping[str, Any]) -> None:
    """The answer to a change of a contact, for a person."""
    if told["state"] == "waiting":
        output.say("Accepted. Xero cannot be asked just now; it is checked, and answered, as soon as it can.")
    elif told["state"] == "rejected":
        output.warn(f"{told['message']} {told['how']}")
    elif told.get("contact"):
        output.say(
            f"{told['client']} is billed as “{told['contact']['name']}” ({told['contact']['xero_contact_id']})."
        )
        for warning in told.get("warnings", ()):
            output.say(f"  {warning}")
        if told.get("sent_again"):
            output.say(f"  {common.count(told['sent_again'])} that had failed for it go again.")
    else:
        output.say(f"{told['client']} is not linked to a Xero contact any more.")


def _report(done: Imported, *, would: str, as_json: bool, more: Mapping[str, Any] | None = None) -> None:
    if as_json:
        output.print_json({**asdict(done), **(more or {})})
        return
    output.say(f"{common.count(len(done.linked), 'client')} {would}linked, {len(done.before)} were so before.")
    if done.waiting:
        output.say(f"{len(done.waiting)} are accepted and wait until Xero can be asked.")
    if done.left:
        output.say(f"{done.left} are left. Run it again: it goes on with them.")
    for client, warning in done.warnings.items():
        output.say(f"  {client}: {warning}")
    for place, mistake in done.mistakes.items():
        output.warn(f"Not imported: {place}: {mistake}")
