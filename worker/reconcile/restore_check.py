"""After a restore: each organisation's changes since the backup are read, and what carries our mark is taken over.

Invoices first, then documents of each other kind. The backup does not know what was sent after it: under which number
it is in Xero now tells nothing, for it may have got another one since; the mark does. Until all of a lane was read,
nothing of it is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from events.accounting_target import AccountingTarget, Changes, Lane, Organisation, Posted, Trouble
from events.changes import DriftFound
from events.invoice import Document
from store import adoptions, audit, exports, generations, pauses, processes, reconciliations, restores
from store.restores import NOT_REMEMBERED, Counts, RestoreOrder
from store.tables import Export, RestoreCheck
from store.unit_of_work import Work
from worker import feed_witness, logs
from worker.export import taking_over
from worker.reconcile import reconciler
from worker.tools import Tools

DUTY = "restore_check"
PASS_SECONDS = 2.0
_AGAIN_SECONDS = 15.0
_STOPPED_SECONDS = 60.0  # longer than it takes to call a process silent: it may only be suspended, and write again
_ENDED = ("VOIDED", "DELETED")
_WHY = "what was sent: the backup does not know it"
_log = logs.log("restore_check")


class StillAtWork(Exception):
    """Processes of ours run on the database: what they wrote hides until when the backup knew everything."""


def begin(tools: Tools, since: datetime | None, by: str, why: str) -> datetime:
    """Let nothing be sent until what Xero has since then was read; without a moment, since the newest one we know.

    Gives that moment. Raises StillAtWork where it would be guessed, and processes were heard of in the last minute.
    """
    seen = feed_witness.recall(tools.redis)
    with tools.store.write() as work:
        kinds = ("web", "worker", "clock")
        if since is None and any(processes.is_any_at_work(work, kind, _STOPPED_SECONDS) for kind in kinds):
            raise StillAtWork
        since = since or restores.known_until(work) or work.now
        feed_witness.begin(work, RestoreOrder(since, by, why, superseded=seen.epoch if seen else None))
    with tools.store.read() as work:
        feed_witness.remember(tools.redis, restores.high_water(work), seen)
    _log.warning("restore_check.began")
    return since


def check_restored(tools: Tools, holder: str) -> int:
    """Read a page of every lane that was not read yet; give how many invoices were taken over. Raises RedisError."""
    with tools.store.read() as work:
        if not restores.held(work):
            return 0
    with tools.store.write() as work:
        lease = reconciler.PASS_SECONDS + tools.settings.call_deadline
        held = tools.take_shards(work, DUTY, holder, lease)
        due = [one for one in restores.checks(work) if one.ended_at is None and one.next_at <= work.now]
        open_ones = [one for one in due if held.has(one.company)]
    taken = 0
    for one in tools.while_running(open_ones):
        lane = Lane(one.company, one.tenant)
        with tools.store.write() as work:
            if not held.renew(work, one.company):
                continue
            paused = pauses.of_company(work, one.company)
            organisation = None if paused else tools.organisation(work, lane)
        if organisation:
            taken += _read_page(tools, organisation, one)
    return taken


def _read_page(tools: Tools, organisation: Organisation, check: RestoreCheck) -> int:
    """One page of changes, and whole what of it is not known; what no permit or Xero was there for is read again."""
    target = tools.target(organisation, check.document)
    permit = target.pace.ask(organisation, single=True)
    with tools.store.read() as work:
        began = work.now
    seen: Changes | None = None
    trouble = ""
    if permit.wait:
        trouble = f"waits for Xero's {permit.limit} limit"
    else:
        try:
            seen = target.changes(organisation, check.since, check.page, ours_only=True)
        except Trouble as away:
            trouble = away.message
            _log.warning("restore_check.call_failed", lane=organisation.lane.key, effect=away.effect)
        finally:
            target.pace.done(permit)
    if seen is None:
        with tools.store.write() as work:
            again = work.after(max(permit.wait, _AGAIN_SECONDS))
            restores.move_on(work, check, Counts(), next_at=again, trouble=trouble)
        return 0
    return _take_page(tools, organisation, check, seen, began)


def _take_page(tools: Tools, organisation: Organisation, check: RestoreCheck, seen: Changes, began: datetime) -> int:
    lane, document = organisation.lane, check.document
    listed = {one.target_id: one for one in seen.invoices}
    with tools.store.read() as work:
        before = restores.known_ids(work, lane, listed)
    reading = reconciler.read_closely(tools, organisation, document, sorted(listed.keys() - before.keys()), seen)
    whole = {id_: reading.copies.get(id_, one) for id_, one in listed.items() if id_ not in before}
    if not reading.complete:
        whole = dict(reading.copies)
    with tools.store.write() as work:
        counts = _take_over(work, tools.target(organisation, document), lane, document, whole)
        _note_numbers(work, before, listed)
        again = {"next_at": work.after(_AGAIN_SECONDS), "trouble": "not all could be read yet"}
        if reading.complete:
            since, page = reconciler.next_page(check, seen, began)
            again = {"next_at": work.now, "trouble": "", "since": since, "page": page}
            counts = replace(
                counts, seen=len(listed), known=sum(one.sent_revision != NOT_REMEMBERED for one in before.values())
            )
        following = _following(tools, organisation, document) if reading.complete and not seen.more else None
        if following:
            again |= {"document": following, "since": restores.since_of(work, lane, following), "page": 1}
        elif reading.complete and not seen.more:
            again["ended_at"] = work.now
            reconciliations.put_off(work, lane, restores.LATE_SECONDS)  # hosts send again what is no drift then
            _note_end(work, check, counts)
        restores.move_on(work, check, counts, **again)
    if "ended_at" in again:
        _log.info("restore_check.ended", lane=lane.key, count=check.taken_over + counts.taken_over)
        tools.bells.ring(lane.key)
    return counts.taken_over


def _following(tools: Tools, organisation: Organisation, document: Document) -> Document | None:
    """The kind of documents that is read after this one."""
    kinds = list(tools.target(organisation).documents)
    return next(iter(kinds[kinds.index(document) + 1 :]), None)


def _note_end(work: Work, check: RestoreCheck, counts: Counts) -> None:
    whole = {name: getattr(check, name) + number for name, number in vars(counts).items()}
    audit.note(work, "clock", "restore-check", check.company, whole, whole["taken_over"], "read what Xero has")


def _note_numbers(work: Work, before: Mapping[str, Export], listed: Mapping[str, Posted]) -> None:
    """What Xero has under another number since: the number it had may be another invoice's by now."""
    moved = [one for id_, one in before.items() if restores.is_renumbered(one, listed[id_].number)]
    found: dict[int | None, DriftFound | None] = {}
    for one in moved:
        number = listed[one.xero_invoice_id or ""].number
        told = f"number {number} in Xero, {one.number} when exported"
        found[one.id] = DriftFound(kind="edited", differences=(told,), number=number)
    reconciliations.note(work, moved, found)


