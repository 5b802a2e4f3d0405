"""What differs between two states of an invoice, in words and figures people compare."""

from events.snapshot import Snapshot


class LinePicture(Snapshot):
    """One line as it stands: amounts with all their decimals as text, "" for what it does not have.

    None is what nobody said: in a picture of what will be sent, what the accounting system fills in by itself.
    """

    id: str | None = None
    description: str | None = None
    quantity: str | None = None
    unit_amount: str | None = None
    discount: str | None = None
    account: str | None = None
    tax_type: str | None = None
    item: str | None = None
    tracking: str | None = None
    amount: str | None = None


class Picture(Snapshot):
    """An invoice as the accounting system has it, or will; figures as text, in the invoice's currency."""

    contact: str | None = None
    contact_name: str | None = None
    number: str | None = None
    reference: str | None = None
    date: str | None = None
    due_date: str | None = None
    currency: str | None = None
    amounts: str | None = None
    lines: tuple[LinePicture, ...] = ()
    subtotal: str | None = None
    tax: str | None = None
    total: str | None = None


class Change(Snapshot):
    """One field before and after; `line` counts from 1. A whole line that came or went has the field `line`."""

    field: str
    line: int | None = None
    before: str = ""
    after: str = ""

    @property
    def name(self) -> str:
        """`line 2 quantity`."""
        what = self.field.replace("_", " ")
        if not self.line:
            return what
        return f"line {self.line}" if self.field == "line" else f"line {self.line} {what}"

    @property
    def sentence(self) -> str:
        """`line 2 quantity: 2 → 3`."""
        return f"{self.name}: {self.before or '(none)'} → {self.after or '(none)'}"


def in_short(changes: tuple[Change, ...], most: int = 140) -> str:
    """The changes in one clause of at most so many characters; what is left out is counted."""
    told: list[str] = []
    for place, change in enumerate(changes):
        left = len(changes) - place
        if len("; ".join([*told, change.sentence])) > most - 15:
            return "; ".join([*told, f"and {left} more" if told else f"{left} changes"])
        told.append(change.sentence)
    return "; ".join(told)
