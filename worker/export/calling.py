"""Call Xero with frozen batches, one after another, each with a permit; then write down what it answered."""

import time
from collections.abc import Callable, Sequence
from typing import Literal

import redis

from events.accounting_target import Answers, InTime, Organisation, Permit, Rejected, Trouble
from worker import logs
from worker.delivery import progress
from worker.export import closing, deferral
from worker.export.freezing import FrozenBatch
from worker.tools import Tools

Called = Literal["not", "answered", "lost"]  # what became of a permit's call
Call = Callable[[Organisation, bytes, str, InTime], Answers]
_log = logs.log("exporter")


def book(tools: Tools, permit: Permit, called: Called) -> None:
    """Tell pace what became of a permit's call."""
    pace = tools.target(permit.organisation).pace
    {"not": pace.abandon, "answered": pace.done, "lost": pace.lost}[called](permit)


def send(
    tools: Tools, organisation: Organisation, frozen: Sequence[FrozenBatch], call: Call, answered: Callable[[], None]
) -> Called:
    """Call with each batch until one meets trouble or a limit; what was not sent goes back.

    There is a permit for the first call, which `answered` books. Gives what became of the last one.
    """
    begun, left, replies = time.monotonic(), list(frozen), []
    permit: Permit | None = None
    while True:
        one = left.pop(0)
        said = _call(tools, organisation, one, call)
        if permit:
            book(tools, permit, _became(said))
        elif isinstance(said, Answers):
            answered()
        if isinstance(said, Trouble):
            break
        replies.append((one, said))
        permit = _permit(tools, organisation) if left else None
        if permit is None:
            break
    if replies:
        _record(tools, organisation, replies, begun)
    if isinstance(said, Trouble):
        deferral.after(tools, organisation, one.hold, said)
    deferral.hand_back(tools, [unsent.hold for unsent in left])
    return _became(said)


def _permit(tools: Tools, organisation: Organisation) -> Permit | None:
    """Leave to make one more call at once, if there is."""
    try:
        permit = tools.target(organisation).pace.ask(organisation)
    except redis.RedisError:  # what is answered already shall be written down
        return None
    return None if permit.wait else permit


def _call(tools: Tools, organisation: Organisation, frozen: FrozenBatch, call: Call) -> Answers | Trouble:
    """Make the call, unless it is too late for it: we were suspended."""
    try:
        return call(organisation, frozen.sent.body, frozen.key, lambda: tools.elapsed() <= frozen.send_before)
    except Trouble as trouble:
        return trouble
    except Exception as broken:
        _log.exception("exporter.call_broke", batch=frozen.hold.batch_id)
        return Trouble("unknown", f"the call broke: {type(broken).__name__}")


def _record(
    tools: Tools, organisation: Organisation, replies: Sequence[tuple[FrozenBatch, Answers]], begun: float
) -> None:
    told = closing.close(tools, organisation, [(one.hold, one.sent, answers) for one, answers in replies])
    seconds = time.monotonic() - begun
    for one, answers in replies:
        _tell(organisation, one, answers, told.requests, seconds)
    progress.tell(tools, organisation, told.news)


def _became(said: Answers | Trouble) -> Called:
    if isinstance(said, Answers):
        return "answered"
    if said.effect in ("not_sent", "refused") and said.status is None:
        return "not"
    return "lost" if said.effect == "unknown" and said.status is None else "answered"


def _tell(
    organisation: Organisation, frozen: FrozenBatch, answers: Answers, requests: Sequence[str], seconds: float
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
