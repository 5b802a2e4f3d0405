"""Preview: what an export of these invoices would do now, line by line and to the cent. Sends nothing.

store → what would be set out → Xero's settings, contacts, numbers and copies, by reads alone → judged one by one.
Whatever would fail by settings we only remember is looked at afresh before it is said.

What a preview says of the whole: sums per currency, what could not be seen, what would hold it back.
Previews that hosts ask for by event: filed like any event, worked out by the clock, answered by one event.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import redis

from events.accounting_target import AccountingTarget, Outlook
from events.changes import Picture
from events.codec import Envelope, Unreadable
from events.connections import ConnectionProblem
from events.export import UnreadableInvoice, XeroTotals
from events.invoice import Invoice
from events.money import total_of
from events.preview import Forecast, InvoiceExportPreviewed, InvoiceExportPreviewRequested, InvoicePreview
from events.reasons import Reason
from events.settings import Books
from events.snapshot import LARGEST
from store import companies, connections, outbox, previews
from store.outbox import Outgoing
from store.tables import Preview
from store.unit_of_work import Work
from worker import logs
from worker.decisions import estimating, merge_rules, preview_checks
from worker.decisions.estimating import CallRoom
from worker.decisions.merge_rules import Receipt
from worker.preview import preview_plan, preview_reads, preview_rows
from worker.preview.preview_plan import KnownCompany, Plan
from worker.preview.preview_reads import PreviewCalls, SeenInXero, Wait
from worker.tools import Tools

_SUMS = ("subtotal", "tax", "total")
_SMALL_PLAN, _APPROVALS = "STARTER", 20  # approved sales invoices a month (facts §6.2 #21)
_MOST_MONTHS = 3


def by_currency(rows: Sequence[InvoicePreview]) -> tuple[XeroTotals, ...]:
    """What would be in Xero after the export, summed per currency; what would fail is not counted.

    A sum larger than an amount may be is left out.
    """
    going = [one.totals for one in rows if one.totals and one.verdict in ("create", "update")]
    mine = {code: [one for one in going if one.currency == code] for code in {one.currency for one in going}}
    sums = {code: [total_of(getattr(one, name) for one in each) for name in _SUMS] for code, each in mine.items()}
    return tuple(
        XeroTotals(currency=code, **dict(zip(_SUMS, found, strict=True)))
        for code, found in sorted(sums.items())
        if all(abs(amount) <= LARGEST for amount in found)
    )


def unseen(look: PreviewCalls | None) -> list[str]:
    """What could not be looked at, and why."""
    if look is None:
        return ["Nothing could be checked in Xero."]
    return [f"Not checked in Xero: {what} ({why})." for what, why in look.missed.items()]


def right_missing(known: KnownCompany, plans: Sequence[Plan], books: Books) -> str | None:
    """The Xero user who logged in may not do what the company's settings ask for (facts §7.3)."""
    approved = known.settings.invoice_status == "AUTHORISED"
    needed = "CreateApprovedInvoice" if approved else "CreateDraftInvoice"
    if books.allowed is None or needed in books.allowed or not any(plan.sent for plan in plans):
        return None
    return ConnectionProblem.NOT_PERMITTED.message(
        {"organisation": known.organisation.name if known.organisation else "the Xero organisation"}
    )


def plan_limit(look: PreviewCalls | None, plans: Sequence[Plan], books: Books) -> Iterator[str]:
    """What the smallest Xero plan would not take, by the month of the invoices' dates."""
    if look is None or books.plan != _SMALL_PLAN:
        return
    sent = [plan for plan in plans if plan.sent and plan.posting and plan.verdict == "create" and plan.invoice]
    approved = [p for p in sent if p.posting and p.posting.settings.invoice_status == "AUTHORISED"]
    months = Counter(plan.invoice.date.replace(day=1) for plan in approved if plan.invoice)
    for month, more in months.most_common(_MOST_MONTHS):
        there = look.ask("approved invoices of the month", lambda month=month: _approved(look, month))  # type: ignore[misc]
        if there is not None and there + more > _APPROVALS:
            yield (
                f"Xero's smallest plan takes {_APPROVALS} approved invoices a month: {month:%Y-%m} has {there}, "
                f"and this export adds {more}."
            )


def _approved(look: PreviewCalls, month: date) -> int:
    return look.target.approved(look.organisation, month)


_BY_SETTINGS = {
    Reason.PERIOD_LOCKED, Reason.LOCKED_IN_XERO, Reason.ACCOUNT_ARCHIVED, Reason.ACCOUNT_INVALID,
    Reason.ACCOUNT_MISSING, Reason.TAX_NOT_FOR_ACCOUNT, Reason.TAX_TYPE_INVALID, Reason.TRACKING_INVALID,
    Reason.ITEM_UNKNOWN, Reason.CURRENCY_NOT_ENABLED, Reason.NEGATIVE_TOTAL,
}  # fmt: skip
Found = Invoice | UnreadableInvoice
_CODES = {reason.code for reason in _BY_SETTINGS}


