"""What stands where: `status`, `log`, and `why INVOICE`: everything known of one invoice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, Most, OfCompany

if TYPE_CHECKING:
    from events.snapshot import Person
    from store import queries
    from store.tables import Allocation, Drift, Exclusion, Generation, LogEntry, Pause
    from store.unit_of_work import Work
    from worker.decisions.precedence import Status
    from worker.status.companies import CompanyStatus
    from worker.tools import Tools

_LISTS = ("differences", "changes")
_MOST_FAILURES = 20


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
        _request(tools, request, company, watching=watch, as_json=as_json)
        return
    _overview(tools, as_json=as_json)


def _request(tools: Tools, request: str, company: str | None, *, watching: bool, as_json: bool) -> None:
    """A request: how far it is, and what failed."""
    from store import progress, queries
    from worker.delivery.progress import progress_of

    with tools.store.read() as work:
        found = [row.company for row in progress.named(work, request, company)]
    if not found:
        output.fail(f"There is no request “{request}”{f' of {company}' if company else ''}.", 1)
    if len(found) > 1:
        output.fail(f"Several companies have a request “{request}”: name one with --company ({', '.join(found)}).")

    def find(owner: str, named: str) -> output.Seen:
        seen = progress_of(tools, owner, named)
        return {**seen.__dict__} if seen else {}

    seen = output.watch([(found[0], request)], find, quiet=as_json)[0] if watching else find(found[0], request)
    with tools.store.read() as work:
        failed = queries.invoices_of(work, found[0], request, only_failed=True) if seen["failed"] else []
    if as_json:
        output.print_json({**seen, "failures": [line.__dict__ for line in failed]})
        return
    _tell(seen, failed)


def _tell(seen: output.Seen, failed: Sequence[queries.InvoiceLine]) -> None:
    state = "complete" if seen["complete"] else f"{seen['waiting']} waiting"
    output.say(f"{seen['company']} {seen['request']}: {seen['total']} invoices, {output.tally(seen)}, {state}")
    for line in failed[:_MOST_FAILURES]:
        output.say(f"  {line.number or line.invoice}: {line.message}")
    if len(failed) > _MOST_FAILURES:
        output.say(f"  and {len(failed) - _MOST_FAILURES} more")
    if failed:
        again = f'crewcard-xero replay {seen["request"]} --company {seen["company"]} --why "..."'
        output.say(f"Send the failed ones again: {again}")


def _overview(tools: Tools, *, as_json: bool) -> None:
    from store import ops_summary
    from store.pauses import EVERYBODY
    from worker.status import companies as statuses

    with tools.store.read() as work:
        seen = ops_summary.overview(work)
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
        "target": one.health.target,
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
    from store import queries, requests

    with common.database().read() as work:
        lines = queries.log(work, company, most + 1, only_failed=failed)
        askers = requests.askers(work, [(line.company, line.request) for line in lines])

    def asker(line: LogEntry) -> Person | None:
        return askers.get((line.company, line.request))

    columns: dict[str, str | Callable[[LogEntry], str]] = {
        "when": output.moment,
        "company": "company",
        "number": "number",
        "asked by": lambda line: by.known_as if (by := asker(line)) else "",
        "outcome": lambda line: f"{line.outcome}{_verified_word(line)}",
        "message": lambda line: line.message or "\n".join(_detail_lines(line)),
    }

    def document(line: LogEntry) -> dict[str, Any]:
        return _line_document(line, asker(line))

    output.listing(lines, as_json=as_json, columns=columns, document=document, most=most)


@dataclass(frozen=True)
class WholeInvoice:
    """An invoice's story, and what people and the reconciler had to do with it."""

    story: queries.Story
    exclusion: Exclusion | None
    pause: Pause | None
    drifts: Sequence[Drift]
    earlier: Sequence[Generation] = ()
    status: Status | None = None
    allocations: Sequence[Allocation] = ()
    askers: Mapping[tuple[str, str], Person] = field(default_factory=dict)

    def asker(self, line: LogEntry) -> Person | None:
        """Who asked for the request that this line of the log answers."""
        return self.askers.get((line.company, line.request))


def why(
    invoice: Annotated[str, typer.Argument(help="Invoice id or number")],
    company: OfCompany = None,
    as_json: AsJson = False,
) -> None:
    """Everything known of one invoice: where it stands, each attempt, what to do.

    Example:  crewcard-xero why NW-10248
    """
    from store import queries

    tools = common.ready()
    with tools.store.read() as work:
        named = queries.invoices_named(work, invoice, company)
        if not named:
            output.fail(f"No invoice has the id or number “{invoice}”.", 1)
        stories = [(row, _whole_story(tools, work, row.company, row.invoice)) for row in named]
    if as_json:
        output.print_json([_story_document(story) for _, story in stories])
        return
    for row, story in stories:
        _print_story(row, story)


def _whole_story(tools: Tools, work: Work, company: str, invoice: str) -> WholeInvoice:
    from store import allocations, generations, pauses, queries, reconciliations, requests
    from worker.status import companies as statuses

    story = queries.story(work, company, invoice)
    export = story.export.id if story.export else None
    found = statuses.of_company(tools, work, company)
    return WholeInvoice(
        story,
        pauses.exclusion_of(work, company, invoice),
        pauses.of_company(work, company),
        reconciliations.drifts(work, company, invoice),
        generations.earlier(work, [export]).get(export, ()) if export else (),
        found.status if found else None,
        allocations.of_invoice(work, company, invoice),
        requests.askers(work, [(line.company, line.request) for line in story.entries]),
    )


