"""The demo's world: a company, its organisation in the simulated Xero, and a dozen invoices that go wrong."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]
COMPANY = "harbour-crew"
TENANT = "3f2c1f3a-6e3b-4c55-9a0e-0d6f6f0c7a10"
CLIENT_ID, CLIENT_SECRET, XERO_USER = "DEMOAPP0000000000000000000000001", "demo-app-secret", "demo-user"
LOCKED_UP_TO = date(1996, 7, 3)
SALES, TAX = "200", "TAX001"
ARCHIVED_CLIENT, LOST_CLIENT, MUDDLED_CLIENT, UNMAPPED_CLIENT = "ARCHIV", "GHOST", "MUDDLE", "NEWCO"


def contact_id(client: str) -> str:
    """The Xero contact of a client, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"crewcard-demo/{client}"))


def organisation(clients: Sequence[Json]) -> Json:
    """The organisation as the simulator's control face wants it."""
    contacts = [{"id": contact_id(client["id"]), "name": client["name"]} for client in clients]
    archived = {"id": contact_id(ARCHIVED_CLIENT), "name": "Old Wharf Ltd", "status": "ARCHIVED"}
    return {
        "tenant": TENANT,
        "name": "Harbour Crew Ltd",
        "short_code": "!Hc1B2",
        "base_currency": "USD",
        "period_lock": LOCKED_UP_TO.isoformat(),
        "contacts": [*contacts, archived],
        "accounts": [
            {"code": SALES, "name": "Sales", "tax_type": TAX},
            {"code": "260", "name": "Other Revenue", "tax_type": "NONE", "tax_types": ["NONE"]},
            {"code": "299", "name": "Old Sales", "status": "ARCHIVED"},
            {"code": "090", "name": "Business Bank Account", "kind": "BANK"},
        ],
        "tax_rates": [{"code": TAX, "rate": "8.25"}, {"code": "NONE", "rate": "0"}],
        "invoices": [{"number": "HC-77", "contact": contacts[0]["id"]}],
    }


# A second company that nobody has set up yet: its organisation and its app are in the simulated Xero.
NEXT_TENANT = "8d1f0c52-9a7e-4f43-8b1d-5a2f6c0e7b21"
NEXT_CLIENT_ID, NEXT_CLIENT_SECRET = "DEMOAPP0000000000000000000000002", "river-app-secret"
_NEXT_CLIENTS = {"R01": "Lock Keepers Ltd", "R02": "Ferry & Sons", "R03": "Weir Works"}


def next_organisation() -> Json:
    """The organisation of the company that is still to be set up."""
    return {
        "tenant": NEXT_TENANT,
        "name": "River Crew Ltd",
        "short_code": "!Rc2D4",
        "base_currency": "USD",
        "contacts": [{"id": contact_id(client), "name": name} for client, name in _NEXT_CLIENTS.items()],
        "accounts": [
            {"code": SALES, "name": "Sales", "tax_type": TAX},
            {"code": "210", "name": "Crew hire", "tax_type": TAX},
        ],
        "tax_rates": [{"code": TAX, "rate": "8.25"}, {"code": "NONE", "rate": "0"}],
    }


def next_clients() -> str:
    """Its clients and their contacts as a file that the console takes."""
    rows = [f"{client},{contact_id(client)},{name}" for client, name in _NEXT_CLIENTS.items()]
    return "\n".join(["client,xero_contact,name", *rows, ""])


def clients_in(invoices: Sequence[Json]) -> list[Json]:
    """Each client once, in order."""
    return list({invoice["client"]["id"]: invoice["client"] for invoice in invoices}.values())


def links(clients: Sequence[Json]) -> dict[str, str]:
    """What is kept as each client's Xero contact: good ones, and three that are wrong."""
    good = {client["id"]: contact_id(client["id"]) for client in clients}
    return {
        **good,
        ARCHIVED_CLIENT: contact_id(ARCHIVED_CLIENT),
        LOST_CLIENT: contact_id(LOST_CLIENT),
        MUDDLED_CLIENT: "https://go.xero.com/app/!Hc1B2/invoicing/view/0b1e0f3e-3c64-4a6d-9f6b-0a7f8f4f0f11",
    }


def single(client: Json) -> Json:
    """One invoice, sent from its page."""
    return invoice("HC-1", client=client)


def bulk(orders: Sequence[Json]) -> list[Json]:
    """All orders with the bad ones among them."""
    return [*orders[:50], *bad_ones(orders), *orders[50:]]


def bad_ones(good: Sequence[Json]) -> list[Json]:
    """Invoices that must fail, each for another reason."""
    client = good[0]["client"]
    return [
        invoice("BAD-01", client={"id": UNMAPPED_CLIENT, "name": "Newcomer Boats"}),
        invoice("BAD-02", client={"id": ARCHIVED_CLIENT, "name": "Old Wharf Ltd"}),
        invoice("BAD-03", client={"id": LOST_CLIENT, "name": "Ghost Marina"}),
        invoice("BAD-04", client={"id": MUDDLED_CLIENT, "name": "Muddle & Sons"}),
        invoice("BAD-05", client=client, line={"account_code": "299"}),
        invoice("BAD-06", client=client, line={"account_code": "999"}),
        invoice("BAD-07", client=client, line={"tax_type": "GST on Income"}),
        invoice("BAD-08", client=client, line={"account_code": "260", "tax_type": TAX}),
        invoice("BAD-09", client=client, date=LOCKED_UP_TO.isoformat()),
        invoice("BAD-10", client=client, number=good[0]["number"]),
        invoice("BAD-11", client=client, number="HC-77"),
        invoice("BAD-12", client=client, totals={"subtotal": "90.00"}),
        invoice("BAD-13", client=client, currency="EUR"),
        invoice("BAD-14", client=client, line={"unit_amount": "-100.00"}),
        invoice("BAD-15", client=client, line={"quantity": "a lot"}),
    ]


REASONS = (
    "contact_not_mapped",
    "contact_archived",
    "contact_not_found",
    "contact_id_malformed",
    "account_archived",
    "account_invalid",
    "tax_type_invalid",
    "tax_not_for_account",
    "period_locked",
    "number_used_twice",
    "number_taken",
    "totals_do_not_add_up",
    "currency_not_enabled",
    "negative_total",
    "invoice_unreadable",
)


def invoice(id_: str, *, client: Json, line: Json | None = None, **other: Any) -> Json:
    """A small good invoice, except for what is said otherwise."""
    today = date(1998, 5, 7)
    work = {"description": "Crew, one day", "quantity": "1", "unit_amount": "100.00", **(line or {})}
    return {
        "id": id_,
        "number": id_,
        "client": client,
        "date": today.isoformat(),
        "due_date": (today + timedelta(days=30)).isoformat(),
        "currency": "USD",
        "lines": [work],
        **other,
    }
