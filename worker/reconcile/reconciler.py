"""The reconciler: compares what we believe with what Xero has, within a small share of the day's calls.

One look per lane and slot; a slot is as long as the share allows (2 % of 5,000 calls: one every 14 minutes). It asks
for a thousand documents of one kind changed since the last look, oldest change first; where they come without lines,
what was changed and does not show there is read whole (`read_closely`), and such a look takes as many slots as it
made calls. A lane that has documents of two kinds looks at each half as often.

A closer look at invoices that Xero changed without a sum showing it: read whole, with their lines.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from events.accounting_target import AccountingTarget, Changes, Lane, Organisation, Posted, Trouble
from events.changes import DriftFound, InvoiceExportDriftFound
from events.invoice import Document, Invoice
from events.money import ZERO
from events.payments import InvoiceEdited
from store import allocations, bulk_orders, changed_invoices, connections, exports, outbox, payments, reconciliations
from store.outbox import Outgoing
from store.payments import SeenPayment
from store.reconciliations import MARGIN
from store.tables import Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import payments as decisions
from worker.decisions import proof
from worker.decisions.proof import Belief, Finding
from worker.export import export_results
from worker.tools import Tools


@dataclass(frozen=True)
class CloseReading:
    """Xero's whole copies by id, the calls they took, and whether all were read."""

    copies: Mapping[str, Posted]
    calls: int
    complete: bool


def read_closely(
    tools: Tools, organisation: Organisation, document: Document, ids: Sequence[str], seen: Changes | None
) -> CloseReading:
    """Read these documents, as far as permits and Xero allow; what is left is read in the next slot.

    What was `seen` whole in a list is not asked for again.
    """
    if seen and seen.whole:
        return CloseReading({one.target_id: one for one in seen.invoices if one.target_id in ids}, 0, complete=True)
    copies: dict[str, Posted] = {}
    target, calls = tools.target(organisation, document), 0
    for some in bulk_orders.in_chunks(ids, target.sizes.ids):
        permit = target.pace.ask(organisation)
        if permit.wait:
            return CloseReading(copies, calls, complete=False)
        calls += 1
        try:
            found = target.fetch(organisation, some)
        except Trouble as trouble:
            _log.warning("reconciler.call_failed", lane=organisation.lane.key, effect=trouble.effect)
            return CloseReading(copies, calls, complete=False)
        finally:
            target.pace.done(permit)
        copies |= {id_: posted for id_, posted in found.items() if not posted.unreadable}
    return CloseReading(copies, calls, complete=True)


DUTY = "reconciler"
PASS_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
WITH_WEBHOOKS = 4  # slots between two looks while webhooks are at work
WEBHOOKS_COME_SECONDS = _DAY_SECONDS  # one was seen, and none missed, in this time
_IF_SENT = frozenset({"currency_rate", "expected_payment_date"})
_log = logs.log("reconciler")


def reconcile(tools: Tools, holder: str) -> int:
    """One look at every lane of this process's shards whose slot has come, as far as a pass goes.

    Gives how many drifts were found. Raises redis.RedisError.
    """
    if not tools.settings.reconcile_share:
        return 0
    with tools.store.write() as work:
        held = tools.take_shards(work, DUTY, holder, PASS_SECONDS + tools.settings.call_deadline)
        waiting = [row for row in reconciliations.due(work) if held.has(row.company)] if held.mine else []
    found, ends = 0, tools.elapsed() + PASS_SECONDS
    for row in tools.while_running(waiting):
        if tools.elapsed() > ends:  # what is left comes first in the next one, and others get their share of it
            break
        with tools.store.write() as work:
            lane = Lane(row.company, row.tenant)
            organisation = tools.organisation(work, lane) if held.renew(work, row.company) else None
        if organisation:
            found += _compare_page(tools, organisation, row)
    return found


def slot(tools: Tools, organisation: Organisation) -> float:
    """Seconds between two calls of one lane, so that they stay within its share of the organisation's own day.

    Raises redis.RedisError.
    """
    return _DAY_SECONDS / (
        tools.settings.reconcile_share * tools.target(organisation).pace.outlook(organisation.lane.tenant).per_day
    )


def put_off(tools: Tools, organisation: Organisation, calls: int) -> None:
    """Other looks that no invoice waits for took so many calls of the share: the next one here comes later.

    Raises redis.RedisError.
    """
    apart = slot(tools, organisation) if tools.settings.reconcile_share and calls else 0
    if apart:
        with tools.store.write() as work:
            reconciliations.put_off(work, organisation.lane, apart * calls)


