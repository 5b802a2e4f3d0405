"""Preview: what an export of these invoices would do now, line by line and to the cent. Sends nothing.

store → what would be set out → Xero's settings, contacts, numbers and copies, by reads alone → judged one by one.
Whatever would fail by settings we only remember is looked at afresh before it is said.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import redis

from events.accounting_target import AccountingTarget, Outlook
from events.connection_problems import ConnectionProblem
from events.export import UnreadableInvoice
from events.invoice import Invoice
from events.preview import Forecast, InvoiceExportPreviewed, InvoicePreview
from events.reasons import Reason
from events.settings import Books
from store import companies, connections
from worker.decisions import forecasting, merge_rules, preview_checks
from worker.decisions.forecasting import CallRoom
from worker.preview import preview_plan, preview_reads, preview_rows, preview_totals
from worker.preview.preview_plan import KnownCompany, Plan
from worker.preview.preview_reads import PreviewCalls, SeenInXero, Wait
from worker.tools import Tools

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
    limits = [*preview_totals.plan_limit(look, plans, books)]  # a call of its own, which may go unseen too
    warnings = [*preview_totals.unseen(look), *limits]
    complete = look is not None and not look.missed
    return InvoiceExportPreviewed(
        company=company,
        request=request,
        organisation=known.organisation.name if known.organisation else None,
        fine=not fails and not forecast.waits_for,
        counts=Counter(row.verdict for row in rows),
        totals=preview_totals.by_currency(rows),
        forecast=forecast,
        invoices=tuple(rows),
        previewed_at=now,
        complete=complete,
        warnings=tuple(warnings),
        calls=look.calls if look else 0,
    )


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
    verdicts = Counter(row.verdict for row in rows)
    needed = forecasting.calls(verdicts["create"], verdicts["update"], target.sizes)
    waits = known.problem or preview_totals.right_missing(known, plans, books)
    seen = _outlook(target, known)
    left = seen.day_calls if seen else None
    room = CallRoom(target.pace.per_minute, target.pace.minute, seen.day_left if seen else None)
    seconds = None if waits else forecasting.seconds(needed, known.waiting, room, target.sizes)
    return Forecast(calls=needed, day_calls_left=left, seconds=seconds, waits_for=waits)


def _outlook(target: AccountingTarget, known: KnownCompany) -> Outlook | None:
    try:
        return target.pace.outlook(known.lane.tenant) if known.organisation else None
    except redis.RedisError:
        return None
