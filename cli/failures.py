"""What failed, grouped by what has to be mended: `crewcard-xero failures …`, `alerts`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, Most, OfCompany, Why, Yes

if TYPE_CHECKING:
    from store.searching import Unmatched
    from store.tables import Alert

_SHOWN = 8
app = typer.Typer(
    cls=common.ListingGroup,
    help="What failed, by cause: who can mend it and how; and “send again”.\n\n"
    "Examples:\n\n  crewcard-xero failures harbour\n\n  crewcard-xero failures --unmatched\n\n"
    '  crewcard-xero failures retry account_archived:299 --company harbour --why "account restored"',
)


@app.command(name="list")
def list_groups(
    company: Annotated[str | None, typer.Argument(help="Only this company")] = None,
    only: Annotated[str | None, typer.Option("--company", help="The same as naming the company")] = None,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Words of Xero's that we do not know yet")] = False,
    as_json: AsJson = False,
) -> None:
    """Failed invoices grouped by what has to be mended; what is sent again already is counted.

    Examples:
      crewcard-xero failures harbour --json | jq '.[0].cause'

      crewcard-xero failures --unmatched

    """
    from store import failing, searching

    with common.database().read() as work:
        if unmatched:
            unknown, none = searching.unmatched(work), "Xero has said nothing that we do not know."
            output.listing(unknown, as_json=as_json, lines=_lines_of_unknown, none=none)
            return
        groups = [asdict(group) | group.in_words() for group in failing.groups(work, company or only)]
    output.listing(groups, as_json=as_json, lines=_lines, none="Nothing has failed.")


@app.command()
def retry(
    company: Annotated[str, typer.Option(help="Whose invoices")],
    why: Why,
    group: Annotated[str | None, typer.Argument(help="The group, as `failures` names it")] = None,
    reason: Annotated[str | None, typer.Option(help="Every group with this reason")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try a group again after the cause is mended. Nothing is ever sent twice by it, however often it is pressed.

    Examples:
      crewcard-xero failures retry account_archived:299 --company harbour --why "restored in Xero" --by olga

      crewcard-xero failures retry --reason period_locked --company harbour --why "books are open again" --yes

    """
    from store import failing
    from worker.commands import registry
    from worker.failing import sending_again

    if bool(group) == bool(reason):
        output.fail("Name a group or give --reason, one of the two. See: crewcard-xero failures")
    tools, command = common.ready(), registry.REPLAY
    giver = common.must_be_allowed(tools, by, command.effect, company)
    with tools.store.read() as work:
        counted = failing.counts(work, company)
        chosen = sorted(cause for cause in counted if group == cause or reason == _code(cause))
        found = len(failing.of_causes(work, company, chosen)) if chosen else 0
    if not chosen:
        output.fail(f"{company} has no group “{group or reason}”. See: crewcard-xero failures {company}", 1)
    question = command.confirmation.format(invoices=common.count(found), company=company)
    common.confirm(question, yes=yes or not found)
    receipts = [sending_again.group(tools, company, cause, giver, why) for cause in chosen]
    moved = sum(receipt.invoices for receipt in receipts)
    requests = [receipt.request for receipt in receipts if receipt.request]
    told = f"{common.count(moved)} asked for again ({', '.join(requests)})."
    nothing = "There was nothing to do: they are being sent again already."
    document = {"company": company, "moved": moved, "requests": requests}
    output.result(document, told if moved else nothing, as_json=as_json)


def alerts(company: OfCompany = None, most: Most = 30, as_json: AsJson = False) -> None:
    """What was told as needing a person, newest first. A cause that repeats is told once an hour at most.

    Example:  crewcard-xero alerts --company harbour
    """
    from store import alerts as told

    with common.database().read() as work:
        found = told.newest(work, company, most + 1)
    output.listing(found, as_json=as_json, lines=_lines_of_alert, none="Nothing has needed a person.", most=most)


def _lines_of_alert(one: Alert) -> Iterator[str]:
    about = f": {one.about}" if one.about else ""
    held = f", {one.untold} held back since" if one.untold else ""
    times = f"told {common.count(one.told, 'time')}, last at {one.told_at:%Y-%m-%d %H:%M}"
    yield f"{one.last_at:%Y-%m-%d %H:%M}  {one.company}: {one.title}{about} ({one.cause})"
    yield f"  {times}{held}; for: {one.who}"
    yield f"  {one.message}"


def _code(cause: str) -> str:
    from events.failures import reason_of

    known = reason_of(cause)
    return known.code if known else cause


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    since = f"the oldest since {shown['oldest']:%Y-%m-%d %H:%M}"
    sending = f", {shown['sending']} being sent again" if shown["sending"] else ""
    yield f"{shown['company']}: {shown['title']} · {common.count(shown['invoices'])}, {since}{sending}"
    yield f"  {shown['example']}"
    yield f"  To be mended by: {shown['who']}"
    for number, step in enumerate(shown["steps"], start=1):
        yield f"  {number}. {step}"
    if shown["link"]:
        yield f"  {shown['link']}"
    more = " …" if shown["invoices"] > _SHOWN else ""
    yield f"  Invoices: {', '.join(shown['numbers'][:_SHOWN])}{more}"
    yield f"  Group: {shown['cause']}"


def _lines_of_unknown(one: Unmatched) -> Iterator[str]:
    times, last = common.count(one.times, "time"), f"{one.last_at:%Y-%m-%d %H:%M}"
    yield f"{times}, {one.first_at:%Y-%m-%d} to {last}, last for {one.number or one.invoice}"
    yield f"  {one.text}"
