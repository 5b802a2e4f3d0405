"""`python -m benchmarks.chaos --seed 4 --database postgresql`: a run, its table, 0 or 1."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.chaos.plan import LONG_BLOWS, SHORT_BLOWS, Database, Plan
from benchmarks.chaos.run import Result, run

_screen = Console(stderr=True)


def main(
    seed: Annotated[int, typer.Option(help="Which run; the same seed asks and strikes in the same order")] = 1,
    database: Annotated[str, typer.Option(help="sqlite or postgresql")] = "postgresql",
    invoices: Annotated[int, typer.Option(min=1, help="How many, half of them of one company")] = 10_000,
    companies: Annotated[int, typer.Option(min=1)] = 25,
    short: Annotated[bool, typer.Option("--short", help="A dozen blows instead of ninety")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave logs and database to be looked at")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Export invoices while processes are killed and Xero misbehaves; end with 1 when a promise broke."""
    chosen: Database = "sqlite" if database == "sqlite" else "postgresql"
    plan = Plan(seed, chosen, invoices, companies, dict(SHORT_BLOWS if short else LONG_BLOWS))
    result = run(plan, keep=keep, told=_screen.print)
    _screen.print(_table(plan, result))
    if as_json:
        sys.stdout.write(json.dumps({"plan": asdict(plan), "good": result.good, **asdict(result)}, indent=1) + "\n")
    raise typer.Exit(0 if result.good else 1)


def _table(plan: Plan, result: Result) -> Table:
    title = f"{plan.invoices} invoices, {plan.companies} companies, {plan.database}, seed {plan.seed}"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("for example")
    for about in (result.blows, result.faults, result.happened, result.counts):
        for name, count in about.items():
            table.add_row(name, f"{count}", "")
        table.add_section()
    for name, seconds in result.seconds.items():
        table.add_row(f"seconds {name}", f"{seconds:.0f}", "")
    table.add_section()
    for name, offenders in result.findings.items():
        style = "bold red" if offenders else "green"
        table.add_row(name, f"{len(offenders)}", ", ".join(offenders[:3]), style=style)
    return table


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
