"""What differs between two states of an invoice, in words and figures people compare; pure.

What was found different in the accounting system after an export.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import ConfigDict

from events.invoice import Document
from events.snapshot import Event, HostId, Id, Snapshot

Same = Callable[[str, str, str], bool]  # field, before, after: do the two say the same?


class _FieldTexts(Snapshot):
    """Texts by field name. The accounting system's table of fields says which there are.

    "" is what it does not have, None what nobody said: in a picture of what will be sent, what the accounting
    system fills in by itself; in a picture of its answer, what the answer does not carry.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str | None]

    def fields(self) -> Mapping[str, str | None]:
        """What is said, by field, in the order of the table."""
        return self.__pydantic_extra__

    def said(self, name: str) -> str | None:
        """What is said of one field."""
        return self.__pydantic_extra__.get(name)


class LinePicture(_FieldTexts):
    """One line as it stands; `id` is the accounting system's own."""

    id: str | None = None


class Picture(_FieldTexts):
    """An invoice as the accounting system has it, or will; figures as text, in the invoice's currency.

    `updated` is when it last changed there, of a copy that is kept.
    """

    contact_name: str | None = None
    updated: datetime | None = None
    lines: tuple[LinePicture, ...] = ()

    def only(self, names: frozenset[str]) -> "Picture":
        """The same without the fields that are not named."""
        kept = [LinePicture(id=line.id, **_chosen(line, names)) for line in self.lines]
        return Picture(contact_name=self.contact_name, lines=tuple(kept), **_chosen(self, names))


def _chosen(said: _FieldTexts, names: frozenset[str]) -> dict[str, str | None]:
    return {name: value for name, value in said.fields().items() if name in names}


class Change(Snapshot):
    """One field before and after; `line` counts from 1. A whole line that came or went has the field `line`."""

    field: str
    line: int | None = None
    before: str = ""
    after: str = ""

    @property
    def name(self) -> str:
        """`line 2 quantity`."""
        return named(self.field, self.line)

    @property
    def sentence(self) -> str:
        """`line 2 quantity: 2 → 3`."""
        return f"{self.name}: {self.before or '(none)'} → {self.after or '(none)'}"


class Difference(Snapshot):
    """A field that was sent and is kept otherwise; `line` counts from 1.

    `altered` says what the accounting system is known to do with such a value; it is empty where nobody knows why.
    """

    field: str
    line: int | None = None
    sent: str = ""
    kept: str = ""
    altered: str = ""

    @property
    def sentence(self) -> str:
        """`line 2 tracking (none) in Xero, Region: West in CrewCard`."""
        why = f" ({self.altered})" if self.altered else ""
        if self.field == "contact":
            return f"another contact in Xero than the client's{f': {self.kept}' if self.kept else ''}{why}"
        what = "dated" if self.field == "date" else named(self.field, self.line)
        return f"{what} {self.kept or '(none)'} in Xero, {self.sent or '(none)'} in CrewCard{why}"


def named(field: str, line: int | None = None) -> str:
    """A field as people call it: `line 2 unit amount`."""
    what = field.replace("_", " ")
    if not line:
        return what
    return f"line {line}" if field == "line" else f"line {line} {what}"


def in_short(changes: tuple[Change, ...], most: int = 140) -> str:
    """The changes in one clause of at most so many characters; what is left out is counted."""
    told: list[str] = []
    for place, change in enumerate(changes):
        left = len(changes) - place
        if len("; ".join([*told, change.sentence])) > most - 15:
            return "; ".join([*told, f"and {left} more" if told else f"{left} changes"])
        told.append(change.sentence)
    return "; ".join(told)


def _equal(_field: str, before: str, after: str) -> bool:
    return before == after


def compared(before: Picture, after: Picture, same: Same = _equal) -> tuple[Change, ...]:
    """What is different afterwards, field by field and line by line.

    What nobody said (None) on either side, or only one side has a field for, is no change.
    """
    whole = [_by_name(change, before, after) for change in _fields(before, after, None, same)]
    return (*whole, *_lines(before, after, same))


