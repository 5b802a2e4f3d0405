"""`python -m benchmarks.check`: what must not grow, counted; fails on more than the stated margin.

Calls, statements, round trips and commands are exact. The shares of processor time are ratios within one run of one
thread, so a busy machine moves both of their sides.
"""

import contextlib
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import event

from benchmarks.report import Report
from events import codec
from store import migrate, unit_of_work
from tests import machines
from tests.builders import a_request as asking
from tests.builders import an_invoice, invoices
from tests.installation import Installation
from worker import logs
from worker.decisions import turns
from worker.intake import intake

EXPECTED = Path(__file__).parent / "expected.json"
_COUNT, _EXACT, _SHARE = 1_000, 0.02, 0.6
_PLENTY = 1_000_000


def main(
    write: Annotated[bool, typer.Option("--write", help="Keep what is found as what is expected")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Count, compare with `expected.json`, and end with 1 where something grew beyond its margin."""
    logs.set_up("WARNING")
    with _installation() as installation:
        found = _counted(installation)
    if write:
        EXPECTED.write_text(json.dumps(found, indent=2) + "\n")
    expected = json.loads(EXPECTED.read_text())
    report = Report("check", "what must not grow, beside what is expected and its margin")
    for name, value in found.items():
        report.add(name, value, at_most=expected[name] * (1 + (_SHARE if "÷" in name else _EXACT)))
    report.show(as_json=as_json)
    raise typer.Exit(any(not one.met for one in report.figures))


@contextlib.contextmanager
def _installation() -> Iterator[Installation]:
    """An installation in this process, on PostgreSQL; turns run when told."""
    with machines.a_valkey() as redis_url, machines.a_postgres() as server, machines.a_simulator() as (xero, url):
        address = machines.fresh_postgres_database(server, "checked")
        migrate.upgrade(address)
        made = Installation(address, redis_url, xero, url, calls_per_minute=_PLENTY, calls_per_day=_PLENTY)
        made.store._time_source = unit_of_work.database_time  # noqa: SLF001  # its round trip is counted too
        made.simulator.state.limits.rules.per_minute = made.simulator.state.limits.rules.per_day = _PLENTY
        made.company()
        yield made
        made.store.engine.dispose()


def _counted(made: Installation) -> dict[str, float]:
    bodies, more = _bodies("counted", "c"), _bodies("stretched", "s")
    made.ask(an_invoice("warm"), request="warm")
    made.run()
    made.relay()
    gc.collect()
    gc.freeze()  # as every process does at its start
    calls, found = len(made.calls("PUT")), Counted(made)
    with found.of("intake"):
        for body in bodies:
            intake.accept(made.tools, codec.parse(body))
    with found.of("turns"):
        made.run(10_000)
    with found.of("relay"):
        made.relay()
    for body in more:
        intake.accept(made.tools, codec.parse(body))
    with _staying(made), found.of("stretches"):
        made.run(10_000)
    made.relay()
    batches = _COUNT / 50
    reading = min(_seconds(lambda: [codec.parse_event(codec.parse(body)) for body in bodies]) for _ in range(9))
    with found.of("click"):
        made.ask(an_invoice("click"), request="click", mode="single")
        made.run()
        made.relay()
    return {
        f"calls for {_COUNT} invoices": (len(made.calls("PUT")) - calls - 1) / 2,
        "statements of an event of 500": found.statements["intake"] / len(bodies),
        "statements of a turn of 50": found.statements["turns"] / batches,
        "Redis commands of a turn of 50": found.commands["turns"] / batches,
        "statements of 50 where a turn stays": found.statements["stretches"] / batches,
        "Redis commands of 50 where a turn stays": found.commands["stretches"] / batches,
        f"statements to relay {_COUNT} events": found.statements["relay"],
        "statements of a click, door to stream": found.statements["click"],
        "processor: filing an event ÷ reading it": found.seconds["intake"] / reading,
        "processor: turns ÷ reading their events": found.seconds["turns"] / reading,
    }


class Counted:
    """Statements, Redis commands and processor seconds of this thread, by what they were spent on."""

    def __init__(self, made: Installation) -> None:
        self._made = made
        self._statements = 0
        self.statements: dict[str, int] = {}
        self.commands: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        event.listen(made.store.engine, "before_cursor_execute", self._count)

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What is spent meanwhile is this one's."""
        before, commands, begun = self._statements, self._commands(), time.thread_time()
        yield
        self.seconds[name] = time.thread_time() - begun
        self.commands[name] = self._commands() - commands - 1
        self.statements[name] = self._statements - before

    def _commands(self) -> int:
        return int(self._made.tools.redis.info("stats")["total_commands_processed"])

    def _count(self, *_arguments: Any) -> None:
        self._statements += 1


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@contextlib.contextmanager
def _staying(made: Installation) -> Iterator[None]:
    """There are threads to spare, and Xero counts as quick whatever this machine takes."""
    made.tools.bells.staff("here", 16, 600)
    quick, turns._QUICK_SECONDS = turns._QUICK_SECONDS, 60.0  # noqa: SLF001
    yield
    turns._QUICK_SECONDS = quick  # noqa: SLF001
    made.tools.redis.delete("xp:staff")


def _bodies(request: str, prefix: str) -> list[bytes]:
    wanted, size = invoices(_COUNT, prefix), 500
    parts = [wanted[start : start + size] for start in range(0, _COUNT, size)]
    asked = [asking(*some, request=request, part=place + 1, parts=len(parts)) for place, some in enumerate(parts)]
    return [json.dumps(one).encode() for one in asked]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    sys.exit(app())
