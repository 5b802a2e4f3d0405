"""Send one batch: claim, map, freeze, send, record; every step committed before the next begins."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from events.accounting_target import Element, Organisation, Posting, Rejected, Trouble, Unmappable
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import batches, companies, exports
from store.batches import Hold
from store.tables import Export
from store.unit_of_work import Work
from worker import batching, logs, recording, resolve, troubles
from worker.tools import Tools

SEND_WITHIN_SECONDS = 5.0
_log = logs.log("exporter")


@dataclass
class Frozen:
    """A batch that is written down and may be sent until `send_before` (on `tools.elapsed`)."""

    hold: Hold
    key: str
    body: bytes
    size: int
    send_before: float


@dataclass
class Mapped:
    """Invoices put into Xero's words, and those that cannot be."""

    fit: list[tuple[Export, Element]] = field(default_factory=list)
    unfit: list[tuple[Export, Failure]] = field(default_factory=list)


def send_next(tools: Tools, organisation: Organisation) -> bool:
    """Send the lane's next batch; False when there was nothing to send after all."""
    hold = _claim(tools, organisation)
    if hold is None:
        return False
    frozen = _freeze(tools, organisation, hold)
    if frozen is None:
        return False
    if tools.elapsed() > frozen.send_before:
        troubles.give_back(tools, organisation, hold, Trouble("not_sent", "woke up too late to send", wait=0))
        return False
    _send(tools, organisation, frozen)
    return True


def _claim(tools: Tools, organisation: Organisation) -> Hold | None:
    """Take the next due invoices, for as long as the lease; a crash with them is counted from here on."""
    with tools.store.write() as work:
        due = exports.pending(work, organisation.lane, batching.MOST_INVOICES + 1)
        poisonous = [export for export in due if batching.quarantined(export)]
        if poisonous:
            recording.fail(work, [(export, Failure(Reason.QUARANTINED)) for export in poisonous])
        chosen = batching.choose([export for export in due if not batching.quarantined(export)])
        if not chosen:
            return None
        return batches.claim(work, organisation.lane, chosen, tools.settings.lease)


def _freeze(tools: Tools, organisation: Organisation, hold: Hold) -> Frozen | None:
    """Map each invoice (one that cannot be mapped fails alone), then commit body, key and attempts."""
    with tools.store.write() as work:
        if not batches.move(work, hold, "claimed", state="claimed"):
            return None
        claimed = exports.of_batch(work, hold.batch_id)
        mapped = _map(work, tools, organisation, claimed)
        recording.fail(work, mapped.unfit)
        if not mapped.fit:
            batches.move(work, hold, "claimed", state="settled", closed_at=work.now)
            return None
        body = tools.target.freeze([element for _, element in mapped.fit])
        key = f"{organisation.lane.tenant}-{uuid.uuid4().hex}"
        settings = tools.settings
        batches.note_attempts(work, hold, [export for export, _ in mapped.fit])
        batches.move(
            work,
            hold,
            "claimed",
            state="sent",
            body=body,
            key=key,
            size=len(mapped.fit),
            sent_at=work.now,
            settle_at=work.after(settings.settle),
            lease_until=work.after(settings.lease),
        )
        begun = tools.elapsed()
    return Frozen(hold, key, body, len(mapped.fit), begun + SEND_WITHIN_SECONDS)


def _map(work: Work, tools: Tools, organisation: Organisation, claimed: Sequence[Export]) -> Mapped:
    settings = companies.settings_of(work, organisation.lane.company)
    kept = resolve.linked(work, organisation.lane, [export.client for export in claimed])
    mapped = Mapped()
    for export in claimed:
        try:
            invoice = wanted(export)
            contact = resolve.contact_of(tools.target, kept, invoice)
            posting = Posting(organisation.lane, invoice, contact, settings)
            mapped.fit.append((export, tools.target.element(posting)))
        except Unmappable as unfit:
            mapped.unfit.append((export, unfit.failure))
        except Exception as broken:  # a bug with one invoice must not stop its neighbours
            _log.exception("exporter.could_not_map", invoice=export.invoice, company=export.company)
            problem = f"it could not be prepared ({type(broken).__name__})"
            mapped.unfit.append((export, Failure(Reason.INVOICE_UNREADABLE, {"problem": problem})))
    return mapped


def wanted(export: Export) -> Invoice:
    """The newest content, under the number that belongs to the row."""
    invoice = Invoice.model_validate_json(export.wanted)
    return invoice.model_copy(update={"number": export.number})


def _send(tools: Tools, organisation: Organisation, frozen: Frozen) -> None:
    begun = time.monotonic()
    try:
        answers = tools.target.create(organisation, frozen.body, frozen.key)
    except Trouble as trouble:
        troubles.after(tools, organisation, frozen.hold, trouble)
        return
    except Exception as broken:
        _log.exception("exporter.call_broke", batch=frozen.hold.batch_id)
        lost = Trouble("unknown", f"the call broke: {type(broken).__name__}")
        troubles.after(tools, organisation, frozen.hold, lost)
        return
    requests = recording.record(tools, organisation, frozen.hold, answers)
    refused = sum(isinstance(answer, Rejected) for answer in answers.by_number.values())
    _log.info(
        "exporter.sent",
        company=organisation.lane.company,
        tenant=organisation.lane.tenant,
        batch=frozen.hold.batch_id,
        requests=requests,
        size=frozen.size,
        posted=len(answers.by_number) - refused,
        rejected=refused,
        status=answers.status,
        correlation_id=answers.correlation_id,
        seconds=round(time.monotonic() - begun, 3),
    )
