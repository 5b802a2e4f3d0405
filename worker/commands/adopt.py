"""Adopt invoices that an older integration exported: they carry no mark of ours, so they are compared first."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.accounting_target import AccountingTarget, Lane, Organisation, Posted
from events.invoice import Invoice
from store import adoptions, audit, connections, contacts, exports, reconciliations
from store.tables import Export, Item
from store.unit_of_work import Work
from worker.decisions import claiming
from worker.decisions.claiming import Claim, ClaimedExport
from worker.export import answering, export_results, recovery
from worker.export.recovery import Wait
from worker.tools import Tools

MOST_AT_ONCE = 500


class NotConnected(Exception):
    """The company exports to no organisation yet."""


@dataclass
class Adopted:
    """What was taken over (with what differs), what was ours before, and what would not be taken and why."""

    taken: dict[str, Sequence[str]] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _ProvenClaim:
    """A claim and the invoice in Xero that it is true of."""

    claim: Claim
    posted: Posted
    contact: str


def adopt(tools: Tools, company: str, claims: Sequence[Claim], by: str, why: str, wait: Wait) -> Adopted:
    """Take over at most 500 invoices, after asking Xero; `wait` sits out a limit. Raises NotConnected, Trouble."""
    done = Adopted()
    with tools.store.read() as work:
        organisation = _organisation(work, tools, company)
        rows = adoptions.known(work, organisation.lane, [claim.id for claim in claims])
        whole = [claiming.completed(claim, _standing(rows.get(claim.id))) for claim in claims]
        kept = contacts.links(work, company, [claim.client for claim in whole if claim.client])
    asked = [claim for claim in whole if _worth_asking(claim, _standing(rows.get(claim.id)), done)]
    shown = recovery.shown_by_pace(tools, organisation, asked, wait)
    found = []
    for claim in asked:
        contact = tools.target(organisation).contact_id(kept.get(claim.client or "", "")) or ""
        said = claiming.judge(company, claim, shown.get(claim.id, ()), contact)
        if isinstance(said, str):
            done.refused[claim.id] = said
        else:
            found.append(_ProvenClaim(claim, said, contact))
    with tools.store.write() as work:
        _take(work, tools, organisation, found, done, by)
        audit.note(work, by, "adopt", company, {"invoices": sorted(done.taken)}, len(done.taken), why)
    tools.bells.wake_relay()
    return done


def _organisation(work: Work, tools: Tools, company: str) -> Organisation:
    connection = connections.of_company(work, company)
    found = tools.organisation(work, Lane(company, connection.tenant)) if connection else None
    if found is None:
        raise NotConnected(company)
    return found


def _standing(row: Export | None) -> ClaimedExport:
    if row is None:
        return ClaimedExport()
    content = Invoice.of_kept(row.wanted) if row.wanted else None
    return ClaimedExport(row.state, row.xero_invoice_id, content)


def _worth_asking(claim: Claim, standing: ClaimedExport, done: Adopted) -> bool:
    refused = claiming.objection(claim, standing)
    if refused:
        done.refused[claim.id] = refused
    elif standing.xero_invoice_id:
        done.before.append(claim.id)
    return not refused and not standing.xero_invoice_id


def _take(
    work: Work, tools: Tools, organisation: Organisation, found: Sequence[_ProvenClaim], done: Adopted, by: str
) -> None:
    """Write down what still may be taken, now that nobody else can move it."""
    lane, target = organisation.lane, tools.target(organisation)
    named = {one.claim.id: (one.posted.number, one.claim.client or "") for one in found}
    rows = adoptions.lock(work, lane, named)
    held = adoptions.holders(work, lane, [one.posted.target_id for one in found])
    taken = []
    for one in sorted(found, key=lambda one: one.claim.id):
        refused = _clash(work, lane, one, rows[one.claim.id], held)
        if refused:
            done.refused[one.claim.id] = refused
        else:
            taken.append(one)
    exports.change(work, [_row(work, target, one, rows[one.claim.id]) for one in taken])
    if taken:
        _tell(work, tools, organisation, taken, rows, by)
        reconciliations.look_at_everything(work, lane)
    done.taken |= {one.claim.id: claiming.proof_of(one.claim, one.posted, one.contact).differences for one in taken}


def _clash(work: Work, lane: Lane, one: _ProvenClaim, row: Export, held: Mapping[str, str]) -> str | None:
    late = claiming.objection(one.claim, ClaimedExport(row.state, row.xero_invoice_id))
    if late or row.xero_invoice_id:
        return late or "it has been exported meanwhile"
    holder = held.get(one.posted.target_id)
    if holder:
        return f"it is CrewCard's invoice {holder} already"
    other = adoptions.claim_number(work, lane, one.posted.number, one.claim.id)
    return f"number {one.posted.number} belongs to CrewCard's invoice {other}" if other else None


def _row(work: Work, target: AccountingTarget, one: _ProvenClaim, row: Export) -> dict[str, Any]:
    """The export as if we had sent it; what was sent is known only where the content is."""
    content, posted = one.claim.content, one.posted
    proof = claiming.proof_of(one.claim, posted, one.contact)
    return {
        "id": row.id,
        "state": "exported",
        "number": posted.number,
        "number_bound": True,
        "client": one.claim.client or row.client,
        "wanted": content.kept() if content else row.wanted,
        "wanted_hash": content.content_hash() if content else row.wanted_hash,
        "wanted_revision": content.revision if content else row.wanted_revision,
        "sent_hash": content.content_hash() if content else "",
        "sent_revision": content.revision if content else -1,
        "xero_invoice_id": posted.target_id,
        "xero_totals": answering.proof_text(posted, proof, work.now),
        **export_results.copy_of(target, posted),
        "sent_contact": posted.contact_id,
        "checked_at": work.now,
        "found": None,
        "exported_at": work.now,
    }


def _tell(
    work: Work,
    tools: Tools,
    organisation: Organisation,
    taken: Sequence[_ProvenClaim],
    rows: Mapping[str, Export],
    by: str,
) -> None:
    """One request for all of them, answered at once: the host learns each invoice's id in Xero."""
    fresh = exports.lock_again(work, [id_ for one in taken if (id_ := rows[one.claim.id].id) is not None])
    request = f"adopt-{uuid.uuid4().hex[:12]}"
    items = {
        id_: Item(company=row.company, request=request, invoice=row.invoice, export_id=id_)
        for id_, row in fresh.items()
    }
    adoptions.open_request(work, organisation.lane, request, by, list(items.values()))
    target = tools.target(organisation)
    answering.record_answers(
        work,
        [answering.succeeded(items[id_], row, organisation, target, "adopted") for id_, row in fresh.items()],
    )
