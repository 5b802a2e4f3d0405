"""Connections to Xero: `connect`, `connections …`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By
from cli.common import CompanyId as Company
from events.accounting_target import Trouble
from events.credentials import APP_WAYS
from store import audit, connections
from worker.connections import connecting, logging_in, login_links
from worker.connections.health import Health
from worker.decisions.precedence import Status
from worker.decisions.rights import Effect
from worker.status import companies as statuses
from worker.status.companies import CompanyStatus
from worker.tools import Tools

app = typer.Typer(help="Connections to Xero: how each is, and what a person can do about it.")


def connect(
    company: Company,
    return_to: Annotated[str, typer.Option(help="Where the person goes afterwards (RETURN_ADDRESSES)")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Print a login link for a company. It works once, and not for long. Connects a custom connection at once.

    Example:  crewcard-xero connect harbour
    """
    tools = common.ready_for(company)
    giver = common.must_be_allowed(tools, by, Effect.LOGIN, company)
    with tools.store.read() as work:
        found = connections.app_of_company(work, company)
    if found and not APP_WAYS[found[1].kind].has_login:
        connected = logging_in.connect_by_app(tools, company, giver).connected
        if as_json:
            output.print_json({"company": company, "connected": connected})
        else:
            output.say(f"Connected to {connected}. Nobody logs in.")
        return
    made = login_links.link(tools, company, return_to)
    with tools.store.write() as work:
        audit.note(work, giver, "connect link made", company, {}, 0, "")
    if as_json:
        output.print_json({"company": company, "url": made.url, "ends_at": made.ends_at})
        return
    output.echo(made.url)
    output.warn(f"Good for one login until {made.ends_at:%Y-%m-%d %H:%M} UTC.")


@app.callback(invoke_without_command=True)
def list_connections(context: typer.Context, as_json: AsJson = False) -> None:
    """How each company's connection is; ends with 1 when one needs somebody.

    Example:  crewcard-xero connections --json | jq '.[] | select(.well | not)'
    """
    if context.invoked_subcommand:
        return
    found = of_all(common.ready())
    if as_json:
        output.print_json([document(one) for one in found])
    else:
        show(found)
    raise typer.Exit(0 if all(one.health.well for one in found) else 1)


@app.command()
def disconnect(company: Company, by: By = "") -> None:
    """End a company's connection, at Xero too. What waits keeps waiting.

    Example:  crewcard-xero connections disconnect harbour
    """
    tools = common.ready()
    giver = common.must_be_allowed(tools, by, Effect.DISCONNECT, company)
    try:
        connecting.disconnect(tools, company, giver)
    except LookupError:
        output.fail(f"{company} is not connected.", 1)
    except Trouble as trouble:
        output.fail(f"Xero does not answer just now ({trouble.message}); nothing was changed. Try again.", 1)
    output.say(f"{company} is disconnected.")


@app.command()
def decide(
    company: Company,
    send: Annotated[
        bool | None, typer.Option("--send/--cancel", help="Send to the present organisation, or cancel")
    ] = None,
    by: By = "",
) -> None:
    """Decide about invoices that were meant for another organisation than the one connected now.

    Example:  crewcard-xero connections decide harbour --send
    """
    if send is None:
        output.fail("Say what becomes of them: --send (to the present organisation) or --cancel.", 2)
    tools = common.ready()
    giver = common.must_be_allowed(tools, by, Effect.COMPANIES, company)
    try:
        count = connecting.decide(tools, company, send=send, by=giver)
    except LookupError:
        output.fail(f"{company} has nothing to decide.", 1)
    output.say(f"{count} invoices {'go to the present organisation' if send else 'were cancelled'}.")


def of_all(tools: Tools) -> list[CompanyStatus]:
    """Every company's connection and status, by id."""
    with tools.store.read() as work:
        return statuses.of_companies(tools, work)


def document(one: CompanyStatus) -> dict[str, Any]:
    """A company's connection with its status, for JSON."""
    return {**asdict(one.health), "well": one.health.well, "status": asdict(one.status)}


def show(found: Sequence[CompanyStatus]) -> None:
    """A paragraph per company."""
    for whole in found:
        one = whole.health
        mark = "[green]✔[/]" if one.well else "[red]✘[/]"
        where = output.text(one.organisation or "not connected")
        output.results.print(f"{mark} {output.text(one.company)} → {where}")
        for line in _lines(one, whole.status):
            output.say(f"    {line}")


def _lines(one: Health, status: Status) -> list[str]:
    lines = []
    if one.wrong:
        lines += [f"{one.wrong} (to be mended by: {one.who})", str(one.how)]
    lines += one.notes
    lines += [f"At the machine: {command}" for command in (one.command or "").splitlines()]
    if one.organisation:
        lines.append(f"short code {one.short_code or 'unknown'} · {one.base_currency or 'currency unknown'}")
        last = f"{one.last_good_call:%Y-%m-%d %H:%M}" if one.last_good_call else "none yet"
        lines.append(f"last good call {last} · waiting {one.waiting}")
        lines.append(_day(one))
    if status.cause and status.sentence != one.wrong:
        lines.append(status.sentence)
    if one.access_token_age is not None and one.login_ends_at:
        age = int(one.access_token_age // 60)
        lines.append(f"tokens {age} min old · unused, the login would end on {one.login_ends_at:%Y-%m-%d}")
    if one.app_kind and not APP_WAYS[one.app_kind].has_login:
        lines.append("custom connection: nobody logs in, and no login ends")
    if one.webhooks_seen_at:
        lines.append(f"Xero's webhooks last came {one.webhooks_seen_at:%Y-%m-%d %H:%M}")
    if one.scopes:
        lines.append(f"scopes {one.scopes}")
    return lines


def _day(one: Health) -> str:
    """Xero's calls of the day: how many there are and who said so, how many are used, until when."""
    if one.day_calls is None:
        return "calls of the day unknown: Redis does not answer"
    told = "learned from Xero's answers" if one.day_calls_learned else "the most set here"
    left = f"calls of the day {one.day_calls:,} ({told})"
    if one.day_ends_at is None:
        return f"{left} · none used"
    until = f"the day ends by {one.day_ends_at:%Y-%m-%d %H:%M} UTC"
    spare = f"left {one.day_calls_left:,}, {one.day_calls_left_for_bulk:,} of them for bulk sends"
    return f"{left} · used {one.day_calls_used:,} · {spare} · {until}"
