"""Requests filed together: locked and looked up, planned (`request_plan`), then written.

They have no invoice in common, nor is one of them a part of another. Everybody locks in one order: parts, requests
that are new, exports, numbers, contacts, items, requests.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from events.failures import Failure
from events.invoice import Invoice
from store import attachments, exports, invoice_search, number_claims, pauses, reconciliations, requests
from store.number_claims import Owner
from store.outbox import InvoiceAnswer
from store.requests import Key
from store.tables import Item
from store.unit_of_work import Work
from worker.commands import cancel
from worker.contacts import host_contacts
from worker.export import answering
from worker.intake import request_plan
from worker.intake.request_plan import ON_ITS_WAY, Filing, LockedRequest, RequestPlan, Row
from worker.tools import Tools


@dataclass(frozen=True)
class FiledRequest:
    """What was written: by this plan, and how many invoices were new to the request."""

    plan: RequestPlan
    new: int


def file(work: Work, tools: Tools, filings: Sequence[Filing]) -> list[FiledRequest]:
    """Write what these requests want into the tables, and answer what can be answered at once."""
    requests.hold_parts(work, [one.key for one in filings])
    first = requests.open_each(work, [one.opening() for one in filings])
    plans = [request_plan.plan(known, work.now) for known in _lock(work, filings, first)]
    return _write(work, tools, plans, first)


def _lock(work: Work, filings: Sequence[Filing], first: AbstractSet[Key]) -> list[LockedRequest]:
    """What decides, under locks. What hosts say of their clients' contacts is kept first: it may change that."""
    locked = _lock_rows(work, filings)
    marked = pauses.excluded_ones(work, [(one.filing.asked.company, id_) for one in locked for id_ in one.rows])
    owners = number_claims.claim(work, [(one.filing.lane, i) for one in locked for i in one.invoices.readable])
    owners = {**owners, **_freed(work, locked, owners)}
    _keep_contacts(work, locked)
    return [
        replace(
            one,
            excluded={id_ for id_ in one.rows if (one.filing.asked.company, id_) in marked},
            cancelled=one.filing.key not in first and requests.is_cancelled(work, *one.filing.key),
            owners=owners,
            contacts=_contacts(work, one),
        )
        for one in locked
    ]


def _lock_rows(work: Work, filings: Sequence[Filing]) -> list[LockedRequest]:
    """An invoice that nobody has asked for yet is written down as if it started, which nearly all do."""
    numbered = [(one, one.numbered()) for one in filings]
    rows, new = exports.lock(
        work,
        [
            request_plan.first_row(one, invoices, invoice, exports.blank(work, one.lane, invoice), work.now)
            for one, invoices in numbered
            for invoice in invoices.readable
        ],
    )
    locked = []
    for one, invoices in numbered:
        mine = {invoice.id: rows[one.lane, invoice.id] for invoice in invoices.readable}
        unseen = {id_ for id_, row in mine.items() if row.id in new}
        known = one.numbered(mine) if len(unseen) < len(mine) else invoices
        locked.append(LockedRequest(one, known, mine, unseen))
    return locked


def _freed(
    work: Work, locked: Sequence[LockedRequest], owners: Mapping[tuple[str, str], Owner]
) -> Mapping[tuple[str, str], Owner]:
    """Numbers of others that are free in Xero again, now claimed for the first invoice here that asks."""
    freed: dict[tuple[str, str], Owner] = {}
    for one in locked:
        lane = one.filing.lane
        for invoice in one.invoices.readable:
            key, mine = number_claims.key(lane, invoice.number), Owner(lane.company, invoice.id)
            others = owners[key] != mine and key not in freed
            if others and number_claims.hand_over(work, lane, invoice.number, owners[key], mine):
                freed[key] = mine
    return freed


def _keep_contacts(work: Work, locked: Sequence[LockedRequest]) -> None:
    """What hosts say of their clients' contacts; a replay repeats old words, which must not overrule newer ones."""
    said: dict[str, list[Invoice]] = {}
    for one in locked:
        if one.filing.caused_by is None:
            said.setdefault(one.filing.asked.company, []).extend(one.invoices.readable)
    targets = {one.filing.asked.company: one.filing.target for one in locked}
    for company in sorted(said):
        host_contacts.take_over(work, targets[company], company, said[company])


def _contacts(work: Work, one: LockedRequest) -> Mapping[str, str]:
    """To which contacts clients are linked now: only of invoices in Xero whose content has not changed it matters."""
    in_xero = [row.client for row in one.rows.values() if row.xero_invoice_id]
    kept = answering.linked_contacts(work, one.filing.lane, in_xero)
    return {client: host_contacts.id_in(one.filing.target, said) or "" for client, said in kept.items()}


def _write(work: Work, tools: Tools, plans: Sequence[RequestPlan], first: AbstractSet[Key]) -> list[FiledRequest]:
    cancel.let_go(work, [row for one in plans for row in one.wanted_again])
    changes: dict[str, list[Row]] = {}
    for one in plans:
        for what, rows in one.changes.items():
            changes.setdefault(what, []).extend(rows)
    for rows in changes.values():
        exports.change(work, rows)
    invoice_search.index(work, [pair for one in plans for pair in one.fresh()])
    attachments.note(work, [file for one in plans for file in one.files()])
    added = requests.add_items(work, [item for one in plans for item in one.items])
    filed, answers = [], []
    for one in plans:
        new = [item for item in one.items if (*one.filing.key, item["invoice"]) in added]
        filed.append(FiledRequest(one, len(new)))
        if one.filing.key not in first:
            requests.count_part(work, *one.filing.key, one.filing.asked.part, len(new))
        answers += _answers_at_once(work, tools, one, new)
    answering.record_answers(work, answers)
    return filed


def _answers_at_once(work: Work, tools: Tools, plan: RequestPlan, items: Sequence[Row]) -> list[InvoiceAnswer]:
    """What needs no call is answered: refused here, or nothing to change in Xero."""
    by_id = {invoice.id: invoice for invoice in plan.known.invoices.newest}
    given: list[InvoiceAnswer] = []
    for row in items:
        move, invoice = plan.moves[row["invoice"]], by_id[row["invoice"]]
        if move in ON_ITS_WAY:
            continue
        if isinstance(move, Failure):
            failure = answering.told_of(invoice, move) if isinstance(invoice, Invoice) else move
            given.append(answering.failed(Item(**row), invoice.number, failure))
        elif organisation := tools.organisation(work, plan.filing.lane):
            export = plan.known.rows[invoice.id]
            until = reconciliations.compared_until(work, plan.filing.lane, export.document)
            target = tools.target(organisation, export.document)
            told = answering.succeeded(Item(**row), export, organisation, target, "unchanged", until)
            cleaned = invoice.cleaned if isinstance(invoice, Invoice) else ()
            given.append(told.model_copy(update={"cleaned": cleaned}))
    return given