def _take_over(
    work: Work, target: AccountingTarget, lane: Lane, document: Document, whole: Mapping[str, Posted]
) -> Counts:
    """Each marked invoice becomes its export's: the next time that is sent, it goes as an update.

    Where a mark does not name its invoice, what Xero shows is kept until somebody is about to send that.
    """
    if not target.marks_name_invoices:
        return _keep(work, target, lane, document, whole.values())
    mine = _by_invoice(lane, whole.values())
    named = {invoice: (posted[0].number, "") for invoice, posted in mine.items()}
    rows = adoptions.lock(work, lane, named) if named else {}
    taken = [(rows[invoice], posted[0]) for invoice, posted in mine.items() if _is_news(rows[invoice], posted[0])]
    for row, posted in taken:
        if row.xero_invoice_id and row.generation < posted.generation:
            generations.order(work, [row], "clock", _WHY, row.number)
            generations.end(work, row, "voided")  # which keeps its number
        if posted.status != "DELETED":
            adoptions.claim_number(work, lane, posted.number, row.invoice)
    restores.put_aside(work, [row for row, _ in taken])
    shown = [(row, taking_over.shown(target, posted, work.now)) for row, posted in taken]
    exports.change(work, [taking_over.row_of(work, *one) for one in shown])
    unread = sum(1 for one in whole.values() if one.unreadable or one.unmarked)
    twice = sum(len([one for one in posted if one.status not in _ENDED]) > 1 for posted in mine.values())
    return Counts(taken_over=len(taken), unread=unread, twice=twice)


def _keep(work: Work, target: AccountingTarget, lane: Lane, document: Document, found: Iterable[Posted]) -> Counts:
    """Documents in Xero with our mark, one for each mark: first what lives, then what changed last."""
    each: dict[str, list[Posted]] = {}
    for one in found:
        if one.mark:
            each.setdefault(one.mark[1], []).append(one)
    first = {mark: taking_over.shown(target, min(posted, key=_rank), work.now) for mark, posted in each.items()}
    kept = restores.keep_marks(work, lane, document, first)
    twice = sum(len([one for one in posted if one.status not in _ENDED]) > 1 for posted in each.values())
    return Counts(taken_over=kept, unread=sum(one.unreadable for one in found), twice=twice)


def _by_invoice(lane: Lane, found: Iterable[Posted]) -> Mapping[str, Sequence[Posted]]:
    """What Xero has of each of our invoices, of the last generation: first what lives, then what changed last."""
    each: dict[str, list[Posted]] = {}
    for one in found:
        if one.mark and one.mark[0] == lane.company:
            each.setdefault(one.mark[1], []).append(one)
    last = {invoice: max(one.generation for one in posted) for invoice, posted in each.items()}
    return {
        invoice: sorted((one for one in each[invoice] if one.generation == last[invoice]), key=_rank)
        for invoice in sorted(each)
    }


def _rank(posted: Posted) -> tuple[bool, float]:
    return posted.status in _ENDED, -posted.updated.timestamp() if posted.updated else 0.0


def _is_news(row: Export, posted: Posted) -> bool:
    """Whether the export is in Xero as something that the backup does not know."""
    return row.xero_invoice_id is None or row.generation < posted.generation
