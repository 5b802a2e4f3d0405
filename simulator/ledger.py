"""What people do in Xero itself, without any app: write, pay, credit, void."""

from typing import Any

from simulator import books
from simulator.arithmetic import number
from simulator.context import Context
from simulator.edits import TRANSITIONS
from simulator.wire import Json
from simulator.world import Organisation, World, new_id, wire_date, wire_moment


def write_by_hand(world: World, organisation: Organisation, number_: str, contact: str, **other: Any) -> Json:
    """An invoice somebody wrote in Xero itself, without a mark of any app. Raises ValueError with Xero's words."""
    today = world.now().date()
    line = {"Description": "Written by hand", "UnitAmount": number(other.pop("amount", 1))}
    sent = {
        "Type": "ACCREC",
        "InvoiceNumber": number_,
        "Contact": {"ContactID": contact.lower()},
        "Status": "DRAFT",
        "Date": today,
        "DueDate": today,
        "LineItems": [line],
    }
    written = books.create(Context(organisation, world.now()), sent)
    if written["HasErrors"]:
        raise ValueError("; ".join(error["Message"] for error in written["ValidationErrors"]))
    kept = organisation.invoices[written["InvoiceID"]]
    kept |= {"Status": "AUTHORISED", **other}
    return kept


def pay(world: World, invoice: Json, amount: Any, *, credit: bool = False) -> Json:
    """A payment, or a credit note, allocated to an invoice; paid in full it becomes PAID. Raises ValueError."""
    paid, now = number(amount), world.now()
    due = number(invoice["AmountDue"])
    if invoice["Status"] != "AUTHORISED" or not 0 < paid <= due:
        raise ValueError(f"{amount} cannot be allocated to an invoice {invoice['Status']} with {due} due")
    into, listed = ("AmountCredited", "CreditNotes") if credit else ("AmountPaid", "Payments")
    entry: Json = {"Date": wire_date(now.date())}
    entry |= (
        {"CreditNoteID": new_id(), "Total": float(paid)} if credit else {"PaymentID": new_id(), "Amount": float(paid)}
    )
    invoice[into] = float(number(invoice[into]) + paid)
    invoice[listed] = [*invoice[listed], entry]
    invoice["AmountDue"] = float(due - paid)
    invoice["UpdatedDateUTC"] = wire_moment(now)
    if paid == due:
        invoice |= {"Status": "PAID", "FullyPaidOnDate": wire_date(now.date())}
    world.books_of(invoice).note_change(invoice)
    return invoice


def change_credit_note(world: World, organisation: Organisation, note: Json, **changed: Any) -> Json:
    """A credit note that somebody changed in Xero itself: `Status` VOIDED, a total, what is left of it."""
    kept = {**note, **changed, "UpdatedDateUTC": wire_moment(world.now())}
    organisation.keep_credit_note(kept)
    return kept


def take_payments_back(world: World, invoice: Json) -> Json:
    """Somebody removed the payments, as of a cheque that bounced; credit notes stay. Raises ValueError."""
    paid = number(invoice["AmountPaid"])
    if not paid:
        raise ValueError(f"nothing is paid of {invoice['InvoiceNumber']}")
    invoice |= {"AmountDue": float(number(invoice["AmountDue"]) + paid), "AmountPaid": 0.0, "Payments": []}
    invoice |= {"Status": "AUTHORISED", "UpdatedDateUTC": wire_moment(world.now())}
    invoice.pop("FullyPaidOnDate", None)
    world.books_of(invoice).note_change(invoice)
    return invoice


def mark(world: World, organisation: Organisation, invoice: Json, said: Json) -> Json:
    """Another status, number, reference or due amount, as a person sets them in Xero. Raises ValueError."""
    known = {"status": "Status", "number": "InvoiceNumber", "reference": "Reference", "url": "Url"}
    unknown = set(said) - {*known, "invoice"}
    if unknown or said.get("status", "DRAFT") not in TRANSITIONS:
        raise ValueError(f"{sorted(said)}: known are {sorted(known)}, and of statuses {sorted(TRANSITIONS)}")
    changed = {known[name]: value for name, value in said.items() if name != "invoice"}
    organisation.keep({**invoice, **changed, "UpdatedDateUTC": wire_moment(world.now())})
    return organisation.invoices[invoice["InvoiceID"]]
