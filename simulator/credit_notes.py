"""Credit notes, and what is allocated of them to invoices: written, listed, used up (facts §8.1).

While one is judged and worked out it is called as an invoice is; Xero's names are on what is kept and shown.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from simulator import books, contacts, documents, edits, reading, rules, search, where
from simulator.arithmetic import number
from simulator.books import Findings
from simulator.context import Context
from simulator.messages import Say
from simulator.search import Page
from simulator.wire import Json, Request
from simulator.world import new_id, wire_date, wire_moment

_OURS = {"CreditNoteID": "InvoiceID", "CreditNoteNumber": "InvoiceNumber"}
_TYPES = {"ACCRECCREDIT": "ACCREC", "ACCPAYCREDIT": "ACCPAY"}
_FIELDS = frozenset({
    "Type", "Status", "Reference", "CreditNoteNumber", "CreditNoteID", "Date", "RemainingCredit", "Total", "SubTotal",
    "TotalTax", "CurrencyCode", "Contact.ContactID", "Contact.Name", "Contact.ContactNumber", "UpdatedDateUTC",
})  # fmt: skip
_SHOWN = (
    "Reference", "BrandingThemeID", "Contact", "Date", "DateString", "Status", "LineAmountTypes", "CurrencyCode",
    "CurrencyRate", "LineItems", "SubTotal", "TotalTax", "Total", "HasAttachments", "UpdatedDateUTC",
)  # fmt: skip
_ZERO = Decimal("0.00")


def create(context: Context, sent: Json) -> Json:
    """Create one credit note, or say why not."""
    sent = books.as_taken(context, {name: value for name, value in _as_invoice(sent).items() if name != "InvoiceID"})
    findings = books.judged(context, sent, [*_of_creation(context, sent), *_of_credit_note(context, sent)])
    return refused(context, sent, findings) if findings else _written(context, sent, findings.worked_out)


def update_or_create(context: Context, sent: Json) -> Json:
    """Update the credit note that is meant, by id or by number; create where none is."""
    identity, wanted = sent.get("CreditNoteID"), sent.get("CreditNoteNumber")
    if identity:
        existing = context.organisation.credit_notes.get(identity)
        unknown = Findings([Say.CREDIT_NOTE_UNKNOWN()])
        return update(context, existing, sent) if existing else refused(context, _as_invoice(sent), unknown)
    same = next((one for one in with_number(context, wanted) if one["Status"] != "DELETED"), None) if wanted else None
    return update(context, same, sent) if same else create(context, sent)


def update(context: Context, existing: Json, sent: Json) -> Json:
    """Change one credit note, or say why not; one of which something is allocated is not changed at all."""
    sent, before = books.as_taken(context, _as_invoice(sent)), _as_invoice(existing)
    refusals = list(_of_change(context, existing, sent))
    whole = books.merged(before, sent)
    own = _of_credit_note(context, whole)
    findings = Findings(refusals) if refusals else books.judged(context, whole, own, changed=sent)
    if findings:
        return refused(context, {**sent, "InvoiceID": existing["CreditNoteID"]}, findings)
    return _written(context, whole, findings.worked_out)


def with_number(context: Context, wanted: str) -> list[Json]:
    """The sales credit notes that carry a number, which no other of them may have; an invoice may."""
    notes = context.organisation.credit_notes.values()
    return [
        one
        for one in notes
        if one["Type"] == "ACCRECCREDIT" and one["CreditNoteNumber"].casefold() == wanted.casefold()
    ]


def meant(context: Context, identity: str) -> Json | None:
    """The credit note of this id or number."""
    known = context.organisation.credit_notes.get(reading.guid(identity) or "")
    return known or next(iter(with_number(context, identity)), None)


def listed(context: Context, request: Request) -> Page:
    """The credit notes a request asks for: neither by lists of ids or numbers, nor by app (SPEC, GET /CreditNotes).

    Raises where.Unparsable, search.BadHeader.
    """
    where.check_parameters(request, "CreditNotes", {"where", "order", "page", "pagesize", "unitdp"})
    modified = search.since(request)
    found = list(context.organisation.seen_credit_notes(context.now).values())
    if modified:
        found = [one for one in found if search.updated(one) > modified]
    found = where.chosen(found, request, "CreditNote", _FIELDS)
    if "page" not in request.asked and "pagesize" not in request.asked:
        return Page([shown(context, one, lines=False) for one in found], None)
    chosen, pagination = search.in_pages(found, request)
    return Page([shown(context, one) for one in chosen], pagination)


def shown(context: Context, note: Json, *, lines: bool = True) -> Json:
    """A credit note as a read gives it."""
    view = search.shown(context, {**note, "Url": None}, lines=lines)
    return {name: value for name, value in view.items() if name in note or name == "HasErrors"}


def allocate(context: Context, note: Json, sent: Json) -> Json:
    """Allocate a part of what is left of a credit note to an invoice, or say why not."""
    invoice = context.organisation.invoices.get(sent.get("Invoice", {}).get("InvoiceID", ""))
    amount = number(sent.get("Amount", 0))
    messages = list(_of_allocation(note, invoice, amount))
    if messages or invoice is None:
        said = {name: float(value) if isinstance(value, Decimal) else value for name, value in sent.items()}
        said = {**said, **({"Date": wire_date(sent["Date"])} if sent.get("Date") else {})}
        return {**said, "ValidationErrors": [{"Message": text} for text in messages]}
    day = wire_date(sent.get("Date") or context.today)
    entry: Json = {"AllocationID": new_id(), "Amount": float(amount), "Date": day}
    _use(context, note, invoice, amount, {**entry, "Invoice": _named(invoice)})
    mine = {name: note[name] for name in ("CreditNoteID", "CreditNoteNumber")}
    return {**entry, "CreditNote": mine, "Invoice": _named(invoice), "ValidationErrors": []}


def _use(context: Context, note: Json, invoice: Json, amount: Decimal, entry: Json) -> None:
    """What is allocated is credited to the invoice, and nobody's any more."""
    left, due = number(note["RemainingCredit"]) - amount, number(invoice["AmountDue"]) - amount
    ended = {"Status": "PAID", "FullyPaidOnDate": wire_date(context.now.date())}
    changed = {"UpdatedDateUTC": wire_moment(context.now)}
    rest = {"Allocations": [*note["Allocations"], entry], "RemainingCredit": float(left), **changed}
    context.organisation.keep_credit_note({**note, **rest, **({} if left else ended)}, context.unseen_until)
    named = {name: note[name] for name in ("CreditNoteID", "CreditNoteNumber", "Date", "Total")}
    credit = {"AmountCredited": float(number(invoice["AmountCredited"]) + amount), "AmountDue": float(due), **changed}
    credit["CreditNotes"] = [*invoice["CreditNotes"], {**named, "AppliedAmount": float(amount)}]
    context.organisation.keep({**invoice, **credit, **({} if due else ended)}, context.unseen_until)