class NoCompany(Exception):
    """There is no such company here."""


def never(_seconds: float) -> bool:
    """A wait that nobody sits out: what cannot be seen now is said to be unseen."""
    return False


def preview(
    tools: Tools, company: str, invoices: Sequence[Found], *, request: str = "", wait: Wait = never, key: str = ""
) -> InvoiceExportPreviewed:
    """What would happen; `wait` sits out a limit, or says no. Raises NoCompany, redis.RedisError.

    `key` is whose key asked, if one did: its calls to Xero are counted for it.
    """
    with tools.store.read() as work:
        if not companies.exists(work, company):
            raise NoCompany(company)
        now, target = work.now, tools.target_of(work, company)
        if target is None:
            facts = {"company": companies.name_of(work, company), "target": companies.target_of(work, company)}
            return nothing_seen(company, request, now, ConnectionProblem.TARGET_UNKNOWN.message(facts))
        known = preview_plan.known(work, tools, target, company, merge_rules.each_once(invoices))
    plans = [preview_plan.plan(target, known, invoice) for invoice in known.asked]
    at = None if known.login_due else known.organisation
    look = PreviewCalls(tools, target, at, wait, now, key) if at else None
    rows, books = _judged(target, known, plans, look)
    forecast = _forecast(target, known, plans, rows, books)
    fails = any(row.verdict == "fail" for row in rows)
    # What the look at Xero cost, and what it could not see
    limits = [*plan_limit(look, plans, books)]  # a call of its own, which may go unseen too
    warnings = [*unseen(look), *limits]
    complete = look is not None and not look.missed
    return InvoiceExportPreviewed(
        company=company,
        request=request,
        organisation=known.organisation.name if known.organisation else None,
        fine=not fails and not forecast.waits_for,
        counts=Counter(row.verdict for row in rows),
        totals=by_currency(rows),
        forecast=forecast,
        invoices=tuple(rows),
        previewed_at=now,
        complete=complete,
        warnings=tuple(warnings),
        calls=look.calls if look else 0,
    )


def as_sent(tools: Tools, company: str, invoice: Invoice) -> Picture | None:
    """The invoice as it would be sent now, by what is stored alone; None where it would not be sent."""
    with tools.store.read() as work:
        target = tools.target_of(work, company)
        if target is None:
            return None
        known = preview_plan.known(work, tools, target, company, merge_rules.each_once([invoice]))
    made = preview_plan.plan(target, known, known.asked[0])
    return target.picture_of(made.element) if made.element else None


def nothing_seen(company: str, request: str, now: datetime, why: str) -> InvoiceExportPreviewed:
    """A preview of which nothing could be worked out, and why."""
    return InvoiceExportPreviewed(
        company=company,
        request=request,
        organisation=None,
        fine=False,
        complete=False,
        counts={},
        totals=(),
        warnings=(why,),
        forecast=Forecast(calls=0),
        calls=0,
        invoices=(),
        previewed_at=now,
    )


def seconds_to_look(tools: Tools, company: str, key: str) -> int:
    """Seconds until previews of the company that this key asks for may call Xero again; 0 where they may."""
    with tools.store.read() as work:
        connection, target = connections.of_company(work, company), tools.target_of(work, company)
    try:
        return target.pace.seconds_to_look(connection.tenant, key) if connection and target else 0
    except redis.RedisError:
        return 0


def _judged(
    target: AccountingTarget, known: KnownCompany, plans: Sequence[Plan], look: PreviewCalls | None
) -> tuple[list[InvoicePreview], Books]:
    if look is None:
        return [preview_rows.row(target, known, plan, SeenInXero({}, {}, {}), Books()) for plan in plans], Books()
    if not any(plan.sent for plan in plans):
        return [
            preview_rows.row(target, known, plan, SeenInXero({}, {}, {}), known.books) for plan in plans
        ], known.books
    pictures = [target.picture_of(plan.element) for plan in plans if plan.sent and plan.element]
    extra = preview_checks.needs(pictures)
    books = preview_reads.settings(look, known, extra, fresh=False)
    seen = preview_reads.at(look, known, plans)
    rows = [preview_rows.row(target, known, plan, seen, books) for plan in plans]
    remembered = any(moment < look.began for moment in books.read.values())
    if remembered and any(problem.reason in _CODES for row in rows for problem in row.problems):
        books = preview_reads.settings(look, known, extra, fresh=True)
        rows = [preview_rows.row(target, known, plan, seen, books) for plan in plans]
    return rows, books


