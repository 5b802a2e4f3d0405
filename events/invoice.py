"""An invoice as the host sees it at the moment of the click: client, dates, lines, the host's own totals.

What `written.text` took out of an invoice's texts because nobody sees it, by field and line; pure.
"""

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from events import written
from events.attachments import Attachments
from events.money import ZERO, AmountsAre, line_amount, total_of
from events.snapshot import (
    Amount,
    Currency,
    CurrencyRate,
    HostId,
    Id,
    IsoDate,
    Percentage,
    Quantity,
    ShortText,
    Snapshot,
    Text,
)

MOST, _MOST_LINES = 20, 20
# The texts of an invoice, by where they stand. True: of one line, so that what means a new line becomes a space.
_OF_INVOICE = {"job": True, "reference": True}
_OF_CLIENT = {"name": True, "xero_contact_id": False, "email": True, "tax_number": True}
_OF_ADDRESS = {"city": True, "region": True, "postal_code": True, "country": True}
_OF_ATTACHMENT = {"name": True, "media_type": True}
_OF_LINE = {"description": False, "kind": False, "account_code": False, "tax_type": False, "item_code": False}
_OF_TRACKING = {"category": True, "option": True}
# Unicode names no control character.
_NAMES = {"\x0b": "vertical tab", "\x0c": "form feed", "\x85": "next line"}


class Cleaned(Snapshot):
    """A text that was sent without characters nobody sees: the field, the first lines it is in, and a sentence.

    `lines` count from 1 and are the first 20, `more_lines` counts the others with the same characters. `characters`
    are named by their numbers in Unicode, U+202E.
    """

    field: str
    lines: tuple[int, ...] = ()
    more_lines: int = 0
    characters: tuple[str, ...] = ()
    said: str


def cleaned(said: Mapping[str, Any]) -> tuple[Cleaned, ...]:
    """What is taken out of an invoice as its host wrote it; what is alike in many lines once.

    At most 20 texts are named, and the last entry counts the others.
    """
    alike: dict[tuple[str, str], list[int]] = {}
    characters: dict[tuple[str, str], tuple[str, ...]] = {}
    for line, field, text, one_line in _texts(said):
        found = written.unseen_in(text)
        if found:
            key = field, _done(found, one_line=one_line)
            characters[key] = tuple(f"U+{ord(one):04X}" for one in dict.fromkeys(found))
            alike.setdefault(key, []).extend([line] if line else [])
    entries = [_entry(*key, lines, characters[key]) for key, lines in alike.items()]
    left = len(entries) - MOST
    if left <= 0:
        return tuple(entries)
    more = f"{left + 1} more texts were cleaned of characters that nobody sees."
    return (*entries[: MOST - 1], Cleaned(field="", said=more))


def _entry(field: str, done: str, lines: list[int], characters: tuple[str, ...]) -> Cleaned:
    shown, more = tuple(lines[:_MOST_LINES]), max(0, len(lines) - _MOST_LINES)
    places = ", ".join(map(str, shown)) + (f" and {more} more" if more else "")
    where = f"Line{'s' if len(lines) > 1 else ''} {places}, {field}" if lines else field.capitalize()
    return Cleaned(field=field, lines=shown, more_lines=more, characters=characters, said=f"{where}: {done}.")


def _done(found: str, *, one_line: bool) -> str:
    """What became of these characters, in words."""
    new_lines = Counter(one for one in found if written.is_new_line(one))
    gone = Counter(one for one in found if not written.is_new_line(one))
    became = f"became a {'space' if one_line else 'line break'}"
    told = [f"{_names(some)} {how}" for some, how in ((gone, "taken out"), (new_lines, became)) if some]
    return "; ".join(told)


def _names(some: Mapping[str, int]) -> str:
    return ", ".join(f"{_name(one)}{f' ({count} times)' if count > 1 else ''}" for one, count in some.items())


def _name(one: str) -> str:
    named = _NAMES.get(one) or unicodedata.name(one, "control character").lower()
    return f"U+{ord(one):04X} {named}"


def _texts(said: Mapping[str, Any]) -> Iterator[tuple[int, str, str, bool]]:
    """The texts as they came: line (0 outside of lines), field as people call it, the text, whether of one line."""
    yield from _in(said, _OF_INVOICE, 0, "")
    client = said.get("client")
    yield from _in(client, _OF_CLIENT, 0, "client ")
    address = client.get("address") if isinstance(client, Mapping) else None
    for one in _list_in(address, "lines"):
        yield from _in({"lines": one}, {"lines": True}, 0, "client address ")
    yield from _in(address, _OF_ADDRESS, 0, "client address ")
    for one in _list_in(said, "attachments"):
        yield from _in(one, _OF_ATTACHMENT, 0, "attachment ")
    for number, line in enumerate(_list_in(said, "lines"), start=1):
        yield from _in(line, _OF_LINE, number, "")
        for one in _list_in(line, "tracking"):
            yield from _in(one, _OF_TRACKING, number, "tracking ")


