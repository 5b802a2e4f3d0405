"""Call Xero with frozen batches, one after another, each with a permit; then write down what it answered.

Close a batch with what its call answered: each transaction fenced first, people's own sends before the rest.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import redis

from events.accounting_target import Answer, Answers, InTime, Organisation, Permit, Rejected, TargetPace, Trouble
from events.invoice import folded
from events.reasons import Reason
from store import batches, exports, lanes, requests
from store.batches import Carried, Hold
from store.tables import Export, Request
from store.unit_of_work import Work
from worker import logs, tracing
from worker.decisions import guard
from worker.delivery import progress
from worker.export import deferral, recording
from worker.export.answering import Outcome
from worker.export.export_results import Result, Sent
from worker.export.freezing import FrozenBatch
from worker.tools import Tools

Answered = tuple[Hold, Sent, Answers]
Unclear = tuple[Export, Answer | None]


@dataclass(frozen=True)
class AnsweredRequests:
    """The requests that were answered, and those of them whose progress is news.

    `whole`: no invoice of the call has anything before it, neither a look-up nor newer content.
    """

    requests: Sequence[str] = ()
    news: Sequence[str] = ()
    whole: bool = False

    @classmethod
    def from_counts(cls, work: Work, counted: Mapping[str, Request], *, whole: bool) -> "AnsweredRequests":
        """From requests as they were just counted."""
        return cls(sorted(counted), progress.news(work, counted.values()), whole)

    def and_then(self, later: "AnsweredRequests") -> "AnsweredRequests":
        """Both."""
        whole = self.whole and later.whole
        return AnsweredRequests([*self.requests, *later.requests], [*self.news, *later.news], whole)


def close(tools: Tools, organisation: Organisation, answered: Sequence[Answered]) -> AnsweredRequests:
    """Write down the answers of calls and give the requests that were answered.

    A person does not wait until what travelled along is written down. Invoices the call does not name stay with the
    batch, uncertain.
    """
    told = AnsweredRequests(whole=True)
    for one in answered:
        if one[1].mixed:
            told = told.and_then(_record_people(tools, organisation, *one))
    return told.and_then(_record_rest(tools, organisation, answered))


def _record_people(
    tools: Tools, organisation: Organisation, hold: Hold, sent: Sent, answers: Answers
) -> AnsweredRequests:
    """Clear answers to people's own sends, which leave the batch; should we die now, the rest of it is looked up."""
    with tools.store.write() as work:
        if not batches.move(work, hold, "sent", state="sent"):
            return AnsweredRequests()
        people = exports.of_batches(work, hold.batch_id, people_only=True)
        results, _ = _sort_answers(people, sent, answers)
        counted = recording.apply(work, tools, organisation, results)
        told = AnsweredRequests.from_counts(work, counted, whole=_are_of_newest(results))
    tools.bells.wake_relay()
    return told


def _record_rest(tools: Tools, organisation: Organisation, answered: Sequence[Answered]) -> AnsweredRequests:
    with tools.store.write() as work:
        ours = [one for one in answered if _close(work, one[0], one[2])]
        if not ours:
            return AnsweredRequests()
        left = exports.of_batches(work, *(hold.batch_id for hold, _, _ in ours))
        results: list[Result] = []
        whole = len(ours) == len(answered)
        for hold, sent, answers in ours:
            found, unclear = _sort_answers([one for one in left if one.batch_id == hold.batch_id], sent, answers)
            results += found
            if unclear:
                whole = False
                _keep_uncertain(work, hold, sent, unclear)
        lanes.note_answer(work, organisation.lane)
        counted = recording.apply(work, tools, organisation, results)
        told = AnsweredRequests.from_counts(work, counted, whole=whole and _are_of_newest(results))
    tools.bells.wake_relay(soon=all(one.export.priority for one in results))
    return told


def _are_of_newest(results: Sequence[Result]) -> bool:
    """Whether no newer content came while they were on their way."""
    return all(one.attempt.content_hash == one.export.wanted_hash for one in results)


def _close(work: Work, hold: Hold, answers: Answers) -> bool:
    traces = {"http_status": answers.status, "correlation_id": answers.correlation_id}
    return batches.move(work, hold, "sent", state="settled", closed_at=work.now, **traces)


def _sort_answers(claimed: Sequence[Export], sent: Sent, answers: Answers) -> tuple[list[Result], list[Unclear]]:
    """What became of each export; and those of which it is not clear, each with what was said of it, if anything."""
    outcome: Outcome = "updated" if sent.kind == "update" else "created"
    results: list[Result] = []
    unclear: list[Unclear] = []
    for export in claimed:
        attempt = sent.attempts[export.id or 0]
        answer = _answer_to(export, attempt, sent, answers)
        if answer is None or _needs_look_up(answer, sent.kind):
            unclear.append((export, answer))
        else:
            content = sent.contents.get(attempt.content_hash)
            results.append(Result(export, attempt, answer, outcome, content, sent.body))
    return results, unclear


