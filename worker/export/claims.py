"""Send what is due next: claim, (for updates: guard,) freeze, call; each step committed before the next begins."""

from collections.abc import Callable, Sequence

from events.accounting_target import Organisation, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, pauses
from store.batches import Hold
from store.unit_of_work import Work
from worker.decisions import batching
from worker.export import calling, deferral, freezing, raise_anew, recording, updates
from worker.export.calling import Called
from worker.export.results import ExportRefusal
from worker.tools import Tools


def send_next(
    tools: Tools, organisation: Organisation, calls: int, claimed: Callable[[], None], answered: Callable[[], None]
) -> Called:
    """Send the lane's next batch, or as many as `calls`; only new invoices go in several calls of one turn.

    `claimed` is called when their invoices are nobody else's, `answered` when Xero has answered the first call,
    before anything is written down.
    """
    holds, kind = _claim(tools, organisation, calls)
    if not holds:
        return "not"
    claimed()
    if kind == "anew":
        return raise_anew.raise_some(tools, organisation, holds[0])
    if kind == "update":
        return _update(tools, organisation, holds[0])
    target = tools.target(organisation)
    frozen = freezing.freeze(tools, organisation, holds, kind, lambda _export, posting: target.element(posting))
    return calling.send(tools, organisation, frozen, target.create, answered) if frozen else "not"


def _claim(tools: Tools, organisation: Organisation, calls: int) -> tuple[list[Hold], str]:
    """Take the next due invoices, for as long as the lease; a crash with them is counted from here on."""
    with tools.store.write() as work:
        if not pauses.may_begin(work, organisation.lane.company):
            return [], ""
        sizes = tools.target(organisation).sizes
        due = exports.pending(work, organisation.lane, sizes.invoices * calls)
        poisonous = [one.id for one in due if batching.quarantined(one)]
        _quarantine(work, poisonous)
        chosen = batching.choose_some([one for one in due if one.id not in poisonous], calls, sizes)
        kind = batching.kind(chosen[0][0]) if chosen else "create"
        lease = tools.settings.lease_seconds
        return [batches.claim(work, organisation.lane, some, lease, kind) for some in chosen], kind


def _quarantine(work: Work, poisonous: Sequence[int]) -> None:
    """Those that have stopped the exporter too often fail, and are not tried again."""
    if poisonous:
        found = exports.lock_again(work, poisonous).values()
        recording.fail(work, [ExportRefusal(export, Failure(Reason.QUARANTINED)) for export in found])


def _update(tools: Tools, organisation: Organisation, hold: Hold) -> Called:
    """The look at Xero's copies is a call of its own and often all that is needed; an update needs another permit."""
    try:
        copies = updates.copies(tools, organisation, hold)
    except Trouble as trouble:
        deferral.after_look(tools, organisation, hold, trouble)
        return "answered"
    target = tools.target(organisation)
    map_one = updates.updates(target, copies)
    if not freezing.answer_known(tools, organisation, hold, map_one):
        return "answered"
    permit = target.pace.ask(organisation, single=True)  # or the look was for nothing
    if permit.wait:
        limited = Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        deferral.give_back(tools, organisation, hold, limited, "claimed")
        return "answered"
    sent: Called = "answered"
    try:
        frozen = freezing.freeze(tools, organisation, [hold], "update", map_one)
        sent = calling.send(tools, organisation, frozen, target.update, lambda: None) if frozen else "not"
    finally:
        calling.book(tools, permit, sent)
    return "answered"
