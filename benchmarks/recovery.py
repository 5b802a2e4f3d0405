"""`python -m benchmarks.recovery`: seconds until work moves again after kill -9 of workers and after FLUSHALL."""

import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from benchmarks.chaos import world
from benchmarks.chaos.machines import Machines, machines
from benchmarks.chaos.plan import Database
from cli.publish import Door, open_door, requests_for
from demo.world import invoice
from store.tables import Batch
from tests.machines import wait_for
from worker import logs
from worker.settings import Settings

_COMPANY = "crew-01"
_CLIENT = {"id": world.CLIENT, "name": "ACME Ltd"}
_WORKERS = ("worker-1", "worker-2")
_PATIENCE_SECONDS = 120.0
_LATENCY = {"latency": 0.5}
NOT_SENT, SENT, EMPTIED = "worker killed, not yet sent", "worker killed, sent", "Redis emptied"
Figures = dict[str, list[float]]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each accident happens")] = 5,
    database: Annotated[str, typer.Option(help="sqlite or postgresql")] = "postgresql",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Kill all workers in the middle of a call, empty Redis under waiting work, and measure how long it takes."""
    logs.set_up("WARNING")
    chosen: Database = "sqlite" if database == "sqlite" else "postgresql"
    with machines(chosen) as made:
        made.start_xero()
        made.start()
        made.watch()
        made.set_up([_COMPANY])
        made.trouble(1, _LATENCY)
        figures, settings = _measure(made, rounds), made.settings
    Console(stderr=as_json, width=None if sys.stderr.isatty() else 120).print(_table(figures, settings))
    if as_json:
        limits = {name: seconds for name, (seconds, _) in _limits(settings).items()}
        sys.stdout.write(json.dumps({"figures": figures, "limits": limits}) + "\n")


def _measure(made: Machines, rounds: int) -> Figures:
    figures: Figures = {NOT_SENT: [], SENT: [], EMPTIED: []}
    door = open_door(made.tools)
    for number in range(rounds):
        not_sent, sent = _after_a_kill(made, door, f"K{number}")
        figures[NOT_SENT].append(not_sent)
        figures[SENT].append(sent)
        figures[EMPTIED].append(_after_a_flush(made, door, f"F{number}"))
    return figures


def _after_a_kill(made: Machines, door: Door, name: str) -> tuple[float, float]:
    """Seconds until the next batch is sent, and until the one in flight is settled."""
    _ask(door, name, 120)
    flying = _soon(lambda: _first(made, lambda one: one.state == "sent"))
    killed = datetime.now(UTC)
    _signal(made, signal.SIGKILL)
    following = _soon(lambda: _first(made, lambda one: one.sent_at is not None and one.sent_at > killed))
    settled = _soon(lambda: _first(made, lambda one: one.id == flying.id and one.state == "settled"))
    _until_answered(door, name)
    return (following.sent_at - killed).total_seconds(), (settled.closed_at - killed).total_seconds()


def _after_a_flush(made: Machines, door: Door, name: str) -> float:
    """Seconds until work without a doorbell is taken up. The workers are held meanwhile, or they had taken it."""
    time.sleep(random.uniform(0, made.settings.sweep_seconds))  # anywhere between two sweeps
    _signal(made, signal.SIGSTOP)
    _ask(door, name, 1)
    emptied = datetime.now(UTC)
    made.tools.redis.flushall()
    _signal(made, signal.SIGCONT)
    taken = _soon(lambda: _first(made, lambda one: one.created_at > emptied))
    _until_answered(door, name)
    return float((taken.created_at - emptied).total_seconds())


def _ask(door: Door, name: str, count: int) -> None:
    invoices = [invoice(f"{name}-{number}", client=_CLIENT) for number in range(count)]
    (event,) = requests_for(invoices, _COMPANY, "bulk", "anna", request=name)
    if not door.send(event, "recovery").accepted:
        raise RuntimeError(f"the door refused {name}")


def _until_answered(door: Door, name: str) -> None:
    _soon(lambda: door.progress(_COMPANY, name)["complete"])


def _signal(made: Machines, number: signal.Signals) -> None:
    for process in map(made.process, _WORKERS):
        process.deaths = 0  # to be killed is no crash loop: the supervisor need not slow down
        if process.child is not None:
            os.killpg(process.child.pid, number)


def _first(made: Machines, wanted: Callable[[Batch], bool]) -> Batch | None:
    with made.tools.store.read() as work:
        newest: Sequence[Batch] = work.session.exec(
            select(Batch).order_by(col(Batch.created_at).desc()).limit(20)
        ).all()
    return next((one for one in newest if wanted(one)), None)


def _soon(condition: Callable[[], Any]) -> Any:
    return wait_for(condition, _PATIENCE_SECONDS)


def _limits(settings: Settings) -> dict[str, tuple[float, str]]:
    """What is promised, and in which settings."""
    return {
        NOT_SENT: (settings.lease_seconds, "LEASE_SECONDS"),
        SENT: (settings.settle_seconds + settings.sweep_seconds, "SETTLE_SECONDS + SWEEP_SECONDS"),
        EMPTIED: (settings.sweep_seconds, "SWEEP_SECONDS"),
    }


def _table(figures: Figures, settings: Settings) -> Table:
    chosen = f"lease {settings.lease_seconds:g}, settle {settings.settle_seconds:g}, sweep {settings.sweep_seconds:g}"
    title = f"Seconds until it moves again ({chosen}, a call takes {_LATENCY['latency']:g})"
    table = Table(title=title, title_justify="left")
    for header in ("accident", "median", "longest", "promised"):
        table.add_column(header, justify="left" if header == "accident" else "right")
    for name, (seconds, setting) in _limits(settings).items():
        found = figures[name]
        table.add_row(name, f"{statistics.median(found):.1f}", f"{max(found):.1f}", f"{setting} = {seconds:g}")
    return table


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
