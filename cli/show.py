"""What stands where: `status`, `log`, `why`, `failures`, `dead-letters`."""

import json
from typing import Annotated, Any

import typer

from cli import output
from cli.output import MARKS, results
from events.reasons import Reason
from store import inbox, overview, queries
from store.tables import DeadLetter
from worker import settings, wiring

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
OfCompany = Annotated[str | None, typer.Option(help="Only this company")]


def status(as_json: AsJson = False) -> None:
    """The installation at a glance: what waits, what is in flight, each company's lane.

    Example:  crewcard-xero status --json | jq .exports
    """
    with wiring.build(settings.load()).store.read() as work:
        seen = overview.overview(work)
    companies = [_company(*row) for row in seen.companies]
    if as_json:
        output.print_json({**seen.__dict__, "companies": companies})
        return
    states = ", ".join(f"{count} {state}" for state, count in sorted(seen.exports.items())) or "none yet"
    output.say(f"Invoices: {states}")
    output.say(
        f"Calls in flight: {seen.in_flight} · uncertain: {seen.uncertain_batches} · "
        f"events to deliver: {seen.outbox_waiting} · dead letters: {seen.dead_letters} · "
        f"open requests: {seen.open_requests}"
    )
    table = output.table("", "company", "organisation", "state", "waiting")
    for row in companies:
        table.add_row(*(output.text(row[name]) for name in ("company", "organisation", "state", "waiting")))
    results.print(table)


def _company(company: Any, connection: Any, lane: Any, waiting: int) -> dict[str, Any]:
    """A company's line: where it exports to, and why it waits."""
    return {
        "company": company.id,
        "organisation": connection.organisation if connection else None,
        "state": ((lane.cause if lane else None) or "ok") if connection else "not connected",
        "message": lane.message if lane else "",
        "waiting": waiting,
    }


def log(
    company: OfCompany = None,
    most: Annotated[int, typer.Option("--most", "-n", help="How many lines")] = 30,
    failed: Annotated[bool, typer.Option("--failed", help="Only failures")] = False,
    as_json: AsJson = False,
) -> None:
    """The export log, newest first.

    Example:  crewcard-xero log --company harbour --failed
    """
    with wiring.build(settings.load()).store.read() as work:
        lines = queries.log(work, company, most, only_failed=failed)
    if as_json:
        output.print_json([line.model_dump() for line in lines])
        return
    table = output.table("", "when", "company", "number", "outcome", "message")
    for line in lines:
        when = f"{line.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, *(output.text(v) for v in (line.company, line.number, line.outcome, line.message)))
    results.print(table)


def why(
    invoice: Annotated[str, typer.Argument(help="Invoice id or number")],
    company: OfCompany = None,
    as_json: AsJson = False,
) -> None:
    """Everything known of one invoice: where it stands, each attempt, what to do.

    Example:  crewcard-xero why NW-10248
    """
    with wiring.build(settings.load()).store.read() as work:
        named = queries.invoices_named(work, invoice, company)
        if not named:
            output.fail(f"No invoice has the id or number “{invoice}”.", 1)
        stories = [(row, queries.story(work, row.company, row.invoice)) for row in named]
    if as_json:
        output.print_json([_story_document(story) for _, story in stories])
        return
    for row, story in stories:
        _tell(row, story)


def _story_document(story: queries.Story) -> dict[str, Any]:
    return {
        "status": story.status.model_dump() if story.status else None,
        "export": story.export.model_dump(exclude={"wanted"}) if story.export else None,
        "attempts": [
            {**attempt.model_dump(), "correlation_id": batch.correlation_id, "trouble": batch.trouble}
            for attempt, batch in story.attempts
        ],
        "log": [entry.model_dump() for entry in story.entries],
    }


def _tell(row: Any, story: queries.Story) -> None:
    status = story.status
    output.say(f"Invoice {row.number or row.invoice} of {row.company}")
    if status:
        results.print(f"  {MARKS.get(status.marker, status.marker)}", highlight=False)
        for label, value in (("", status.message), ("What to do: ", status.how), ("In Xero: ", status.deep_link)):
            if value:
                output.say(f"  {label}{value}")
    elif story.export:
        output.say(f"  {story.export.state}, asked for {story.export.touched_at:%Y-%m-%d %H:%M:%S}")
    if story.lane and story.lane.cause:
        output.say(f"  Its company waits: {story.lane.message}")
    for attempt, batch in story.attempts:
        trace = f" (Xero's correlation id {batch.correlation_id})" if batch.correlation_id else ""
        said = f": {attempt.said}" if attempt.said else ""
        output.say(f"  {attempt.at:%Y-%m-%d %H:%M:%S}  sent as {attempt.number}: {attempt.outcome}{said}{trace}")
    for entry in story.entries:
        output.say(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.outcome} for request {entry.request}")


def failures(company: OfCompany = None, as_json: AsJson = False) -> None:
    """Failed invoices grouped by cause, with who can mend it and how.

    Example:  crewcard-xero failures --company harbour
    """
    with wiring.build(settings.load()).store.read() as work:
        groups = [
            {
                "company": who,
                "reason": reason,
                "invoices": count,
                "example": message,
                "who": Reason.of(reason).value.who,
                "numbers": [row.number or row.invoice for row in queries.failed_invoices(work, who, reason)],
            }
            for who, reason, count, message in queries.failures(work, company)
        ]
    if as_json:
        output.print_json(groups)
        return
    if not groups:
        output.say("Nothing has failed.")
    for group in groups:
        title = Reason.of(str(group["reason"])).value.title
        output.say(f"{group['company']}: {title} ({group['invoices']}), to be mended by: {group['who']}")
        output.say(f"  {group['example']}")
        output.say(f"  {Reason.of(str(group['reason'])).value.how}".replace("{client}", "the client"))


def dead_letters(
    number: Annotated[int | None, typer.Argument(help="Show this one whole")] = None, as_json: AsJson = False
) -> None:
    """What could not be read, with the reason; nothing is ever thrown away.

    Examples:
      crewcard-xero dead-letters

      crewcard-xero dead-letters 3

    """
    with wiring.build(settings.load()).store.read() as work:
        if number is not None:
            one = inbox.dead_letter(work, number)
            found = [one] if one else []
        else:
            found = list(inbox.dead_letters(work))
    if number is not None and not found:
        output.fail(f"There is no dead letter {number}.", 1)
    if as_json:
        output.print_json([_letter(one, whole=number is not None) for one in found])
        return
    for one in found:
        output.say(f"{one.id}  {one.received_at:%Y-%m-%d %H:%M:%S}  {one.door}  {one.place}")
        for problem in json.loads(one.problems):
            output.say(f"   {problem}")
        if number is not None:
            typer.echo(one.body.decode(errors="replace"))
    if not found:
        output.say("There are no dead letters.")


def _letter(one: DeadLetter, *, whole: bool) -> dict[str, Any]:
    body = one.body.decode(errors="replace")
    shown = one.model_dump(exclude={"body"})
    return {**shown, "problems": json.loads(one.problems), "body": body if whole else body[:200]}
