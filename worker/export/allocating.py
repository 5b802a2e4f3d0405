"""Allocate credit notes to the invoices they name: each a step of its own behind the export of its credit note.

Xero is looked at first, always. So what a lost answer or a dead worker left there is found, and nothing is allocated
twice: what is sent next uses up all that is left of the credit note or all that is due of the invoice, so that
Xero refuses the same once more (facts §8.1). A failed allocation never makes its credit note fail.
"""

import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

import redis

from events.accounting_target import AccountingTarget, Lane, Organisation, Posted, Trouble
from events.payments import CreditNoteAllocated, CreditNoteUnallocated
from store import allocations, connections, outbox, pauses
from store.outbox import Outgoing
from store.tables import Allocation, Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions.estimating import ALLOCATED_TOGETHER
from worker.export.freezing import SEND_WITHIN_SECONDS
from worker.tools import Tools

_SOON_SECONDS, _LATER_SECONDS, _LONGEST_SECONDS = 15.0, 300.0, 3600.0
_MOST_TRIES = 8  # of what Xero refuses, or does not show
_LEFT = "The company exports to another Xero organisation now. In the one before, allocate it by hand."
_LEFT_SENT = (
    "The company exports to another Xero organisation now. Look in the one before whether it is allocated there, and "
    "allocate it by hand where it is not."
)
_ENDED, _UNAPPROVED = ("VOIDED", "DELETED"), ("DRAFT", "SUBMITTED")
_log = logs.log("exporter")
T = TypeVar("T")


@dataclass(frozen=True)
class AllocationStanding:
    """How an allocation stands in Xero: `given` already, the `amount` to be allocated, or `why` there is none.

    `final`: waiting does not help; `unseen`: Xero does not show one of the two, perhaps not yet.
    """

    given: Decimal | None = None
    amount: Decimal | None = None
    why: str = ""
    final: bool = False
    unseen: bool = False


@dataclass(frozen=True)
class CreditAndInvoice:
    """What an allocation is between; `invoice` is None while the invoice is not in Xero."""

    organisation: Organisation
    note: Export
    invoice: Export | None


def standing(
    target: AccountingTarget, note: Posted | None, invoice: Posted | None, number: str
) -> AllocationStanding:
    """How the allocation of this credit note to this invoice, called `number`, stands; pure."""
    if note is None or invoice is None:
        unseen = f"invoice {number}" if note else "the credit note"
        return AllocationStanding(why=f"Xero does not show {unseen}.", unseen=True)
    given = target.credit.given(note).get(invoice.target_id) if target.credit else None
    if given:
        return AllocationStanding(given=given)
    left, due = note.total - note.paid, invoice.total - invoice.paid
    called = f"Invoice {number}"
    reasons = (  # in this order: whether it is so, why nothing is allocated, and whether waiting does not help
        (note.unreadable or invoice.unreadable, "What Xero shows of them cannot be read.", False),
        (note.status in _ENDED, f"The credit note is {note.status.lower()} in Xero.", True),
        (invoice.status in _ENDED, f"{called} is {invoice.status.lower()} in Xero.", True),
        (note.status in _UNAPPROVED, "The credit note is not approved in Xero yet.", False),
        (invoice.status in _UNAPPROVED, f"{called} is not approved in Xero yet.", False),
        (note.contact_id != invoice.contact_id, f"{called} is of another contact in Xero.", True),
        (note.currency != invoice.currency, f"{called} is in another currency, {invoice.currency}.", True),
        (due <= 0, f"{called} is paid in Xero already.", True),
        (left <= 0, "Nothing is left of the credit note in Xero.", True),
    )
    for is_so, why, final in reasons:
        if is_so:
            return AllocationStanding(why=why, final=final)
    return AllocationStanding(amount=min(left, due))


def allocate_in(tools: Tools, lane: Lane) -> None:
    """Go on with a few that are due in the lane, looked at in two calls: exports go on beside them.

    Raises redis.RedisError.
    """
    with tools.store.read() as work:
        due = [Allocation(**one.model_dump()) for one in allocations.due(work, lane, ALLOCATED_TOGETHER)]
    if due:
        _in_lane(tools, lane, due)