def _list_in(part: Any, name: str) -> Sequence[Any]:
    found = part.get(name) if isinstance(part, Mapping) else None
    return found if isinstance(found, list | tuple) else ()


def _in(part: Any, fields: Mapping[str, bool], line: int, whose: str) -> Iterator[tuple[int, str, str, bool]]:
    for name, one_line in fields.items() if isinstance(part, Mapping) else ():
        text = part.get(name)
        if isinstance(text, str):
            yield line, f"{whose}{name.replace('_', ' ')}", text, one_line


MOST_LINES = 10_000
_CLEANED = ',"cleaned":'  # unlike in any text of the invoice, where a quotation mark has a backslash before it
_CLEANED_LIST = TypeAdapter(tuple[Cleaned, ...])
# Xero takes a call of 3.5 MB (facts §2.2); an invoice travels whole, in JSON that writes é as \u00e9.
MOST_LINE_BYTES = 3_200_000
_NAMES_OF_A_LINE = 350  # what the names and figures of a line take there, beside its texts
_LARGEST_LINE = 60_000  # what no line is larger than, by the lengths of its texts

Document = Literal["invoice", "credit_note"]  # what an invoice of CrewCard's becomes in the accounting system
InvoiceNumber = Annotated[
    str, BeforeValidator(written.invoice_number), Field(min_length=1, max_length=255, pattern=r"^[ -+\--~]+$")
]

Link = Annotated[str, BeforeValidator(written.link), Field(max_length=1000, pattern=r"^https?://\S+$")]


class PostalAddress(Snapshot):
    """Where a client gets its post; the lines are those before the city."""

    lines: Annotated[tuple[ShortText, ...], Field(max_length=4)] = ()
    city: ShortText | None = None
    region: ShortText | None = None
    postal_code: ShortText | None = None
    country: ShortText | None = None


class Client(Snapshot):
    """Who is billed. `xero_contact_id` only from hosts that keep that field themselves.

    `email`, `address` and `tax_number` are what a contact is created with, where one is; no invoice needs them.
    """

    id: HostId
    name: ShortText
    xero_contact_id: Annotated[Text, Field(max_length=500)] | None = None
    email: ShortText | None = None
    address: PostalAddress | None = None
    tax_number: ShortText | None = None


class Tracking(Snapshot):
    """One tracking category and the option chosen in it, both by name."""

    category: ShortText
    option: ShortText


class LineItem(Snapshot):
    """One line. Any number of decimals may be sent (40 digits at most); Xero keeps 4 of quantity and unit amount.

    Where those 4 come to another amount, the line goes as 1 x its amount, and the text says quantity and price; the
    amount itself is rounded to 2 decimals, half away from zero (docs/xero/facts.md §8).

    Usually it has a description, a quantity and a unit amount. With an `item_code` each of them may be left out:
    Xero's item brings it. A description alone, without anything else, is a heading or a note.
    `kind` (labour, hire, ...) chooses among the company's default accounts and tax rates.
    """

    description: Annotated[Text, Field(min_length=1, max_length=4000)] | None = None
    kind: Annotated[Text, Field(max_length=50)] | None = None
    quantity: Quantity | None = None
    unit_amount: Amount | None = None
    account_code: Annotated[Text, Field(max_length=10)] | None = None
    tax_type: Annotated[Text, Field(max_length=50)] | None = None
    discount_rate: Percentage | None = None
    discount_amount: Amount | None = None
    item_code: Annotated[Text, Field(max_length=30)] | None = None
    tracking: Annotated[tuple[Tracking, ...], Field(max_length=2)] = ()

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        """What the line leaves out must come from an item, or the line is text and nothing else."""
        missing = [name for name in ("description", "quantity", "unit_amount") if getattr(self, name) is None]
        if not missing or self.item_code or self.is_text:
            return self
        raise PydanticCustomError("line_incomplete", "is missing", {"field": missing[0]})

    @property
    def is_text(self) -> bool:
        """Whether this is a heading or a note: text, and nothing that could be money."""
        said = (self.kind, self.quantity, self.unit_amount, self.account_code, self.tax_type)
        of_money = (*said, self.discount_rate, self.discount_amount, self.item_code, self.tracking or None)
        return self.description is not None and all(value is None for value in of_money)

    @property
    def amount(self) -> Decimal | None:
        """What the line comes to, in the invoice's currency to the cent; None where Xero's item decides that."""
        if self.is_text:
            return ZERO
        if self.quantity is None or self.unit_amount is None:
            return None
        return line_amount(self.quantity, self.unit_amount, self.discount_rate, self.discount_amount)


_NOT_SAID: Any = {
    "revision": True,
    "xero_invoice_id": True,
    "attachments": True,
    "client": {"email": True, "address": True, "tax_number": True},
}


class Totals(Snapshot):
    """The host's own sums in the invoice's currency, compared with Xero's afterwards."""

    subtotal: Amount | None = None
    tax: Amount | None = None
    total: Amount | None = None


