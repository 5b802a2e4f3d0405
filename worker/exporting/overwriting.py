"""Updates: Xero's copies looked at first, then each invoice put as a change of its copy."""

from collections.abc import Mapping, Sequence

from events.accounting_target import Element, Organisation, Posted, Posting, Unmappable
from events.changes import Change, Picture
from store import batches, exports
from store.batches import Hold
from store.tables import Export
from worker.decisions import guard
from worker.exporting import freezing, keeping
from worker.tools import Tools

Copies = Mapping[int, tuple[Posted | None, Sequence[Element]]]


def copies(tools: Tools, organisation: Organisation, hold: Hold) -> Copies:
    """Xero's copy of each invoice in the batch, and our updates whose outcome is not known. Raises Trouble."""
    with tools.store.read() as work:
        claimed = exports.seen_in_batch(work, hold.batch_id)
        unknown = batches.unknown_bodies(work, list(claimed))
    ids = {key: export.xero_invoice_id or "" for key, export in claimed.items()}
    found = tools.target.fetch(organisation, sorted(ids.values()))
    return {
        key: (found.get(id_), [sent for body in unknown.get(key, ()) for sent in _of(tools, body, id_)])
        for key, id_ in ids.items()
    }


def updates(tools: Tools, seen: Copies) -> freezing.Map:
    """How an invoice becomes an update: refused by the guard, or its content with the copy's ids."""

    def element(export: Export, posting: Posting) -> Element:
        copy, unknown = seen[export.id or 0]
        target = tools.target
        refused = guard.objection(
            copy,
            export.copy_seen,
            unknown,
            fingerprint=target.fingerprint,
            carries=target.carries,
            edits=edits(tools, export, posting, copy),
        )
        if refused or copy is None:
            raise Unmappable(refused or guard.GONE)
        return target.element_of_update(posting, copy.copy)

    return element


def edits(tools: Tools, export: Export, posting: Posting, copy: Posted | None) -> Sequence[Change] | None:
    """What somebody changed in Xero since we last saw the copy; None where no picture of it was kept.

    A contact that is now the one we want was merged or corrected, and is not overwritten by anything.
    """
    kept = keeping.picture(export)
    if kept is None or copy is None:
        return None
    found = tools.books.edits(kept, tools.books.picture(copy.copy), _wanted(tools, posting, copy))
    return [change for change in found if change.field != "contact" or copy.contact_id != posting.contact_id]


def _wanted(tools: Tools, posting: Posting, copy: Posted) -> Picture | None:
    """What the update would say; None where it cannot be made, of which its own failure tells."""
    try:
        return tools.books.picture_of(tools.target.element_of_update(posting, copy.copy))
    except Unmappable:
        return None


def _of(tools: Tools, body: bytes, id_: str) -> list[Element]:
    sent = tools.target.thaw(body).get(id_)
    return [sent] if sent else []