def _of_allocation(note: Json, invoice: Json | None, amount: Decimal) -> Iterator[str]:
    if invoice is None:
        yield Say.ID_UNKNOWN()
        return
    if note["Status"] not in ("AUTHORISED", "PAID"):
        yield Say.CREDIT_NOTE_NOT_APPROVED()
    if note["Type"] != f"{invoice['Type']}CREDIT" or invoice["CurrencyCode"] != note["CurrencyCode"]:
        yield Say.ALLOCATED_TO_OTHER_TYPE()
    elif invoice["Contact"]["ContactID"] != note["Contact"]["ContactID"]:
        yield Say.ALLOCATED_TO_OTHER_CONTACT()
    elif invoice["Status"] == "PAID":
        yield Say.ALLOCATED_TO_PAID()
    elif invoice["Status"] != "AUTHORISED":
        yield Say.NOT_MODIFIABLE()
    if amount <= 0:
        yield Say.ALLOCATED_NOTHING()
    elif amount > min(number(note["RemainingCredit"]), number(invoice["AmountDue"])):
        yield Say.ALLOCATED_TOO_MUCH()


def _named(invoice: Json) -> Json:
    return {"InvoiceID": invoice["InvoiceID"], "InvoiceNumber": invoice["InvoiceNumber"], "LineItems": []}


def _of_creation(context: Context, sent: Json) -> Iterator[str]:
    if sent.get("Status", "DRAFT") not in rules.CREATABLE:
        yield Say.NOT_CREATABLE()
    wanted = sent.get("InvoiceNumber")
    if wanted and any(one["Status"] != "DELETED" for one in with_number(context, wanted)):
        yield Say.CREDIT_NOTE_NUMBER_TAKEN()


def _of_credit_note(context: Context, sent: Json) -> Iterator[str]:
    if sent.get("Type") not in _TYPES.values():
        yield Say.TYPE()
    if any(line.get("DiscountRate") or line.get("DiscountAmount") for line in sent.get("LineItems", ())):
        yield Say.CREDIT_NOTE_DISCOUNT()
    yield from rules.of_document(context, sent)


def _of_change(context: Context, existing: Json, sent: Json) -> Iterator[str]:
    wanted = sent.get("Status", existing["Status"])
    if existing["Allocations"]:
        yield Say.HAS_PAYMENT()
    elif wanted not in edits.TRANSITIONS[existing["Status"]]:
        yield Say.NOT_MODIFIABLE()
    else:
        yield from rules.locks(context, {"Date": reading.day(existing["Date"])})
    others = with_number(context, sent.get("InvoiceNumber") or "")
    if any(one["CreditNoteID"] != existing["CreditNoteID"] and one["Status"] != "DELETED" for one in others):
        yield Say.CREDIT_NOTE_NUMBER_TAKEN()


def refused(context: Context, sent: Json, findings: Findings) -> Json:
    """The credit note as Xero echoes it."""
    return _as_credit_note(books.refused(context, sent, findings))


def _written(context: Context, sent: Json, worked_out: list[Json]) -> Json:
    contact = contacts.resolve(context, sent["Contact"])
    sent = {**sent, "InvoiceNumber": sent.get("InvoiceNumber") or _next_number(context)}
    whole = documents.document(context, sent, contact, worked_out)
    note = {
        "Type": f"{whole['Type']}CREDIT",
        "CreditNoteID": whole["InvoiceID"],
        "CreditNoteNumber": whole["InvoiceNumber"],
        **{name: whole[name] for name in _SHOWN},
        "RemainingCredit": whole["Total"],
        "Allocations": [],
        "Payments": [],
    }
    context.organisation.keep_credit_note(note, context.unseen_until)
    return {**note, "HasErrors": False, "StatusAttributeString": "OK"}


def _next_number(context: Context) -> str:
    """The organisation's own sequence, CN-0001 and on, past what is taken."""
    count = len(context.organisation.credit_notes) + 1
    while with_number(context, f"CN-{count:04d}"):
        count += 1
    return f"CN-{count:04d}"


def _as_invoice(said: Json) -> Json:
    called: Json = {_OURS.get(name, name): value for name, value in said.items()}
    return {**called, "Type": _TYPES.get(said.get("Type", ""), said.get("Type"))}


def _as_credit_note(said: Json) -> Json:
    theirs = {ours: name for name, ours in _OURS.items()}
    types = {ours: name for name, ours in _TYPES.items()}
    called: dict[str, Any] = {theirs.get(name, name): value for name, value in said.items()}
    return {**called, "Type": types.get(said.get("Type", ""), said.get("Type"))}
