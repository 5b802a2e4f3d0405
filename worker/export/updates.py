"""Updates: Xero's copies looked at first, then each invoice put as a change of its copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from events.accounting_target import AccountingTarget, Element, Organisation, Posted, Posting, Unmappable
from events.changes import GONE, Change, DriftFound, Picture
from store import batches, contacts, exports, restores
from store.batches import Hold
from store.tables import Export
from worker.decisions import guard, proof
from worker.decisions.proof import Host, Proof
from worker.export import export_results, freezing
from worker.export.export_results import Looked, NotShownYet
from worker.tools import Tools


@dataclass(frozen=True)
class CopyInXero:
    """Xero's copy of an invoice, and our updates whose outcome is not known.

    `winner` is the contact that Xero merged its client's linked one into, as far as that is known. `lags` says
    whether what Xero shows may be older than what it answered to us, `late` whether hosts may still be sending again
    what a restored backup does not have.
    """

    copy: Posted | None
    unknown: Sequence[Element]
    winner: str = ""
    lags: bool = False
    late: bool = False


def copies(tools: Tools, organisation: Organisation, hold: Hold) -> Mapping[int, CopyInXero]:
    """What is seen of each invoice in the batch. Raises Trouble."""
    with tools.store.read() as work:
        claimed = exports.seen_in_batch(work, hold.batch_id)
        unknown = batches.unknown_bodies(work, list(claimed))
        winners = contacts.winners(work, organisation.lane.company, [export.client for export in claimed.values()])
        late = restores.is_late(work, organisation.lane)
        recent = {key for key, export in claimed.items() if guard.may_show_yet(export.exported_at, work.now)}
    ids = {key: export.xero_invoice_id or "" for key, export in claimed.items()}
    target = tools.target(organisation, hold.document)
    found = target.fetch(organisation, sorted(ids.values()))
    return {
        key: CopyInXero(
            found.get(id_),
            [sent for body in unknown.get(key, ()) for sent in of_copy(target, body, id_)],
            winners.get(claimed[key].client, ""),
            key in recent and _is_behind(claimed[key], found.get(id_)),
            late,
        )
        for key, id_ in ids.items()
    }


def as_merged(posting: Posting, copy: Posted | None, winner: str) -> Posting:
    """The posting to the contact that the copy has, where Xero merged the linked one into it."""
    merged = copy is not None and winner and copy.contact_id == winner
    return replace(posting, contact_id=winner) if merged else posting


def _is_behind(export: Export, copy: Posted | None) -> bool:
    """Whether Xero shows an earlier state than it answered with; a second is left for times without fractions."""
    kept = export_results.picture(export)
    if copy is None or kept is None or kept.updated is None or copy.updated is None:
        return copy is None
    return copy.updated + timedelta(seconds=1) <= kept.updated


def updates(target: AccountingTarget, seen: Mapping[int, CopyInXero]) -> freezing.Map:
    """How an invoice becomes an update: refused by the guard, or its content with the copy's ids.

    Where Xero has all that is wanted already, nothing is sent, and what there is now is told.
    """

    def element(export: Export, posting: Posting) -> Element | Looked:
        one = seen[export.id or 0]
        copy, unknown = one.copy, one.unknown
        if one.lags or (copy and copy.unreadable):
            raise NotShownYet
        if copy is None:
            raise Unmappable(guard.GONE)
        sent = is_as_sent(export, posting, export.wanted_hash)
        posting = as_merged(posting, copy, one.winner)
        sent = sent or is_as_sent(export, posting, export.wanted_hash)
        changed = edits(target, export, posting, copy)
        final = guard.final(copy)
        if final and _ended_unseen(export):
            return replace(_looked(target, export, posting, copy, changed), found=DriftFound.kept(export.found))
        if final:
            raise Unmappable(final)
        if sent and not unknown:
            return _looked(target, export, posting, copy, changed)
        wanted = target.element_of_update(posting, copy.copy)
        refused = guard.objection(
            copy,
            export.copy_seen,
            unknown,
            fingerprint=lambda one: target.fingerprint(target.picture(one)),
            carries=target.carries,
            edits=changed,
        )
        if _is_as_wanted(target, copy, wanted, may_go=refused is None):
            ours = any(target.carries(copy.copy, one) for one in unknown)
            there = _looked(target, export, posting, copy, ())
            paid = there.found if there.found and there.found.kind == "paid" else None
            return replace(there, found=paid, as_wanted=True, arrived=ours)
        if one.late and (refused or export.sent_revision == restores.NOT_REMEMBERED):
            raise NotShownYet  # what Xero has is perhaps of newer content, which the host has yet to send again
        if refused:
            raise Unmappable(refused)
        return wanted

    return element


def _is_as_wanted(target: AccountingTarget, copy: Posted, wanted: Element, *, may_go: bool) -> bool:
    """Whether Xero's copy says all that the update would write.

    A line that names no price (a text, an item) is put anew by every update that may go. Where none may, it is enough
    that no line differs: after a restore Xero has what we do not remember sending.
    """
    if not target.carries(copy.copy, wanted):
        return False
    if not target.replaces_lines(wanted):
        return True
    found = target.differences(target.picture_of(wanted), target.picture(copy.copy))
    return not may_go and all(one.altered for one in found if one.line is not None)


def _ended_unseen(export: Export) -> bool:
    """Whether it was exported and ended in Xero after the backup that was restored: it was sent, nobody remembers."""
    found = DriftFound.kept(export.found)
    return export.sent_revision == restores.NOT_REMEMBERED and found is not None and found.kind in GONE


def is_as_sent(export: Export, posting: Posting, wanted_hash: str) -> bool:
    """Whether nothing is wanted that was not sent: the same content, to the same contact."""
    contact = export.sent_contact in ("", posting.contact_id)
    return wanted_hash == export.sent_hash and contact


def _looked(
    target: AccountingTarget, export: Export, posting: Posting, copy: Posted, changed: Sequence[Change] | None
) -> Looked:
    """What Xero has now, compared with what is wanted and with what was there after the last export."""
    shown = _proof(target, posting, copy)
    paid = proof.payment(copy, export.document)
    since = bool(changed) or not export_results.differences(export)
    found: DriftFound | None
    if shown.differences and since:
        found = DriftFound(kind="edited", differences=(*shown.differences, *paid), number=copy.number)
    else:
        found = DriftFound(kind="paid", differences=paid) if paid else None
    return Looked(export, posting.invoice, copy, shown, found)


def _proof(target: AccountingTarget, posting: Posting, copy: Posted) -> Proof:
    host, theirs = Host(posting.contact_id, target.as_sent(posting.invoice)), target.picture(copy.copy)
    ours = _wanted(target, posting, copy)
    if ours is None:
        return proof.of_host(host, copy, "what was sent: with today's settings it could not be sent again")
    return proof.of_sent(ours, theirs, target.differences(ours, theirs), copy, host)


def edits(target: AccountingTarget, export: Export, posting: Posting, copy: Posted | None) -> Sequence[Change] | None:
    """What somebody changed in Xero since we last saw the copy; None where no picture of it was kept.

    A contact that is now the one we want was merged or corrected, and is not overwritten by anything.
    """
    kept = export_results.picture(export)
    if kept is None or copy is None:
        return None
    found = target.edits(kept, target.picture(copy.copy), _wanted(target, posting, copy))
    return [change for change in found if change.field != "contact" or copy.contact_id != posting.contact_id]


def _wanted(target: AccountingTarget, posting: Posting, copy: Posted) -> Picture | None:
    """What the update would say; None where it cannot be made, of which its own failure tells."""
    try:
        return target.picture_of(target.element_of_update(posting, copy.copy))
    except Unmappable:
        return None


def of_copy(target: AccountingTarget, body: bytes, id_: str) -> list[Element]:
    """What a frozen body says of the invoice of this id."""
    sent = target.thaw(body).get(id_)
    return [sent] if sent else []
