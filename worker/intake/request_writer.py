"""Requests filed together. They have no invoice in common, nor is one of them a part of another.

Everybody locks in one order: parts, requests that are new, exports, numbers, contacts, items, requests.
"""

from collections.abc import Mapping, Sequence

from events.export import UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import exclusions, exports, number_claims, openings, requests
from store.number_claims import Owner
from store.openings import Key
from store.unit_of_work import Work
from worker.commands import cancel
from worker.contacts import host_contacts
from worker.decisions import merge_rules
from worker.decisions.merge_rules import ExportStanding, Move
from worker.export import answering, contact_lookup
from worker.intake import enqueue, request_plan
from worker.intake.request_plan import Filing
from worker.tools import Tools

_JOINS = ("join", "wait")


def file(work: Work, tools: Tools, filings: Sequence[Filing]) -> None:
    """Write what these requests want into the tables, and answer what can be answered at once."""
    openings.hold_parts(work, [one.key for one in filings])
    first = openings.open_each(work, [one.opening() for one in filings])
    _lock(work, filings)
    _see(work, filings, first)
    owners = number_claims.claim(work, [(one.lane, invoice) for one in filings for invoice in one.readable])
    owners = {**owners, **_freed(work, filings, owners)}
    _keep_contacts(work, tools, filings)
    _see_contacts(work, tools, filings)
    for one in filings:
        one.moves = {invoice.id: _move(one, invoice, owners) for invoice in one.newest}
    wanted_again = [row for one in filings for row in one.rows.values() if one.moves[row.invoice] in _JOINS]
    cancel.let_go(work, wanted_again)
    enqueue.place(work, filings)
    _add_items(work, tools, filings, first)


def _lock(work: Work, filings: Sequence[Filing]) -> None:
    """An invoice that nobody has asked for yet is written down as if it started, which nearly all do."""
    for one in filings:
        one.number()
    rows, new = exports.lock(
        work, [enqueue.started(work, one, invoice) for one in filings for invoice in one.readable]
    )
    for one in filings:
        one.rows = {invoice.id: rows[one.lane, invoice.id] for invoice in one.readable}
        one.unseen = {invoice for invoice, row in one.rows.items() if row.id in new}
        if len(one.unseen) < len(one.rows):
            one.number()


def _see(work: Work, filings: Sequence[Filing], first: set[Key]) -> None:
    """What else decides: invoices marked “do not send”, and requests that were cancelled before this part came."""
    marked = exclusions.marked_ones(work, [(one.asked.company, id_) for one in filings for id_ in one.rows])
    for one in filings:
        one.excluded = {id_ for id_ in one.rows if (one.asked.company, id_) in marked}
        one.cancelled = one.key not in first and requests.is_cancelled(work, *one.key)


def _move(
    one: Filing, invoice: Invoice | UnreadableInvoice, owners: Mapping[tuple[str, str], Owner]
) -> Move | Failure:
    if isinstance(invoice, UnreadableInvoice):
        return invoice.failure()
    if one.cancelled:
        return Failure(Reason.CANCELLED)
    row = one.rows[invoice.id]
    standing = ExportStanding.from_row(
        row, excluded=invoice.id in one.excluded, contact=one.contacts.get(invoice.client.id)
    )
    looks = one.raising or one.asked.mode == "single"
    move = merge_rules.decide(standing, invoice.revision, one.said[invoice.id].content_hash, looks=looks)
    owner = owners[number_claims.key(one.lane, invoice.number)]
    asks = move in ("start", "replace", "wait") and not one.raising  # raised anew it gets a number of its own
    if asks and owner != Owner(row.company, row.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    broken = one.said[invoice.id].broken if move in ("start", "replace") else None
    return broken or move


def _freed(
    work: Work, filings: Sequence[Filing], owners: Mapping[tuple[str, str], Owner]
) -> Mapping[tuple[str, str], Owner]:
    """Numbers of others that are free in Xero again, now claimed for the first invoice here that asks."""
    freed: dict[tuple[str, str], Owner] = {}
    for one in filings:
        for invoice in one.readable:
            key, mine = number_claims.key(one.lane, invoice.number), Owner(one.lane.company, invoice.id)
            others = owners[key] != mine and key not in freed
            if others and number_claims.hand_over(work, one.lane, invoice.number, owners[key], mine):
                freed[key] = mine
    return freed


def _keep_contacts(work: Work, tools: Tools, filings: Sequence[Filing]) -> None:
    """What hosts say of their clients' contacts; a replay repeats old words, which must not overrule newer ones."""
    said: dict[str, list[Invoice]] = {}
    for one in filings:
        if one.caused_by is None:
            said.setdefault(one.asked.company, []).extend(one.readable)
    for company in sorted(said):
        host_contacts.take_over(work, tools, company, said[company])


def _see_contacts(work: Work, tools: Tools, filings: Sequence[Filing]) -> None:
    """To which contacts clients are linked now: only of invoices in Xero whose content has not changed it matters."""
    for one in filings:
        kept = contact_lookup.linked(work, one.lane, [row.client for row in one.rows.values() if row.xero_invoice_id])
        one.contacts = {client: tools.target.contact_id(said) or "" for client, said in kept.items()}


def _add_items(work: Work, tools: Tools, filings: Sequence[Filing], first: set[Key]) -> None:
    items = {one.key: [request_plan.item(one, invoice) for invoice in one.newest] for one in filings}
    added = requests.add_items(work, [item for one in filings for item in items[one.key]])
    answers = []
    for one in filings:
        new = [item for item in items[one.key] if (*one.key, item["invoice"]) in added]
        one.new = len(new)
        if one.key not in first:
            requests.count_part(work, *one.key, one.asked.part, len(new))
        answers += request_plan.answers_at_once(work, tools, one, new)
    answering.record_answers(work, answers)
