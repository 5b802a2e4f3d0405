"""Erasing a client, step by step: each gives how far it is, and changes nothing the second time.

What “exactly once” needs stays: ids, numbers, hashes, revisions, states, amounts, and Xero's ids. What came after the
order is new, and is left. What is on its way is waited for.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, case, cast, delete, literal, null, or_, tuple_, update
from sqlalchemy import select as pick
from sqlmodel import col, func, select

from events import failures
from events.erased import ERASED, without_texts
from events.export import InvoiceExportCompleted
from store import bulk_orders, exports, invoice_search, statements
from store.erasures import StepProgress
from store.tables import (
    Alert,
    AskedChange,
    Attachment,
    AttachmentContent,
    Attempt,
    Batch,
    ContactLink,
    DeadLetter,
    DeliveryTry,
    Draft,
    Drift,
    ErasedInvoice,
    Export,
    Generation,
    InvoiceStatus,
    Item,
    LogEntry,
    NewContact,
    OutboxEvent,
    Preview,
    Request,
)
from store.unit_of_work import Work

LIVE = ("pending", "exporting", "uncertain")
_CLOSED = ("settled", "given_back")
_DRAFT_OVER = ("deleted", "refused", "unsent")
_INVOICES, _WALKED, _LETTERS = 50, 2000, 200
# Of events about the company, not about one invoice of it, those in which clients are named.
_NAMING = ("xero.export.attention_needed", "company.day_summarised", "invoice.export.previewed")
# A frozen body without what it says of the invoices with these names; None where nothing is left of it.
Cut = Callable[[str, bytes, Collection[str]], bytes | None]


def find_invoices(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """Walk the company's exports for those of the client.

    They have no index by client: each would be written into it four times on its way.
    """
    tenant, invoice = json.loads(order.place or '["", ""]')
    ordered = (col(Export.tenant), col(Export.invoice))
    asked = pick(*ordered, col(Export.client)).where(col(Export.company) == order.company)
    if order.place:
        asked = asked.where(tuple_(*ordered) > (tenant, invoice))
    found = statements.rows(work, asked.order_by(*ordered).limit(_WALKED))
    _note(work, order, {row.invoice for row in found if row.client == order.client}, whole=True)
    if len(found) < _WALKED:
        return StepProgress(over=True)
    return StepProgress(json.dumps([found[-1].tenant, found[-1].invoice]))


def find_in_log(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """Invoices that were the client's when something was said of them."""
    mine = (col(LogEntry.client) == order.client, col(LogEntry.company) == order.company)
    asked = pick(col(LogEntry.id), col(LogEntry.invoice)).where(*mine, col(LogEntry.id) > int(order.place or 0))
    found = statements.rows(work, asked.order_by(col(LogEntry.id)).limit(_WALKED))
    _note(work, order, {row.invoice for row in found}, whole=False)
    return StepProgress(str(found[-1].id)) if len(found) == _WALKED else StepProgress(over=True)


def erase_invoices(work: Work, order: Any, cut: Cut) -> StepProgress:
    """Fifty invoices at a time: their exports, calls, files, statuses and lines of the log."""
    asked = select(ErasedInvoice).where(ErasedInvoice.erasure_id == order.id, ~col(ErasedInvoice.erased))
    some = asked.where(col(ErasedInvoice.invoice) > order.place).order_by(col(ErasedInvoice.invoice))
    found = statements.rows(work, some.limit(_INVOICES))
    if not found:
        left = statements.rows(work, asked.limit(1))
        if left:
            return StepProgress(waits=f"invoice {left[0].invoice} is on its way to Xero, or a file of it is")
        return StepProgress(over=True)
    waiting, went = _of_invoices(work, order, found, cut)
    done = [row.invoice for row in found if row.invoice not in waiting]
    mine = update(ErasedInvoice).where(
        col(ErasedInvoice.erasure_id) == order.id, col(ErasedInvoice.invoice).in_(done)
    )
    statements.run(work, mine.values(erased=True))
    return StepProgress(found[-1].invoice, went=went)


