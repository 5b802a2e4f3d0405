"""Xero's webhooks: what it posts is stored and no more; the clock then looks at the invoices they name.

A webhook says which invoice changed and not how, so Xero is asked: as many as one call takes, behind everybody's
exports, out of the share of the day that looks have. What no webhook told, the reconciler finds by itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from events.accounting_target import Lane, Notice, Organisation, Posted, Trouble
from events.invoice import Document
from events.lane import DEFAULT_TARGET
from store import changed_invoices, connections, payments
from store.payments import SeenPayment
from store.processes import HeldShards
from store.status import is_held
from store.unit_of_work import Work
from worker import logs
from worker.reconcile import reconciler
from worker.reconcile.reconciler import CloseReading
from worker.tools import Tools

DUTY = "changed_invoices"
_REST_SECONDS = 5.0  # of a lane after a look: what is told meanwhile is looked at together
_LOOKS_PER_REST = 8  # the rest grows by itself after so many looks of a day, so that a day's share lasts for the day
_AGAIN_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 3_600.0
REMEMBERED_SECONDS = 1.0  # so long a key that was forgotten may still be good
_NOTED_SECONDS = 30.0
_MOST_TRIES = 6
_LATE_SECONDS = 5.0  # what Xero has written may show in its lists only later (facts §4)
_SLACK = timedelta(seconds=2)  # nobody knows whether a webhook's moment is exactly that of the invoice
_AT_ONCE = 500
_log = logs.log("webhooks_in")


class WebhookOutcome(Enum):
    """What became of a webhook: kept, of nothing that we look at, not readable, or not Xero's."""

    TAKEN = "taken"
    PASSED_OVER = "passed_over"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True)
class _Known:
    """What a webhook of a company is held against: its keys, and the organisation it is connected to."""

    keys: Sequence[str]
    lane: Lane | None
    until: float


@dataclass
class WebhookIntake:
    """Keeps what Xero's webhooks tell. Keys are remembered for a moment, so that a flood costs one statement each."""

    tools: Tools
    _known: dict[str, _Known] = field(default_factory=dict)
    _noted: dict[str, float] = field(default_factory=dict)

    def take(self, company: str, signature: str, body: bytes) -> WebhookOutcome:
        """Keep which invoices of the company's organisation have changed; committed when this returns.

        A company that is unknown, or has no webhook key, is answered as a wrong signature is.
        """
        target, now = self.tools.targets[DEFAULT_TARGET], self.tools.elapsed()
        known = self._known.get(company)
        if known is None or known.until < now or not target.is_signed(body, signature, known.keys):
            known = self._look_up(company, now)
            if not target.is_signed(body, signature, known.keys):
                return WebhookOutcome.REFUSED
        try:
            told = target.notices(body)
        except ValueError:
            _log.warning("webhooks_in.unreadable", company=company, size=len(body))
            return WebhookOutcome.UNREADABLE  # it is Xero's: to refuse it would only have it come again
        here = [one for one in told if known.lane and one.tenant == known.lane.tenant.lower()]
        if len(here) < len(told):
            _log.info("webhooks_in.foreign", company=company, count=len(told) - len(here))
        mine = self._file(company, known.lane, here, now)
        return WebhookOutcome.PASSED_OVER if told and not mine else WebhookOutcome.TAKEN

    def _look_up(self, company: str, now: float) -> _Known:
        with self.tools.store.read() as work:
            keys = connections.webhook_keys(work, self.tools.vault, company)
            at = connections.of_company(work, company) if keys else None
        known = _Known(keys, Lane(company, at.tenant) if at else None, now + REMEMBERED_SECONDS)
        if keys:  # strangers name companies without end
            self._known[company] = known
        return known

    def _file(self, company: str, lane: Lane | None, here: Sequence[Notice], now: float) -> int:
        """Keep what has to be looked at, and once a minute that Xero posts at all; give how many were kept."""
        is_wanted = bool(self.tools.settings.reconcile_share)
        is_due = self._noted.get(company, float("-inf")) < now - _NOTED_SECONDS
        with self.tools.store.write() as work:
            mine = [one for one in here if is_wanted and _is_change(one, work.now)]
            if lane and mine:
                changed_invoices.note(work, lane, mine)
            if is_due:
                connections.note_webhook(work, company)
        if is_due:
            self._noted[company] = now
        if mine:
            self.tools.bells.wake_changed_invoices()
        return len(mine)


def _is_change(notice: Notice, now: datetime) -> bool:
    """Whether there is something to look at; what is new was made by us or is not ours.

    A moment that has not come would hide all that come before it.
    """
    return not notice.created and notice.at < now + timedelta(days=1)


