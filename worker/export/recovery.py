"""Settle an uncertain batch by asking Xero: adopt what is there and ours, send the rest again with a new key.

Is what Xero shows ours? Judgements about uncertain invoices; pure (exactly-once §e, §f).
Ask Xero for many invoices at a person's pace: a permit for each call, and a wait where there is none.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from events.accounting_target import AccountingTarget, Element, Organisation, Posted, Rejected, Trouble
from events.failures import Failure
from events.invoice import folded
from events.reasons import Reason
from store import batches, bulk_orders, exports, lanes, pauses
from store.batches import Hold
from store.tables import Attempt, Batch, Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import batching, turns
from worker.decisions.claiming import Claim
from worker.export import deferral, recording
from worker.export.export_results import ExportRefusal, Result
from worker.tools import Tools

Sent = Mapping[tuple[str, str], Element]
_GONE = frozenset({"VOIDED", "DELETED"})
_FREES_ITS_NUMBER = "DELETED"  # a voided one keeps it (facts §3.2)


@dataclass(frozen=True)
class Unclear:
    """What holds the number may be what this attempt of ours left there; Xero does not say so yet."""

    attempt: Attempt


def match_create(
    target: AccountingTarget,
    export: Export,
    attempts: Sequence[Attempt],
    found: Mapping[str, Sequence[Posted]],
    sent: Sent,
    ours: frozenset[str],
) -> Result | Unclear | None:
    """Ours → adopted, live before voided and as the attempt whose content it carries; another's → refused, naming it.

    None when nothing in Xero holds any number that was sent; Unclear when what holds a number may be ours. What was
    deleted holds no number, and an earlier invoice of the same export that lists still show alive has ended.
    """
    shown = [(attempt, one) for attempt in reversed(attempts) for one in found.get(folded(attempt.number), ())]
    mine, odd = [], []
    for attempt, posted in shown:
        element = sent.get((attempt.batch_id, attempt.number))
        if posted.unreadable:
            odd += [attempt] if posted.unmarked or is_ours(target, export, posted, element, made_by_us=False) else []
        elif is_ours(target, export, posted, element, made_by_us=posted.target_id in ours):
            carried = element is not None and target.carries(posted.copy, element)
            mine.append((posted.status in _GONE, not carried, attempt, posted))
    if mine:
        _, _, attempt, posted = min(mine, key=lambda one: one[:2])
        return Result(export, attempt, posted, "adopted")
    if odd:
        return Unclear(odd[0])
    holders = [(attempt, posted) for attempt, posted in shown if _holds_its_number(target, export, posted)]
    if not holders:
        return _refused_for_nothing(export, attempts, [posted for _, posted in shown])
    open_ones = [attempt for attempt in attempts if attempt.reason != Reason.NUMBER_TAKEN.code]
    for attempt, posted in holders:
        if attempt in open_ones and posted.unmarked and _is_like(target, posted, _sent(sent, attempt)):
            return Unclear(attempt)  # neither mark nor app tells; perhaps Xero does not show them
    return _clash(export, *min(holders, key=_is_gone))


def _holds_its_number(target: AccountingTarget, export: Export, posted: Posted) -> bool:
    if posted.status == _FREES_ITS_NUMBER:
        return False
    before = range(1, export.generation)
    earlier = any(target.is_marked(posted, export.company, export.invoice, one) for one in before)
    return not earlier or posted.status in _GONE


def _sent(sent: Sent, attempt: Attempt) -> Element | None:
    return sent.get((attempt.batch_id, attempt.number))


def _is_gone(shown: tuple[Attempt, Posted]) -> bool:
    return shown[1].status in _GONE


def _clash(export: Export, attempt: Attempt, posted: Posted) -> Result:
    other = posted.contact_name or f"a {posted.status.lower()} invoice"
    failure = Failure(Reason.NUMBER_TAKEN, {"other": other, "other_id": posted.target_id}, attempt.said)
    return Result(export, attempt, Rejected(attempt.number, failure))


def is_ours(
    target: AccountingTarget, export: Export, posted: Posted, sent: Element | None, *, made_by_us: bool
) -> bool:
    """By our mark; where Xero shows no mark at all, by our app, the contact, date and currency that were sent."""
    if not posted.unmarked:
        return target.is_marked(posted, export.company, export.invoice, export.generation)
    return made_by_us and _is_like(target, posted, sent)


def _is_like(target: AccountingTarget, posted: Posted, sent: Element | None) -> bool:
    return sent is not None and target.is_like(posted, sent)


def match_update(
    target: AccountingTarget,
    export: Export,
    attempts: Sequence[Attempt],
    found: Mapping[str, Posted],
    sent: Sent,
) -> Result | None:
    """Arrived → recorded as updated; untouched since → None, it goes again; anything else the guard refuses then."""
    copy = found.get(export.xero_invoice_id or "")
    for attempt in reversed(attempts):
        element = sent.get((attempt.batch_id, export.xero_invoice_id or ""))
        if copy is not None and element is not None and target.carries(copy.copy, element):
            return Result(export, attempt, copy, "updated")
    return None


def _refused_for_nothing(
    export: Export, attempts: Sequence[Attempt], ended: Sequence[Posted]
) -> Result | Unclear | None:
    """Xero said the number is taken and shows nobody who has it: an earlier try of ours may, which it shows later.

    Where there was none it is another's: one clear failure, never a loop.
    """
    last = attempts[-1] if attempts else None
    if last is None or last.reason != Reason.NUMBER_TAKEN.code:
        return None
    same = [one for one in attempts if folded(one.number) == folded(last.number)]
    earlier = next((one for one in same if one.reason != Reason.NUMBER_TAKEN.code), None)
    if earlier:
        return Unclear(earlier)
    if ended:
        return _clash(export, last, ended[0])
    failure = Failure(Reason.NUMBER_TAKEN, {"other": "one that Xero does not show, perhaps deleted"}, last.said)
    return Result(export, last, Rejected(last.number, failure))


_REFUSALS = frozenset({400, 404, 405, 412, 413, 422, 501})
_HOPELESS_AFTER = 8
_log = logs.log("exporter")


@dataclass(frozen=True)
class LookedUp:
    """What Xero shows of a batch: by folded number, by id, and the ids our own app made."""

    by_number: Mapping[str, Sequence[Posted]] = field(default_factory=dict)
    by_id: Mapping[str, Posted] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()


def settle(tools: Tools, organisation: Organisation, batch_id: str) -> bool:
    """Look up what the batch was sent under; False when somebody else was first."""
    with tools.store.write() as work:
        if not pauses.may_begin(work, organisation.lane.company):
            return False
        taken = batches.take_uncertain(work, batch_id, tools.settings.lease_seconds, tools.process)
        if taken is None:
            return False
        hold, batch = taken
        parked = exports.of_batches(work, batch_id)
        sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
    try:
        seen = ask(tools, organisation, parked, sent)
    except Trouble as trouble:
        _ask_again_later(tools, organisation, hold, batch, trouble)
        return True
    _settle_with(tools, organisation, hold, batch, seen)
    found = len(seen.by_id) or sum(bool(posted) for posted in seen.by_number.values())
    lane = organisation.lane.key
    _log.info("exporter.settled", lane=lane, batch=batch_id, size=len(parked), found=found, look_ups=batch.look_ups)
    return True


def ask(
    tools: Tools,
    organisation: Organisation,
    parked: Sequence[Export],
    sent: Mapping[int, Sequence[Attempt]],
) -> LookedUp:
    """Updates by id; new invoices by every number they were ever sent under. Raises Trouble."""
    target = tools.target(organisation, parked[0].document if parked else "invoice")
    if all(export.xero_invoice_id for export in parked):
        return LookedUp(by_id=target.fetch(organisation, [export.xero_invoice_id or "" for export in parked]))
    numbers = sorted({attempt.number for attempts in sent.values() for attempt in attempts})
    found = target.find(organisation, numbers) if numbers else {}
    bare = sorted({one.number for shown in found.values() for one in shown if one.unmarked})
    mine = target.find(organisation, bare, ours_only=True) if bare else {}
    return LookedUp(by_number=found, ours=frozenset(one.target_id for shown in mine.values() for one in shown))


def _settle_with(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, seen: LookedUp) -> None:
    """All in one transaction; where that fails, each alone, and the one at fault is looked up again later."""
    try:
        with tools.store.write() as work:
            if not batches.move(work, hold, "uncertain", state="settled", closed_at=work.now):
                return
            parked = exports.of_batches(work, hold.batch_id)
            unclear = _record_seen(work, tools, organisation, batch, seen, parked)
            _watch(work, hold, batch, unclear)
    except Exception:  # a bug with one invoice must not stop its neighbours
        _log.exception("exporter.could_not_settle", lane=organisation.lane.key, batch=hold.batch_id)
        _settle_one_by_one(tools, organisation, hold, batch, seen)
    tools.bells.wake_relay()


def _settle_one_by_one(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, seen: LookedUp) -> None:
    with tools.store.read() as work:
        ids = [export.id for export in exports.of_batches(work, hold.batch_id)]
    for id_ in ids:
        try:
            with tools.store.write() as work:
                if not batches.move(work, hold, "uncertain", state="uncertain"):
                    return
                alone = [export for export in exports.of_batches(work, hold.batch_id) if export.id == id_]
                _record_seen(work, tools, organisation, batch, seen, alone)
        except Exception:
            _log.exception("exporter.could_not_settle", lane=organisation.lane.key, batch=hold.batch_id)
    with tools.store.write() as work:
        if batches.move(work, hold, "uncertain", state="settled", closed_at=work.now):
            _watch(work, hold, batch, exports.of_batches(work, hold.batch_id))


def _record_seen(
    work: Work, tools: Tools, organisation: Organisation, batch: Batch, seen: LookedUp, parked: Sequence[Export]
) -> Sequence[Export]:
    """What became of these; gives those that may be ours and of which Xero does not say so yet."""
    sent = exports.numbers_sent(work, [export.id for export in parked if export.id is not None])
    target = tools.target(organisation, batch.document)
    known = elements(target, work, sent)
    results: list[Result] = []
    absent: list[Export] = []
    unclear: list[Export] = []
    for export in parked:
        tries = sent.get(export.id or 0, ())
        if batch.kind == "update":
            result: Result | Unclear | None = match_update(target, export, tries, seen.by_id, known)
        else:
            result = match_create(target, export, tries, seen.by_number, known, seen.ours)
        if isinstance(result, Unclear):
            unclear.append(export)
        elif result is None:
            absent.append(export)
        else:
            results.append(result)
    troubled = lanes.is_troubled(work, organisation.lane)
    lanes.note_answer(work, organisation.lane)
    recording.apply(work, tools, organisation, results)
    _send_again(work, batch, absent, troubled=troubled)
    return unclear


def elements(
    target: AccountingTarget, work: Work, sent: Mapping[int, Sequence[Attempt]]
) -> Mapping[tuple[str, str], Element]:
    """What each attempt carried, by (batch, id for updates or number for new invoices)."""
    ids = {attempt.batch_id for attempts in sent.values() for attempt in attempts}
    bodies = batches.bodies(work, sorted(ids))
    return {(id_, name): one for id_, body in bodies.items() for name, one in target.thaw(body).items()}


def _send_again(work: Work, batch: Batch, absent: Sequence[Export], *, troubled: bool) -> None:
    """Xero does not have them: pending again, in a new batch with a new key (Xero caches errors under a key).

    What made a call fail is found in two rounds: first in small batches, then each alone. What keeps failing alone
    has failed.
    """
    refused = batch.http_status in _REFUSALS
    given_up = [export for export in absent if batch.size == 1 and (refused or export.attempts >= _HOPELESS_AFTER)]
    said = (batch.trouble or "").partition(": ")[2]
    reason = Reason.SENT_WRONGLY if refused else Reason.XERO_KEEPS_FAILING
    recording.fail(work, [ExportRefusal(export, Failure(reason, said=said)) for export in given_up])

    left = [export for export in absent if export not in given_up]
    limit = batching.limit_after(left, answered=batch.http_status is not None, troubled=troubled)
    split = limit and not troubled and batch.size > 1

    def again(export: Export) -> dict[str, object]:
        wait = 0.0 if split else turns.again_after_absence(export.attempts)
        limits = {"alone": export.alone or limit == 1, "batch_limit": limit if limit > 1 else 0}
        return {"crashes": 0, "due_at": work.after(wait), **limits}

    deferral.to_pending(work, left, again)


def _watch(work: Work, hold: Hold, batch: Batch, unclear: Sequence[Export]) -> None:
    """What may be ours is looked for again, ever more rarely; after hours a person is asked, who can see more."""
    if not unclear:
        return
    since = batch.watched_since or work.now
    wait = turns.watch_wait((work.now - since).total_seconds())
    if wait is None:
        recording.fail(work, [ExportRefusal(export, Failure(Reason.PERHAPS_IN_XERO)) for export in unclear])
        return
    free = {"state": "uncertain", "closed_at": None, "settle_at": work.after(wait), "watched_since": since}
    batches.move(work, hold, "settled", lease_until=work.now, **free)


def _ask_again_later(tools: Tools, organisation: Organisation, hold: Hold, batch: Batch, trouble: Trouble) -> None:
    _log.warning("exporter.look_up_failed", lane=organisation.lane.key, batch=batch.id, effect=trouble.effect)
    with tools.store.write() as work:
        later = work.after(turns.look_up_wait(batch.look_ups))
        if batches.move(work, hold, "uncertain", settle_at=later, lease_until=work.now):
            count = lanes.count_unknown(work, organisation.lane) if trouble.effect == "unknown" else 0
            deferral.rest(work, organisation, trouble, count)


_A_CALL = 20  # numbers or ids short enough for one query, so that one permit is one call (facts §4.3)
Wait = Callable[[float], None]
T = TypeVar("T")


def shown_by_pace(
    tools: Tools, organisation: Organisation, claims: Sequence[Claim], wait: Wait
) -> Mapping[str, Sequence[Posted]]:
    """What Xero has under each claim's id, or else under its number, by invoice. Raises Trouble."""
    found: dict[str, Sequence[Posted]] = {}
    for some in bulk_orders.in_chunks([claim for claim in claims if claim.xero_invoice_id], _A_CALL):
        ids = {claim.id: (claim.xero_invoice_id or "").lower() for claim in some}
        ask = functools.partial(tools.target(organisation).fetch, organisation, list(ids.values()))
        by_id = _call(tools, organisation, ask, wait)
        found |= {invoice: [by_id[id_]] for invoice, id_ in ids.items() if id_ in by_id}
    for some in bulk_orders.in_chunks([claim for claim in claims if not claim.xero_invoice_id], _A_CALL):
        numbers = {claim.id: claim.number or "" for claim in some}
        look = functools.partial(tools.target(organisation).find, organisation, list(numbers.values()))
        by_number = _call(tools, organisation, look, wait)
        found |= {invoice: by_number.get(folded(number), ()) for invoice, number in numbers.items()}
    return found


def _call(tools: Tools, organisation: Organisation, ask: Callable[[], T], wait: Wait) -> T:
    while (permit := tools.target(organisation).pace.ask(organisation)).wait:
        wait(permit.wait)
    try:
        return ask()
    finally:
        tools.target(organisation).pace.done(permit)
