"""Erase a client, `crewcard-xero clients`, or remove a company, `crewcard-xero companies remove`, after a preview."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, CompanyId, Most, OfCompany, Why, Yes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.commands.registry import Command
    from worker.erasing.erasure import ErasurePreview
    from worker.tools import Tools

app = typer.Typer(
    cls=common.ListingGroup,
    help="Erase clients' data; and how far each order to erase or to remove a company is.\n\n"
    'Example:\n\n  crewcard-xero clients erase acme --company harbour --why "asked for by the client on 3 May"',
)
Check = Annotated[bool, typer.Option("--check", help="Only say what would go, and what has to be done first")]
_WHAT = {"invoices": "invoices", "open": "of these on their way", "log_lines": "lines of the export log"}
_STAYS_OF_CLIENT = (
    "Ids, numbers, states and amounts stay, so that no invoice can be in Xero twice. What is in Xero, in backups, at "
    "the host and in the audit stays too: see docs/how-to/erase.md. It cannot be undone."
)
_STAYS_OF_COMPANY = (
    "What is in Xero, in backups, at the host and in the audit stays. Should the company come back, its invoices in "
    "Xero are found by number and mark, and not doubled; but one whose number changed since, or that was voided or "
    "deleted in Xero, would be raised again. It cannot be undone."
)


@app.command(name="list")
def list_orders(company: OfCompany = None, most: Most = 20, as_json: AsJson = False) -> None:
    """Orders to erase a client or remove a company, the newest first: how far each is, and what it waits for.

    Example:  crewcard-xero clients --company harbour
    """
    from store import erasures

    with common.ready().store.read() as work:
        found = [_document(row) for row in erasures.newest(work, most + 1, company)]
    names = {"order": "order", "company": "company", "client": "client", "state": "state", "waits for": "waits"}
    columns = {shown: itemgetter(name) for shown, name in names.items()}
    whose = (f"a client of {company}", company) if company else ("a client", "a company")
    none = "Nobody ordered to erase {} or to remove {}.".format(*whose)
    output.listing(found, as_json=as_json, columns=columns, none=none, most=most)


@app.command()
def erase(
    client: Annotated[str, typer.Argument(help="The client's id in CrewCard")],
    company: common.Company,
    why: Why = "",
    check: Check = False,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase a client's data: names, addresses, contents of invoices, what was said of them. Ends with 1 if refused.

    Examples:
      crewcard-xero clients erase acme --company harbour --check

      crewcard-xero clients erase acme --company harbour --why "asked for by the client on 3 May" --yes

    """
    from worker.commands import registry
    from worker.erasing import erase_client

    tools = common.ready()
    giver = common.must_be_allowed(tools, by, registry.ERASE_CLIENT.effect, company)
    seen = erase_client.preview(tools, company, client)
    if _only_checked(seen, _STAYS_OF_CLIENT, check=check, as_json=as_json):
        return
    common.confirm(f"Erase client {client} of {company}? {_STAYS_OF_CLIENT}", yes=yes)
    number = registry.ERASE_CLIENT.run(tools, company, client, giver, why)
    _follow(tools, registry.ERASE_CLIENT, number, as_json=as_json)


def remove(
    company: CompanyId,
    why: Why = "",
    check: Check = False,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a company with all its data, its login and its keys; its events a day later. Ends with 1 if refused.

    Examples:
      crewcard-xero companies remove harbour --check

      crewcard-xero companies remove harbour --why "contract ended on 30 April" --yes

    """
    from worker.commands import registry
    from worker.erasing import remove_company

    tools = common.ready()
    giver = common.must_be_allowed(tools, by, registry.REMOVE_COMPANY.effect, company)
    seen = remove_company.preview(tools, company)
    if _only_checked(seen, _STAYS_OF_COMPANY, check=check, as_json=as_json):
        return
    common.confirm(f"Remove {company}? {_STAYS_OF_COMPANY}", yes=yes)
    number = registry.REMOVE_COMPANY.run(tools, company, giver, why)
    _follow(tools, registry.REMOVE_COMPANY, number, as_json=as_json)


def _only_checked(seen: ErasurePreview, stays: str, *, check: bool, as_json: bool) -> bool:
    """Whether nothing more is to be done than to say what would go. Ends with 1 where something comes first."""
    if as_json and check:
        output.print_json({"counts": dict(seen.counts), "objections": list(seen.objections)})
    elif not as_json:
        output.say(", ".join(_counted(seen.counts)) + ".")
        output.say(stays) if check else None
    if not check:
        seen.must_be_free()
        return False
    for objection in () if as_json else seen.objections:
        output.warn(objection)
    if seen.objections:
        raise typer.Exit(1)
    return True


def _counted(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:,} {_WHAT.get(name, name.replace('_', ' '))}" for name, count in counts.items()]


def _follow(tools: Tools, command: Command, number: int, *, as_json: bool) -> None:
    """Go on with the order as far as it goes now; any clock goes on with the rest."""
    from store import erasures
    from worker.erasing import pieces

    while pieces.go_on(tools, number):
        pass
    with tools.store.read() as work:
        told = _document(erasures.known(work, number))
    lines = [
        f"It is {command.printed.format(number=number)}." if told["state"] != "done" else f"Done (order {number})."
    ]
    lines += [f"It waits: {told['waits']}."] if told["waits"] else []
    lines += [told["left"]] if told["left"] else []
    output.result(told, *lines, as_json=as_json)


def _document(row: Any) -> dict[str, Any]:
    from store import erasures

    names = ("company", "client", "by", "why", "at", "due_at", "waits", "left", "done_at")
    state = {"order": row.id, "state": row.step, "erased": dict(erasures.counts(row))}
    return {**state, **{name: getattr(row, name) for name in names}}
