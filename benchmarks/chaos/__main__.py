"""`python -m benchmarks.chaos --seed 4 --database postgresql`: a run, its table, 0 or 1."""

import json
import sys
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.chaos import naive, run
from benchmarks.chaos.plan import LONG_BLOWS, SHORT_BLOWS, Database, Plan
from benchmarks.chaos.result import table
from worker import logs

_LONG_PATIENCE_SECONDS = 900.0  # what got lost on the way is found by looks, minutes apart
_screen = Console(stderr=True, width=None if sys.stderr.isatty() else 120)


def main(
    seed: Annotated[int, typer.Option(help="Which run; the same seed asks and strikes in the same order")] = 1,
    database: Annotated[str, typer.Option(help="sqlite or postgresql")] = "postgresql",
    invoices: Annotated[int, typer.Option(min=1, help="How many, half of them of one company")] = 10_000,
    companies: Annotated[int, typer.Option(min=1)] = 25,
    short: Annotated[bool, typer.Option("--short", help="A dozen blows instead of ninety")] = False,
    control: Annotated[bool, typer.Option("--control", help="The naive exporter instead of ours")] = False,
    spare: Annotated[list[str] | None, typer.Option(help="A kind of blow to leave out, flush for example")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave logs and database to be looked at")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Export invoices while processes are killed and Xero misbehaves; end with 1 when a promise broke."""
    logs.set_up("WARNING")
    chosen: Database = "sqlite" if database == "sqlite" else "postgresql"
    blows = {blow: n for blow, n in (SHORT_BLOWS if short else LONG_BLOWS).items() if blow not in (spare or ())}
    plan = Plan(seed, chosen, invoices, companies, blows, control=control)
    plan = plan if short else replace(plan, patience=_LONG_PATIENCE_SECONDS)
    result = (naive if control else run).run(plan, keep=keep, told=_screen.print)
    _screen.print(table(plan, result))
    if as_json:
        sys.stdout.write(json.dumps({"plan": asdict(plan), "good": result.good, **asdict(result)}, indent=1) + "\n")
    raise typer.Exit(0 if result.good or control else 1)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
