"""Record what Xero said: one transaction, fenced first, then states, log, markers, outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.accounting_target import Answer, Answers, Organisation, Posted, Rejected
from events.failures import Failure
from events.invoice import Invoice, folded
from events.reasons import Reason
from store import batches, exports, lanes, requests
from store.batches import Hold
from store.tables import Attempt, Export, Item
from store.unit_of_work import Work
from worker import answering, joining, proof, resolve
from worker.answering import Outcome
from worker.tools import Tools


@dataclass(frozen=True)
class Result:
    """What became of one attempt."""

    export: Export
    attempt: Attempt
    answer: Answer
    outcome: Outcome = "created"


def record(tools: Tools, organisation: Organisation, hold: Hold, answers: Answers) -> list[str]:
    """Write down the answers of a create and give the requests that were answered.

    Invoices it does not name stay with the batch, uncertain.
    """
    with tools.store.write() as work:
        traces = {"http_status": answers.status, "correlation_id": answers.correlation_id}
        if not batches.move(work, hold, "sent", state="settled", closed_at=work.now, **traces):
            return []
        attempts = batches.attempts_of(work, hold.batch_id)
        results, unnamed, taken = [], [], []
        for export in exports.of_batch(work, hold.batch_id):
            attempt = attempts[export.id or 0]
            answer = answers.by_number.get(folded(attempt.number))
            if answer is None or _needs_look_up(answer):
                unnamed.append(export)
                taken += [Result(export, attempt, answer)] if isinstance(answer, Rejected) else []
            else:
                results.append(Result(export, attempt, answer))
        if unnamed:
            _keep_uncertain(work, hold, unnamed)
            batches.end_attempts(work, hold.batch_id, [_attempt_row(r) | {"outcome": "unknown"} for r in taken])
        lanes.note_answer(work, organisation.lane)
        told = apply(work, tools, organisation, results)
    tools.bells.wake_relay()
    return told


def _needs_look_up(answer: Answer) -> bool:
    """“Invoice # must be unique.” may be our own invoice, of an attempt whose answer was lost: ask first."""
    return isinstance(answer, Rejected) and answer.failure.reason is Reason.NUMBER_TAKEN


def _keep_uncertain(work: Work, hold: Hold, unnamed: Sequence[Export]) -> None:
    batches.move(work, hold, "settled", state="uncertain", closed_at=None, settle_at=work.now, lease_until=work.now)
    exports.change(work, [{"id": export.id, "state": "uncertain", "crashes": 0} for export in unnamed])


def apply(work: Work, tools: Tools, organisation: Organisation, results: Sequence[Result]) -> list[str]:
    """States of exports and attempts, and an answer to everyone who waits; gives the requests answered."""
    if not results:
        return []
    by_batch: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_batch.setdefault(result.attempt.batch_id, []).append(_attempt_row(result))
    for batch_id, rows in by_batch.items():
        batches.end_attempts(work, batch_id, rows)
    posted = [result for result in results if isinstance(result.answer, Posted)]
    told = _post(work, tools, organisation, posted)
    refused = [(r.export, r.answer.failure) for r in results if isinstance(r.answer, Rejected)]
    return sorted({*told, *fail(work, refused)})


def _attempt_row(result: Result) -> dict[str, Any]:
    if isinstance(result.answer, Rejected):
        failure = result.answer.failure
        return {
            "export_id": result.export.id,
            "outcome": "rejected",
            "reason": failure.reason.code,
            "said": failure.said,
        }
    outcome = "adopted" if result.outcome == "adopted" else "posted"
    return {"export_id": result.export.id, "outcome": outcome, "reason": None, "said": None}


def _post(work: Work, tools: Tools, organisation: Organisation, results: Sequence[Result]) -> set[str]:
    kept = resolve.linked(work, organisation.lane, [result.export.client for result in results])
    exports.change(work, [_posted_row(work, tools, result, kept) for result in results])
    by_id = {result.export.id: result for result in results}
    fresh = exports.lock_again(work, [result.export.id for result in results if result.export.id is not None])
    given: list[Any] = []
    for item in requests.waiting(work, list(fresh)):
        export, result = fresh[item.export_id or 0], by_id[item.export_id]
        sent = result.attempt
        if joining.answers(item.revision, item.content_hash, sent.revision, sent.content_hash):
            given.append(answering.succeeded(item, export, organisation, tools.target, result.outcome))
        else:  # newer content came while this was on its way
            given.append(_failed(item, export, Failure(Reason.CHANGED_SINCE_EXPORT)))
    answering.give(work, given)
    return {answer.request for answer in given}


def _posted_row(work: Work, tools: Tools, result: Result, kept: Mapping[str, str]) -> dict[str, Any]:
    export, answer = result.export, result.answer
    if not isinstance(answer, Posted):
        raise TypeError("only a posted invoice has totals")
    invoice = Invoice.model_validate_json(export.wanted)
    contact = tools.target.contact_id(kept.get(export.client, "")) or ""
    differences = proof.differences(invoice, contact, answer)
    return {
        "id": export.id,
        "state": "exported",
        "batch_id": None,
        "sent_revision": result.attempt.revision,
        "sent_hash": result.attempt.content_hash,
        "crashes": 0,
        "failures": 0,
        "alone": False,
        "xero_invoice_id": answer.target_id,
        "xero_totals": answering.proof_text(answer, differences),
        "exported_at": work.now,
    }


def fail(work: Work, refused: Sequence[tuple[Export, Failure]]) -> set[str]:
    """Definite failures: the exports stop being live and everyone who waits is told; gives their requests.

    A number is free again, unless an attempt that carried it has never been answered.
    """
    if not refused:
        return set()
    unknown = exports.numbers_sent(work, [export.id for export, _ in refused if export.id is not None])
    rows = [
        {
            "id": export.id,
            "state": "failed",
            "batch_id": None,
            "crashes": 0,
            "alone": False,
            "number_bound": export.id in unknown,
            "failures": export.failures + 1,
        }
        for export, _ in refused
    ]
    exports.change(work, rows)
    failures = {export.id: (export, failure) for export, failure in refused}
    waiting = requests.waiting(work, [export.id for export, _ in refused if export.id is not None])
    answering.give(work, [_failed(item, *failures[item.export_id]) for item in waiting])
    return {item.request for item in waiting}


def _failed(item: Item, export: Export, failure: Failure) -> Any:
    invoice = Invoice.model_validate_json(export.wanted)
    return answering.failed(item, export.number, failure.knowing(**answering.facts(invoice)))
