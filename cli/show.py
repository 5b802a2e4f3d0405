"""What stands where: `status`, `log`."""

from collections.abc import Callable
from operator import itemgetter
from typing import Annotated, Any

import typer

from cli import common, output, progress, proofs
from cli.common import AsJson, Most, OfCompany
from store import overview, queries
from store.pauses import EVERYBODY
from store.tables import LogEntry
from worker.status import companies as statuses
from worker.status.companies import CompanyStatus
from worker.tools import Tools


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
    tools = common.ready()
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
    output.listing(companies, as_json=False, columns={name: itemgetter(name) for name in names})


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
    with common.ready().store.read() as work:
        lines = queries.log(work, company, most, only_failed=failed)
    columns: dict[str, str | Callable[[LogEntry], str]] = {
        "when": output.moment,
        "company": "company",
        "number": "number",
        "outcome": lambda line: f"{line.outcome}{proofs.outcome_word(line)}",
        "message": lambda line: line.message or "\n".join(proofs.detail_lines(line)),
    }
    output.listing(lines, as_json=as_json, columns=columns, document=proofs.line_document)
