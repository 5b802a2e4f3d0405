"""Webhooks out: `crewcard-xero webhooks …`: endpoints and how they are doing, deliveries that were given up."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import order_submission, output
from cli.order_submission import AsJson, By
from store import audit, companies, sinks
from store import endpoints as kept
from store.unit_of_work import Work
from worker.decisions import addresses
from worker.delivery import endpoints
from worker.delivery.endpoints import EndpointHealth
from worker.tools import Tools

app = typer.Typer(
    help="Webhooks to hosts: every endpoint and how it is doing, and deliveries that were given up.\n\n"
    "Examples:\n\n  crewcard-xero webhooks\n\n  crewcard-xero webhooks --json | jq '.given_up[].event_id'\n\n"
    "  crewcard-xero webhooks add harbour https://app.example.com/callback.php"
)


@app.callback(invoke_without_command=True)
def list_endpoints(context: typer.Context, as_json: AsJson = False) -> None:
    """Every endpoint and how it is doing, and the deliveries that were given up."""
    if context.invoked_subcommand:
        return
    tools = order_submission.ready()
    seen = endpoints.seen(tools)
    with tools.store.read() as work:
        given_up = sinks.given_up(work)
    if as_json:
        lost = [dict(row._mapping) for row in given_up]  # noqa: SLF001  # its public name
        output.print_json({"endpoints": [asdict(one) for one in seen], "given_up": lost})
        return
    _show(seen, given_up)


def _show(seen: Sequence[EndpointHealth], given_up: Sequence[Any]) -> None:
    if not seen:
        output.say("There are no endpoints. Set WEBHOOK_URL, or: crewcard-xero webhooks add COMPANY URL")
        return
    table = output.table("", "endpoint", "company", "url", "behind", "again", "given up", "trouble")
    for one in seen:
        rests = f" (rests until {one.rests_until:%H:%M:%S})" if one.rests_until else ""
        cells = (
            one.id,
            one.company or "all",
            one.url,
            one.behind,
            one.waiting,
            one.given_up,
            f"{one.trouble}{rests}",
        )
        table.add_row(*(output.text(cell) for cell in cells))
    output.results.print(table)
    for row in given_up:
        since = f"{row.due_at:%Y-%m-%d %H:%M}"
        output.say(f"{since}  {row.event_id}  {row.company}  {row.type}: {row.trouble} ({row.tries} tries)")
    if given_up:
        output.say("Try them again: crewcard-xero webhooks retry --all")


@app.command()
def add(
    company: Annotated[str, typer.Argument(help="Whose events")],
    url: Annotated[str, typer.Argument(help="Where they go, like https://app.example.com/callback.php")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Send a company's events to an address of its own, from now on; the same address again changes nothing.

    Prints the signing secret, which the endpoint needs to check what it gets.

    Example:  crewcard-xero webhooks add harbour https://app.example.com/callback.php
    """
    tools = order_submission.ready()
    problem = addresses.objection(url, private=tools.settings.webhook_private_addresses)
    if problem:
        output.fail(f"{url} {problem}.", 1)
    with tools.store.write() as work:
        if not companies.exists(work, company):
            output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)
        made = kept.add(work, tools.vault, company, url)
        _note(work, by, "webhook endpoint added", company, made.id, url)
    if as_json:
        output.print_json({"id": made.id, "company": company, "url": url, "secret": made.secret})
        return
    output.say(f"Endpoint {made.id} gets the events of {company} from now on. Its signing secret:")
    output.say(made.secret)


@app.command()
def rotate(
    endpoint: Annotated[str, typer.Argument(help="Its id, as `webhooks` shows it")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give an endpoint a new signing secret; the old one signs beside it until the next time.

    Put the new one into the endpoint when you like: every delivery carries both signatures.

    Example:  crewcard-xero webhooks rotate 5c0fd3a1b2c4
    """
    tools = order_submission.ready()
    with tools.store.write() as work:
        made = kept.rotate(work, tools.vault, endpoint)
        if made:
            _note(work, by, "webhook secret rotated", made.company, endpoint, made.url)
    if made is None:
        output.fail(f"There is no endpoint “{endpoint}” (WEBHOOK_SECRET may hold two, separated by a comma).", 1)
    if as_json:
        output.print_json({"id": made.id, "secret": made.secret})
        return
    output.say("Its new signing secret, beside which the old one goes on signing:")
    output.say(made.secret)


@app.command()
def remove(endpoint: Annotated[str, typer.Argument(help="Its id, as `webhooks` shows it")], by: By = "") -> None:
    """Drop an endpoint, with what still waits for it.

    Example:  crewcard-xero webhooks remove 5c0fd3a1b2c4
    """
    with order_submission.ready().store.write() as work:
        gone = kept.remove(work, endpoint)
        if gone:
            _note(work, by, "webhook endpoint removed", gone.company, endpoint, gone.url)
    if gone is None:
        output.fail(f"There is no endpoint “{endpoint}” (that of WEBHOOK_URL goes with its setting).", 1)
    output.say(f"Endpoint {endpoint} is gone.")


@app.command()
def retry(
    events: Annotated[list[str] | None, typer.Argument(help="Events, by id")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every delivery that was given up")] = False,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint")] = None,
    as_json: AsJson = False,
) -> None:
    """Try deliveries again that were given up; the host knows an event it had by its id.

    Examples:
      crewcard-xero webhooks retry --all

      crewcard-xero webhooks retry 0b6f4d0e-6a1f-5a7e-8a8e-0d6e7f1c2b3a

    """
    if bool(events) == everything:
        output.fail("Name events, or say --all.")
    tools = order_submission.ready()
    count = _retry(tools, None if everything else events, endpoint)
    if as_json:
        output.print_json({"retried": count})
    else:
        output.say(f"{count} deliveries are tried again.")


def _note(work: Work, by: str, what: str, company: str, endpoint: str, url: str) -> None:
    audit.note(work, by or order_submission.user(), what, company, {"endpoint": endpoint, "url": url}, 0, "")


def _retry(tools: Tools, events: Sequence[str] | None, endpoint: str | None) -> int:
    door = None if endpoint is None else endpoints.door_of(endpoint)
    with tools.store.write() as work:
        return sinks.retry(work, events, door)
