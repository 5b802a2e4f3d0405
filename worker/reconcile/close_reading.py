"""A closer look at invoices that Xero changed without a sum showing it: read whole, with their lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.accounting_target import Organisation, Posted, Trouble
from store import choosing
from worker import logs
from worker.tools import Tools

_log = logs.log("reconciler")


@dataclass(frozen=True)
class CloseReading:
    """Xero's whole copies by id, the calls they took, and whether all were read."""

    copies: Mapping[str, Posted]
    calls: int
    complete: bool


def read_closely(tools: Tools, organisation: Organisation, ids: Sequence[str]) -> CloseReading:
    """Read these invoices, as far as permits and Xero allow; what is left is read in the next slot."""
    copies: dict[str, Posted] = {}
    target, calls = tools.target(organisation), 0
    for some in choosing.in_chunks(ids, target.sizes.ids):
        permit = target.pace.ask(organisation)
        if permit.wait:
            return CloseReading(copies, calls, complete=False)
        calls += 1
        try:
            found = target.fetch(organisation, some)
        except Trouble as trouble:
            _log.warning("reconciler.call_failed", lane=organisation.lane.key, effect=trouble.effect)
            return CloseReading(copies, calls, complete=False)
        finally:
            target.pace.done(permit)
        copies |= {id_: posted for id_, posted in found.items() if not posted.unreadable}
    return CloseReading(copies, calls, complete=True)
