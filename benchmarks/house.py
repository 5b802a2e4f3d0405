"""`python -m benchmarks.house`: what a reader of the service meets, counted from the text and along one invoice.

The way is traced while it is run: one invoice by `POST /v1/events`, its turn, its answer at a webhook; on SQLite,
with a real Valkey and the simulated Xero. A change of file is a call from a function of the service into another
file of it; comprehensions are left out. Nothing fails here: what must hold is in `tests/house`.
"""

import ast
import collections
import contextlib
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Annotated

import typer

from benchmarks.report import Report
from store import migrate
from tests import machines
from tests.builders import a_request, an_invoice
from tests.doors.host import Host
from tests.hosts import callback
from tests.installation import Installation
from web import main as web_main
from worker import logs
from worker.delivery import rounds, webhooks
from worker.delivery.webhook_post import Poster

ROOT = Path(__file__).parent.parent
ROOMS = ("cli", "events", "store", "web", "worker", "xero_adapter")
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
_COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")


def main(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Count the service's files, lines, long functions and doubled names, and trace one invoice."""
    logs.set_up("WARNING")
    report = Report("house", "what a reader of the service meets")
    for name, value, at_most in [*_of_text(), *_of_way(trace())]:
        report.add(name, value, at_most=at_most)
    report.show(as_json=as_json)


def _of_text() -> Iterator[tuple[str, int, int | None]]:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    lines = {file: len(file.read_text().splitlines()) for file in files}
    classes: collections.Counter[str] = collections.Counter()
    long_functions = 0
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                classes[node.name.lstrip("_")] += 1
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                long_functions += (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    yield "files of the service", len(files), 270
    yield "lines of the service", sum(lines.values()), None
    yield f"files over {LONGEST_FILE} lines", sum(count > LONGEST_FILE for count in lines.values()), 0
    yield f"functions over {LONGEST_FUNCTION} lines", long_functions, 0
    yield "class names used twice", sum(count > 1 for count in classes.values()), 0


def _of_way(way: "Way") -> Iterator[tuple[str, int, int | None]]:
    yield "files on the way of one invoice", len({file for file, _ in way.functions}), 50
    yield "functions on the way", len(way.functions), None
    yield "calls on the way", way.calls, None
    yield "changes of file on the way", sum(way.changes.values()), 250


@dataclass
class Way:
    """What was called: functions by file, how many calls, and those from file to file."""

    functions: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    changes: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    _files: dict[str, str] = field(default_factory=dict)

    def saw(self, frame: FrameType, what: str, _arg: object) -> None:
        """Something happened in a thread, as `sys.setprofile` says it."""
        mine = self._file_of(frame.f_code)
        if (
            what != "call"
            or not mine
            or frame.f_code.co_name in ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")
        ):
            return
        self.calls += 1
        self.functions.add((mine, frame.f_code.co_qualname))
        caller = frame.f_back
        while caller is not None and not self._file_of(caller.f_code):
            caller = caller.f_back
        if caller is not None and self._file_of(caller.f_code) != mine:
            self.changes[self._file_of(caller.f_code), mine] += 1

    def _file_of(self, code: CodeType) -> str:
        """The file of the service that the code stands in; empty where it stands elsewhere."""
        name = code.co_filename
        if name not in self._files:
            inside = Path(name).is_relative_to(ROOT) and Path(name).relative_to(ROOT).parts[0] in ROOMS
            self._files[name] = str(Path(name).relative_to(ROOT)) if inside else ""
        return self._files[name]


def trace() -> Way:
    """One invoice from the door to the webhook; another one before it opens connections and compiles statements."""
    way, seen = Way(), threading.Event()
    with contextlib.ExitStack() as stack:
        address = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/way.sqlite"
        migrate.upgrade(address)
        redis_url = stack.enter_context(machines.a_valkey())
        xero, url = stack.enter_context(machines.a_simulator())
        endpoint = stack.enter_context(callback.an_endpoint())
        hook = {"webhook_url": endpoint.url, "webhook_secret": (callback.SECRET,), "webhook_private_addresses": True}
        made = Installation(address, redis_url, xero, url, **hook)
        made.company()
        threading.setprofile(lambda *what: way.saw(*what) if seen.is_set() else None)
        stack.callback(threading.setprofile, None)
        serving = web_main.serving(web_main.build(made.tools), made.settings)
        host = Host(made, stack.enter_context(machines.served(serving)))
        _send(made, host, "before")
        seen.set()
        sys.setprofile(way.saw)
        stack.callback(sys.setprofile, None)
        _send(made, host, "seen")
    if sum(event["type"] == "invoice.export.succeeded" for event in endpoint.events) != 2:
        raise RuntimeError(f"the invoices were not answered: {endpoint.events}")
    return way


def _send(made: Installation, host: Host, number: str) -> None:
    host.post(a_request(an_invoice(number), request=number, mode="single")).raise_for_status()
    made.run()
    made.relay()
    post = Poster(private=True, seconds=10).post
    for one in webhooks.with_work(made.tools):
        rounds.deliver(made.tools, "house", one, post)


if __name__ == "__main__":
    typer.run(main)
