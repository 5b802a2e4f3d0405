"""Workers: what each does now and since when, on which machine; quiet and drain, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from store import batches, companies, processes
from store.tables import Process
from store.unit_of_work import Work
from web.console import rendering
from web.console.forms import Posted
from web.console.visitor import Looking, Must, Visitor
from worker.commands import registry
from worker.commands.registry import Command
from worker.decisions import rights

PAGE = "/console/workers"
MOST_CALLS = 500
MOST_WORKERS = 100
_LONGEST_REASON = 500
_WHY = "Say why: whoever looks at this page next needs to know."
_OPPOSITE = {"quiet": "wake", "wake": "quiet", "drain": "undrain", "undrain": "drain"}
Ops = Annotated[Visitor, Depends(Must(rights.ACTIONS[registry.QUIET.effect]))]
router = APIRouter()


@dataclass(frozen=True)
class BusyWorker:
    """A process of a machine: its condition, and the calls that it has in hand, the oldest first."""

    process: Process
    condition: str
    calls: Sequence[Any]

    @property
    def at_rest(self) -> bool:
        """Whether it has nothing in hand and takes nothing: it says so itself, and no call is its."""
        return not self.calls and bool(self.condition == "silent" or self.process.at_rest)


@dataclass(frozen=True)
class WorkerMachine:
    """A machine with its workers, and how many other processes of ours run there by kind."""

    name: str
    workers: Sequence[BusyWorker]
    others: Sequence[Process]

    @property
    def taking(self) -> int:
        """How many of its workers take work."""
        return sum(one.condition == "running" for one in self.workers)

    @property
    def quiet(self) -> int:
        """How many of its workers were told to take none."""
        return sum(one.condition == "quiet" for one in self.workers)

    @property
    def in_hand(self) -> int:
        """How many calls its workers have in hand."""
        return sum(len(one.calls) for one in self.workers)

    @property
    def drained(self) -> bool:
        """Whether its workers can be stopped with nothing in hand."""
        return bool(self.quiet) and all(one.at_rest for one in self.workers)


@router.get("/workers")
def workers_page(request: Request, visitor: Looking) -> Response:
    """Every worker, by machine."""
    return _page(request, visitor)


@router.post("/workers/{worker}/quiet")
@router.post("/workers/{worker}/wake")
def one_worker(request: Request, form: Posted, visitor: Ops, worker: str) -> Response:
    """One worker takes no new work; or takes it again."""
    with visitor.tools.store.read() as work:
        known = next((one for one in processes.everyone(work) if one.id == worker), None)
    whom = f"Worker {known.pid} on {known.host}" if known else "That worker"
    return _order(request, form, visitor, whom, worker=worker)


@router.post("/machines/{machine}/drain")
@router.post("/machines/{machine}/undrain")
def one_machine(request: Request, form: Posted, visitor: Ops, machine: str) -> Response:
    """All workers of a machine take no new work, so that they can be stopped; or take it again."""
    return _order(request, form, visitor, f"Each worker on {machine}", machine=machine)


def _order(request: Request, form: Posted, visitor: Visitor, whom: str, **chosen: str) -> Response:
    act, why = request.url.path.rpartition("/")[2], form.text("why")[:_LONGEST_REASON]
    command: Command = registry.WAKE if act in ("wake", "undrain") else registry.QUIET
    if command is registry.QUIET and not why:
        return _page(request, visitor, _WHY)
    news = command.run(visitor.tools, visitor.user, why, **chosen)
    undo = [_OPPOSITE[act], *chosen.values()] if news else ()
    return rendering.redirect(PAGE, command.shown.about(whom, news=news), undo)


def _page(request: Request, visitor: Visitor, problem: str = "") -> Response:
    with visitor.tools.store.read() as work:
        calls = batches.open_calls(work, "", MOST_CALLS)
        there = processes.everyone(work)
        workers = [one for one in there if one.kind == "worker"]
        left_out = workers[MOST_WORKERS:]
        machines = _machines(work, [one for one in there if one not in left_out], calls)
        names = companies.names(work, {call.company for call in calls})
    facts = {"machines": machines, "names": names, "problem": problem, "left_out": len(left_out)}
    return rendering.page(request, visitor, "workers", 422 if problem else 200, **facts)


def _machines(work: Work, there: Sequence[Process], calls: Sequence[Any]) -> list[WorkerMachine]:
    """By name; machines without a worker are not among them."""
    held = [one for one in calls if one.state != "uncertain" or one.lease_until > work.now]
    found = []
    for name, some in groupby(sorted(there, key=lambda one: (one.host, one.since)), key=lambda one: one.host):
        mine = list(some)
        workers = [
            BusyWorker(one, processes.condition(work, one), [call for call in held if call.worker == one.id])
            for one in mine
            if one.kind == "worker"
        ]
        others = [one for one in mine if one.kind != "worker" and not processes.is_silent(work, one)]
        found += [WorkerMachine(name, workers, others)] if workers else []
    return found
