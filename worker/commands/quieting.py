"""Workers that are told to take no new work, one or all of a machine; what they have in hand ends by itself.

A worker hears of it with its next heartbeat, and is quiet until somebody lets it take work again or it ends: one that
is started anew takes work.
"""

from collections.abc import Sequence

from store import audit, processes
from store.tables import Process
from store.unit_of_work import Work
from worker.tools import Tools


def quiet(tools: Tools, by: str, why: str, *, worker: str = "", machine: str = "") -> bool:
    """A worker, by the id of its process, or every one of a machine; False where none is left to be quieted."""
    with tools.store.write() as work:
        some = _workers(work, worker, machine)
        changed = processes.set_quiet(work, [one.id for one in some], by)
        _note(work, "quiet", some, changed, by, why)
    return changed > 0


def wake(tools: Tools, by: str, why: str, *, worker: str = "", machine: str = "") -> bool:
    """They take work again; False where none of them was quiet."""
    with tools.store.write() as work:
        some = _workers(work, worker, machine)
        changed = processes.end_quiet(work, [one.id for one in some])
        _note(work, "wake", some, changed, by, why)
    return changed > 0


def _workers(work: Work, worker: str, machine: str) -> Sequence[Process]:
    there = [one for one in processes.everyone(work) if one.kind == "worker" and not processes.is_silent(work, one)]
    return [one for one in there if (one.id == worker if worker else one.host == machine)]


def _note(work: Work, what: str, some: Sequence[Process], changed: int, by: str, why: str) -> None:
    if changed:
        named = {"machine": some[0].host, "workers": [one.pid for one in some]}
        audit.note(work, by, what, "", named, changed, why)
