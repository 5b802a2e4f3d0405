"""Webhooks out: `crewcard-xero webhooks …`: endpoints and how they are doing, deliveries that were given up."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By
from store import audit, sinks
from store import sinks as kept
from store.unit_of_work import Work
from worker.decisions import addresses
from worker.delivery import webhooks
from worker.delivery.webhooks import EndpointHealth

app = typer.Typer(
    help="Webhooks to hosts: every endpoint and how it is doing, and deliveries that were given up.\n\n"
    "Examples:\n\n  crewcard-xero webhooks\n\n  crewcard-xero webhooks --json | jq '.given_up[].event_id'\n\n"
    "  crewcard-xero webhooks add harbour https://app.example.com/xero_webhook.php"
)


@app.callback(invoke_without_command=True)
def list_endpoints(context: typer.Context, as_json: AsJson = False) -> None:
    """Every endpoint and how it is doing, and the deliveries that were given up."""
    if context.invoked_subcommand:
        return
    tools = common.ready()
    seen = webhooks.endpoint_health(tools)
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
    columns: dict[str, str | Callable[[EndpointHealth], Any]] = {
        "endpoint": "id",
        "company": lambda one: one.company or "all",
        "url": "url",
        "behind": "behind",
        "again": "waiting",
        "given up": "given_up",
        "trouble": lambda one: (
            one.trouble + (f" (rests until {one.rests_until:%H:%M:%S})" if one.rests_until else "")
        ),
    }
    output.listing(seen, as_json=False, columns=columns)
    for row in given_up:
        since = f"{row.due_at:%Y-%m-%d %H:%M}"
        output.say(f"{since}  {row.event_id}  {row.company}  {row.type}: {row.trouble} ({row.tries} tries)")
    if given_up:
        output.say("Try them again: crewcard-xero webhooks retry --all")


@app.command()
def add(
    company: Annotated[str, typer.Argument(help="Whose events")],
    url: Annotated[str, typer.Argument(help="Where they go, like https://app.example.com/xero_webhook.php")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Send a company's events to an address of its own, from now on; the same address again changes nothing.

    Prints the signing secret, which the endpoint needs to check what it gets.

    Example:  crewcard-xero webhooks add harbour https://app.example.com/xero_webhook.php
    """
    tools = common.ready()
    problem = addresses.objection(url, private=tools.settings.webhook_private_addresses)
    if problem:
        output.fail(f"{url} {problem}.", 1)
    with tools.store.write() as work:
        common.must_exist(work, company)
        made = kept.add_endpoint(work, tools.vault, company, url)
        _note(work, by, "webhook endpoint added", company, made.id, url)
    document = {"id": made.id, "company": company, "url": url, "secret": made.secret}
    told = f"Endpoint {made.id} gets the events of {company} from now on. Its signing secret:"
    output.result(document, told, made.secret, as_json=as_json)


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
    tools = common.ready()
    with tools.store.write() as work:
        made = kept.rotate_endpoint(work, tools.vault, endpoint)
        if made:
            _note(work, by, "webhook secret rotated", made.company, endpoint, made.url)
    if made is None:
        output.fail(f"There is no endpoint “{endpoint}” (WEBHOOK_SECRET may hold two, separated by a comma).", 1)
    told = "Its new signing secret, beside which the old one goes on signing:"
    output.result({"id": made.id, "secret": made.secret}, told, made.secret, as_json=as_json)


@app.command()
def remove(endpoint: Annotated[str, typer.Argument(help="Its id, as `webhooks` shows it")], by: By = "") -> None:
    """Drop an endpoint, with what still waits for it.

    Example:  crewcard-xero webhooks remove 5c0fd3a1b2c4
    """
    with common.ready().store.write() as work:
        gone = kept.remove_endpoint(work, endpoint)
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
    door = None if endpoint is None else webhooks.door_of(endpoint)
    with common.ready().store.write() as work:
        count = sinks.retry(work, None if everything else events, door)
    output.result({"retried": count}, f"{count} deliveries are tried again.", as_json=as_json)


def _note(work: Work, by: str, what: str, company: str, endpoint: str, url: str) -> None:
    audit.note(work, by or common.user(), what, company, {"endpoint": endpoint, "url": url}, 0, "")
