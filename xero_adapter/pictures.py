"""Pictures of Xero's invoices, and how two of them differ, by the table of fields; pure (facts §8)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from events.accounting_target import Element
from events.changes import Change, Difference, LinePicture, Picture, compared, pairs_of
from xero_adapter import invoice_fields
from xero_adapter.invoice_fields import EVERY
from xero_adapter.json_values import FieldRow, object_of, seen_in, text_of

_CHANGED = frozenset(name for name, row in EVERY.items() if row.guard != "never")
_GUARDED = frozenset(name for name, row in EVERY.items() if row.guard == "always")
_GUARDED_WHOLE = [row for row in invoice_fields.INVOICE if row.guard == "always"]
_GUARDED_LINE = [row for row in invoice_fields.LINE if row.guard == "always"]
_SENT = frozenset(name for name, row in EVERY.items() if row.say and row.updates)
_SHOWN = frozenset(row.name for row in invoice_fields.INVOICE if row.name in _SENT and row.in_lists)


def of_copy(copy: Element) -> Picture:
    """The invoice as Xero shows it; None is what the answer does not carry."""
    return _picture(copy, ours=False)


def of_sent(element: Element) -> Picture:
    """The invoice as an element of ours will make it; None is what it leaves to Xero."""
    return _picture(element, ours=True)


def _picture(element: Element, *, ours: bool) -> Picture:
    seen = seen_in(invoice_fields.INVOICE, element, ours=ours)
    name = None if ours else text_of(object_of(element.get("Contact")).get("Name")) or None
    own = tuple(_line(line, ours=ours) for line in lines(element))
    return Picture(contact_name=name, lines=own, **seen)


def _line(line: Element, *, ours: bool) -> LinePicture:
    seen = seen_in(invoice_fields.LINE, line, ours=ours)
    return LinePicture(id=text_of(line.get("LineItemID")) or None, **seen)


def lines(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of an invoice, whatever it is."""
    found = element.get("LineItems")
    return [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []


def fingerprint(copy: Element) -> str:
    """What an edit in Xero would change, in one short string: equal fingerprints mean an untouched invoice."""
    said = [_guarded(copy, _GUARDED_WHOLE), *(_guarded(line, _GUARDED_LINE) for line in lines(copy))]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _guarded(element: Element, rows: Sequence[FieldRow[Any]]) -> list[str | None]:
    return list(seen_in(rows, element, ours=False).values())


def carries(copy: Element, sent: Element) -> bool:
    """Whether Xero's copy says all that was sent, but for what Xero is known to alter: it certainly arrived.

    What the copy does not show has not arrived, unless lists may leave it out.
    """
    ours, theirs = of_sent(sent), of_copy(copy)
    if any(ours.said(name) is not None and theirs.said(name) is None for name in _SHOWN):
        return False
    found = differences(ours, theirs)
    return not any(one.field == "line" or (one.field in _SENT and not one.altered) for one in found)


def changes(before: Picture, after: Picture) -> tuple[Change, ...]:
    """What became different in an invoice of what an export may change."""
    return compared(before.only(_CHANGED), after, _same)


def edits(before: Picture, now: Picture, wanted: Picture | None = None) -> tuple[Change, ...]:
    """What somebody changed in Xero, of that which an update would take back; `wanted` is what it says.

    What is now as wanted is taken back by nothing, and the sums that follow from it neither.
    """
    names = _GUARDED | (_said(wanted) if wanted else frozenset())
    found = compared(before.only(names), now, _same)
    left = [change for change in found if not (wanted and _is_as_wanted(change, now, wanted))]
    agreed = len(left) < len(found) and not any(_is_written(change) for change in left)
    return () if agreed else tuple(left)


def _said(wanted: Picture) -> frozenset[str]:
    return frozenset(name for name in _CHANGED if wanted.said(name) is not None)


def _is_written(change: Change) -> bool:
    return change.field == "line" or EVERY[change.field].say is not None


def _is_as_wanted(change: Change, now: Picture, wanted: Picture) -> bool:
    if change.field == "line":
        return False
    if change.line is None:
        return _agree(change.field, wanted.said(change.field), now.said(change.field))
    line = now.lines[change.line - 1]
    ours = next((one for one in wanted.lines if line.id and one.id == line.id), None)
    return ours is not None and _agree(change.field, ours.said(change.field), line.said(change.field))


def _agree(name: str, ours: str | None, theirs: str | None) -> bool:
    return ours is not None and theirs is not None and _same(name, ours, theirs)


def _same(name: str, one: str, other: str) -> bool:
    return EVERY[name].same(one, other)


def differences(sent: Picture, kept: Picture) -> tuple[Difference, ...]:
    """What Xero keeps otherwise than it was sent, each with what Xero is known to do, if that explains it."""
    return tuple(_explained(change, sent, kept) for change in compared(sent, kept, _same))


def left_behind(before: Picture, sent: Picture, kept: Picture) -> tuple[Difference, ...]:
    """What an update took off, and Xero keeps all the same; `before` is the copy as it was after the last export."""
    why = "Xero keeps it where an update leaves it out: take it off there"
    names = [name for name, row in EVERY.items() if row.stays and sent.said(name) is None]
    stayed = [(name, value) for name in names if (value := kept.said(name)) and value == before.said(name)]
    return tuple(Difference(field=name, kept=value, altered=why) for name, value in stayed)


def _explained(change: Change, sent: Picture, kept: Picture) -> Difference:
    name = kept.contact_name if change.field == "contact" and kept.contact_name else change.after
    found = Difference(field=change.field, line=change.line, sent=change.before, kept=name)
    if change.field == "line":
        return found
    before, after, line = sent.said(change.field), kept.said(change.field), None
    if change.line is not None:
        line = sent.lines[pairs_of(sent.lines, kept.lines)[change.line - 1]]
        before, after = line.said(change.field), kept.lines[change.line - 1].said(change.field)
    why = EVERY[change.field].altered(before or "", after or "", line)
    return found.model_copy(update={"altered": why}) if why else found
