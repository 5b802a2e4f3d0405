"""The rescuer: what died with a worker comes back, what Redis forgot is rung again."""

from events.accounting_target import Lane
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, lanes
from store.batches import Hold
from store.outbox import InvoiceAnswer
from store.requests import give_up_parts, left_waiting
from store.tables import Batch
from store.unit_of_work import Work
from worker import logs
from worker.decisions import turns
from worker.export import answering, deferral, export_results
from worker.tools import Tools

DUTY = "rescuer"
_LEFT_SECONDS = 120.0
_log = logs.log("rescuer")


def sweep(tools: Tools, holder: str) -> int:
    """One sweep of this process's shards of the duty; give how many batches were rescued.

    What is found by one question about all companies is mended by whoever has the first shard.
    """
    settings = tools.settings
    with tools.store.write() as work:
        held = tools.take_shards(work, DUTY, holder, settings.sweep_seconds * 3)
        is_first = 0 in held.mine
        rescued = _rescue_batches(work) if is_first else 0
        answered = deferral.expire(work, tools, settings.expiry_seconds) if is_first else 0
        answered += answer_forgotten(work, tools) if is_first else 0
    if is_first:
        with tools.store.write() as work:
            answered += give_up_parts(work, settings.expiry_seconds)
    with tools.store.read() as work:
        waiting = lanes.lanes_due(work) if held.mine else []
    tools.bells.remind([lane.key for lane in waiting if held.has(lane.company)])
    if rescued:
        _log.warning("rescuer.found_batches", count=rescued)
    if answered:
        _log.warning("rescuer.answered", count=answered)
        tools.bells.wake_relay()
    return rescued


def _rescue_batches(work: Work) -> int:
    claimed = batches.overdue(work, "claimed")
    sent = batches.overdue(work, "sent")
    for batch in claimed:
        _give_back(work, batch)
    for batch in sent:
        _park(work, batch)
    return len(claimed) + len(sent)


def _give_back(work: Work, batch: Batch) -> None:
    """Its worker died before anything was sent: its invoices are pending again, the crash stays counted."""
    if not batches.move(work, Hold(batch.id, batch.token), "claimed", state="given_back", closed_at=work.now):
        return
    back = exports.of_batches(work, batch.id)
    exports.uncount(work, back)
    deferral.to_pending(work, back, lambda export: {"due_at": work.after(turns.crash_wait(export.crashes))})


def _park(work: Work, batch: Batch) -> None:
    """Its worker died with the call: nobody knows what happened until Xero is asked."""
    trouble = "unknown: the worker was lost"
    free = {"state": "uncertain", "lease_until": work.now, "trouble": trouble}
    if not batches.move(work, Hold(batch.id, batch.token), "sent", **free):
        return
    rows = [{"id": one.id, "state": "uncertain"} for one in exports.of_batches(work, batch.id)]
    exports.change(work, rows)


def answer_forgotten(work: Work, tools: Tools) -> int:
    """Answer items whose export is no longer live, should a gap have let one slip through; give how many."""
    given: list[InvoiceAnswer] = []
    for item, export in left_waiting(work, _LEFT_SECONDS):
        lane = Lane(export.company, export.tenant)
        organisation = tools.organisation(work, lane)
        if export.state == "exported" and organisation:
            target = tools.target(organisation, export.document)
            given.append(answering.succeeded(item, export, organisation, target, "unchanged"))
        elif export.state == "failed":
            failure = Failure(Reason.of(exports.last_reason(work, export) or Reason.OUTCOME_UNKNOWN.code))
            given.append(answering.refused(item, export, export_results.newest_content(export), failure))
    answering.record_answers(work, given)
    return len(given)
