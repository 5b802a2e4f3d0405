"""The control face's part about organisations: fill them, and do what a person does in Xero itself."""

from collections.abc import Callable
from typing import Any

from simulator import ledger, seeding
from simulator.state import State
from simulator.wire import Json, Request
from simulator.world import Organisation


def _add_organisation(state: State, _request: Request, said: Json) -> Json:
    made = seeding.organisation(said)
    state.world.organisations[made.tenant] = made
    for one in said.get("invoices", []):
        ledger.write_by_hand(state.world, made, one["number"], one["contact"])
    return {"tenant": made.tenant}


def _change_organisation(state: State, request: Request, said: Json) -> Json:
    books = _books(state, request)
    seeding.change(books, said, state.world.now())
    for one in said.get("invoices", []):
        ledger.write_by_hand(state.world, books, one["number"], one["contact"])
    return {"tenant": books.tenant}


def _write_invoice(state: State, request: Request, said: Json) -> Json:
    books = _books(state, request)
    other = {"amount": said["amount"]} if "amount" in said else {}
    return ledger.write_by_hand(state.world, books, str(said["number"]), str(said["contact"]), **other)


def _pay(state: State, request: Request, said: Json) -> Json:
    books = _books(state, request)
    invoice = _invoice(books, str(said["invoice"]))
    amount, credit = said.get("amount", invoice["AmountDue"]), bool(said.get("credit"))
    return ledger.pay(state.world, invoice, amount, credit=credit)


def _take_back(state: State, request: Request, said: Json) -> Json:
    books = _books(state, request)
    return ledger.take_payments_back(state.world, _invoice(books, str(said["invoice"])))


def _mark(state: State, request: Request, said: Json) -> Json:
    """What a person does with the invoice in Xero itself: void it, delete it, renumber it."""
    books = _books(state, request)
    return ledger.mark(state.world, books, _invoice(books, str(said["invoice"])), said)


def _invoice(books: Organisation, wanted: str) -> Json:
    found = books.invoices.get(wanted) or next(iter(books.with_number(wanted)), None)
    if found is None:
        raise ValueError(f"no invoice {wanted}")
    return found


def _books(state: State, request: Request) -> Organisation:
    tenant = f"{request.path}///".split("/")[3].lower()
    if tenant not in state.world.organisations:
        raise ValueError(f"no organisation {tenant}")
    return state.world.organisations[tenant]


def ledger_of(state: State, request: Request, _said: Json) -> Json:
    """Documents, contacts and files per organisation; of a file all but its content."""
    only = request.asked.get("tenant")
    shown = {
        tenant: {
            "name": books.name,
            "invoices": list(books.invoices.values()),
            "credit_notes": list(books.credit_notes.values()),
            "attachments": {
                invoice: [{name: value for name, value in vars(one).items() if name != "content"} for one in files]
                for invoice, files in books.attachments.items()
            },
            "contacts": [{**vars(one), "updated": one.updated.isoformat()} for one in books.contacts.values()],
        }
        for tenant, books in state.world.organisations.items()
        if only in (None, tenant)
    }
    return {"organisations": shown}


HANDLERS: dict[tuple[str, str], Callable[[State, Request, Any], Json]] = {
    ("POST", "organisations"): _add_organisation,
    ("PATCH", "organisations"): _change_organisation,
    ("POST", "organisations/invoices"): _write_invoice,
    ("PATCH", "organisations/invoices"): _mark,
    ("POST", "organisations/payments"): _pay,
    ("DELETE", "organisations/payments"): _take_back,
}
