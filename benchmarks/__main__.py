"""`python -m benchmarks NAME`: the figures. Without a name it lists what there is."""

import importlib
import signal
import sys
from typing import Annotated

import typer

FIGURES = (
    "calls",
    "limits",
    "overhead",
    "click",
    "popup",
    "fairness",
    "scale",
    "idle",
    "load",
    "console",
    "estimate",
    "webhooks",
    "payments",
    "footprint",
    "duties",
    "capacity",
)
ALONE = ("check", "chaos", "recovery", "simulator")


def main(
    name: Annotated[str | None, typer.Argument(help="One of the figures, or `all`")] = None,
    short: Annotated[bool, typer.Option("--short", help="A small form, for a first impression")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line for each")] = False,
) -> None:
    """Measure, and print figures beside their targets; ends with 1 when one is missed.

    Examples:
      python -m benchmarks calls --short

      python -m benchmarks all --json

    """
    if name not in (*FIGURES, "all"):
        typer.echo("\n".join([f"python -m benchmarks {one}" for one in FIGURES]))
        typer.echo("\n".join([f"python -m benchmarks.{one}" for one in ALONE]))
        raise typer.Exit(2 if name else 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with us
    missed = False
    for chosen in FIGURES if name == "all" else (name,):
        report = importlib.import_module(f"benchmarks.{chosen}").run(short=short)
        report.show(as_json=as_json)
        missed |= any(one.met is False for one in report.figures)
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