def _compare_page(tools: Tools, organisation: Organisation, row: Any) -> int:
    """One call, if there is a permit for it; a lane that Xero does not answer waits for its next slot."""
    target = tools.target(organisation, row.document)
    permit = target.pace.ask(organisation)
    if permit.wait:
        return 0
    with tools.store.read() as work:
        began = work.now
    seen: Changes | None = None
    try:
        seen = target.changes(organisation, row.since, row.page, ours_only=row.ours_only)
        seen = replace(seen, invoices=[one for one in seen.invoices if not one.unreadable])
    except Trouble as trouble:
        _log.warning("reconciler.call_failed", lane=organisation.lane.key, effect=trouble.effect)
    finally:
        target.pace.done(permit)
    apart = slot(tools, organisation)
    reading = read_closely(tools, organisation, row.document, _suspects(tools, organisation, seen, began), seen)
    with tools.store.write() as work:
        apart *= _slots_apart(work, organisation.lane) * reconciliations.kinds(work, organisation.lane)
        found = compare(work, tools, organisation, seen.invoices, began, reading) if seen else 0
        if work.told and not changed_invoices.is_any_told(work, organisation.lane):
            connections.note_missed_webhook(work, organisation.lane.company)
        since, page = next_page(row, seen, began) if seen and reading.complete else (row.since, row.page)
        next_at = work.after(apart * (1 + reading.calls))
        reconciliations.move_on(work, organisation.lane, row.document, since=since, page=page, next_at=next_at)
    if found:
        _log.warning("reconciler.found_drifts", lane=organisation.lane.key, count=found)
    if work.told:
        tools.bells.wake_relay()
    return found


def _slots_apart(work: Work, lane: Lane) -> int:
    """While Xero's webhooks tell of changes, looks are the net for those that get lost, and cost less."""
    return WITH_WEBHOOKS if connections.webhooks_come(work, lane.company, WEBHOOKS_COME_SECONDS) else 1


def next_page(row: Any, seen: Changes, began: datetime) -> tuple[datetime, int]:
    """Behind a full page the next one begins at its newest change, so that a list that shifts hides nothing."""
    if not seen.more:
        return max(row.since, began - MARGIN), 1
    newest = seen.newest - timedelta(seconds=1) if seen.newest else row.since
    return (newest, 1) if newest > row.since else (row.since, row.page + 1)


def _suspects(tools: Tools, organisation: Organisation, seen: Changes | None, before: datetime) -> list[str]:
    by_id = {posted.target_id: posted for posted in seen.invoices} if seen else {}
    with tools.store.read() as work:
        ours = reconciliations.exported_as(work, organisation.lane, by_id, before)
        used = _used(work, ours)
    return sorted(id_ for id_, export in ours.items() if _is_suspect(_belief(export, used), export, by_id[id_]))


def _used(work: Work, ours: Mapping[str, Export]) -> Mapping[int, Decimal]:
    """How much of the credit notes among them we have allocated ourselves, by export id."""
    return allocations.allocated(work, [export.id for export in ours.values() if export.document != "invoice"])


def _is_suspect(belief: Belief, export: Export, posted: Posted) -> bool:
    """Whether only its whole copy says what was done to it, or that an edit known before was taken back."""
    known = proof.kept_drift(DriftFound.kept(export.found), proof.findings(belief, posted), compared=False)
    return proof.is_suspect(belief, posted) or (known is not None and belief.copy is not None)


def compare(
    work: Work,
    tools: Tools,
    organisation: Organisation,
    seen: Sequence[Posted],
    before: datetime,
    reading: CloseReading,
) -> int:
    """Compare documents that were seen with what we believe, and tell what is new; give how many drifts that were."""
    by_id = {posted.target_id: posted for posted in seen}
    shown = reconciliations.exported_as(work, organisation.lane, by_id, before)
    ours = {target_id: one for target_id, one in shown.items() if not _is_stale(one, by_id[target_id])}
    exports.lock_again(work, [export.id for export in ours.values() if export.id is not None])
    used = _used(work, ours)
    targets = {target_id: tools.target(organisation, export.document) for target_id, export in ours.items()}
    findings = {
        target_id: _findings(
            targets[target_id], _belief(export, used), export, by_id[target_id], reading.copies.get(target_id)
        )
        for target_id, export in sorted(ours.items())
    }
    news = [
        (ours[target_id], finding)
        for target_id, found in findings.items()
        for finding in found
        if reconciliations.record_drift(work, ours[target_id], finding.kind, finding.differences, finding.fingerprint)
    ]
    known = {
        ours[target_id].id: proof.kept_drift(
            DriftFound.kept(ours[target_id].found),
            found,
            compared=target_id in reading.copies and _is_known(ours[target_id]),
        )
        or _known(found, by_id[target_id].number)
        for target_id, found in findings.items()
    }
    reconciliations.note(work, [export for export in ours.values() if export.id in known], known)
    outbox.publish(work, [_drift_event(work, tools, organisation, *one) for one in news])
    edits = {export.id: finding.differences for export, finding in news if finding.kind == "edited"}
    pairs = [(export, by_id[target_id]) for target_id, export in ours.items()]
    outbox.publish(work, _payment_events(work, tools, organisation, pairs, edits))
    return len(news)