def _answer_to(export: Export, attempt: Carried, sent: Sent, answers: Answers) -> Answer | None:
    """By its name; one that was sent alone knows a refusal without a name as its own."""
    if sent.kind == "update":
        found = answers.by_id.get(export.xero_invoice_id or "")
    else:
        found = answers.by_number.get(folded(attempt.number))
    if found is None and len(sent.attempts) == 1 and len(answers.unnamed) == 1 and not answers.all():
        found = replace(answers.unnamed[0], number=attempt.number)
    return guard.in_other_words(found) if sent.kind == "update" else found


def _needs_look_up(answer: Answer, kind: str) -> bool:
    """“Invoice # must be unique.” may be our own invoice, of an attempt whose answer was lost: ask first."""
    taken = isinstance(answer, Rejected) and answer.failure.reason is Reason.NUMBER_TAKEN
    return taken and kind == "create"


def _keep_uncertain(work: Work, hold: Hold, sent: Sent, unclear: Sequence[Unclear]) -> None:
    """They stay with the batch, to be looked up; what was said of them is kept with their attempts."""
    batches.move(work, hold, "settled", state="uncertain", closed_at=None, settle_at=work.now, lease_until=work.now)
    exports.change(work, [{"id": export.id, "state": "uncertain", "crashes": 0} for export, _ in unclear])
    refused = [Result(export, sent.attempts[export.id or 0], said) for export, said in unclear if said]
    rows = [recording.attempt_row(result) | {"outcome": "unknown"} for result in refused]
    batches.end_attempts(work, hold.batch_id, rows)


# What became of a permit's call; "done": answered, and nothing of what it carried has anything before it
Called = Literal["not", "answered", "lost", "done"]
Call = Callable[[Organisation, bytes, str, InTime], Answers]
_log = logs.log("exporter")


def book(pace: TargetPace, permit: Permit, called: Called) -> None:
    """Tell pace what became of a permit's call."""
    {"not": pace.abandon, "answered": pace.done, "done": pace.done, "lost": pace.lost}[called](permit)


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
            book(tools.target(organisation).pace, permit, _became(said))
        elif isinstance(said, Answers):
            answered()
        if isinstance(said, Trouble):
            break
        replies.append((one, said))
        permit = _permit(tools, organisation) if left else None
        if permit is None:
            break
    whole = bool(replies) and _record(tools, organisation, replies, begun)
    if isinstance(said, Trouble):
        deferral.after(tools, organisation, one.hold, said)
    deferral.hand_back(tools, [unsent.hold for unsent in left])
    return "done" if whole and not left and isinstance(said, Answers) else _became(said)


@contextmanager
def turn_span(tools: Tools, organisation: Organisation, holds: Sequence[Hold], began: int) -> Iterator[None]:
    """A turn with these batches: of the trace of the first request that waits for them, linked to the others'."""
    traces: Sequence[str] = ()
    if tracing.is_sent():
        with tools.store.read() as work:
            traces = requests.traces(work, [one.batch_id for one in holds], tracing.MOST_LINKS + 1)
    first, *others = traces or (None,)
    with tracing.span("turn", first, {"company": organisation.lane.company}, links=others, began=began):
        yield


def _permit(tools: Tools, organisation: Organisation) -> Permit | None:
    """Leave to make one more call at once, if there is."""
    try:
        permit = tools.target(organisation).pace.ask(organisation)
    except redis.RedisError:  # what is answered already shall be written down
        return None
    return None if permit.wait else permit


def _call(tools: Tools, organisation: Organisation, frozen: FrozenBatch, call: Call) -> Answers | Trouble:
    """Make the call, unless it is too late for it: we were suspended."""
    size, company = len(frozen.sent.attempts), organisation.lane.company
    marks: dict[str, str | int] = {
        "company": company,
        "batch": frozen.hold.batch_id,
        "kind": frozen.sent.kind,
        "size": size,
    }
    with tracing.step("call", marks) as span:
        try:
            answers = call(organisation, frozen.sent.body, frozen.key, lambda: tools.elapsed() <= frozen.send_before)
        except Trouble as trouble:
            span.set_attributes({"crewcard.effect": trouble.effect, "http.response.status_code": trouble.status or 0})
            return trouble
        except Exception as broken:
            _log.exception("exporter.call_broke", batch=frozen.hold.batch_id)
            return Trouble("unknown", f"the call broke: {type(broken).__name__}")
        span.set_attribute("http.response.status_code", answers.status or 0)
        return answers


def _record(
    tools: Tools, organisation: Organisation, replies: Sequence[tuple[FrozenBatch, Answers]], begun: float
) -> bool:
    """Whether that was all of what they carried."""
    with tracing.step("record", {"calls": len(replies)}):
        told = close(tools, organisation, [(one.hold, one.sent, answers) for one, answers in replies])
    seconds = time.monotonic() - begun
    for one, answers in replies:
        _tell(organisation, one, answers, told.requests, seconds)
    progress.tell(tools, organisation, told.news)
    return told.whole


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
