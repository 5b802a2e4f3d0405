"""Removing a company, step by step: each gives how far it is, and changes nothing the second time.

First doors know it no more; what was accepted before is answered. Then its login goes, its data, and a day after the
order, so that hosts have read them, its events. The lines of the audit stay, and the order itself.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy import select as pick
from sqlmodel import SQLModel, col, func

from store import api_keys, endpoints, erasing, pruning, statements
from store.erasures import StepProgress
from store.kept_data import KEPT
from store.tables import (
    Allocation,
    ApiKey,
    AskedChange,
    Attachment,
    Attempt,
    Batch,
    BulkOrder,
    BulkPiece,
    Company,
    CompanyApp,
    CompanyConnection,
    ContactLink,
    Draft,
    Endpoint,
    ErasedInvoice,
    Erasure,
    Export,
    Generation,
    Item,
    LaneState,
    LogEntry,
    NewContact,
    NumberClaim,
    OutboxEvent,
    Pause,
    Preview,
    Token,
    XeroApp,
)
from store.unit_of_work import Work

LOGIN, AFTER_LOGIN = "login to Xero", "access"
EVENTS_SECONDS = 86_400.0  # hosts read what was told last
_AT_ONCE = 500
_UNDER_WAY: tuple[tuple[type[SQLModel], str, Collection[str]], ...] = (
    (Export, "on their way to Xero", erasing.LIVE),
    (Item, "without an answer", ("waiting",)),
    (Batch, "calls whose outcome is not known yet", ("claimed", "sent", "uncertain")),
    (Attachment, "files that are being attached", ("waiting", "sending")),
    (Allocation, "credit notes that are being credited", ("waiting", "sending")),
    (AskedChange, "changes that Xero is being asked about", ("waiting",)),
    (Preview, "previews that are being made", ("waiting",)),
    (Draft, "test invoice under way", ("sending", "uncertain", "draft", "deleting")),
)
Shut = Collection[str]


def under_way(work: Work, company: str) -> Mapping[str, int]:
    """What of the company is not over, counted by what it is."""
    found = {}
    for table, what, states in _UNDER_WAY:
        columns = table.__table__.c  # type: ignore[attr-defined]
        asked = pick(func.count()).where(columns.company == company, columns.state.in_(states))
        found[what] = int(work.connection.execute(asked).scalar_one())
    new = pick(func.count()).where(col(NewContact.company) == company)
    found["contacts that are being created in Xero"] = int(work.connection.execute(new).scalar_one())
    return {what: count for what, count in found.items() if count}


def standing(work: Work, company: str) -> dict[str, int]:
    """How many invoices, clients and lines of the log there are of it."""
    found = {}
    tables: tuple[tuple[str, Any], ...] = (("invoices", Export), ("clients", ContactLink), ("log_lines", LogEntry))
    for what, table in tables:
        mine = pick(func.count()).where(col(table.company) == company)
        found[what] = int(work.connection.execute(mine).scalar_one())
    return found


def tenants(work: Work, company: str) -> set[str]:
    """The organisations that it has lanes for."""
    tables = (CompanyConnection, LaneState)
    asked = [pick(col(one.tenant)).where(col(one.company) == company) for one in tables]
    return {row.tenant for one in asked for row in statements.rows(work, one)}


def close(work: Work, company: str) -> bool:
    """Doors know the company no more; False where they did not before."""
    mine = update(Company).where(col(Company.id) == company, col(Company.closed_at).is_(None))
    return bool(statements.run(work, mine.values(closed_at=work.now)).rowcount)


def await_answers(work: Work, order: Any, _shut: Shut) -> StepProgress:
    """What was accepted before is carried out and answered first."""
    if left := under_way(work, order.company):
        return StepProgress(waits=", ".join(f"{count} {what}" for what, count in left.items()))
    return StepProgress(over=True)


def end_access(work: Work, order: Any, _shut: Shut) -> StepProgress:
    """The app and logins that nobody else uses; keys: of it alone they are revoked, others no more speak for it."""
    company = order.company
    mine = pick(col(CompanyApp.client_id)).where(col(CompanyApp.company) == company)
    brought = pick(col(XeroApp.client_id)).where(col(XeroApp.company) == company)
    apps = {row.client_id for asked in (mine, brought) for row in statements.rows(work, asked)}
    statements.run(work, delete(CompanyApp).where(col(CompanyApp.company) == company))
    used = pick(col(CompanyApp.client_id)).where(col(CompanyApp.client_id).in_(apps))
    others = {row.client_id for row in statements.rows(work, used)}
    for table in (Token, XeroApp):
        statements.run(work, delete(table).where(col(table.client_id).in_(apps - others)))
    statements.run(work, update(XeroApp).where(col(XeroApp.company) == company).values(company=""))
    keys = 0
    for row in statements.rows(work, pick(col(ApiKey.id), col(ApiKey.companies))):
        named = api_keys.named(row.companies)
        if named is None or company not in named:
            continue
        keys += 1
        if named == {company}:
            api_keys.revoke(work, row.id)
        left = update(ApiKey).where(col(ApiKey.id) == row.id)
        statements.run(work, left.values(companies=api_keys.said(named - {company})))
    return StepProgress(over=True, went=Counter(keys=keys, apps=len(apps - others)))


def delete_data(work: Work, order: Any, _shut: Shut) -> StepProgress:
    """Everything of the company but its events, 500 rows of one table at a time."""
    for place in range(int(order.place or 0), len(_OWN)):
        table = _OWN[place]
        gone = _delete_exports(work, order.company) if table is Export else _delete_of(work, table, order.company)
        if gone:
            return StepProgress(
                str(place), went=Counter({"invoices" if table is Export else str(table.__tablename__): gone})
            )
    return StepProgress(over=True, went=_delete_rare(work, order))


def delete_letters(work: Work, order: Any, _shut: Shut) -> StepProgress:
    """Unreadable messages that name it: those that are dealt with go, an open one is waited for."""
    return erasing.erase_letters(work, order, lambda *_: None)


def delete_events(work: Work, order: Any, shut: Shut) -> StepProgress:
    """Its webhook endpoints, and its events once everybody was told of them."""
    left = (order.at - work.now).total_seconds() + EVENTS_SECONDS
    if left > 0:
        return StepProgress(waits="a day for hosts to read what was told last", wait_seconds=left)
    ends = pick(col(Endpoint.id)).where(col(Endpoint.company) == order.company)
    for row in statements.rows(work, ends):
        endpoints.remove_endpoint(work, row.id)
    gone = pruning.events_out(work, work.now, shut, order.company)
    if gone:
        return StepProgress(went=Counter(events=gone))
    mine = pick(col(OutboxEvent.id)).where(col(OutboxEvent.company) == order.company)
    if statements.rows(work, mine.limit(1)):
        return StepProgress(waits="its last events are not told everywhere yet, or no other event has come since")
    return StepProgress(over=True)


def forget_company(work: Work, order: Any, _shut: Shut) -> StepProgress:
    """The company's own row, once nothing of it came into being meanwhile."""
    again = delete_data(work, order, _shut)
    if not again.over:
        return again
    statements.run(work, delete(Company).where(col(Company.id) == order.company))
    return StepProgress(over=True)


