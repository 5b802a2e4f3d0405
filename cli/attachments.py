"""Files of invoices: what became of them, and “try again”: `crewcard-xero attachments …`."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By, Most, OfCompany, Why
from store import attachments
from worker.attachments import attaching
from worker.decisions.rights import Effect

app = typer.Typer(
    cls=common.ListingGroup,
    help="Files of invoices: which wait, are attached or failed, and why; and “try again”.\n\n"
    "Examples:\n\n  crewcard-xero attachments --company harbour --failed\n\n"
    '  crewcard-xero attachments retry 4711 --company harbour --why "made smaller in CrewCard"',
)


@app.command(name="list")
def list_files(
    invoice: Annotated[
        str | None, typer.Option("--invoice", help="Only the files of this invoice, by its id")
    ] = None,
    company: OfCompany = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were not attached")] = False,
    most: Most = 100,
    as_json: AsJson = False,
) -> None:
    """Files of invoices, those wanted last first: their size and state, and why one was not attached.

    Example:  crewcard-xero attachments --company harbour --failed --json
    """
    with common.ready().store.read() as work:
        found = attachments.newest(work, company, invoice, most + 1, only_failed=failed)
    output.listing(
        [_shown(row) for row in found], as_json=as_json, lines=_lines, none="There are no files.", most=most
    )


@app.command()
def retry(
    invoice: Annotated[str, typer.Argument(help="The invoice's id in CrewCard")],
    company: common.Company,
    why: Why,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Try the failed files of an invoice again. None is attached twice by it, however often it is done.

    Example:  crewcard-xero attachments retry 4711 --company harbour --why "made smaller in CrewCard"
    """
    tools = common.ready_for(company)
    giver = common.must_be_allowed(tools, by, Effect.REPLAY, company)
    count = attaching.try_again(tools, company, invoice, giver, why)
    told = f"{common.count(count, 'file')} tried again." if count else "No file of it has failed."
    output.result({"company": company, "invoice": invoice, "files": count}, told, as_json=as_json)


def _shown(row: Any) -> dict[str, Any]:
    ended = attaching.outcome(row).model_dump() if row.state == "failed" else {}
    names = ("company", "invoice", "name", "state", "size", "wanted_at", "ended_at")
    return {**{name: getattr(row, name) for name in names}, **{name: ended.get(name) for name in _TOLD}}


_TOLD = ("reason", "message", "who", "how")


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    size = f", {shown['size']:,} bytes" if shown["size"] is not None else ""
    yield f"{shown['company']} {shown['invoice']}: {shown['name']} {shown['state']}{size}"
    if shown["message"]:
        yield f"  {shown['message']}"
        yield f"  To be mended by: {shown['who']}. {shown['how']}"
