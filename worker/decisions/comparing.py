"""Two pictures of an invoice, compared field by field and line by line; pure."""

from collections.abc import Iterator, Sequence

from events.changes import Change, LinePicture, Picture

_OF_INVOICE = (
    "contact", "number", "reference", "date", "due_date", "currency", "amounts", "subtotal", "tax", "total",
)  # fmt: skip
_OF_LINE = ("description", "quantity", "unit_amount", "discount", "account", "tax_type", "item", "tracking", "amount")


def changes(before: Picture, after: Picture) -> tuple[Change, ...]:
    """What is different afterwards. What nobody said (None) on either side is no change."""
    whole = [_named(change, before, after) for change in _fields(before, after, _OF_INVOICE, None)]
    return (*whole, *_lines(before, after))


def _fields(
    before: Picture | LinePicture, after: Picture | LinePicture, names: tuple[str, ...], line: int | None
) -> Iterator[Change]:
    for name in names:
        was, now = getattr(before, name), getattr(after, name)
        if was is not None and now is not None and was != now:
            yield Change(field=name, line=line, before=_spoken(was), after=_spoken(now))


def _spoken(value: str) -> str:
    return value.replace("\n", ", ")


def _named(change: Change, before: Picture, after: Picture) -> Change:
    """A contact by its name where both are known: ids say nothing to people."""
    if change.field != "contact" or not (before.contact_name and after.contact_name):
        return change
    return change.model_copy(update={"before": before.contact_name, "after": after.contact_name})


def _lines(before: Picture, after: Picture) -> Iterator[Change]:
    """Line by line as they stand afterwards, then those that are gone."""
    pairs = _pairs(before.lines, after.lines)
    for place, line in enumerate(after.lines):
        if place in pairs:
            yield from _fields(before.lines[pairs[place]], line, _OF_LINE, place + 1)
        else:
            yield Change(field="line", line=place + 1, after=_text(line))
    for place, line in enumerate(before.lines):
        if place not in pairs.values():
            yield Change(field="line", line=place + 1, before=_text(line))


def _pairs(before: Sequence[LinePicture], after: Sequence[LinePicture]) -> dict[int, int]:
    """Which line was which, by place: the same id, else the same place among those that are left."""
    by_id = {line.id: place for place, line in enumerate(before) if line.id}
    pairs = {place: by_id[line.id] for place, line in enumerate(after) if line.id in by_id}
    free = set(range(len(before))) - set(pairs.values())
    return pairs | {place: place for place in range(len(after)) if place not in pairs and place in free}


def _text(line: LinePicture) -> str:
    return f"{line.description or line.item or 'a line'}, {line.quantity or '1'} x {line.unit_amount or '0.00'}"
