"""What stands where: `status`, `log`."""

from typing import Annotated, Any

import typer

from cli import output, progress, proofs
from cli.output import results
from cli.plain_numbers import Most
from store import overview, queries
from store.pauses import EVERYBODY
from worker import settings, wiring
from worker.status import companies as statuses
from worker.status.companies import CompanyStatus
from worker.tools import Tools

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
OfCompany = Annotated[str | None, typer.Option(help="Only this company")]


def status(
    request: Annotated[str | None, typer.Argument(help="Only this request: how far it is, and what failed")] = None,
    company: Annotated[str | None, typer.Option(help="Whose request, should several have one of this id")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show a bar until the request is complete")] = False,
    as_json: AsJson = False,
) -> None:
    """The installation at a glance, or one request: what waits, what is in flight, each company's lane.

    Examples:
      crewcard-xero status --json | jq .exports

      crewcard-xero status r-1017 --watch

    """
    tools = wiring.build(settings.load())
    if request is not None:
        progress.show(tools, request, company, watching=watch, as_json=as_json)
        return
    _overview(tools, as_json=as_json)


def _overview(tools: Tools, *, as_json: bool) -> None:
    with tools.store.read() as work:
        seen = overview.overview(work)
        companies = [_company(one) for one in statuses.of_companies(tools, work)]
    if as_json:
        paused = [one.model_dump() for one in seen.pauses]
        output.print_json({**vars(seen), "companies": companies, "pauses": paused})
        return
    for held in seen.pauses:
        whom = "Every company" if held.scope == EVERYBODY else held.scope
        output.say(f"{whom} is paused since {held.at:%Y-%m-%d %H:%M} by {held.by}. {held.why}".rstrip())
    states = ", ".join(f"{count} {state}" for state, count in sorted(seen.exports.items())) or "none yet"
    output.say(f"Invoices: {states}")
    output.say(
        f"Calls in flight: {seen.in_flight} · uncertain: {seen.uncertain_batches} · "
        f"events to deliver: {seen.outbox_waiting} · dead letters: {seen.dead_letters} · "
        f"open requests: {seen.open_requests}"
    )
    names = ("company", "organisation", "state", "waiting", "message")
    table = output.table("", *names)
    for row in companies:
        table.add_row(*(output.text(row[name]) for name in names))
    results.print(table)


def _company(one: CompanyStatus) -> dict[str, Any]:
    """A company's line: where it exports to, its status, how many invoices have no answer yet."""
    found = one.status
    return {
        "company": one.health.company,
        "organisation": one.health.organisation,
        "state": found.state,
        "cause": found.cause or None,
        "limit": found.limit or None,
        "since": found.since,
        "until": found.until,
        "who": found.who or None,
        "message": found.sentence,
        "waiting": one.load.live,
    }


def log(
    company: OfCompany = None,
    most: Most = 30,
    failed: Annotated[bool, typer.Option("--failed", help="Only failures")] = False,
    as_json: AsJson = False,
) -> None:
    """The export log, newest first.

    Example:  crewcard-xero log --company harbour --failed
    """
    with wiring.build(settings.load()).store.read() as work:
        lines = queries.log(work, company, most, only_failed=failed)
    if as_json:
        output.print_json([{**line.model_dump(), **proofs.document(line)} for line in lines])
        return
    table = output.table("", "when", "company", "number", "outcome", "message")
    for line in lines:
        when, said = f"{line.at:%Y-%m-%d %H:%M:%S}", line.message or "\n".join(proofs.detail_lines(line))
        outcome = f"{line.outcome}{proofs.outcome_word(line)}"
        table.add_row(when, *(output.text(value) for value in (line.company, line.number, outcome, said)))
    results.print(table)