def _fitting(lines: tuple[LineItem, ...]) -> tuple[LineItem, ...]:
    if len(lines) * _LARGEST_LINE > MOST_LINE_BYTES and sum(map(_size, lines)) > MOST_LINE_BYTES:
        raise PydanticCustomError("lines_too_large", "are more than fits into one call to Xero, which takes 3.5 MB")
    return lines


def _size(line: LineItem) -> int:
    texts: Sequence[str | None] = (
        line.description, line.account_code, line.tax_type, line.item_code,
        *(text for one in line.tracking for text in (one.category, one.option)),
    )  # fmt: skip
    return _NAMES_OF_A_LINE + sum(len(json.dumps(text)) for text in texts if text)


class Invoice(Snapshot):
    """A snapshot of one invoice; `revision` grows with each change the host makes to it.

    `currency_rate` is how much of the currency is one of the organisation's own; Xero's rate of the day where it is
    left out. `sent_to_contact` says that the client has the invoice already. `attachments` go to it once it is
    exported, where the company's setting says so; `cleaned` is what was taken out of its texts when they were read:
    both are no part of what it says.

    `document` says that it credits its client, as one whose total is below zero does anyway; either sign of its
    amounts then means the same. `credits` is the id of the invoice that the credit is for.
    """

    _cleaned: tuple[Cleaned, ...] = PrivateAttr(default=())

    id: HostId
    revision: Annotated[int, Field(ge=0, le=2**62), BeforeValidator(written.whole)] = 0
    number: InvoiceNumber
    job: ShortText | None = None
    client: Client
    xero_invoice_id: Id | None = None
    date: IsoDate
    due_date: IsoDate | None = None
    expected_payment_date: IsoDate | None = None
    currency: Currency
    currency_rate: CurrencyRate | None = None
    amounts_are: AmountsAre = "exclusive"
    reference: ShortText | None = None
    link: Annotated[str, BeforeValidator(written.link), Field(max_length=1000, pattern=r"^https?://\S+$")] | None = (
        None
    )
    sent_to_contact: bool | None = None
    document: Document | None = None
    credits: HostId | None = None
    lines: Annotated[tuple[LineItem, ...], Field(min_length=1, max_length=MOST_LINES), AfterValidator(_fitting)]
    totals: Totals | None = None
    attachments: Attachments = ()

    @model_validator(mode="wrap")
    @classmethod
    def _note_what_is_cleaned(cls, said: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        invoice = handler(said)
        if isinstance(said, dict) and (found := cleaned(said)):
            return invoice.noting(found)
        return invoice

    @property
    def cleaned(self) -> tuple[Cleaned, ...]:
        """What was taken out of its texts because nobody sees it."""
        return self._cleaned

    def noting(self, cleaned: tuple[Cleaned, ...]) -> Self:
        """The invoice, which knows now what was cleaned of its texts."""
        self._cleaned = cleaned
        return self

    def kept(self) -> str:
        """The invoice and what was cleaned of it as JSON, as it is remembered.

        Its attachments have a place of their own: their addresses are secrets for as long as they are good.
        """
        text = self.model_dump_json(exclude_none=True, exclude={"attachments"})
        return text[:-1] + _CLEANED + _CLEANED_LIST.dump_json(self.cleaned).decode() + "}" if self.cleaned else text

    @classmethod
    def readable(cls, text: str) -> Self | None:
        """What was kept, as far as it can still be read: another version may have taken more."""
        try:
            return cls.of_kept(text) if text else None
        except ValidationError:
            return None

    @classmethod
    def of_kept(cls, text: str) -> Self:
        """An invoice as `kept` wrote it."""
        said, _, cleaned = text.rpartition(_CLEANED)
        if not said:
            return cls.model_validate_json(text)
        return cls.model_validate_json(said + "}").noting(_CLEANED_LIST.validate_json(cleaned[:-1]))

    @property
    def net(self) -> Decimal | None:
        """Sum of the line amounts, as the host states them (tax in or out as `amounts_are` says).

        None where an item of the accounting system decides what a line comes to.
        """
        amounts = [line.amount for line in self.lines]
        known = [one for one in amounts if one is not None]
        return total_of(known) if len(known) == len(amounts) else None

    @property
    def is_below_zero(self) -> bool:
        """Whether it comes to less than nothing, as far as its lines tell."""
        return (self.net or ZERO) < ZERO

    @property
    def amount(self) -> tuple[Decimal, bool] | None:
        """What it comes to in its currency, and whether tax comes on top: the host's total, else the lines' sum.

        None where neither is known: an item of the accounting system brings a price.
        """
        if self.totals and self.totals.total is not None:
            return self.totals.total, False
        return None if self.net is None else (self.net, self.amounts_are == "exclusive")

    def content_hash(self) -> str:
        """SHA-256 of what this invoice says; its revision, where it is in Xero, its
        attachments and how its client is reached aside.

        Equal hashes need no second export.
        """
        said = self.model_dump(mode="json", exclude=_NOT_SAID, exclude_none=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def folded(number: str) -> str:
    """The form in which two invoice numbers count as the same in one organisation."""
    return " ".join(number.split()).upper()