def _in_lane(tools: Tools, lane: Lane, mine: Sequence[Allocation]) -> None:
    """Trouble of the look puts all of them off; a bug with one does not stop its neighbours."""
    with tools.store.read() as work:
        organisation = None if pauses.of_company(work, lane.company) else tools.organisation(work, lane)
        known = {one.export_id: _between(work, one, organisation) for one in mine}
        left = _left(work, tools, lane)
    if left:
        _end_left(tools, left, mine)
        return
    try:
        stands = _ask_xero(tools, organisation, mine, known) if organisation else {}
    except Trouble as trouble:
        _log.warning("exporter.allocation_waits", lane=lane.key, effect=trouble.effect)
        for one in mine:
            _put_off(tools, one, max(_SOON_SECONDS, min(trouble.wait or 0, _LONGEST_SECONDS)))
        return
    for one in tools.while_running(mine):
        between = known[one.export_id]
        try:
            if between is None:
                _put_off(tools, one, _LATER_SECONDS)
            else:
                _go_on(tools, one, between, stands[one.export_id])
        except redis.RedisError:
            raise
        except Exception:
            _log.exception("exporter.could_not_allocate", lane=lane.key)
            _put_off(tools, one, _LATER_SECONDS)


def _put_off(tools: Tools, one: Allocation, seconds: float) -> None:
    """What was sent stays sent, as far as anybody knows."""
    with tools.store.write() as work:
        allocations.move(work, one, one.state, due_at=work.after(seconds))


def _go_on(tools: Tools, one: Allocation, known: CreditAndInvoice, stands: AllocationStanding) -> None:
    if stands.amount is None:
        _rest(tools, one, known, stands)
        return
    if one.state == "sending":  # Xero has it not: it goes once more, as one that waits
        with tools.store.write() as work:
            token = allocations.move(work, one, "waiting", due_at=work.now)
        one.state, one.token = "waiting", token
        if not token:
            return
    _send(tools, one, known, stands.amount)


def _left(work: Work, tools: Tools, lane: Lane) -> Organisation | None:
    """The lane's organisation where its company has moved to another since; None where it has not, or not surely.

    Its short code is not known any more.
    """
    at = connections.of_company(work, lane.company)
    if at is None or at.tenant == lane.tenant or at.state != "connected":
        return None  # nobody is logged in, or a person has yet to decide
    there = tools.organisation(work, Lane(lane.company, at.tenant))
    return replace(there, lane=lane, name="", short_code="") if there else None


def _end_left(tools: Tools, left: Organisation, mine: Sequence[Allocation]) -> None:
    """What is open in an organisation that nobody is connected to any more is given up, and told."""
    with tools.store.write() as work:
        for one in mine:
            note = work.session.get(Export, one.export_id)
            if note is None:
                continue
            why = _LEFT_SENT if one.state == "sending" or one.amount else _LEFT
            between = CreditAndInvoice(left, note, None)
            _tell(work, tools, one, between, "unallocated", why, one.amount, due_at=work.now)
    tools.bells.wake_relay()


def _between(work: Work, one: Allocation, organisation: Organisation | None) -> CreditAndInvoice | None:
    note = work.session.get(Export, one.export_id)
    if organisation is None or note is None:
        return None
    invoice = allocations.credited_export(work, one)
    here = invoice if invoice and invoice.xero_invoice_id and invoice.document == "invoice" else None
    return CreditAndInvoice(organisation, note, here)


def _ask_xero(
    tools: Tools, organisation: Organisation, mine: Sequence[Allocation], known: Mapping[int, CreditAndInvoice | None]
) -> Mapping[int, AllocationStanding]:
    """How each stands in Xero, by export id. Raises Trouble."""
    both = [(one.note, one.invoice) for one in known.values() if one and one.invoice]
    target, invoices = tools.target(organisation, "credit_note"), tools.target(organisation)
    found: dict[str, Posted] = {}
    for of, exports in ((target, [note for note, _ in both]), (invoices, [invoice for _, invoice in both])):
        asked = sorted({one.xero_invoice_id or "" for one in exports})
        found |= _called(tools, organisation, functools.partial(of.fetch, organisation, asked)) if asked else {}
    stands = {}
    for one in mine:
        between = known[one.export_id]
        if between and between.invoice:
            shown = [found.get(export.xero_invoice_id or "") for export in (between.note, between.invoice)]
            stands[one.export_id] = standing(target, shown[0], shown[1], between.invoice.number)
        else:
            stands[one.export_id] = AllocationStanding(why=f"Invoice {one.credits} is not in Xero yet.")
    return stands


