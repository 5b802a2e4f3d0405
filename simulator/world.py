"""Everything the simulator remembers: organisations and what is in them, calls, its clock."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

Json = dict[str, Any]
NOTHING = "00000000-0000-0000-0000-000000000000"


@dataclass
class Account:
    """A ledger account; `tax_types` lists what it may be combined with, empty = anything."""

    code: str
    name: str = ""
    kind: str = "REVENUE"
    status: str = "ACTIVE"
    tax_type: str = "NONE"
    tax_types: tuple[str, ...] = ()


@dataclass
class TaxRate:
    """A tax rate in percent."""

    code: str
    rate: str = "0"
    status: str = "ACTIVE"
    for_revenue: bool = True


@dataclass
class Contact:
    """A contact; `merged_to` names the winner of a merge."""

    id: str
    name: str
    status: str = "ACTIVE"
    email: str = ""
    merged_to: str | None = None


@dataclass
class Organisation:
    """One tenant with its settings and its books."""

    tenant: str
    name: str
    short_code: str
    base_currency: str = "USD"
    currencies: list[str] = field(default_factory=list)
    period_lock: date | None = None
    year_lock: date | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    tax_rates: dict[str, TaxRate] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    invoices: dict[str, Json] = field(default_factory=dict)
    by_number: dict[str, list[str]] = field(default_factory=dict)
    offline: bool = False

    def with_number(self, number: str) -> list[Json]:
        """The invoices that carry a number."""
        return [self.invoices[id_] for id_ in self.by_number.get(number, ())]

    def keep(self, invoice: Json) -> None:
        """Write an invoice into the books."""
        self.invoices[invoice["InvoiceID"]] = invoice
        same = self.by_number.setdefault(invoice["InvoiceNumber"], [])
        if invoice["InvoiceID"] not in same:
            same.append(invoice["InvoiceID"])


@dataclass
class World:
    """All organisations, the record of calls, and the time, which can be moved."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    calls: list[Json] = field(default_factory=list)
    offset: timedelta = timedelta()
    minute: float = 60
    day: float = 86_400

    def now(self) -> datetime:
        """The simulator's time, aware UTC."""
        return datetime.now(UTC) + self.offset


def new_id() -> str:
    """A fresh GUID."""
    return str(uuid.uuid4())
