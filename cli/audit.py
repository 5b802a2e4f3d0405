"""The audit: `crewcard-xero audit` shows who did what, `audit verify` finds what was changed in it since."""

from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, Most, OfCompany
from store import audit as kept
from store.audit import Head

app = typer.Typer(
    help="Who did what, when and why; and whether anybody changed a line of it since.\n\n"
    "Examples:\n\n  crewcard-xero audit --company harbour\n\n  crewcard-xero audit verify"
)
_NOT_SEEN = "Whether all of it was written anew shows only with --head."


@app.callback(invoke_without_command=True)
def list_lines(context: typer.Context, company: OfCompany = None, most: Most = 30, as_json: AsJson = False) -> None:
    """Who did what, newest first."""
    if context.invoked_subcommand:
        return
    with common.ready().store.read() as work:
        lines = kept.newest(work, company, most + 1)
    columns: dict[str, Any] = {"when": output.moment, "who": "who", "what": "what", "company": "company"}
    output.listing(
        lines, as_json=as_json, columns={**columns, "chosen": "chosen", "moved": "count", "why": "why"}, most=most
    )


@app.command()
def verify(
    heads: Annotated[
        list[str] | None,
        typer.Option("--head", help="A head that was noted outside, like 1234:9f86…; may be repeated"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every line and find what was changed, taken out, put in or moved. Ends with 1 when something was.

    Each line carries a hash of itself and of the line before it. Whoever owns the tables can write all of them anew,
    hashes included: only a head that was noted outside the database shows that. The clock sends one out each day
    (event `audit.checked`, metric, log).

    Examples:
      crewcard-xero audit verify

      crewcard-xero audit verify --head 1234:$NOTED

    """
    try:
        noted = [Head.parse(text) for text in heads or ()]
    except ValueError as wrong:
        output.fail(f"--head: {wrong}.")
    with common.ready().store.read() as work:
        found = kept.verify(work, noted)
    if as_json:
        shown = {"intact": found.intact, "lines": found.lines, "head": str(found.head), "more": found.more}
        output.print_json({**shown, "problems": found.problems})
    else:
        for problem in found.problems:
            output.say(f"✘ {problem}")
        if found.more:
            output.say(f"✘ and {found.more} more")
        compared = f", compared with {common.count(len(noted), 'head')} from outside" if noted else ""
        output.say(f"{common.count(found.lines, 'line')} read{compared}. Head: {found.head}")
    if not found.intact:
        raise typer.Exit(1)
    if not as_json:
        output.say("Every line is as it was written." if noted else f"Every line fits its chain. {_NOT_SEEN}")
