"""Send one batch: claim, (for updates: guard,) freeze, send, record; each step committed before the next begins."""

import time
from collections.abc import Callable

from events.accounting_target import Answers, Element, InTime, Organisation, Posting, Rejected, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, pauses
from store.batches import Hold
from store.tables import Export
from worker import batching, freezing, logs, overwriting, recording, troubles
from worker.freezing import Frozen
from worker.recording import Refusal
from worker.tools import Tools

_log = logs.log("exporter")


def send_next(tools: Tools, organisation: Organisation) -> bool:
    """Send the lane's next batch; False when no call was made after all."""
    claimed = _claim(tools, organisation)
    if claimed is None:
        return False
    hold, kind = claimed
    if kind == "update":
        return _update(tools, organisation, hold)
    frozen = freezing.freeze(tools, organisation, hold, kind, _new(tools))
    return frozen is not None and _send(tools, organisation, frozen, tools.target.create)


def _claim(tools: Tools, organisation: Organisation) -> tuple[Hold, str] | None:
    """Take the next due invoices, for as long as the lease; a crash with them is counted from here on."""
    with tools.store.write() as work:
        if not pauses.may_begin(work, organisation.lane.company):
            return None
        due = exports.pending(work, organisation.lane, batching.MOST_INVOICES + 1)
        poisonous = [export for export in due if batching.quarantined(export)]
        recording.fail(work, [Refusal(export, Failure(Reason.QUARANTINED)) for export in poisonous])
        chosen = batching.choose([export for export in due if not batching.quarantined(export)])
        if not chosen:
            return None
        kind = "update" if batching.is_update(chosen[0]) else "create"
        return batches.claim(work, organisation.lane, chosen, tools.settings.lease, kind), kind


def _new(tools: Tools) -> freezing.Map:
    def element(_export: Export, posting: Posting) -> Element:
        return tools.target.element(posting)

    return element


def _update(tools: Tools, organisation: Organisation, hold: Hold) -> bool:
    """The guard's look at Xero's copies is a call of its own; the update right behind it needs another permit."""
    try:
        copies = overwriting.copies(tools, organisation, hold)
    except Trouble as trouble:
        troubles.give_back(tools, organisation, hold, trouble, "claimed")
        return True
    permit = tools.pace.ask(organisation)
    if permit.wait:
        limited = Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        troubles.give_back(tools, organisation, hold, limited, "claimed")
        return True
    sent = False
    try:
        map_one = overwriting.updates(tools, copies)
        frozen = freezing.freeze(tools, organisation, hold, "update", map_one)
        sent = frozen is not None and _send(tools, organisation, frozen, tools.target.update)
    finally:
        (tools.pace.done if sent else tools.pace.abandon)(permit)
    return True


def _send(
    tools: Tools,
    organisation: Organisation,
    frozen: Frozen,
    call: Callable[[Organisation, bytes, str, InTime], Answers],
) -> bool:
    """Make the call, unless it is too late for it (we were suspended); whatever happens is written down."""
    begun = time.monotonic()
    try:
        answers = call(organisation, frozen.body, frozen.key, lambda: tools.elapsed() <= frozen.send_before)
    except Trouble as trouble:
        troubles.after(tools, organisation, frozen.hold, trouble)
        return trouble.effect != "not_sent"
    except Exception as broken:
        _log.exception("exporter.call_broke", batch=frozen.hold.batch_id)
        lost = Trouble("unknown", f"the call broke: {type(broken).__name__}")
        troubles.after(tools, organisation, frozen.hold, lost)
        return True
    requests = recording.record(tools, organisation, frozen.hold, frozen.kind, answers)
    _tell(organisation, frozen, answers, requests, time.monotonic() - begun)
    return True


def _tell(organisation: Organisation, frozen: Frozen, answers: Answers, requests: list[str], seconds: float) -> None:
    """The canonical line of a batch."""
    refused = sum(isinstance(answer, Rejected) for answer in answers.all())
    _log.info(
        "exporter.sent",
        company=organisation.lane.company,
        tenant=organisation.lane.tenant,
        batch=frozen.hold.batch_id,
        kind=frozen.kind,
        requests=requests,
        size=frozen.size,
        posted=len(answers.all()) - refused,
        rejected=refused,
        status=answers.status,
        correlation_id=answers.correlation_id,
        seconds=round(seconds, 3),
    )
