"""Send one batch: claim, (for updates: guard,) freeze, send, record; each step committed before the next begins."""

import time
from collections.abc import Callable, Sequence
from typing import Literal

from events.accounting_target import Answers, Element, InTime, Organisation, Posting, Rejected, Trouble
from events.failures import Failure
from events.reasons import Reason
from store import batches, exports, pauses
from store.batches import Hold
from store.tables import Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import batching
from worker.exporting import closing, freezing, overwriting, recording, troubles
from worker.exporting.freezing import Frozen
from worker.exporting.results import Refusal
from worker.outgoing import progress
from worker.tools import Tools
from xero_adapter.pace import Permit

Called = Literal["not", "answered", "lost"]  # what became of a permit's call
_log = logs.log("exporter")


def send_next(
    tools: Tools, organisation: Organisation, claimed: Callable[[], None], answered: Callable[[], None]
) -> Called:
    """Send the lane's next batch.

    `claimed` is called when its invoices are nobody else's, `answered` when Xero is free, before its answer is
    written down.
    """
    taken = _claim(tools, organisation)
    if taken is None:
        return "not"
    claimed()
    hold, kind = taken
    if kind == "update":
        return _update(tools, organisation, hold)
    frozen = freezing.freeze(tools, organisation, hold, kind, _new(tools))
    return _send(tools, organisation, frozen, tools.target.create, answered) if frozen else "not"


def book(tools: Tools, permit: Permit, called: Called) -> None:
    """Tell pace what became of a permit's call."""
    {"not": tools.pace.abandon, "answered": tools.pace.done, "lost": tools.pace.lost}[called](permit)


def _claim(tools: Tools, organisation: Organisation) -> tuple[Hold, str] | None:
    """Take the next due invoices, for as long as the lease; a crash with them is counted from here on."""
    with tools.store.write() as work:
        if not pauses.may_begin(work, organisation.lane.company):
            return None
        due = exports.pending(work, organisation.lane, batching.MOST_INVOICES)
        poisonous = [one.id for one in due if batching.quarantined(one)]
        _quarantine(work, poisonous)
        chosen = batching.choose([one for one in due if one.id not in poisonous])
        if not chosen:
            return None
        kind = "update" if batching.is_update(chosen[0]) else "create"
        return batches.claim(work, organisation.lane, chosen, tools.settings.lease, kind), kind


def _quarantine(work: Work, poisonous: Sequence[int]) -> None:
    """Those that have stopped the exporter too often fail, and are not tried again."""
    if poisonous:
        found = exports.lock_again(work, poisonous).values()
        recording.fail(work, [Refusal(export, Failure(Reason.QUARANTINED)) for export in found])


def _new(tools: Tools) -> freezing.Map:
    def element(_export: Export, posting: Posting) -> Element:
        return tools.target.element(posting)

    return element


def _update(tools: Tools, organisation: Organisation, hold: Hold) -> Called:
    """The guard's look at Xero's copies is a call of its own; the update right behind it needs another permit."""
    try:
        copies = overwriting.copies(tools, organisation, hold)
    except Trouble as trouble:
        troubles.give_back(tools, organisation, hold, trouble, "claimed")
        return "answered"
    permit = tools.pace.ask(organisation, single=True)  # or the look was for nothing
    if permit.wait:
        limited = Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
        troubles.give_back(tools, organisation, hold, limited, "claimed")
        return "answered"
    sent: Called = "answered"
    try:
        map_one = overwriting.updates(tools, copies)
        frozen = freezing.freeze(tools, organisation, hold, "update", map_one)
        sent = _send(tools, organisation, frozen, tools.target.update, lambda: None) if frozen else "not"
    finally:
        book(tools, permit, sent)
    return "answered"


def _send(
    tools: Tools,
    organisation: Organisation,
    frozen: Frozen,
    call: Callable[[Organisation, bytes, str, InTime], Answers],
    answered: Callable[[], None],
) -> Called:
    """Make the call, unless it is too late for it (we were suspended); whatever happens is written down."""
    begun = time.monotonic()
    try:
        answers = call(organisation, frozen.body, frozen.key, lambda: tools.elapsed() <= frozen.send_before)
    except Trouble as trouble:
        troubles.after(tools, organisation, frozen.hold, trouble)
        return _booked(trouble)
    except Exception as broken:
        _log.exception("exporter.call_broke", batch=frozen.hold.batch_id)
        lost = Trouble("unknown", f"the call broke: {type(broken).__name__}")
        troubles.after(tools, organisation, frozen.hold, lost)
        return "lost"
    answered()
    told = closing.close(tools, organisation, frozen.hold, frozen.sent, answers)
    _tell(organisation, frozen, answers, told.requests, time.monotonic() - begun)
    progress.tell(tools, organisation.lane, told.news)
    return "answered"


def _booked(trouble: Trouble) -> Called:
    if trouble.effect == "not_sent":
        return "not"
    return "lost" if trouble.effect == "unknown" and trouble.status is None else "answered"


def _tell(
    organisation: Organisation, frozen: Frozen, answers: Answers, requests: Sequence[str], seconds: float
) -> None:
    """The canonical line of a batch."""
    refused = sum(isinstance(answer, Rejected) for answer in answers.all())
    _log.info(
        "exporter.sent",
        company=organisation.lane.company,
        tenant=organisation.lane.tenant,
        batch=frozen.hold.batch_id,
        kind=frozen.sent.kind,
        requests=list(requests),
        size=len(frozen.sent.attempts),
        posted=len(answers.all()) - refused,
        rejected=refused,
        status=answers.status,
        correlation_id=answers.correlation_id,
        seconds=round(seconds, 3),
    )
