"""Close a batch with what its call answered: each transaction fenced first, people's own sends before the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from events.accounting_target import Answer, Answers, Organisation, Rejected
from events.invoice import folded
from events.reasons import Reason
from store import batches, exports, lanes
from store.batches import Carried, Hold
from store.tables import Export, Request
from store.unit_of_work import Work
from worker.decisions import guard
from worker.delivery import progress
from worker.export import recording
from worker.export.answering import Outcome
from worker.export.results import Result, Sent
from worker.tools import Tools

Answered = tuple[Hold, Sent, Answers]
Unclear = tuple[Export, Answer | None]


@dataclass(frozen=True)
class AnsweredRequests:
    """The requests that were answered, and those of them whose progress is news."""

    requests: Sequence[str] = ()
    news: Sequence[str] = ()

    @classmethod
    def from_counts(cls, work: Work, counted: Mapping[str, Request]) -> "AnsweredRequests":
        """From requests as they were just counted."""
        return cls(sorted(counted), progress.news(work, counted.values()))

    def and_then(self, later: "AnsweredRequests") -> "AnsweredRequests":
        """Both."""
        return AnsweredRequests([*self.requests, *later.requests], [*self.news, *later.news])


def close(tools: Tools, organisation: Organisation, answered: Sequence[Answered]) -> AnsweredRequests:
    """Write down the answers of calls and give the requests that were answered.

    A person does not wait until what travelled along is written down. Invoices the call does not name stay with the
    batch, uncertain.
    """
    told = AnsweredRequests()
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
        told = AnsweredRequests.from_counts(work, recording.apply(work, tools, organisation, results))
    tools.bells.wake_relay()
    return told


def _record_rest(tools: Tools, organisation: Organisation, answered: Sequence[Answered]) -> AnsweredRequests:
    with tools.store.write() as work:
        ours = [one for one in answered if _close(work, one[0], one[2])]
        if not ours:
            return AnsweredRequests()
        left = exports.of_batches(work, *(hold.batch_id for hold, _, _ in ours))
        results: list[Result] = []
        for hold, sent, answers in ours:
            found, unclear = _sort_answers([one for one in left if one.batch_id == hold.batch_id], sent, answers)
            results += found
            if unclear:
                _keep_uncertain(work, hold, sent, unclear)
        lanes.note_answer(work, organisation.lane)
        told = AnsweredRequests.from_counts(work, recording.apply(work, tools, organisation, results))
    tools.bells.wake_relay(soon=all(one.export.priority for one in results))
    return told


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
