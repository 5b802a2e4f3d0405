"""Settle an uncertain batch by asking Xero: adopt what is there and ours, send the rest again with a new key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.accounting_target import Element, Organisation, Posted, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, lanes, pauses
from store.batches import Hold
from store.tables import Attempt, Batch, Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import retries
from worker.exporting import judging, recording, returning, troubles
from worker.exporting.results import Refusal
from worker.tools import Tools

_REFUSALS = frozenset({400, 404, 405, 412, 413, 422, 501})
_ALONE_AFTER, _HOPELESS_AFTER = 3, 8
_log = logs.log("exporter")


@dataclass(frozen=True)
class Seen:
    """What Xero shows of a batch: by folded number, by id, and the ids our own app made."""

    by_number: Mapping[str, Sequence[Posted]] = field(default_factory=dict)
    by_id: Mapping[str, Posted] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()


def settle(tools: Tools, organisation: Organisation, batch_id: str) -> bool:
    """Look up what the batch was sent under; False when somebody else was first."""
    with tools.store.write() as work:
        if not pauses.may_begin(work, organisation.lane.company):
            return False
        taken = batches.take_uncertain(work, batch_id, tools.settings.lease)
        if taken is None:
            return False
        hold, batch = taken
        parked = exports.of_batches(work, batch_id)
        sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
    try:
        seen = _ask(tools, organisation, batch, parked, sent)
    except Trouble as trouble:
        _ask_again_later(tools, organisation, hold, batch, trouble)
        return True
    _settle_with(tools, organisation, hold, batch, seen)
    found = len(seen.by_id) or sum(bool(posted) for posted in seen.by_number.values())
    lane = organisation.lane.key
    _log.info("exporter.settled", lane=lane, batch=batch_id, size=len(parked), found=found, look_ups=batch.look_ups)
    return True


def _ask(
    tools: Tools,
    organisation: Organisation,
    batch: Batch,
    parked: Sequence[Export],
    sent: Mapping[int, Sequence[Attempt]],
) -> Seen:
    """Updates by id; new invoices by every number they were ever sent under. Raises Trouble."""
    target = tools.target
    if batch.kind == "update":
        return Seen(by_id=target.fetch(organisation, [export.xero_invoice_id or "" for export in parked]))
    numbers = sorted({attempt.number for attempts in sent.values() for attempt in attempts})
    found = target.find(organisation, numbers) if numbers else {}
    bare = sorted({one.number for shown in found.values() for one in shown if one.unmarked})
    mine = target.find(organisation, bare, ours_only=True) if bare else {}
    return Seen(by_number=found, ours=frozenset(one.target_id for shown in mine.values() for one in shown))


def _settle_with(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, seen: Seen) -> None:
    with tools.store.write() as work:
        if not batches.move(work, hold, "uncertain", state="settled", closed_at=work.now):
            return
        parked = exports.of_batches(work, hold.batch_id)
        sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
        elements = _elements(tools, work, batch, sent)
        results, absent = [], []
        for export in parked:
            tries = sent.get(export.id or 0, ())
            if batch.kind == "update":
                result = judging.of_update(tools.target, export, tries, seen.by_id, elements)
            else:
                result = judging.of_create(export, tries, seen.by_number, elements, seen.ours, tools.target.carries)
            (absent.append(export) if result is None else results.append(result))
        lanes.note_answer(work, organisation.lane)
        recording.apply(work, tools, organisation, results)
        _send_again(work, batch, absent)
    tools.bells.wake_relay()


def _elements(
    tools: Tools, work: Work, batch: Batch, sent: Mapping[int, Sequence[Attempt]]
) -> Mapping[tuple[str, str], Element]:
    """What each attempt carried, by (batch, id for updates or number for new invoices)."""
    ids = {attempt.batch_id for attempts in sent.values() for attempt in attempts} | {batch.id}
    bodies = batches.bodies(work, sorted(ids))
    return {(id_, name): one for id_, body in bodies.items() for name, one in tools.target.thaw(body).items()}


def _send_again(work: Work, batch: Batch, absent: Sequence[Export]) -> None:
    """Xero does not have them: pending again, in a new batch with a new key (Xero caches errors under a key).

    What was refused whole, or failed three times in company, goes on alone; what keeps failing alone has failed.
    """
    refused = batch.http_status in _REFUSALS
    given_up = [export for export in absent if _hopeless(export, batch, refused=refused)]
    said = (batch.trouble or "").partition(": ")[2]
    reason = Reason.SENT_WRONGLY if refused else Reason.XERO_KEEPS_FAILING
    recording.fail(work, [Refusal(export, Failure(reason, said=said)) for export in given_up])

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
