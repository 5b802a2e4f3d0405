"""An invoice of a run: as the host sends it, and what Xero must hold of it; pure."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
Line = tuple[str, Decimal, Decimal]  # text, quantity, price
CLIENT, NEWCOMER, MOVER = "acme", "newcomer", "mover"
DATE, DUE, LATER = "2026-11-20", "2026-12-20", "2026-12-31"
TEXT = "Crew, one day"


@dataclass(frozen=True)
class Content:
    """What Xero must hold of an invoice. `contacts`: one of these, while its client is being linked to another."""

    number: str
    contacts: tuple[str, ...]
    due_date: str
    lines: tuple[Line, ...]
    date: str = DATE
    generation: int = 1

    @property
    def net(self) -> Decimal:
        """The sum of its lines."""
        return sum((quantity * price for _, quantity, price in self.lines), Decimal(0))


def contact_of(company: str, which: str = "contact") -> str:
    """A contact in a company's organisation: the usual one, or `other`, to which the moving client is linked."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos/{which}/{company}"))


def snapshot(id_: str, client: str, wanted: Content, revision: int = 0) -> Json:
    """The invoice as the host sends it: by its own number, whatever it has in Xero."""
    lines = [
        {"description": text, "quantity": str(quantity), "unit_amount": str(price)}
        for text, quantity, price in wanted.lines
    ]
    return {
        "id": id_,
        "revision": revision,
        "number": number_of(id_),
        "client": {"id": client, "name": client.title()},
        "date": wanted.date,
        "due_date": wanted.due_date,
        "currency": "USD",
        "lines": lines,
    }


def number_of(id_: str) -> str:
    """The host's number of an invoice."""
    return f"INV {id_.upper()}"


def event(kind: str, id_: str, **data: Any) -> Json:
    """An event of the host."""
    return {"specversion": "1.0", "id": id_, "source": "crewcard/chaos", "type": kind, "data": data}
