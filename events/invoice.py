"""An invoice as the host sees it at the moment of the click: client, dates, lines, the host's own totals."""

import hashlib
import json
from typing import Annotated

from pydantic import Field

from events.money import AmountsAre
from events.snapshot import Amount, Currency, Id, IsoDate, Percentage, Quantity, ShortText, Snapshot, Text

InvoiceNumber = Annotated[
    str,
    # Printable ASCII as Xero wants it (xero/facts.md §3.2); a comma cannot be looked up (§4.2).
    Field(min_length=1, max_length=255, pattern=r"^[ -+\--~]+$"),
]


class Client(Snapshot):
    """Who is billed. `xero_contact_id` only from hosts that keep that field themselves."""

    id: Id
    name: ShortText
    xero_contact_id: Annotated[Text, Field(max_length=500)] | None = None


class Tracking(Snapshot):
    """One tracking category and the option chosen in it, both by name."""

    category: ShortText
    option: ShortText


class LineItem(Snapshot):
    """One line. Quantity and unit amount are kept to 4 decimals, amounts to 2 (xero/facts.md §8).

    `kind` (labour, hire, ...) chooses among the company's default accounts and tax rates.
    """

    description: Annotated[Text, Field(min_length=1, max_length=4000)]
    kind: Annotated[Text, Field(max_length=50)] | None = None
    quantity: Quantity
    unit_amount: Amount
    account_code: Annotated[Text, Field(max_length=10)] | None = None
    tax_type: Annotated[Text, Field(max_length=50)] | None = None
    discount_rate: Percentage | None = None
    discount_amount: Amount | None = None
    item_code: Annotated[Text, Field(max_length=30)] | None = None
    tracking: Annotated[tuple[Tracking, ...], Field(max_length=2)] = ()


class Totals(Snapshot):
    """The host's own sums in the invoice's currency, compared with Xero's afterwards."""

    subtotal: Amount | None = None
    tax: Amount | None = None
    total: Amount | None = None


class Invoice(Snapshot):
    """A snapshot of one invoice; `revision` grows with each change the host makes to it."""

    id: Id
    revision: Annotated[int, Field(ge=0, le=2**62)] = 0
    number: InvoiceNumber
    job: ShortText | None = None
    client: Client
    xero_invoice_id: Id | None = None
    date: IsoDate
    due_date: IsoDate | None = None
    currency: Currency
    amounts_are: AmountsAre = "exclusive"
    reference: ShortText | None = None
    link: Annotated[Text, Field(max_length=1000, pattern=r"^https?://\S+$")] | None = None
    lines: Annotated[tuple[LineItem, ...], Field(min_length=1, max_length=500)]
    totals: Totals | None = None

    def content_hash(self) -> str:
        """SHA-256 of what this invoice says; its revision and where it is in Xero aside.

        Equal hashes need no second export.
        """
        said = self.model_dump(mode="json", exclude={"revision", "xero_invoice_id"}, exclude_none=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def folded(number: str) -> str:
    """The form in which two invoice numbers count as the same in one organisation."""
    return " ".join(number.split()).upper()
