"""An invoice of a run: as the host sends it, and what Xero must hold of it; pure."""

import random
import uuid
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Json = dict[str, Any]
Line = tuple[str, Decimal, Decimal, Decimal]  # text, quantity, price, discount in per cent
CLIENT, NEWCOMER, MOVER = "acme", "newcomer", "mover"
DATE, DUE, LATER = "2026-11-20", "2026-12-20", "2026-12-31"
TEXT = "Crew, one day"
UNTAXED, TAXED, PER_CENT = "NONE", "OUTPUT", Decimal(15)
CURRENCIES = ("USD", "EUR", "GBP")
NO_ACCOUNT = "404"
_MODES = (("exclusive", UNTAXED), ("exclusive", TAXED), ("inclusive", TAXED), ("no_tax", UNTAXED))
_MOST_LINES = 5


@dataclass(frozen=True)
class Content:
    """What Xero must hold of a document. `contacts`: one of these, while its client is being linked to another.

    A contact that is created in the run is called by its name. A credit note has no due date, and amounts above zero.
    """

    number: str
    contacts: tuple[str, ...]
    due_date: str
    lines: tuple[Line, ...]
    date: str = DATE
    generation: int = 1
    currency: str = CURRENCIES[0]
    amounts_are: str = "exclusive"
    tax_type: str = UNTAXED
    document: str = "invoice"

    @property
    def total(self) -> Decimal:
        """With tax."""
        return self.net + self.tax

    @property
    def net(self) -> Decimal:
        """What Xero calls SubTotal: without tax."""
        return self._gross - self.tax if self.amounts_are == "inclusive" else self._gross

    @property
    def tax(self) -> Decimal:
        """The tax of each line, rounded, then summed."""
        if self.tax_type == UNTAXED:
            return Decimal(0)
        whole = 100 + PER_CENT if self.amounts_are == "inclusive" else Decimal(100)
        return sum((cents(_amount(line) * PER_CENT / whole) for line in self.lines), Decimal(0))

    @property
    def _gross(self) -> Decimal:
        return sum(map(_amount, self.lines), Decimal(0))


def _amount(line: Line) -> Decimal:
    _, quantity, price, discount = line
    return cents(quantity * price * (100 - discount) / 100)


def cents(amount: Decimal) -> Decimal:
    """Rounded as Xero rounds."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def plain(dice: random.Random, number: str, *contacts: str) -> Content:
    """An invoice of one line without tax, as the control knows it."""
    price = Decimal(dice.randrange(100, 1_000_000)) / 100
    return Content(number, contacts, DUE, ((TEXT, Decimal(1), price, Decimal(0)),))


def mixed(dice: random.Random, number: str, *contacts: str) -> Content:
    """An invoice as they come: some lines, some of them with a discount, any kind of tax, any currency."""
    amounts_are, tax_type = dice.choice(_MODES)
    lines = tuple(
        (
            f"{TEXT}, {place}",
            Decimal(dice.randrange(1, 49)) / 4,
            Decimal(dice.randrange(100, 200_000)) / 100,
            Decimal(dice.choice((0, 0, 0, 5, 10, 33))),
        )
        for place in range(1, dice.randint(1, _MOST_LINES) + 1)
    )
    currency = dice.choice(CURRENCIES)
    return Content(number, contacts, DUE, lines, currency=currency, amounts_are=amounts_are, tax_type=tax_type)


def contact_of(company: str, which: str = "contact") -> str:
    """A contact in a company's organisation: the usual one, or `other`, to which the moving client is linked."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos/{which}/{company}"))


def snapshot(id_: str, client: str, wanted: Content, revision: int = 0, **more: Any) -> Json:
    """The document as the host sends it: by its own number, whatever it has in Xero, and with what `more` is said."""
    lines = [
        {"description": text, "quantity": str(quantity), "unit_amount": str(price), "tax_type": wanted.tax_type}
        | ({"discount_rate": str(discount)} if discount else {})
        for text, quantity, price, discount in wanted.lines
    ]
    return {
        "id": id_,
        "revision": revision,
        "number": number_of(id_),
        "client": {"id": client, "name": client.title()},
        "date": wanted.date,
        **({"due_date": wanted.due_date} if wanted.due_date else {}),
        "currency": wanted.currency,
        "amounts_are": wanted.amounts_are,
        "lines": lines,
        **more,
    }


def number_of(id_: str) -> str:
    """The host's number of an invoice."""
    return f"INV {id_.upper()}"


def event(kind: str, id_: str, **data: Any) -> Json:
    """An event of the host."""
    return {"specversion": "1.0", "id": id_, "source": "crewcard/chaos", "type": kind, "data": data}
