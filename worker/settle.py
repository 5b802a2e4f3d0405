"""Settle an uncertain batch by asking Xero: adopt what is there and ours, send the rest again with a new key."""

from collections.abc import Mapping, Sequence

from events.accounting_target import Organisation, Posted, Rejected, Trouble
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from store import batches, exports, lanes
from store.batches import Hold
from store.tables import Attempt, Batch, Export
from store.unit_of_work import Work
from worker import logs, recording, retries, returning, troubles
from worker.recording import Result
from worker.tools import Tools

_GONE = frozenset({"VOIDED", "DELETED"})
_REFUSALS = frozenset({400, 404, 405, 412, 413, 422, 501})
_ALONE_AFTER, _HOPELESS_AFTER = 3, 8
Found = Mapping[str, Sequence[Posted]]
_log = logs.log("exporter")


def settle(tools: Tools, organisation: Organisation, batch_id: str) -> bool:
    """Look up every number the batch's invoices were ever sent under; False when somebody else was first."""
    with tools.store.write() as work:
        taken = batches.take_uncertain(work, batch_id, tools.settings.lease)
        if taken is None:
            return False
        hold, batch = taken
        parked = exports.of_batch(work, batch_id)
        sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
    numbers = sorted({attempt.number for attempts in sent.values() for attempt in attempts})
    try:
        found = tools.target.find(organisation, numbers) if numbers else {}
    except Trouble as trouble:
        _ask_again_later(tools, organisation, hold, batch, trouble)
        return True
    _settle_with(tools, organisation, hold, batch, found)
    _log.info(
        "exporter.settled",
        lane=organisation.lane.key,
        batch=batch_id,
        size=len(numbers),
        found=sum(bool(posted) for posted in found.values()),
        look_ups=batch.look_ups,
    )
    return True


def _settle_with(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, found: Found) -> None:
    with tools.store.write() as work:
        if not batches.move(work, hold, "uncertain", state="settled", closed_at=work.now):
            return
        parked = exports.of_batch(work, hold.batch_id)
        sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
        results, absent = [], []
        for export in parked:
            result = judge(export, sent.get(export.id or 0, ()), found)
            if result is None:
                absent.append(export)
            else:
                results.append(result)
        lanes.note_answer(work, organisation.lane)
        recording.apply(work, tools, organisation, results)
        _send_again(work, batch, absent)
    tools.bells.wake_relay()


def judge(export: Export, attempts: Sequence[Attempt], found: Found) -> Result | None:
    """Ours and live → adopted; another's → refused, naming it; nowhere → None. Pure (DESIGN §3 (e))."""
    clash: tuple[Attempt, Posted] | None = None
    for attempt in reversed(attempts):
        for posted in sorted(found.get(folded(attempt.number), ()), key=lambda one: one.status in _GONE):
            if posted.mark == (export.company, export.invoice):
                return Result(export, attempt, posted, "adopted")
            clash = clash or (attempt, posted)
    if clash is None:
        return _refused_for_nothing(export, attempts)
    attempt, posted = clash
    other = posted.contact_name or f"a {posted.status.lower()} invoice"
    return Result(export, attempt, Rejected(attempt.number, Failure(Reason.NUMBER_TAKEN, {"other": other})))


def _refused_for_nothing(export: Export, attempts: Sequence[Attempt]) -> Result | None:
    """Xero said the number is taken and yet shows nobody who has it: one clear failure, never a loop."""
    last = attempts[-1] if attempts else None
    if last is None or last.reason != Reason.NUMBER_TAKEN.code:
        return None
    failure = Failure(Reason.NUMBER_TAKEN, {"other": "one that Xero does not show, perhaps deleted"}, last.said)
    return Result(export, last, Rejected(last.number, failure))


def _send_again(work: Work, batch: Batch, absent: Sequence[Export]) -> None:
    """Xero does not have them: pending again, in a new batch with a new key (Xero caches errors under a key).

    What was refused whole, or failed three times in company, goes on alone; what keeps failing alone has failed.
    """
    refused = batch.http_status in _REFUSALS
    given_up = [export for export in absent if _hopeless(export, batch, refused=refused)]
    said = (batch.trouble or "").partition(": ")[2]
    reason = Reason.XERO_REFUSED if refused else Reason.XERO_KEEPS_FAILING
    recording.fail(work, [(export, Failure(reason, said=said)) for export in given_up])

    def again(export: Export) -> dict[str, object]:
        alone = refused or export.alone or export.attempts >= _ALONE_AFTER
        return {"crashes": 0, "alone": alone, "due_at": work.after(retries.again_after_absence(export.attempts))}

    returning.to_pending(work, [export for export in absent if export not in given_up], again)


def _hopeless(export: Export, batch: Batch, *, refused: bool) -> bool:
    return batch.size == 1 and (refused or export.attempts >= _HOPELESS_AFTER)


def _ask_again_later(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, trouble: Trouble) -> None:
    _log.warning("exporter.look_up_failed", lane=organisation.lane.key, batch=batch.id, effect=trouble.effect)
    with tools.store.write() as work:
        later = work.after(retries.look_up_wait(batch.look_ups))
        if batches.move(work, hold, "uncertain", settle_at=later, lease_until=work.now):
            count = lanes.count_unknown(work, organisation.lane) if trouble.effect == "unknown" else 0
            troubles.rest(work, organisation, trouble, count)