def _fields(before: _FieldTexts, after: _FieldTexts, line: int | None, same: Same) -> Iterator[Change]:
    for name, was in before.fields().items():
        now = after.said(name)
        if was is not None and now is not None and was != now and not same(name, was, now):
            yield Change(field=name, line=line, before=_spoken(was), after=_spoken(now))


def _spoken(value: str) -> str:
    return value.replace("\n", ", ")


def _by_name(change: Change, before: Picture, after: Picture) -> Change:
    """A contact by its name where both are known: ids say nothing to people."""
    if change.field != "contact" or not (before.contact_name and after.contact_name):
        return change
    return change.model_copy(update={"before": before.contact_name, "after": after.contact_name})


def _lines(before: Picture, after: Picture, same: Same) -> Iterator[Change]:
    """Line by line as they stand afterwards, then those that are gone."""
    pairs = pairs_of(before.lines, after.lines)
    for place, line in enumerate(after.lines):
        if place in pairs:
            yield from _fields(before.lines[pairs[place]], line, place + 1, same)
        else:
            yield Change(field="line", line=place + 1, after=_text(line))
    for place, line in enumerate(before.lines):
        if place not in pairs.values():
            yield Change(field="line", line=place + 1, before=_text(line))


def pairs_of(before: Sequence[LinePicture], after: Sequence[LinePicture]) -> dict[int, int]:
    """Which line was which, by place: the same id, else the same place among those that are left."""
    by_id = {line.id: place for place, line in enumerate(before) if line.id}
    pairs = {place: by_id[line.id] for place, line in enumerate(after) if line.id in by_id}
    free = set(range(len(before))) - set(pairs.values())
    return pairs | {place: place for place in range(len(after)) if place not in pairs and place in free}


def carried(sent: Picture, kept: Picture) -> tuple[list[str], list[str], list[str], list[str]]:
    """Fields that were sent, as people call them: of the whole those kept and those not; of lines the same."""
    pairs = [(sent.lines[ours], kept.lines[theirs]) for theirs, ours in pairs_of(sent.lines, kept.lines).items()]
    whole, lost = _carried([(sent, kept)])
    return whole, lost, *_carried(pairs)


def _carried(pairs: Sequence[tuple[_FieldTexts, _FieldTexts]]) -> tuple[list[str], list[str]]:
    """Names of fields that are said on both sides, and of those that the second does not say."""
    found: dict[str, bool] = {}
    for ours, theirs in pairs:
        for name, value in ours.fields().items():
            if value is not None:
                found[name] = found.get(name, True) and theirs.said(name) is not None
    both = [named(name) for name, kept in found.items() if kept]
    return both, [named(name) for name, kept in found.items() if not kept]


def _text(line: LinePicture) -> str:
    what = line.said("description") or line.said("item") or "a line"
    return f"{what}, {line.said('quantity') or '1'} x {line.said('unit_amount') or '0.00'}"


Kind = Literal["voided", "deleted", "edited", "paid"]
Drifted = Literal["voided", "deleted", "gone", "edited", "paid"]
GONE = frozenset({"voided", "deleted", "gone"})  # of such an invoice nothing is left in Xero that could be changed


class DriftFound(Snapshot):
    """How an invoice in the accounting system is known to differ from what the export left there.

    `number` is the one it has there.
    """

    kind: Drifted
    differences: tuple[str, ...] = ()
    number: str | None = None

    @classmethod
    def kept(cls, text: str | None) -> "DriftFound | None":
        """As an export row keeps it; None where nothing is known to differ."""
        return cls.model_validate_json(text) if text else None


class InvoiceExportDriftFound(Event):
    """Out: an exported invoice is not in Xero as the export left it. Nothing was changed on either side."""

    TYPE: ClassVar[str] = "invoice.export.drift_found"

    company: Id
    invoice: HostId
    document: Document = "invoice"
    number: str
    xero_invoice_id: str
    kind: Kind
    differences: tuple[str, ...]
    deep_link: str
    found_at: datetime
