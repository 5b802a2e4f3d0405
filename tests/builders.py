"""Valid things with one word each; a test writes only what matters to it."""

import uuid
from typing import Any

COMPANY = "harbour"
TENANT = "11111111-2222-4333-8444-555555555555"


def contact_id(client: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, client))


def an_invoice(id_: str = "i1", **other: Any) -> dict[str, Any]:
    line = {"description": "Crew, one day", "quantity": "1", "unit_amount": "100.00", **other.pop("line", {})}
    return {
        "id": id_,
        "number": f"N-{id_}",
        "client": {"id": "acme", "name": "ACME Ltd"},
        "date": "2026-11-20",
        "due_date": "2026-12-20",
        "currency": "USD",
        "lines": [line],
        **other,
    }


def invoices(count: int, prefix: str = "i") -> list[dict[str, Any]]:
    return [an_invoice(f"{prefix}{number:04d}") for number in range(1, count + 1)]


def a_request(*wanted: dict[str, Any], request: str = "r1", company: str = COMPANY, **other: Any) -> dict[str, Any]:
    part = other.get("part", 1)
    return {
        "specversion": "1.0",
        "id": other.pop("event_id", f"event-{company}-{request}-{part}"),
        "source": "crewcard/test",
        "type": "invoice.export.requested",
        "data": {
            "company": company,
            "request": request,
            "requested_by": {"id": "anna"},
            "mode": "bulk",
            "invoices": list(wanted) or [an_invoice()],
            **other,
        },
    }


def an_organisation(tenant: str = TENANT, **other: Any) -> dict[str, Any]:
    contacts = [{"id": contact_id("acme"), "name": "ACME Ltd"}, {"id": contact_id("bolt"), "name": "Bolt & Co"}]
    old = {"id": contact_id("old"), "name": "Old Wharf", "status": "ARCHIVED"}
    return {
        "tenant": tenant,
        "name": f"Organisation {tenant[:4]}",
        "short_code": "!AbC1",
        "contacts": [*contacts, old, *other.pop("contacts", [])],
        "accounts": [
            {"code": "200", "tax_type": "OUTPUT"},
            {"code": "299", "status": "ARCHIVED"},
            {"code": "260", "tax_type": "NONE", "tax_types": ["NONE"]},
        ],
        "tax_rates": [{"code": "OUTPUT", "rate": "10"}, {"code": "NONE", "rate": "0"}],
        "period_lock": "2020-06-30",
        **other,
    }


def an_order(kind: str, *, company: str = COMPANY, event_id: str = "", **said: Any) -> dict[str, Any]:
    """`cancel` or `replay`, as a host sends it."""
    data = {"company": company, "requested_by": {"id": "olga"}, "why": "because", **said}
    return {
        "specversion": "1.0",
        "id": event_id or f"order-{uuid.uuid4()}",
        "source": "crewcard/test",
        "type": f"invoice.export.{kind}_requested",
        "data": data,
    }
