"""A simulator with one organisation, asked without any network."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from simulator.app import Simulator
from simulator.wire import Reply, Request

TENANT = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
ACME = "aaaaaaaa-0000-4000-8000-000000000001"
BOLT = "aaaaaaaa-0000-4000-8000-000000000002"
OLD = "aaaaaaaa-0000-4000-8000-000000000003"
LOSER = "aaaaaaaa-0000-4000-8000-000000000004"
BAD_MAIL = "aaaaaaaa-0000-4000-8000-000000000005"
AMERICAN = "aaaaaaaa-0000-4000-8000-000000000006"
NOBODY = "aaaaaaaa-0000-4000-8000-00000000ffff"
NOTHING = "00000000-0000-0000-0000-000000000000"
ALL_SCOPES = "offline_access accounting.invoices accounting.contacts accounting.settings"

ORGANISATION = {
    "tenant": TENANT,
    "name": "Harbour Crew Ltd",
    "short_code": "!Hc1B2",
    "base_currency": "NZD",
    "country": "NZ",
    "currencies": ["USD"],
    "period_lock": "2020-06-30",
    "contacts": [
        {"id": ACME, "name": "ACME Ltd", "number": "C-1"},
        {"id": BOLT, "name": "Bolt & Co"},
        {"id": OLD, "name": "Old Wharf", "status": "ARCHIVED"},
        {"id": LOSER, "name": "ACME (twice)", "status": "ARCHIVED", "merged_to": ACME},
        {"id": BAD_MAIL, "name": "Muddle", "email": "muddle at home"},
        {"id": AMERICAN, "name": "Yankee Inc", "tax_number_type": "SSN"},
    ],
    "accounts": [
        {"code": "200", "name": "Sales", "tax_type": "OUTPUT"},
        {"code": "201", "name": "Hire", "tax_type": "OUTPUT"},
        {"code": "260", "name": "Other", "tax_type": "NONE", "tax_types": ["NONE"]},
        {"code": "299", "name": "Old Sales", "status": "ARCHIVED"},
        {"code": "090", "name": "Bank", "kind": "BANK"},
        {"code": "610", "name": "Debtors", "kind": "SYSTEM"},
    ],
    "tax_rates": [
        {"code": "OUTPUT", "rate": "15", "name": "GST on Income"},
        {"code": "INPUT", "rate": "15", "for_revenue": False},
        {"code": "OLDGST", "rate": "12.5", "status": "ARCHIVED"},
        {"code": "NONE", "rate": "0", "name": "No GST"},
    ],
    "items": [
        {"code": "BOAT", "name": "A boat", "account": "200", "price": "12.50"},
        {"code": "BARE", "name": "Bare"},
    ],
    "tracking": [
        {"name": "Region", "options": [{"name": "North"}, {"name": "South", "status": "ARCHIVED"}]},
        {"name": "Crew", "options": [{"name": "Blue"}]},
        {"name": "Dock", "options": [{"name": "One"}]},
    ],
    "themes": [{"name": "Blue"}],
}


def a_line(**other: Any) -> dict[str, Any]:
    """A line that Xero takes; None takes a field away."""
    line = {"Description": "Crew", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", **other}
    return {name: value for name, value in line.items() if value is not None}


def an_invoice(number: str | None = "N-1", **other: Any) -> dict[str, Any]:
    """A sales invoice that Xero takes; None takes a field away."""
    invoice = {
        "Type": "ACCREC",
        "InvoiceNumber": number,
        "Contact": {"ContactID": ACME},
        "Date": "2026-11-20",
        "DueDate": "2026-12-20",
        "Status": "AUTHORISED",
        "LineItems": [a_line(**other.pop("line", {}))],
        **other,
    }
    return {name: value for name, value in invoice.items() if value is not None}


def a_credit_note(number: str | None = "CN-1", **other: Any) -> dict[str, Any]:
    """A sales credit note that Xero takes; None takes a field away."""
    note = {name: value for name, value in an_invoice(None, **other).items() if name != "DueDate"}
    note |= {"Type": other.get("Type", "ACCRECCREDIT"), "CreditNoteNumber": number}
    return {name: value for name, value in note.items() if value is not None}


def an_allocation(invoice: str, amount: Any) -> dict[str, Any]:
    """So much of a credit note for the invoice with this id."""
    return {"Amount": amount, "Date": "2026-11-21", "Invoice": {"InvoiceID": invoice}}


class Desk:
    """Asks the simulator; `bearer` and `tenant` are those of the one organisation unless said otherwise."""

    def __init__(self) -> None:
        self.simulator = Simulator()
        self.state = self.simulator.state
        self.control("POST", "organisations", ORGANISATION)
        self.control("POST", "apps", {"client_id": "app", "client_secret": "secret"})
        self.pair = self.grant()
        self.bearer = self.pair["access_token"]

    def grant(self, scope: str = ALL_SCOPES, **other: Any) -> dict[str, Any]:
        said = {"client_id": "app", "user": "anna@harbour.test", "tenants": [TENANT], "scope": scope, **other}
        return self.control("POST", "grants", said)

    def token(self, status: int, client: str = "app", secret: str = "secret", **form: str) -> Any:
        """What the token service answers."""
        basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
        said = {"refresh_token": self.pair["refresh_token"], **form}
        headers = {"authorization": f"Basic {basic}"}
        reply = self.ask(Request("POST", "/connect/token", "", headers, urlencode(said).encode()))
        assert reply.status == status, reply.body
        return reply.document()

    def connections(self) -> Reply:
        return self.ask(Request("GET", "/connections", "", {"authorization": f"Bearer {self.bearer}"}))

    def ask(self, request: Request) -> Reply:
        """The answer; without latency and slow faults nothing in it waits, so no event loop is needed."""
        answering = self.simulator.answer(request)
        try:
            answering.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("the simulator waits for something")

    def control(self, method: str, path: str, body: Any = None, status: tuple[int, ...] = (200, 201)) -> Any:
        """The control face."""
        raw = json.dumps(body).encode() if body is not None else b""
        path, _, query = path.partition("?")
        reply = self.ask(Request(method, f"/_simulator/{path}", query, body=raw))
        assert reply.status in status, reply.body
        return reply.document()

    def call(self, method: str, path: str, body: Any = None, /, headers: Any = None, **query: Any) -> Reply:
        """The accounting API; a body that is not bytes goes as JSON."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.bearer}", "xero-tenant-id": TENANT, **(headers or {})}
        return self.ask(Request(method, f"/api.xro/2.0/{path}", urlencode(query), sent, raw))

    def write(self, method: str, *invoices: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """Elements by the order of their numbers, each with its own status."""
        said = {"summarizeErrors": "false", **query}
        reply = self.call(method, "Invoices", {"Invoices": list(invoices)}, **said)
        assert reply.status == 200, reply.body
        return sorted(reply.document()["Invoices"], key=lambda one: one.get("InvoiceNumber", ""))

    def credit(self, *notes: dict[str, Any], method: str = "PUT") -> list[dict[str, Any]]:
        """Credit notes, each with its own status, by the order of their numbers."""
        reply = self.call(method, "CreditNotes", {"CreditNotes": list(notes)}, summarizeErrors="false")
        assert reply.status == 200, reply.body
        return sorted(reply.document()["CreditNotes"], key=lambda one: one.get("CreditNoteNumber", ""))

    def allocate(self, note: str, *allocations: dict[str, Any]) -> list[dict[str, Any]]:
        """Allocations of a credit note, each with its own errors."""
        said = {"Allocations": list(allocations)}
        reply = self.call("PUT", f"CreditNotes/{note}/Allocations", said, summarizeErrors="false")
        assert reply.status == 200, reply.body
        return reply.document()["Allocations"]

    def renew(self) -> None:
        """A fresh access token."""
        self.bearer = self.grant()["access_token"]

    def put(self, *invoices: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        return self.write("PUT", *invoices, **query)

    def post(self, *invoices: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        return self.write("POST", *invoices, **query)

    def get(self, path: str = "Invoices", /, headers: Any = None, **query: Any) -> list[dict[str, Any]]:
        reply = self.call("GET", path, None, headers, **query)
        assert reply.status == 200, reply.body
        return next(value for name, value in reply.document().items() if isinstance(value, list))

    def pay(self, number: str, amount: Any = None, **other: Any) -> None:
        said = {"invoice": number, **({"amount": amount} if amount else {}), **other}
        self.control("POST", f"organisations/{TENANT}/payments", said)

    def mark(self, number: str, **other: Any) -> None:
        self.control("PATCH", f"organisations/{TENANT}/invoices", {"invoice": number, **other})

    def change(self, **other: Any) -> None:
        self.control("PATCH", f"organisations/{TENANT}", other)

    def switch(self, **other: Any) -> None:
        self.control("PUT", "switches", other)

    def later(self, seconds: float) -> None:
        now = self.state.world.offset.total_seconds()
        self.control("PUT", "clock", {"offset": now + seconds})

    @property
    def books(self) -> dict[str, dict[str, Any]]:
        """The invoices in the organisation, by number."""
        return {one["InvoiceNumber"]: one for one in self.state.world.organisations[TENANT].invoices.values()}


def texts(element: dict[str, Any]) -> list[str]:
    """Every message of an element, flat."""
    return [error["Message"] for error in element.get("ValidationErrors", [])]