def _story_document(whole: WholeInvoice) -> dict[str, Any]:
    story = whole.story
    return {
        "status": story.status.model_dump() if story.status else None,
        "export": story.export.model_dump(exclude={"wanted", "copy_kept"}) if story.export else None,
        "attempts": [
            {**attempt.model_dump(), "correlation_id": batch.correlation_id, "trouble": batch.trouble}
            for attempt, batch in story.attempts
        ],
        "log": [_line_document(entry, whole.asker(entry)) for entry in story.entries],
        "excluded": whole.exclusion.model_dump() if whole.exclusion else None,
        "paused": whole.pause.model_dump() if whole.pause else None,
        "drifts": [{**one.model_dump(), "differences": json.loads(one.differences)} for one in whole.drifts],
        "earlier": [one.model_dump() for one in whole.earlier],
        "allocations": [one.model_dump(exclude={"key", "token"}) for one in whole.allocations],
        "company": asdict(whole.status) if whole.status else None,
    }


def _print_story(row: Any, whole: WholeInvoice) -> None:
    story, status = whole.story, whole.story.status
    document = story.export.document if story.export else "invoice"
    output.say(f"{document.replace('_', ' ').capitalize()} {row.number or row.invoice} of {row.company}")
    if status:
        output.results.print(f"  {output.MARKS.get(status.marker, status.marker)}", highlight=False)
        told = {"": status.message, "What to do: ": status.how, "Where: ": status.link, "In Xero: ": status.deep_link}
        for label, value in told.items():
            if value:
                output.say(f"  {label}{value}")
    elif story.export:
        output.say(f"  {story.export.state}, asked for {story.export.touched_at:%Y-%m-%d %H:%M:%S}")
    if whole.status and whole.status.cause:
        output.say(f"  Its company: {whole.status.sentence}")
    _print_orders(whole)
    for one in whole.allocations:
        what = (
            f"{one.amount} of credit note {one.invoice} is" if one.state == "allocated" else f"{one.invoice} is not"
        )
        output.say(f"  {one.moved_at:%Y-%m-%d %H:%M:%S}  {what} credited to {one.credits}. {one.why}".rstrip())
    for attempt, batch in story.attempts:
        trace = f" (Xero's correlation id {batch.correlation_id})" if batch.correlation_id else ""
        said = f": {attempt.said}" if attempt.said else ""
        output.say(f"  {attempt.at:%Y-%m-%d %H:%M:%S}  sent as {attempt.number}: {attempt.outcome}{said}{trace}")
    for entry in story.entries:
        by = f" of {asker.known_as}" if (asker := whole.asker(entry)) else ""
        what = f"{entry.outcome} for request {entry.request}{by}{_verified_word(entry)}"
        output.say(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {what}")
        for sentence in _proof_lines(entry):
            output.say(f"    {sentence}")


def _print_orders(whole: WholeInvoice) -> None:
    """What people and the reconciler had to say."""
    if whole.exclusion:
        output.say(
            f"  Marked “never send” by {whole.exclusion.by}: {whole.exclusion.why} ({whole.exclusion.at:%Y-%m-%d})"
        )
    if whole.pause:
        output.say(f"  Its exports are paused by {whole.pause.by}. {whole.pause.why}".rstrip())
    for before in whole.earlier:
        was = f"{before.number} ({before.xero_invoice_id or 'never found'}), {before.ended} in Xero"
        output.say(f"  {before.at:%Y-%m-%d %H:%M:%S}  raised anew by {before.by}, after {was}: {before.why}")
    for one in reversed(whole.drifts):
        said = "; ".join(json.loads(one.differences))
        output.say(f"  {one.found_at:%Y-%m-%d %H:%M:%S}  found {one.kind}: {said}")


def _verified_word(entry: LogEntry) -> str:
    """The word behind the outcome."""
    if entry.verified is None:
        return ""
    return ", verified" if entry.verified else ", differs"


def _detail_lines(entry: LogEntry) -> list[str]:
    """Each difference and each change, a line each."""
    found = _proof_of(entry)
    return [*(f"differs: {one}" for one in found["differences"]), *(f"changed: {one}" for one in found["changes"])]


def _proof_lines(entry: LogEntry) -> list[str]:
    """The same, then what was compared when and what could not be, and what was taken out of texts."""
    proof = _proof_of(entry)["proof"]
    compared, left = ", ".join(proof.get("compared", ())), "; ".join(proof.get("not_compared", ()))
    when = f" at {proof['compared_at'][:19].replace('T', ' ')}" if proof.get("compared_at") else ""
    lines = [f"compared{when}: {compared}"] if compared else []
    cleaned = [f"cleaned before it was sent: {one['said']}" for one in proof.get("cleaned", ())]
    return [*_detail_lines(entry), *lines, *([f"not compared: {left}"] if left else []), *cleaned]


def _line_document(entry: LogEntry, asker: Person | None) -> dict[str, Any]:
    """A line of the log, for machines; `requested_by` as answers have it."""
    by = asker.model_dump(include={"id", "name"}) if asker else None
    return {**entry.model_dump(), **_proof_of(entry), "requested_by": by}


def _proof_of(entry: LogEntry) -> dict[str, Any]:
    """Differences and changes as lists, the proof as an object."""
    lists = {name: json.loads(getattr(entry, name) or "[]") for name in _LISTS}
    return {**lists, "proof": json.loads(entry.proof or "{}")}
