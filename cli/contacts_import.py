"""`crewcard-xero contacts import FILE.csv`: lines with mistakes are named, the rest is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import csv_contacts, giving, ordering, output
from cli.ordering import AsJson, By
from events.accounting_target import Trouble
from events.contacts import ClientXeroContactUpdateRequested
from store import changes as filed
from store import client_contacts, companies, contacts
from worker.contacts import contact_previews, contact_words
from worker.contacts.contact_previews import Wish
from worker.tools import Tools

SOURCE = "crewcard-xero/import"
Line = tuple[str, Wish]


@dataclass
class Imported:
    """What became of a file: clients linked now, linked so before, still to be checked, and mistakes by line."""

    linked: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)


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
    tools = ordering.ready()
    done = Imported()
    lines = csv_contacts.wishes(file, done.mistakes)
    _must_be_editable(tools, company)
    fresh = _without_known(tools, company, lines, done)
    move = _check if check else _import
    try:
        move(tools, company, fresh, done, giving.admin(by), quiet=as_json)
    except Trouble as trouble:
        giving.away(trouble)
    _report(done, check=check, as_json=as_json)
    raise typer.Exit(1 if done.mistakes else 0)


def _must_be_editable(tools: Tools, company: str) -> None:
    with tools.store.read() as work:
        if not companies.exists(work, company):
            output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)
        closed = client_contacts.why_not(work, company)
    if closed:
        output.fail(f"{closed} (crewcard-xero companies settings {company} --set contact_ids_editable=true)", 1)


def _without_known(tools: Tools, company: str, lines: Mapping[str, Line], done: Imported) -> list[Line]:
    """The lines that say something new."""
    with tools.store.read() as work:
        known = {one.client: one for one in contacts.of_company(work, company)}
    fresh = []
    for client, (place, wish) in lines.items():
        kept = known.get(client)
        if kept and kept.status == "active" and kept.xero_contact_id == tools.target.contact_id(wish.pasted):
            done.before.append(client)
        else:
            fresh.append((place, wish))
    return fresh


def _check(tools: Tools, company: str, fresh: Sequence[Line], done: Imported, _person: Any, *, quiet: bool) -> None:
    with giving.bar("Asking Xero", quiet=quiet) as shown:
        looks = contact_previews.look_at(tools, company, [wish for _, wish in fresh], giving.wait, shown)
    for (place, wish), look in zip(fresh, looks, strict=True):
        if look.usable:
            _linked(done, wish.client, look.warnings)
        else:
            done.mistakes[place] = f"{look.message} {look.how}"


def _import(tools: Tools, company: str, fresh: Sequence[Line], done: Imported, person: Any, *, quiet: bool) -> None:
    with tools.store.read() as work:
        before = filed.newest_id(work)
    places: dict[str, str] = {}
    with giving.bar("Accepting", quiet=quiet) as shown:
        for place, wish in fresh:
            said = _said(company, wish, person)
            places[giving.file(tools, ClientXeroContactUpdateRequested, said, SOURCE)] = place
            shown(len(places), len(fresh))
    with giving.bar("Asking Xero", quiet=quiet) as shown:

        def finished() -> bool:
            with tools.store.read() as work:
                left = filed.waiting(work, company, before)
            shown(max(0, len(fresh) - left), len(fresh))
            return left == 0

        giving.answer(tools, company, finished)
    _sort_out(tools, company, before, places, done)


def _said(company: str, wish: Wish, person: Any) -> dict[str, Any]:
    return {
        "company": company,
        "client": wish.client,
        "client_name": wish.client_name,
        "xero_contact": wish.pasted,
        "requested_by": person,
    }


def _sort_out(tools: Tools, company: str, before: int, places: Mapping[str, str], done: Imported) -> None:
    """What was answered to each line."""
    with tools.store.read() as work:
        for change in filed.after(work, company, before):
            if change.event not in places:
                continue
            told = contact_words.answered(work, change)
            if change.state == "rejected":
                done.mistakes[places[change.event]] = f"{told['message']} {told['how']}"
            elif change.state == "updated":
                _linked(done, change.subject, told.get("warnings", ()))
            else:
                done.waiting.append(change.subject)


def _linked(done: Imported, client: str, warnings: Sequence[str]) -> None:
    done.linked.append(client)
    if warnings:
        done.warnings[client] = " ".join(warnings)


def _report(done: Imported, *, check: bool, as_json: bool) -> None:
    if as_json:
        output.print_json(asdict(done))
        return
    would = "would be " if check else ""
    output.say(f"{ordering.count(len(done.linked), 'client')} {would}linked, {len(done.before)} were so before.")
    if done.waiting:
        output.say(f"{len(done.waiting)} are accepted and wait until Xero can be asked.")
    for client, warning in done.warnings.items():
        output.say(f"  {client}: {warning}")
    for place, mistake in done.mistakes.items():
        output.warn(f"Not imported: {place}: {mistake}")