STEPS: Mapping[str, Callable[[Work, Any, Shut], StepProgress]] = {
    "what is under way": await_answers,
    LOGIN: lambda *_: StepProgress(over=True),  # a call: worker/erasing makes it
    AFTER_LOGIN: end_access,
    "data": delete_data,
    "unreadable messages": delete_letters,
    "events": delete_events,
    "end": forget_company,
}
# Exports with what hangs on them, then tables whose rows go by their column `company`; all else is named here.
_OWN: list[type[SQLModel]] = [Export, *(one.table for one in KEPT if one.removed == "company")]


def _delete_exports(work: Work, company: str) -> int:
    """Some exports with what hangs on them: calls' attempts, earlier generations, numbers."""
    mine = pick(col(Export.id), col(Export.invoice)).where(col(Export.company) == company)
    found = statements.rows(work, mine.limit(_AT_ONCE))
    ids, invoices = [row.id for row in found], [row.invoice for row in found]
    statements.run(work, delete(Attempt).where(col(Attempt.export_id).in_(ids)))
    statements.run(work, delete(Generation).where(col(Generation.export_id).in_(ids)))
    folded = func.lower(NumberClaim.invoice).in_([func.lower(one) for one in invoices])  # its index
    claims = delete(NumberClaim).where(folded, col(NumberClaim.invoice).in_(invoices))
    statements.run(work, claims.where(col(NumberClaim.company) == company))
    return statements.run(work, delete(Export).where(col(Export.id).in_(ids))).rowcount


def _delete_of(work: Work, table: type[SQLModel], company: str) -> int:
    mine: Any = table.__table__.c.company == company  # type: ignore[attr-defined]
    return pruning.delete_some(work, table, mine)


def _delete_rare(work: Work, order: Any) -> Counter[str]:
    """What is kept under other names: a pause, orders about many, orders to erase its clients."""
    company = order.company
    statements.run(work, delete(Pause).where(col(Pause.scope) == company))
    named = pick(col(BulkPiece.order_id)).where(col(BulkPiece.company) == company).distinct()
    orders = [row.order_id for row in statements.rows(work, named)]
    statements.run(work, delete(BulkPiece).where(col(BulkPiece.company) == company))
    left = pick(col(BulkPiece.order_id)).where(col(BulkPiece.order_id) == col(BulkOrder.id)).exists()
    statements.run(work, delete(BulkOrder).where(col(BulkOrder.id).in_(orders), ~left))
    clients = pick(col(Erasure.id)).where(col(Erasure.company) == company, col(Erasure.client) != "")
    numbers = [row.id for row in statements.rows(work, clients)]
    statements.run(work, delete(ErasedInvoice).where(col(ErasedInvoice.erasure_id).in_(numbers)))
    return Counter(orders=statements.run(work, delete(Erasure).where(col(Erasure.id).in_(numbers))).rowcount)