def _forecast(
    target: AccountingTarget,
    known: KnownCompany,
    plans: Sequence[Plan],
    rows: Sequence[InvoicePreview],
    books: Books,
) -> Forecast:
    needed, credits_ = _calls(target, plans, rows)
    waits = known.problem or right_missing(known, plans, books)
    seen = _outlook(target, known)
    left = seen.day_calls if seen else None
    room = CallRoom(target.pace.per_minute, target.pace.minute, seen.day_left if seen else None)
    seconds = None if waits else estimating.seconds_needed(needed, known.waiting, room, target.sizes)
    invoices = {plan.id for plan in plans if plan.document == "invoice"}
    files = sum(known.file_calls.get(r.invoice, 0) for r in rows if r.verdict != "fail" and r.invoice in invoices)
    return Forecast(
        calls=needed,
        day_calls_left=left,
        seconds=seconds,
        waits_for=waits,
        attachment_calls=files,
        allocation_calls=estimating.allocation_calls(credits_),
    )


def _calls(target: AccountingTarget, plans: Sequence[Plan], rows: Sequence[InvoicePreview]) -> tuple[int, int]:
    """Calls that the export needs, each kind of document in calls of its own; and how many are to be allocated."""
    by_id = {plan.id: plan for plan in plans}
    sent = [(row.verdict, by_id[row.invoice]) for row in rows if row.verdict in ("create", "update")]
    needed = 0
    for document, of_kind in target.documents.items():
        verdicts = Counter(verdict for verdict, plan in sent if plan.document == document)
        needed += estimating.calls_needed(verdicts["create"], verdicts["update"], of_kind.sizes)
    allocating = [plan for _, plan in sent if target.documents[plan.document].credit]
    return needed, sum(bool(plan.invoice and plan.invoice.credits) for plan in allocating)


def _outlook(target: AccountingTarget, known: KnownCompany) -> Outlook | None:
    try:
        return target.pace.outlook(known.lane.tenant) if known.organisation else None
    except redis.RedisError:
        return None


LEASE_SECONDS = 300.0
PATIENCE_SECONDS = 120.0  # after this it is answered with what could be seen
_SHORT_SECONDS, _AGAIN_SECONDS, _MOST_TRIES = 5.0, 10.0, 5
_GIVEN_UP = "The preview could not be worked out. CrewCard support can say why."
_log = logs.log("previews")


def file_preview(
    work: Work, _tools: Tools, envelope: Envelope, asked: InvoiceExportPreviewRequested, _companies: Any, key: str
) -> Receipt:
    """Keep what was asked for. Raises Unreadable when the company has a preview of this id already."""
    body = json.dumps(envelope.data, default=str)
    if not previews.file(work, asked.company, asked.request, envelope.id, body, key):
        raise Unreadable(f"data.request: {asked.company} has a preview “{asked.request}” already")
    return Receipt(envelope.id, asked.company, asked.request, len(asked.invoices))


def answer_next(tools: Tools) -> bool:
    """Work out the next preview that is due; False when there is none."""
    row, patient = _take(tools)
    if row is None:
        return False
    try:
        made = _made(tools, row)
    except redis.RedisError as lost:
        _log.warning("previews.redis_lost", error=type(lost).__name__)
        _postpone(tools, row)
        return True
    except Exception:
        _log.exception("previews.failed", company=row.company, tries=row.tries)
        if row.tries < _MOST_TRIES:
            _postpone(tools, row)
            return True
        made, patient = nothing_seen(row.company, row.id, row.created_at, _GIVEN_UP), False
    if patient and not made.complete and not made.forecast.waits_for:
        _postpone(tools, row)
    else:
        with tools.store.write() as work:
            if previews.answered(work, row):
                key = f"preview/{row.company}/{row.id}"
                outbox.publish_once(work, Outgoing(made, row.company, row.id, key, row.source_event))
        _log.info("previews.answered", company=row.company, preview=row.id, size=len(made.invoices), calls=made.calls)
        tools.bells.wake_relay()
    return True


def _take(tools: Tools) -> tuple[Preview | None, bool]:
    """A preview that is ours now, and whether it is young enough to wait for what it cannot see."""
    with tools.store.read() as work:
        if not previews.anything(work):
            return None, False
    with tools.store.write() as work:
        row = previews.take(work, LEASE_SECONDS)
        return row, row is not None and work.now - row.created_at < timedelta(seconds=PATIENCE_SECONDS)


def _made(tools: Tools, row: Preview) -> InvoiceExportPreviewed:
    asked = InvoiceExportPreviewRequested.model_validate_json(row.body)
    left = [_SHORT_SECONDS]

    def sit_out(seconds: float) -> bool:
        left[0] -= seconds
        if left[0] < 0:
            return False
        time.sleep(seconds)
        return True

    return preview(tools, row.company, asked.invoices, request=row.id, wait=sit_out, key=row.key)


def _postpone(tools: Tools, row: Preview) -> None:
    with tools.store.write() as work:
        previews.postpone(work, row, _AGAIN_SECONDS)
