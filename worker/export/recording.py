"""Record what became of invoices, in the transaction at hand: states, attempts, log, markers, outbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from events.accounting_target import AccountingTarget, Organisation, Posted, Rejected
from events.changes import GONE, Change, DriftFound
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import allocations, batches, companies, exports, generations, reconciliations, requests
from store.batches import Carried
from store.tables import Attempt, Export, Item, Request
from store.unit_of_work import Work
from worker import tracing
from worker.decisions import merge_rules, settings_checks
from worker.export import answering, export_results
from worker.export.answering import Outcome, into_xero
from worker.export.export_results import ExportRefusal, Looked, Result
from worker.tools import Tools

_NEVER_MIND = frozenset({Reason.CANCELLED, Reason.EXCLUDED, Reason.EXPIRED, Reason.STILL_IN_XERO})


def apply(work: Work, tools: Tools, organisation: Organisation, results: Sequence[Result]) -> Mapping[str, Request]:
    """States of exports and attempts, and an answer to everyone who waits; gives their requests as counted."""
    if not results:
        return {}
    work.trace = tracing.current()
    by_batch: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_batch.setdefault(result.attempt.batch_id, []).append(attempt_row(result))
    for batch_id, rows in by_batch.items():
        batches.end_attempts(work, batch_id, rows)
    posted = [result for result in results if isinstance(result.answer, Posted)]
    _learn(work, tools, organisation, results)
    told = _post(work, tools, organisation, posted)
    wrong = [(r.export, r.answer.failure, r.attempt) for r in results if isinstance(r.answer, Rejected)]
    refused = [
        ExportRefusal(e, into_xero(work, tools.target(organisation, e.document), organisation, e, why), tried)
        for e, why, tried in wrong
    ]
    return {**told, **fail(work, refused)}


def _learn(work: Work, tools: Tools, organisation: Organisation, results: Sequence[Result]) -> None:
    """Which tax rates an account does not take stands nowhere but in refusals (facts §6.2 #9)."""
    failures = [one for r in results if isinstance(r.answer, Rejected) for one in r.answer.failure.all()]
    told = [one.facts for one in failures if one.reason is Reason.TAX_NOT_FOR_ACCOUNT]
    new = {(facts["account"], facts["tax"]) for facts in told if facts.get("account") and facts.get("tax")}
    if new:
        companies.note_refused_tax(work, organisation.lane, new)
    if new or organisation.refused_taxes:
        known = companies.refused_taxes(work, organisation.lane)
        seen = [(r.export, r.answer) for r in results if isinstance(r.answer, Posted)]
        copies = [tools.target(organisation, export.document).picture(posted.copy) for export, posted in seen]
        taken = {(line.said("account") or "", line.said("tax_type") or "") for one in copies for line in one.lines}
        companies.forget_refused_tax(work, organisation.lane, known & taken)


def attempt_row(result: Result) -> dict[str, Any]:
    """What an attempt's row says of its end."""
    row: dict[str, Any] = {"export_id": result.export.id, "reason": None, "said": None}
    if isinstance(result.answer, Rejected):
        failure = result.answer.failure
        return {**row, "outcome": "rejected", "reason": failure.reason.code, "said": failure.words()}
    return {**row, "outcome": "adopted" if result.outcome == "adopted" else "posted"}


def _post(work: Work, tools: Tools, organisation: Organisation, results: Sequence[Result]) -> Mapping[str, Request]:
    if not results:
        return {}
    target = tools.target(organisation, results[0].export.document)  # what is posted together is of one kind
    changes = {result.export.id: _changes(target, result) for result in results}  # before the rows say the new copy
    sent = export_results.sent_in(work, target, results)
    rows = [export_results.row_of_result(work, target, result, sent) for result in results]
    exports.change(work, rows)  # their callers have locked them
    reconciliations.begin(work, organisation.lane, results[0].export.document)
    if target.credit:
        _want_allocations(work, target, organisation, [(one.export, one.sent) for one in results])
    become = [export_results.KeptExport.from_row(r.export, row) for r, row in zip(results, rows, strict=True)]
    by_id = {row["id"]: (r, one) for r, row, one in zip(results, rows, become, strict=True)}
    given: list[Any] = []
    waiting = requests.waiting(work, list(by_id))
    for item in waiting:
        result, export = by_id[item.export_id]
        if _speaks_for(result.attempt, item):  # else newer content came meanwhile; it goes next, as an update
            answer = answering.succeeded(item, export, organisation, target, result.outcome)
            changed = changes[item.export_id]
            given.append(answer.model_copy(update={"changes": changed}) if changed else answer)
    told = answering.record_answers(work, given, waiting)
    return {**told, **fail(work, [ExportRefusal(*one) for one in export_results.called_back(work, rows)])}


def rest(work: Work, tools: Tools, organisation: Organisation, looked: Sequence[Looked]) -> Mapping[str, Request]:
    """Exports that Xero has already, as a look just showed: they rest, and everyone who waits is told what is there.

    What is in Xero has the newest content, so that it speaks for every older one.
    """
    if not looked:
        return {}
    target = tools.target(organisation, looked[0].export.document)
    rows = [export_results.row_of_look(work, target, one) for one in looked]
    exports.change(work, rows)
    _want_allocations(work, target, organisation, [(one.export, one.content) for one in looked])
    by_id = {one.export.id: (one, row) for one, row in zip(looked, rows, strict=True)}
    given = []
    waiting = requests.waiting(work, [id_ for id_ in by_id if id_ is not None])
    for item in waiting:
        one, row = by_id[item.export_id]
        proof = answering.proof_text(one.posted, one.proof, work.now)
        shown = {**row, "number": one.posted.number, "xero_totals": proof}
        now = export_results.KeptExport.from_row(one.export, {**shown, "xero_invoice_id": one.export.xero_invoice_id})
        outcome: Outcome = "updated" if one.arrived else "unchanged"
        given.append(answering.succeeded(item, now, organisation, target, outcome))
    return answering.record_answers(work, given, waiting)


def _want_allocations(
    work: Work, target: AccountingTarget, organisation: Organisation, sent: Sequence[tuple[Export, Invoice | None]]
) -> None:
    """What credits an invoice is allocated to it, once it is in the accounting system itself."""
    named = {export.id or 0: (export.invoice, said.credits) for export, said in sent if said and said.credits}
    if target.credit and named:
        allocations.want(work, organisation.lane, named)


def rest_as_known(work: Work, tools: Tools, organisation: Organisation, export: Export) -> Mapping[str, Request]:
    """An export that Xero has as it was sent, and that could not be looked at: told with until when that is known."""
    free = {"due_at": work.now, "batch_id": None, "crashes": 0, "alone": False, "batch_limit": 0}
    exports.change(work, [{"id": export.id, "state": "exported", **free}])
    until = reconciliations.compared_until(work, organisation.lane, export.document)
    waiting = requests.waiting(work, [export.id] if export.id is not None else [])
    target = tools.target(organisation, export.document)
    return answering.record_answers(
        work,
        [answering.succeeded(item, export, organisation, target, "unchanged", until) for item in waiting],
        waiting,
    )


def _changes(target: AccountingTarget, result: Result) -> tuple[Change, ...]:
    if result.outcome != "updated" or not isinstance(result.answer, Posted):
        return ()
    return export_results.changes(target, result.export, result.answer)


def _speaks_for(attempt: Attempt | Carried, item: Item) -> bool:
    return merge_rules.answers(item.revision, item.content_hash, attempt.revision, attempt.content_hash)


def fail(work: Work, refused: Sequence[ExportRefusal]) -> Mapping[str, Request]:
    """Definite failures: everyone who waits for what was refused is told; gives their requests as counted.

    The export stops being live, unless newer content waits behind it. A number is free again, unless an
    attempt that carried it has never been answered.
    """
    if not refused:
        return {}
    ids = [refusal.export.id for refusal in refused if refusal.export.id is not None]
    unknown = exports.numbers_sent(work, ids)
    generations.withdraw(work, [refusal.export for refusal in refused if refusal.export.raise_anew])
    waiting = requests.waiting(work, ids)
    by_id = {refusal.export.id: refusal for refusal in refused}
    spared = [item for item in waiting if _is_not_its_matter(work, by_id[item.export_id], item)]
    going_on = {item.export_id for item in spared}
    rows = [_failed_row(work, refusal, bound=refusal.export.id in unknown) for refusal in refused]
    exports.change(work, [{**row, "state": "pending"} if row["id"] in going_on else row for row in rows])
    given = []
    for item in waiting:
        if item in spared:
            continue
        refusal = by_id[item.export_id]
        if refusal.is_of_newest or (refusal.attempt and _speaks_for(refusal.attempt, item)):
            failure = _with_setting(work, refusal)
            given.append(answering.refused(item, refusal.export, refusal.content, failure))
    told = answering.record_answers(work, given, waiting)
    return {**told, **fail(work, [ExportRefusal(*one) for one in export_results.called_back(work, rows)])}


def _is_not_its_matter(work: Work, refusal: ExportRefusal, item: Item) -> bool:
    """Whether an invoice that was exported as usual only waited beside an order to raise it anew, which is refused.

    It waits on, and is looked at by itself.
    """
    if refusal.failure.reason is not Reason.STILL_IN_XERO:
        return False
    return not requests.is_order_to_raise(work, item)


def _with_setting(work: Work, refusal: ExportRefusal) -> Failure:
    """The failure with the company's setting that what was refused comes from, so that its admin learns of it."""
    if not settings_checks.is_of_lines(refusal.failure):
        return refusal.failure
    settings = companies.settings_of(work, refusal.export.company).for_document(refusal.export.document)
    return settings_checks.named(refusal.failure, refusal.content, settings)


def _found(refusal: ExportRefusal) -> str | None:
    """What a refused look showed of an invoice that has ended in Xero is remembered."""
    failure = refusal.failure
    kind = "gone" if failure.reason is Reason.GONE_FROM_XERO else failure.facts.get("status", "")
    if failure.reason not in (Reason.GONE_FROM_XERO, Reason.INVOICE_FINALISED) or kind not in GONE:
        return refusal.export.found
    return DriftFound(kind=kind, differences=(f"{kind} in Xero",)).model_dump_json()


def _after(refusal: ExportRefusal) -> str:
    """Where an export rests after a refusal; one that was called back from a mere look is in Xero as before."""
    export = refusal.export
    if not refusal.is_of_newest:
        return "pending"
    as_sent = export.xero_invoice_id is not None and export.wanted_hash == export.sent_hash
    return "exported" if as_sent and refusal.failure.reason in _NEVER_MIND else "failed"


def _failed_row(work: Work, refusal: ExportRefusal, *, bound: bool) -> dict[str, Any]:
    export, found = refusal.export, _found(refusal)
    stays = refusal.is_of_newest or bound
    return {
        "id": export.id,
        "state": _after(refusal),
        "number": export.number if stays else export_results.newest_content(export).number,
        "due_at": work.now,
        "batch_id": None,
        "crashes": 0,
        "alone": False,
        "batch_limit": 0,
        "raise_anew": False,
        "number_bound": bound,
        "found": found,
        "checked_at": work.now if found != export.found else export.checked_at,
        "failures": export.failures + 1,
    }
