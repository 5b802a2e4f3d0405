"""Freezing a batch: each invoice mapped, then body, key and attempts committed before anything is sent."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from events.accounting_target import AccountingTarget, Element, Organisation, Posting, Unmappable
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import batches, companies, exports, lanes, packing
from store.batches import Carried, Hold
from store.tables import Export
from store.unit_of_work import Work
from worker import logs
from worker.decisions import turns
from worker.export import answering, deferral, export_results, recording
from worker.export.answering import into_xero
from worker.export.export_results import ExportRefusal, Looked, NotShownYet, Sent
from worker.tools import Tools

SEND_WITHIN_SECONDS = 5.0
Map = Callable[[Export, Posting], Element | Looked]
_log = logs.log("exporter")


@dataclass(frozen=True)
class FrozenBatch:
    """A batch that is written down and may be sent until `send_before` (on `tools.elapsed`)."""

    hold: Hold
    key: str
    send_before: float
    sent: Sent


@dataclass
class Mapped:
    """Invoices put into Xero's words, those that cannot be, and those that Xero has so; their contents by hash.

    `unseen` went in, or changed, so recently that Xero does not show it yet.
    """

    fit: list[tuple[Export, Element]] = field(default_factory=list)
    unfit: list[ExportRefusal] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    unseen: list[Export] = field(default_factory=list)
    contents: dict[str, Invoice] = field(default_factory=dict)
    contacts: dict[int | None, str] = field(default_factory=dict)


def freeze(
    tools: Tools, organisation: Organisation, holds: Sequence[Hold], kind: str, map_one: Map
) -> list[FrozenBatch]:
    """Map each invoice (one that cannot be mapped fails alone) and commit; gives the batches that can be sent."""
    with tools.store.write() as work:
        ours = [hold for hold in holds if batches.move(work, hold, "claimed", state="claimed")]
        if not ours:
            return []
        claimed = exports.of_batches(work, *(hold.batch_id for hold in ours))
        target = tools.target(organisation, ours[0].document)  # what is claimed together is of one kind
        mapped = _map(work, target, organisation, claimed, map_one)
        _answer_known(work, tools, organisation, mapped)
        bodies = [(hold, _body(work, tools, target, organisation, hold, mapped)) for hold in ours]
        attempts = batches.note_attempts(work, [(export, mapped.contacts[export.id]) for export, _ in mapped.fit])
        send_before = tools.elapsed() + SEND_WITHIN_SECONDS
    return [
        FrozenBatch(hold, frozen[0], send_before, _sent(kind, hold, mapped, attempts, frozen[1]))
        for hold, frozen in bodies
        if frozen
    ]


def answer_known(tools: Tools, organisation: Organisation, hold: Hold, map_one: Map) -> bool:
    """Answer what needs no further call: refused, or in Xero as wanted; gives whether anything is to be sent."""
    with tools.store.write() as work:
        if not batches.move(work, hold, "claimed", state="claimed"):
            return False
        target, claimed = tools.target(organisation, hold.document), exports.of_batches(work, hold.batch_id)
        mapped = _map(work, target, organisation, claimed, map_one)
        lanes.note_answer(work, organisation.lane)
        _answer_known(work, tools, organisation, mapped)
        if not mapped.fit:
            batches.move(work, hold, "claimed", state="settled", closed_at=work.now)
    if mapped.unfit or mapped.looked:
        answered = [one.export for one in mapped.unfit] + [one.export for one in mapped.looked]
        tools.bells.wake_relay(soon=all(export.priority for export in answered))
    return bool(mapped.fit)


def _answer_known(work: Work, tools: Tools, organisation: Organisation, mapped: Mapped) -> None:
    exports.uncount(
        work, [*(one.export for one in mapped.unfit), *(one.export for one in mapped.looked), *mapped.unseen]
    )
    recording.rest(work, tools, organisation, mapped.looked)
    recording.fail(work, mapped.unfit)
    deferral.to_pending(
        work, mapped.unseen, lambda export: {"due_at": work.after(_shown_wait(work, export)), "crashes": 0}
    )


def _shown_wait(work: Work, export: Export) -> float:
    return turns.shown_wait((work.now - (export.exported_at or work.now)).total_seconds())


def _body(
    work: Work, tools: Tools, target: AccountingTarget, organisation: Organisation, hold: Hold, mapped: Mapped
) -> tuple[str, bytes] | None:
    """The batch's key and body, written down; None when none of its invoices can be sent."""
    elements = [element for export, element in mapped.fit if export.batch_id == hold.batch_id]
    if not elements:
        batches.move(work, hold, "claimed", state="settled", closed_at=work.now)
        return None
    body = target.freeze(elements)
    key = f"{organisation.lane.tenant}-{uuid.uuid4().hex}"
    batches.move(
        work,
        hold,
        "claimed",
        state="sent",
        body=packing.packed_bytes(body) if work.packs else body,
        key=key,
        size=len(elements),
        sent_at=work.now,
        settle_at=work.after(tools.settings.settle_seconds),
        lease_until=work.after(tools.settings.lease_seconds),
    )
    return key, body


def _sent(kind: str, hold: Hold, mapped: Mapped, attempts: Mapping[int, Carried], body: bytes) -> Sent:
    mine = [export for export, _ in mapped.fit if export.batch_id == hold.batch_id]
    carried = {one.id: attempts[one.id] for one in mine if one.id is not None}
    return Sent(kind, carried, mapped.contents, body, mixed=len({bool(one.priority) for one in mine}) > 1)


def _map(
    work: Work, target: AccountingTarget, organisation: Organisation, claimed: Sequence[Export], map_one: Map
) -> Mapped:
    lane = organisation.lane
    settings = companies.settings_of(
        work, lane.company
    )  # as they are now: what is claimed may have come after a change
    mapped = Mapped()
    for export in claimed:
        try:
            content = mapped.contents[export.wanted_hash] = export_results.newest_content(export)
            number = export.number  # the one that belongs to the row
            invoice = content if content.number == number else content.model_copy(update={"number": number})
            contact = answering.contact_of(target, export.linked)
            mapped.contacts[export.id] = contact
            said = map_one(export, Posting(lane, invoice, contact, settings, export.generation))
            if isinstance(said, Looked):
                mapped.looked.append(said)
            else:
                mapped.fit.append((export, said))
        except NotShownYet:
            mapped.unseen.append(export)
        except Unmappable as unfit:
            failure = into_xero(work, target, organisation, export, unfit.failure)
            mapped.unfit.append(ExportRefusal(export, failure))
        except Exception:  # a bug with one invoice must not stop its neighbours
            _log.exception("exporter.could_not_map", invoice=export.invoice, company=export.company)
            problem = {"problem": "the exporter failed on it"}
            mapped.unfit.append(ExportRefusal(export, Failure(Reason.INVOICE_UNREADABLE, problem)))
    return mapped