def _called(tools: Tools, organisation: Organisation, ask: Callable[[], T]) -> T:
    """What one call says, with a permit for it. Raises Trouble, without a permit too."""
    pace = tools.target(organisation).pace
    permit = pace.ask(organisation)
    if permit.wait:
        raise Trouble("limited", f"Xero's {permit.limit} limit", wait=permit.wait, limit=permit.limit)
    try:
        return ask()
    finally:
        pace.done(permit)


def _rest(tools: Tools, one: Allocation, known: CreditAndInvoice, stands: AllocationStanding) -> None:
    """Done, given up, or looked at again, ever more rarely; what is new is told."""
    with tools.store.write() as work:
        tries = one.tries + 1
        # What was sent once may be there, and only not be shown yet: then it is what leaves nothing to be allocated
        ends = tries >= _MOST_TRIES if one.amount or stands.unseen else stands.final
        to = "allocated" if stands.given else "unallocated" if ends else "waiting"
        wait = min(_LONGEST_SECONDS, _SOON_SECONDS * 2 ** min(tries, _MOST_TRIES))
        amount = f"{stands.given:.2f}" if stands.given else one.amount
        _tell(work, tools, one, known, to, stands.why, amount, due_at=work.after(wait), tries=tries)
    tools.bells.wake_relay()


def _send(tools: Tools, one: Allocation, known: CreditAndInvoice, amount: Decimal) -> None:
    """Written down, then sent: whatever happens to the answer, Xero is looked at before anything else is sent."""
    credit = tools.target(known.organisation, known.note.document).credit
    if credit is None or known.invoice is None:
        return
    key = f"{one.tenant}-{uuid.uuid4().hex}"
    with tools.store.write() as work:
        due, tries = work.after(tools.settings.settle_seconds), one.tries + 1
        token = allocations.move(work, one, "sending", amount=f"{amount:.2f}", key=key, due_at=due, tries=tries)
        before, today = tools.elapsed() + SEND_WITHIN_SECONDS, work.now.date()
    if not token:
        return
    one.state, one.token, one.tries = "sending", token, tries
    body = credit.freeze(known.invoice.xero_invoice_id or "", amount, today)
    allocate = functools.partial(
        credit.allocate, known.organisation, known.note.xero_invoice_id or "", body, key,
        lambda: tools.elapsed() <= before,
    )  # fmt: skip
    try:
        refused = _called(tools, known.organisation, allocate)
    except Trouble as trouble:
        if trouble.effect not in ("unknown", "offline"):  # it certainly did not get there
            with tools.store.write() as work:
                wait = max(_SOON_SECONDS, min(trouble.wait or 0, _LONGEST_SECONDS))
                allocations.move(work, one, "waiting", due_at=work.after(wait))
        _log.warning("exporter.allocation_failed", company=one.company, effect=trouble.effect)
        return
    with tools.store.write() as work:
        to = "allocated" if not refused else "waiting" if tries < _MOST_TRIES else "unallocated"
        wait = min(_LONGEST_SECONDS, _SOON_SECONDS * 2**tries)
        why = f"Xero refuses it: {refused}" if refused else ""
        _tell(work, tools, one, known, to, why, f"{amount:.2f}", due_at=work.after(wait))
    tools.bells.wake_relay()


def _tell(
    work: Work,
    tools: Tools,
    one: Allocation,
    known: CreditAndInvoice,
    to: str,
    why: str,
    amount: str | None,
    **changes: object,
) -> None:
    """Move it, and tell what is news: that it is allocated, or another reason why it is not."""
    token = allocations.move(work, one, to, why=why, amount=amount, **changes)
    if not token or (to == "waiting" and why == one.why):
        return
    note, target = known.note, tools.target(known.organisation, known.note.document)
    said = {
        "company": one.company,
        "invoice": one.invoice,
        "number": note.number,
        "xero_credit_note_id": note.xero_invoice_id,
        "credits": one.credits,
        "deep_link": target.deep_link(known.organisation, note.xero_invoice_id or ""),
        "at": work.now,
    }
    event = (
        CreditNoteAllocated(**said, allocated=amount)
        if to == "allocated"
        else CreditNoteUnallocated(**said, message=why, waits=to == "waiting")
    )
    key = f"allocation/{one.company}/{one.export_id}/{token}"
    outbox.publish(work, [Outgoing(event, one.company, one.invoice, key)])
    _log.info("exporter.allocation", company=one.company, invoice=one.invoice, state=to)
