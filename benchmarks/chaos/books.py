"""What is in the simulated Xero's books, read from there alone: documents, what is allocated, files, contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx

from benchmarks.chaos import world
from benchmarks.chaos.content import Json, Line
from xero_adapter.credit_notes import digest

_MODES = {"Exclusive": "exclusive", "Inclusive": "inclusive", "NoTax": "no_tax"}


@dataclass(frozen=True)
class Book:
    """One document in Xero, and the company, invoice id and generation that its mark names.

    `contact` is an id, or the name of a contact that was created. `given` is what is allocated of a credit note, by
    the id of the invoice. Of an invoice `paid`, `credited` and `due` are as Xero has them, `files` their hashes.
    """

    company: str
    number: str
    id: str
    mark: str
    contact: str
    date: str
    due_date: str
    lines: tuple[Line, ...]
    net: Decimal
    generation: int = 1
    status: str = "AUTHORISED"
    tax: Decimal = Decimal(0)
    currency: str = "USD"
    amounts_are: str = "exclusive"
    document: str = "invoice"
    given: tuple[tuple[str, Decimal], ...] = ()
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    due: Decimal = Decimal(0)
    files: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether it is neither voided nor deleted."""
        return self.status not in ("VOIDED", "DELETED")


@dataclass(frozen=True)
class CreatedContact:
    """A contact that carries a number: only those that we create do."""

    company: str
    number: str
    name: str


@dataclass(frozen=True)
class XeroBooks:
    """Everything in the books of some companies."""

    documents: Sequence[Book]
    contacts: Sequence[CreatedContact] = field(default_factory=tuple)


def everything(xero: httpx.Client, companies: Sequence[str], credit_notes: Sequence[world.Invoice] = ()) -> XeroBooks:
    """All that the simulated Xero keeps of these companies. `credit_notes` are those whose marks can be met."""
    only = {"tenant": world.tenant_of(companies[0])} if len(companies) == 1 else {}
    held = xero.get("/ledger", params=only).raise_for_status().json()["organisations"]
    found: list[Book] = []
    made: list[CreatedContact] = []
    marks = {f"CrewCard {digest(*note, 1)}": "/".join(note) for note in credit_notes}
    for company in companies:
        kept = held[world.tenant_of(company)]
        names = {one["id"]: one["name"] for one in kept["contacts"] if one["number"]}
        made += [CreatedContact(company, one["number"], one["name"]) for one in kept["contacts"] if one["number"]]
        found += [_invoice(company, one, names, kept["attachments"]) for one in kept["invoices"]]
        found += [_credit_note(company, one, names, marks) for one in kept["credit_notes"]]
    return XeroBooks(found, made)


def documents(xero: httpx.Client, companies: Sequence[str], credit_notes: Sequence[world.Invoice] = ()) -> list[Book]:
    """Every document in the simulated Xero."""
    return list(everything(xero, companies, credit_notes).documents)


def _invoice(company: str, kept: Json, names: Mapping[str, str], files: Mapping[str, Sequence[Json]]) -> Book:
    asked = parse_qs(urlsplit(kept["Url"] or "").query)
    return Book(
        number=kept["InvoiceNumber"],
        id=kept["InvoiceID"],
        mark=(asked.get("crewcard") or [""])[0],
        due_date=kept["DueDateString"][:10],
        generation=int((asked.get("crewcard-raised") or ["1"])[0]),
        paid=_decimal(kept["AmountPaid"]),
        credited=_decimal(kept["AmountCredited"]),
        due=_decimal(kept["AmountDue"]),
        files=tuple(sorted(one["sha256"] for one in files.get(kept["InvoiceID"], ()))),
        **_common(company, kept, names),
    )


def _credit_note(company: str, kept: Json, names: Mapping[str, str], marks: Mapping[str, str]) -> Book:
    return Book(
        number=kept["CreditNoteNumber"],
        id=kept["CreditNoteID"],
        mark=marks.get(kept["Reference"], kept["Reference"]),
        due_date="",
        document="credit_note",
        given=tuple((one["Invoice"]["InvoiceID"], _decimal(one["Amount"])) for one in kept["Allocations"]),
        **_common(company, kept, names),
    )


def _common(company: str, kept: Json, names: Mapping[str, str]) -> Json:
    contact = kept["Contact"]["ContactID"]
    return {
        "company": company,
        "contact": names.get(contact, contact),
        "date": kept["DateString"][:10],
        "lines": tuple(map(_line, kept["LineItems"])),
        "net": _decimal(kept["SubTotal"]),
        "status": kept["Status"],
        "tax": _decimal(kept["TotalTax"]),
        "currency": kept["CurrencyCode"],
        "amounts_are": _MODES[kept["LineAmountTypes"]],
    }


def _line(kept: Json) -> Line:
    numbers = (kept["Quantity"], kept["UnitAmount"], kept.get("DiscountRate") or 0)
    quantity, price, discount = map(_decimal, numbers)
    return kept["Description"], quantity, price, discount


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))