@dataclass
class InvoiceLooks:
    """Looks at what Xero's webhooks named; knows when each lane was looked at last, and how often today."""

    tools: Tools
    holder: str
    _rests: dict[Lane, tuple[datetime, datetime, int]] = field(default_factory=dict)  # until, since, looks

    def look_at_due(self) -> bool:
        """One call in each lane that has something to look at; whether any was made. Raises redis.RedisError."""
        with self.tools.store.read() as work:
            if not changed_invoices.is_any_due(work):
                return False
        with self.tools.store.write() as work:
            lease = reconciler.PASS_SECONDS + self.tools.settings.call_deadline
            held = self.tools.take_shards(work, DUTY, self.holder, lease)
            now, lanes = work.now, changed_invoices.lanes_due(work) if held.mine else []
        made = False
        for lane in self.tools.while_running(lanes):
            if held.has(lane.company) and self._may_look(lane, now):
                made |= self._look_in(lane, held)
        return made

    def _may_look(self, lane: Lane, now: datetime) -> bool:
        return lane not in self._rests or self._rests[lane][0] <= now

    def _note_look(self, lane: Lane, now: datetime) -> None:
        _, since, looks = self._rests.get(lane, (now, now, 0))
        if now - since > timedelta(days=1):
            since, looks = now, 0
        rest = _REST_SECONDS * (1 + looks / _LOOKS_PER_REST)
        self._rests[lane] = (now + timedelta(seconds=rest), since, looks + 1)

    def _look_in(self, lane: Lane, held: HeldShards) -> bool:
        """Ask Xero for as many as one call takes, and compare; give whether a call was made."""
        with self.tools.store.write() as work:
            if not held.renew(work, lane.company):
                return False
            organisation = self.tools.organisation(work, lane)
            document, rows = _worth_a_look(work, lane, organisation)
        if not organisation or not rows:
            return False
        target = self.tools.target(organisation, document)
        rows = rows[: target.sizes.ids]
        permit = target.pace.ask_to_look(organisation, DUTY)
        if permit.wait:
            self._put_off(rows, min(permit.wait, _LONGEST_WAIT_SECONDS), tried=False)
            return False
        with self.tools.store.read() as work:
            began = work.now
        self._note_look(lane, began)
        try:
            copies = target.fetch(organisation, [row.target_id for row in rows])
        except Trouble as trouble:
            _log.warning("webhooks_in.call_failed", lane=lane.key, effect=trouble.effect)
            self._put_off(rows, max(_AGAIN_SECONDS, min(trouble.wait or 0, _LONGEST_WAIT_SECONDS)), tried=True)
            return True
        finally:
            target.pace.done(permit)
        try:
            self._take_copies(organisation, rows, copies, began)
        except Exception:  # what nobody foresaw in one company's books holds back no other company
            _log.exception("webhooks_in.look_failed", lane=lane.key)
            self._put_off(rows, _AGAIN_SECONDS, tried=True)
        return True

    def _take_copies(
        self, organisation: Organisation, rows: Sequence[Any], copies: Mapping[str, Posted], began: datetime
    ) -> None:
        """Compare what Xero shows; what it does not show yet, or as it was before, is looked at once more soon."""
        seen = [one for one in copies.values() if not one.unreadable]
        reading = CloseReading({one.target_id: one for one in seen}, calls=1, complete=True)
        lane = organisation.lane
        with self.tools.store.write() as work:
            reconciler.compare(work, self.tools, organisation, seen, began, reading)
            ours = changed_invoices.ours(work, lane, [row.target_id for row in rows])
            moving = {id_ for id_, export in ours.items() if export.state != "exported"}
            late = [row for row in rows if row.target_id in moving or _is_late(row.at, copies.get(row.target_id))]
            changed_invoices.note_looks(work, [row for row in rows if row not in late])
            tries = max((row.tries for row in late), default=0)
            again = work.after(min(_LATE_SECONDS * 2**tries, _AGAIN_SECONDS))
            changed_invoices.put_off(work, late, again, tried=True)
        if work.told:
            self.tools.bells.wake_relay()

    def _put_off(self, rows: Sequence[Any], seconds: float, *, tried: bool) -> None:
        with self.tools.store.write() as work:
            changed_invoices.put_off(work, rows, work.after(seconds), tried=tried)


def _worth_a_look(work: Work, lane: Lane, organisation: Organisation | None) -> tuple[Document, Sequence[Any]]:
    """Of what is due in a lane that which only Xero can answer, of the kind that waits longest: they share a call.

    What is not ours, or known already, is forgotten.
    """
    rows = changed_invoices.due(work, lane, _AT_ONCE)
    ours = changed_invoices.ours(work, lane, [row.target_id for row in rows])
    seen = payments.of_exports(work, ours.values())
    candidates = [row for row in rows if row.target_id in ours]
    open_ones = [row for row in candidates if organisation and row.tries < _MOST_TRIES]
    worth = [row for row in open_ones if not _is_known(row.at, ours[row.target_id], seen)]
    changed_invoices.forget(work, [row for row in rows if row.target_id not in ours])
    changed_invoices.note_looks(work, [row for row in candidates if row not in worth])
    if worth and is_held(work, lane):
        changed_invoices.put_off(work, worth, work.after(_AGAIN_SECONDS), tried=False)
        return "invoice", []
    kinds: list[Document] = [ours[row.target_id].document for row in worth]
    return kinds[0] if kinds else "invoice", [row for row, kind in zip(worth, kinds, strict=True) if kind == kinds[0]]


def _is_late(at: datetime, copy: Posted | None) -> bool:
    """Whether Xero does not show yet what its webhook told."""
    return copy is None or (copy.updated is not None and copy.updated < at - _SLACK)


def _is_known(at: datetime, export: Any, seen: Mapping[int, SeenPayment]) -> bool:
    """Whether we have seen the invoice as it was then, or later: our own export is told by a webhook too."""
    if export.state != "exported":
        return False
    kept = json.loads(export.xero_totals or "{}").get("updated")
    payment = seen.get(export.id)
    same = payment is not None and payment.xero_invoice_id == export.xero_invoice_id
    until = [datetime.fromisoformat(kept)] if kept else []
    until += [payment.payment.updated_at] if payment and same and payment.payment.updated_at else []
    return any(at <= one for one in until)