def erase_contact(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """The client itself: its contact, what was asked for about it, what was told of it."""
    company, client = order.company, order.client
    if waits := contact_waits(work, company, client, order.at):
        return StepProgress(waits=waits)
    causes = failures.gone_with_contact(client)
    changes = (AskedChange.company == company, AskedChange.subject == client, AskedChange.kind != "settings")
    went = Counter(
        contacts=_run(work, delete(ContactLink).where(_is(ContactLink, company, client))),
        changes=_run(work, delete(AskedChange).where(*changes, AskedChange.state != "waiting")),  # type: ignore[arg-type]
        alerts=_run(work, delete(Alert).where(col(Alert.company) == company, col(Alert.cause).in_(causes))),
    )
    over = col(Draft.state).in_(_DRAFT_OVER)
    _run(work, update(Draft).where(col(Draft.company) == company, over).values(body=b"", message=""))
    return StepProgress(over=True, went=went)


def erase_letters(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """Unreadable messages in which the client may stand: those that are dealt with go, an open one is waited for."""
    after = int(order.place or 0)
    mine = select(DeadLetter).where(col(DeadLetter.id) > after, col(DeadLetter.received_at) <= order.at)
    found = statements.rows(work, mine.order_by(col(DeadLetter.id)).limit(_LETTERS))
    named = [row for row in found if is_named(row, order.company, order.client)]
    if waiting := [row.id for row in named if row.state == "open"]:
        return StepProgress(order.place, waits=letter_waits(waiting[0]))
    gone = _run(work, delete(DeadLetter).where(col(DeadLetter.id).in_([row.id for row in named])))
    over = len(found) < _LETTERS
    return StepProgress("" if over else str(found[-1].id), over=over, went=Counter(letters=gone))


def erase_events(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """Events of the feed: their ids, numbers and states stay in their places, their texts go."""
    mine = (col(OutboxEvent.company) == order.company, col(OutboxEvent.created_at) <= order.at)
    if statements.rows(work, pick(col(OutboxEvent.id)).where(*mine, col(OutboxEvent.position).is_(None)).limit(1)):
        return StepProgress(order.place, waits="an event has not left yet", wait_seconds=5)
    at = col(OutboxEvent.position)
    asked = pick(at, col(OutboxEvent.id), col(OutboxEvent.type), col(OutboxEvent.subject)).where(
        *mine, at > int(order.place or 0)
    )
    found = statements.rows(work, asked.order_by(at).limit(_WALKED))
    clients = _invoices_listed(work, order, {row.subject for row in found}) | {order.client}
    sends = _sends_of(work, order, {row.subject for row in found if row.type == InvoiceExportCompleted.TYPE})
    named = [row for row in found if row.subject in (sends if row.type == InvoiceExportCompleted.TYPE else clients)]
    ids = [row.id for row in (*named, *(row for row in found if row.type in _NAMING))]
    went = Counter(events=_erase_events(work, ids))
    return (
        StepProgress(str(found[-1].position), went=went)
        if len(found) == _WALKED
        else StepProgress(over=True, went=went)
    )


def forget_list(work: Work, order: Any, _cut: Cut) -> StepProgress:
    """The list of the invoices is of no more use."""
    some = pick(col(ErasedInvoice.invoice)).where(col(ErasedInvoice.erasure_id) == order.id).limit(_WALKED)
    mine = (col(ErasedInvoice.erasure_id) == order.id, col(ErasedInvoice.invoice).in_(some))
    return StepProgress(over=_run(work, delete(ErasedInvoice).where(*mine)) < _WALKED)


STEPS: Mapping[str, Callable[[Work, Any, Cut], StepProgress]] = {
    "finding invoices": find_invoices,
    "finding lines of the log": find_in_log,
    "invoices": erase_invoices,
    "contact": erase_contact,
    "unreadable messages": erase_letters,
    "events": erase_events,
    "end": forget_list,
}


def standing(work: Work, company: str, client: str) -> dict[str, int]:
    """What there is of the client: invoices, how many of them are on their way, lines of the log, its contact."""
    mine = (col(Export.company) == company, col(Export.client) == client)
    live = func.sum(case((col(Export.state).in_(LIVE), 1), else_=0))
    count, open_ones = work.connection.execute(pick(func.count(), live).where(*mine)).one()
    lines = pick(func.count()).where(col(LogEntry.client) == client, col(LogEntry.company) == company)
    linked = pick(func.count()).where(_is(ContactLink, company, client))
    return {
        "invoices": int(count),
        "open": int(open_ones or 0),
        "log_lines": int(work.connection.execute(lines).scalar_one()),
        "contacts": int(work.connection.execute(linked).scalar_one()),
    }


def open_letters(work: Work, company: str, client: str) -> list[int]:
    """Numbers of open unreadable messages in which the company, and the client where one is named, may stand."""
    found: list[int] = []
    asked = select(DeadLetter).where(DeadLetter.state == "open").order_by(col(DeadLetter.id)).limit(_LETTERS)
    after = 0
    while rows := statements.rows(work, asked.where(col(DeadLetter.id) > after)):
        found += [row.id for row in rows if is_named(row, company, client)]
        after = rows[-1].id
    return found


def contact_waits(work: Work, company: str, client: str, before: datetime) -> str:
    """What is under way about the client at Xero since before then, in a sentence; empty: nothing."""
    changes = pick(col(AskedChange.id)).where(
        col(AskedChange.company) == company,
        col(AskedChange.subject) == client,
        col(AskedChange.state) == "waiting",
        col(AskedChange.received_at) <= before,
    )
    new = pick(col(NewContact.client)).where(_is(NewContact, company, client))
    previews = pick(col(Preview.id)).where(
        col(Preview.company) == company, col(Preview.state) == "waiting", col(Preview.created_at) <= before
    )
    if statements.rows(work, changes.limit(1)) or statements.rows(work, new):
        return "a change of its Xero contact is being checked with Xero"
    return "a preview is being made" if statements.rows(work, previews.limit(1)) else ""


def letter_waits(number: int) -> str:
    """Why an open letter is waited for."""
    return f"the unreadable message {number} may be about it: mend and replay it, or discard it"


def is_named(letter: Any, company: str, client: str = "") -> bool:
    """Whether these ids stand in the letter as values of JSON: it could not be read, so more cannot be said."""
    texts = [one.decode(errors="replace") for one in (letter.body, letter.mended) if one]
    wanted = [_value(one) for one in (company, client) if one]
    return any(all(one.search(text) for one in wanted) for text in texts)


def _value(id_: str) -> re.Pattern[str]:
    quoted = f'"{re.escape(id_)}"'
    return re.compile(rf"{quoted}|[:\[,]\s*{id_}\s*[,}}\]]" if id_.isdecimal() else quoted)


def _of_invoices(work: Work, order: Any, found: Sequence[Any], cut: Cut) -> tuple[set[str], Counter[str]]:
    """Which of these invoices have to be waited for, and what went of the others."""
    named = [row.invoice for row in found]
    rows = exports.lock_again(work, bulk_orders.rows_of(work, order.company, named))
    whole = {row.invoice for row in found if row.whole}
    mine = [row for row in rows.values() if row.invoice in whole and row.client == order.client]
    old = [row for row in mine if row.touched_at <= order.at]
    waiting = {row.invoice for row in old if row.state in LIVE}
    waiting |= _on_their_way(work, order.company, {row.id: row.invoice for row in rows.values()})
    still = [row for row in old if row.invoice not in waiting]
    went = Counter(invoices=len(still))
    exports.change(work, [_bare(row) for row in still])
    ids = {row.id: row for row in rows.values() if row.invoice not in waiting}
    went["calls"] = _erase_calls(work, order, ids, cut)
    _erase_shown(work, order.company, still)
    went["files"] = _erase_files(work, order.company, [row.invoice for row in still])
    went["log_lines"] = _erase_log(work, order, [one for one in named if one not in waiting], whole)
    return waiting, went


def _on_their_way(work: Work, company: str, invoices: Mapping[Any, str]) -> set[str]:
    """Invoices of a call that is not over, or with a file that is being sent."""
    calls = pick(col(Attempt.export_id)).join(Batch, col(Batch.id) == col(Attempt.batch_id))
    calls = calls.where(col(Attempt.export_id).in_(list(invoices)), col(Batch.state).not_in(_CLOSED))
    files = pick(col(Attachment.invoice)).where(
        col(Attachment.company) == company, col(Attachment.invoice).in_(list(invoices.values()))
    )
    found = {invoices[row.export_id] for row in statements.rows(work, calls)}
    return found | {row.invoice for row in statements.rows(work, files.where(col(Attachment.state) == "sending"))}


def _bare(row: Any) -> dict[str, Any]:
    totals, found = json.loads(row.xero_totals or "null"), json.loads(row.found or "null")
    texts: dict[str, list[str]] = {name: [] for name in ("differences", "differing", "warnings", "cleaned")}
    return {
        "id": row.id,
        "wanted": "",
        "in_flight": None,
        "copy_kept": None,
        "xero_totals": json.dumps({**totals, **texts}) if totals else row.xero_totals,
        "found": json.dumps({**found, "differences": []}) if found else row.found,
    }


def _erase_calls(work: Work, order: Any, rows: Mapping[Any, Any], cut: Cut) -> int:
    """What was sent of these exports, and what Xero said to it; others of the same calls keep theirs."""
    mine = (col(Attempt.export_id).in_(list(rows)), col(Attempt.at) <= order.at)
    _run(work, update(Attempt).where(*mine, col(Attempt.said).is_not(None)).values(said=None))
    former = pick(col(Generation.export_id), col(Generation.xero_invoice_id))
    names: dict[Any, set[str]] = {id_: {row.xero_invoice_id or ""} for id_, row in rows.items()}
    for one in statements.rows(work, former.where(col(Generation.export_id).in_(list(rows)))):
        names[one.export_id].add(one.xero_invoice_id)
    sent: dict[str, set[str]] = {}
    for one in statements.rows(work, pick(Attempt.__table__).where(*mine)):  # type: ignore[attr-defined]
        sent.setdefault(one.batch_id, set()).update({one.number}, names[one.export_id])
    kept = pick(col(Batch.id), col(Batch.document), col(Batch.body)).where(
        col(Batch.id).in_(sorted(sent)), col(Batch.body).is_not(None), col(Batch.state).in_(_CLOSED)
    )
    bodies = [(row.id, row.body, cut(row.document, row.body, sent[row.id])) for row in statements.rows(work, kept)]
    changed = [(id_, after) for id_, before, after in bodies if after != before]
    for id_, after in changed:
        fenced = update(Batch).where(col(Batch.id) == id_, col(Batch.state).in_(_CLOSED))
        _run(work, fenced.values(body=after))
    return len(changed)


def _erase_shown(work: Work, company: str, rows: Sequence[Any]) -> None:
    """Beside the invoices and in the search: the number and the state stay."""
    named = [row.invoice for row in rows]
    shown = update(InvoiceStatus).where(col(InvoiceStatus.company) == company, col(InvoiceStatus.invoice).in_(named))
    told = {"message": ERASED, "how": None, "about": None, "link": None}
    _run(work, shown.where(col(InvoiceStatus.message).is_not(None)).values(**told))
    ids = [row.id for row in rows]
    _run(work, update(Drift).where(col(Drift.export_id).in_(ids)).values(differences="[]"))
    invoice_search.forget_texts(work, company, [(row.invoice, row.number) for row in rows])


def _erase_files(work: Work, company: str, invoices: Sequence[str]) -> int:
    """Files that are attached keep a row without a name; others are given up."""
    mine = (col(Attachment.company) == company, col(Attachment.invoice).in_(invoices))
    ids = [row.id for row in statements.rows(work, pick(col(Attachment.id)).where(*mine))]
    _run(work, delete(AttachmentContent).where(col(AttachmentContent.attachment_id).in_(ids)))
    gone = _run(work, delete(Attachment).where(*mine, col(Attachment.state) != "attached"))
    nameless = {
        "name": literal("erased-") + cast(col(Attachment.id), String),
        "called": "",
        "url": null(),
        "said": null(),
        "newer": null(),
    }
    named = ~col(Attachment.name).startswith("erased-")
    return gone + _run(work, update(Attachment).where(*mine, named).values(**nameless))


def _erase_log(work: Work, order: Any, invoices: Sequence[str], whole: Collection[str]) -> int:
    """Lines about the client; what could not be read names none, and is the client's where the invoice is."""
    texts = ("xero_words", "unmatched", "differences", "changes", "proof")
    mine = (col(LogEntry.company) == order.company, col(LogEntry.invoice).in_(invoices))
    nameless = col(LogEntry.client).is_(None) & col(LogEntry.invoice).in_(whole)
    old = ((col(LogEntry.client) == order.client) | nameless, col(LogEntry.at) <= order.at)
    message = case((col(LogEntry.message).is_not(None), ERASED), else_=null())
    full = or_(col(LogEntry.message) != ERASED, *(getattr(LogEntry, name).is_not(None) for name in texts))
    return _run(
        work, update(LogEntry).where(*mine, *old, full).values(message=message, **dict.fromkeys(texts, null()))
    )


def _erase_events(work: Work, ids: Sequence[str]) -> int:
    bodies = pick(col(OutboxEvent.id), col(OutboxEvent.body)).where(col(OutboxEvent.id).in_(ids))
    changed = []
    for row in statements.rows(work, bodies):
        written = json.loads(row.body)
        bare = {**written, "data": without_texts(written["data"])}
        if bare != written:
            changed.append({"id": row.id, "body": json.dumps(bare, ensure_ascii=False, separators=(",", ":"))})
    statements.change(work, OutboxEvent, "id", changed)
    _run(work, update(DeliveryTry).where(col(DeliveryTry.event_id).in_(ids)).values(answer=""))
    return len(changed)


def _note(work: Work, order: Any, invoices: Collection[str], *, whole: bool) -> None:
    rows = [{"erasure_id": order.id, "invoice": one, "whole": whole, "erased": False} for one in sorted(invoices)]
    statements.insert_new(work, ErasedInvoice, rows, returning="invoice")


def _invoices_listed(work: Work, order: Any, invoices: Collection[str]) -> set[str]:
    asked = pick(col(ErasedInvoice.invoice)).where(col(ErasedInvoice.erasure_id) == order.id)
    return {row.invoice for row in statements.rows(work, asked.where(col(ErasedInvoice.invoice).in_(invoices)))}


def _sends_of(work: Work, order: Any, requests: Collection[str]) -> set[str]:
    """Which of these sends had one invoice, one of the client's: their end says its whole sentence."""
    alone = pick(col(Request.id)).where(
        col(Request.company) == order.company, col(Request.id).in_(requests), col(Request.total) == 1
    )
    mine = (col(Item.company) == order.company) & (col(Item.request) == col(Request.id))
    listed = (col(ErasedInvoice.erasure_id) == order.id) & (col(ErasedInvoice.invoice) == col(Item.invoice))
    asked = alone.join(Item, mine).join(ErasedInvoice, listed)
    return {row.id for row in statements.rows(work, asked)}


def _is(table: Any, company: str, client: str) -> Any:
    return (col(table.company) == company) & (col(table.client) == client)


def _run(work: Work, statement: Any) -> int:
    return statements.run(work, statement).rowcount
