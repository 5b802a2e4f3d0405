"""Webhooks out: `crewcard-xero webhooks …`: endpoints and how they are doing, deliveries that were given up."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By
from store import sinks
from store.sinks import FeedSelection
from worker.decisions.rights import Effect
from worker.delivery import endpoints, webhooks
from worker.delivery.webhooks import EndpointHealth

app = typer.Typer(
    help="Webhooks to hosts: every endpoint and how it is doing, and deliveries that were given up.\n\n"
    "Examples:\n\n  crewcard-xero webhooks\n\n  crewcard-xero webhooks --json | jq '.given_up[].event_id'\n\n"
    "  crewcard-xero webhooks add harbour https://app.example.com/xero_webhook.php"
)


Endpoint = Annotated[str, typer.Argument(help="Its id, as `webhooks` shows it")]


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
    batch: Annotated[
        int, typer.Option(min=1, max=endpoints.MOST_IN_A_POST, help="Events in one POST; more than 1: a JSON array")
    ] = 1,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Send a company's events to an address of its own, from now on; the same address again changes its --batch.

    Prints the signing secret, which the endpoint needs to check what it gets. With --batch 50 a POST is a JSON array
    of up to 50 events (docs/host.md, Many events in one POST).

    Examples:
      crewcard-xero webhooks add harbour https://app.example.com/xero_webhook.php

      crewcard-xero webhooks add harbour https://app.example.com/xero_webhook.php --batch 50

    """
    tools = common.ready_for(company)
    made = endpoints.add(tools, common.must_be_allowed(tools, by, Effect.ENDPOINTS, company), company, url, batch)
    document = {"id": made.id, "company": company, "url": url, "secret": made.secret, "batch": batch}
    told = f"Endpoint {made.id} gets the events of {company} from now on. Its signing secret:"
    output.result(document, told, made.secret, as_json=as_json)


@app.command()
def rotate(endpoint: Endpoint, by: By = "", as_json: AsJson = False) -> None:
    """Give an endpoint a new signing secret; the old one signs beside it until the next time.

    Put the new one into the endpoint when you like: every delivery carries both signatures.

    Example:  crewcard-xero webhooks rotate 5c0fd3a1b2c4
    """
    tools = common.ready()
    made = endpoints.rotate(tools, common.must_be_allowed(tools, by, Effect.ENDPOINTS), endpoint)
    told = "Its new signing secret, beside which the old one goes on signing:"
    output.result({"id": made.id, "secret": made.secret}, told, made.secret, as_json=as_json)


@app.command()
def remove(endpoint: Endpoint, by: By = "") -> None:
    """Drop an endpoint, with what still waits for it.

    Example:  crewcard-xero webhooks remove 5c0fd3a1b2c4
    """
    tools = common.ready()
    endpoints.remove(tools, common.must_be_allowed(tools, by, Effect.ENDPOINTS), endpoint)
    output.say(f"Endpoint {endpoint} is gone.")


@app.command(name="test")
def post_test(endpoint: Endpoint, by: By = "", as_json: AsJson = False) -> None:
    """Post a signed test event to an endpoint now, and show what it answered; ends with 1 where it was not taken.

    The event is a `webhook.tested`, marked as a test; a host passes over types that it does not know.

    Example:  crewcard-xero webhooks test 5c0fd3a1b2c4
    """
    tools = common.ready()
    tried = endpoints.post_test(tools, common.must_be_allowed(tools, by, Effect.ENDPOINTS), endpoint)
    result = tried.result
    document = {"url": tried.url, "event": tried.event, "taken": not result.trouble, **asdict(result)}
    told = f"{tried.url}: {result.trouble or f'taken ({result.status})'}, after {result.seconds * 1000:.0f} ms"
    output.result(document, told, *([f"It answered:\n{result.answer}"] if result.answer else []), as_json=as_json)
    if result.trouble:
        raise typer.Exit(1)


@app.command()
def resend(
    since: Annotated[str, typer.Option(help="From this moment on: 30m, 2h, 3d ago, or 2026-11-28T03:00:00Z")] = "",
    company: common.OfCompany = None,
    request: Annotated[str | None, typer.Option(help="Only about this request")] = None,
    invoice: Annotated[str | None, typer.Option(help="Only about this invoice")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint")] = None,
    why: Annotated[str, typer.Option(help="Why; kept in the audit")] = "",
    by: By = "",
    yes: common.Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send events again that an endpoint had: in their order, each under the id it had, by which hosts know it.

    Says first how many. What is older than RETENTION_DAYS may be gone; what an endpoint has not had comes anyway.

    Examples:
      crewcard-xero webhooks resend --since 2h

      crewcard-xero webhooks resend --request r-1017 --company harbour

      crewcard-xero webhooks resend --invoice i42 --company harbour --endpoint 5c0fd3a1b2c4 --yes

    """
    if not (since or request or invoice):
        output.fail("Say which: --since MOMENT, --request ID or --invoice ID.")
    if (request or invoice) and not company:
        output.fail("A request or an invoice is a company's own: name it with --company ID.")
    tools = common.ready_for(company) if company else common.ready()
    giver = common.must_be_allowed(tools, by, Effect.RESEND, company)
    with tools.store.read() as work:
        begin = endpoints.since(since, work.now) if since else None
    which = FeedSelection(begin, company, request, invoice)
    found = endpoints.to_resend(tools, which, endpoint)
    count = sum(found.values())
    listed = "; ".join(f"{count} to {name}" for name, count in found.items() if count)
    if count:
        common.confirm(f"Send {common.count(count, 'event')} again ({listed})?", yes=yes)
        count = endpoints.resend(tools, giver, which, endpoint, why)
    told = f"{common.count(count, 'event')} sent again." if count else "There is nothing to send again."
    output.result({"resent": count, "endpoints": found}, told, as_json=as_json)


@app.command()
def retry(
    events: Annotated[list[str] | None, typer.Argument(help="Events, by id")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every delivery that was given up")] = False,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint")] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Try deliveries again that were given up; the host knows an event it had by its id.

    Examples:
      crewcard-xero webhooks retry --all

      crewcard-xero webhooks retry 0b6f4d0e-6a1f-5a7e-8a8e-0d6e7f1c2b3a

    """
    if bool(events) == everything:
        output.fail("Name events, or say --all.")
    tools = common.ready()
    giver = common.must_be_allowed(tools, by, Effect.RESEND)
    count = endpoints.retry(tools, giver, None if everything else events, endpoint)
    output.result({"retried": count}, f"{count} deliveries are tried again.", as_json=as_json)
