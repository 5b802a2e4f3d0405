"""`crewcard-xero why INVOICE`: everything known of one invoice."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from cli import common, output, proofs
from cli.common import AsJson, OfCompany
from cli.output import MARKS, results
from store import exclusions, generations, pauses, queries, reconciliations
from store.tables import Drift, Exclusion, Generation, Pause
from store.unit_of_work import Work
from worker.decisions.precedence import Status
from worker.status import companies as statuses
from worker.tools import Tools


@dataclass(frozen=True)
class WholeInvoice:
    """An invoice's story, and what people and the reconciler had to do with it."""

    story: queries.Story
    exclusion: Exclusion | None
    pause: Pause | None
    drifts: Sequence[Drift]
    earlier: Sequence[Generation] = ()
    status: Status | None = None


def why(
    invoice: Annotated[str, typer.Argument(help="Invoice id or number")],
    company: OfCompany = None,
    as_json: AsJson = False,
) -> None:
    """Everything known of one invoice: where it stands, each attempt, what to do.

    Example:  crewcard-xero why NW-10248
    """
    tools = common.ready()
    with tools.store.read() as work:
        named = queries.invoices_named(work, invoice, company)
        if not named:
            output.fail(f"No invoice has the id or number “{invoice}”.", 1)
        stories = [(row, _whole_story(tools, work, row.company, row.invoice)) for row in named]
    if as_json:
        output.print_json([_document(story) for _, story in stories])
        return
    for row, story in stories:
        _tell(row, story)


def _whole_story(tools: Tools, work: Work, company: str, invoice: str) -> WholeInvoice:
    story = queries.story(work, company, invoice)
    export = story.export.id if story.export else None
    found = statuses.of_company(tools, work, company)
    return WholeInvoice(
        story,
        exclusions.of_invoice(work, company, invoice),
        pauses.of_company(work, company),
        reconciliations.drifts(work, company, invoice),
        generations.earlier(work, [export]).get(export, ()) if export else (),
        found.status if found else None,
    )


def _document(whole: WholeInvoice) -> dict[str, Any]:
    story = whole.story
    return {
        "status": story.status.model_dump() if story.status else None,
        "export": story.export.model_dump(exclude={"wanted", "copy_kept"}) if story.export else None,
        "attempts": [
            {**attempt.model_dump(), "correlation_id": batch.correlation_id, "trouble": batch.trouble}
            for attempt, batch in story.attempts
        ],
        "log": [proofs.line_document(entry) for entry in story.entries],
        "excluded": whole.exclusion.model_dump() if whole.exclusion else None,
        "paused": whole.pause.model_dump() if whole.pause else None,
        "drifts": [{**one.model_dump(), "differences": json.loads(one.differences)} for one in whole.drifts],
        "earlier": [one.model_dump() for one in whole.earlier],
        "company": asdict(whole.status) if whole.status else None,
    }


def _tell(row: Any, whole: WholeInvoice) -> None:
    story, status = whole.story, whole.story.status
    output.say(f"Invoice {row.number or row.invoice} of {row.company}")
    if status:
        results.print(f"  {MARKS.get(status.marker, status.marker)}", highlight=False)
        told = {"": status.message, "What to do: ": status.how, "Where: ": status.link, "In Xero: ": status.deep_link}
        for label, value in told.items():
            if value:
                output.say(f"  {label}{value}")
    elif story.export:
        output.say(f"  {story.export.state}, asked for {story.export.touched_at:%Y-%m-%d %H:%M:%S}")
    if whole.status and whole.status.cause:
        output.say(f"  Its company: {whole.status.sentence}")
    _tell_orders(whole)
    for attempt, batch in story.attempts:
        trace = f" (Xero's correlation id {batch.correlation_id})" if batch.correlation_id else ""
        said = f": {attempt.said}" if attempt.said else ""
        output.say(f"  {attempt.at:%Y-%m-%d %H:%M:%S}  sent as {attempt.number}: {attempt.outcome}{said}{trace}")
    for entry in story.entries:
        output.say(
            f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.outcome} for request {entry.request}{proofs.outcome_word(entry)}"
        )
        for sentence in proofs.whole(entry):
            output.say(f"    {sentence}")


def _tell_orders(whole: WholeInvoice) -> None:
    """What people and the reconciler had to say."""
    if whole.exclusion:
        output.say(
            f"  Marked “do not send” by {whole.exclusion.by}: {whole.exclusion.why} ({whole.exclusion.at:%Y-%m-%d})"
        )
    if whole.pause:
        output.say(f"  Its exports are paused by {whole.pause.by}. {whole.pause.why}".rstrip())
    for before in whole.earlier:
        was = f"{before.number} ({before.xero_invoice_id or 'never found'}), {before.ended} in Xero"
        output.say(f"  {before.at:%Y-%m-%d %H:%M:%S}  raised anew by {before.by}, after {was}: {before.why}")
    for one in reversed(whole.drifts):
        said = "; ".join(json.loads(one.differences))
        output.say(f"  {one.found_at:%Y-%m-%d %H:%M:%S}  found {one.kind}: {said}")