def _payment_events(
    work: Work,
    tools: Tools,
    organisation: Organisation,
    pairs: Sequence[tuple[Export, Posted]],
    edits: Mapping[int | None, tuple[str, ...]],
) -> list[Outgoing]:
    """What is told of payments and edits, by invoice; keeps what is known then. An older look changes nothing."""
    known, events, kept = payments.of_exports(work, [export for export, _ in pairs]), [], []
    told_before = payments.changes_told(work, [export for export, _ in pairs if export.id not in known])
    for export, posted in sorted(pairs, key=lambda pair: (pair[0].company, pair[0].invoice)):
        now, before = decisions.payment_of(posted), known.get(export.id or 0)
        if now is None:
            continue
        same = before.payment if before and before.xero_invoice_id == posted.target_id else None
        kinds = decisions.events_of(same, now, edited=export.id in edits)
        told = before.change if before else told_before.get((export.company, export.invoice), 0)
        link = tools.target(organisation, export.document).deep_link(organisation, posted.target_id)
        for change, kind in enumerate(kinds, told + 1):
            said = edits[export.id] if kind is InvoiceEdited else (now.said_of(export.document),)
            event = kind(
                **now.model_dump(),
                document=export.document,
                company=export.company,
                invoice=export.invoice,
                number=posted.number,
                xero_invoice_id=posted.target_id,
                change=change,
                differences=said,
                deep_link=link,
                seen_at=work.now,
            )
            events.append(Outgoing(event, export.company, export.invoice, f"payment/{export.id}/{change}"))
        if kinds or same:
            newest = same if same and decisions.is_older(now, same) else now
            kept.append((export, SeenPayment(newest, posted.target_id, work.now, told + len(kinds))))
    payments.keep_seen(work, kept)
    return events


def _known(found: Sequence[Finding], number: str) -> DriftFound | None:
    """What is known to differ, in one: what is gone or edited says more than a payment."""
    if not found:
        return None
    told = tuple(dict.fromkeys(one for finding in found for one in finding.differences))
    return DriftFound(kind=found[0].kind, differences=told, number=number)


def _findings(
    target: AccountingTarget, belief: Belief, export: Export, posted: Posted, copy: Posted | None
) -> list[Finding]:
    """What the light row shows; where that is no edit, what the whole copy adds."""
    found = proof.findings(belief, posted)
    if copy is None or any(one.kind != "paid" for one in found):
        return found
    fingerprint = target.fingerprint(target.picture(copy.copy))
    return [*proof.closer(belief, fingerprint, _edits(target, export, copy)), *found]


def _edits(target: AccountingTarget, export: Export, copy: Posted) -> list[str]:
    """What was sent of the whole invoice, and is otherwise in Xero since; what was not sent Xero may set itself."""
    if not _is_known(export):
        return []
    sent = Invoice.of_kept(export.wanted)
    changed = [one for one in export_results.changes(target, export, copy) if one.line is None]
    return [one.sentence for one in changed if one.field in _IF_SENT and getattr(sent, one.field) is not None]


def _is_known(export: Export) -> bool:
    """Whether the content is kept that Xero was sent last."""
    return bool(export.wanted) and export.wanted_hash == export.sent_hash


def _is_stale(export: Export, posted: Posted) -> bool:
    """Whether a list of Xero's lags: it shows the document as it was before our own last write (facts §4)."""
    kept = json.loads(export.xero_totals or "{}").get("updated")
    return bool(kept and posted.updated and posted.updated < datetime.fromisoformat(kept))


def _belief(export: Export, used: Mapping[int, Decimal]) -> Belief:
    """What we believe Xero has; of a credit note so much is `used` by allocations of our own."""
    kept = json.loads(export.xero_totals or "{}")
    day = Invoice.of_kept(export.wanted).date.isoformat() if _is_known(export) else None
    totals, ours = kept.get("totals", {}), used.get(export.id or 0, ZERO)
    return Belief(export.number, totals, day, kept.get("updated"), export.copy_seen, export.document, ours)


def _drift_event(work: Work, tools: Tools, organisation: Organisation, export: Export, finding: Finding) -> Outgoing:
    target = tools.target(organisation, export.document)
    event = InvoiceExportDriftFound(
        company=export.company,
        invoice=export.invoice,
        document=export.document,
        number=export.number,
        xero_invoice_id=export.xero_invoice_id or "",
        kind=finding.kind,
        differences=finding.differences,
        deep_link=target.deep_link(organisation, export.xero_invoice_id or ""),
        found_at=work.now,
    )
    return Outgoing(event, export.company, export.invoice, f"drift/{export.id}/{finding.fingerprint}")
