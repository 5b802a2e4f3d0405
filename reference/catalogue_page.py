"""An example of each event, and of `failed` with each reason: written by the models that the service uses."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from events import codec
from events.codec import INCOMING
from events.failures import Failure
from events.outgoing import OUTGOING
from events.reasons import Reason
from events.snapshot import Event
from reference.failure_page import EXAMPLE, SAID
from reference.markdown import page
from store.tables import Item
from worker.export import answering

_AT = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)
_MOMENT = _AT.isoformat()
_XERO_ID = "0b1f7c1e-5d1e-4b0e-9c53-1f1f3ad0c001"
_LINK = f"https://go.xero.com/app/!Hc1B2/invoicing/view/{_XERO_ID}"
_ANNA, _BO = {"id": "anna", "name": "Anna Berg", "role": "clerk"}, {"id": "bo", "name": "Bo Lind", "role": "admin"}
_CREDIT_NOTE = {
    "invoice": "4712",
    "number": "CN-4712",
    "xero_credit_note_id": _XERO_ID,
    "credits": "4711",
    "deep_link": _LINK,
    "at": _MOMENT,
}
_IN_XERO = {
    "state": "unpaid",
    "status": "AUTHORISED",
    "currency": "NZD",
    "total": "115.00",
    "paid": "0.00",
    "credited": "0.00",
    "due": "115.00",
    "updated_at": _MOMENT,
    "invoice": "4711",
    "number": "CC-4711",
    "xero_invoice_id": _XERO_ID,
    "change": 1,
    "differences": ["115.00 of 115.00 NZD paid, nothing due"],
    "deep_link": _LINK,
    "seen_at": _MOMENT,
}
_CONTACT = {"xero_contact_id": _XERO_ID, "name": "ACME Ltd", "link": f"https://go.xero.com/contacts/{_XERO_ID}"}
_ORGANISATION = {"tenant": "11111111-2222-4333-8444-555555555555", "name": "Harbour Crew Ltd", "short_code": "!Hc1B2"}
_TOTALS = {"currency": "USD", "subtotal": "640.00", "tax": "64.00", "total": "704.00"}
_INVOICE = {
    "id": "4711",
    "revision": 3,
    "number": "CC-4711",
    "client": {"id": "acme", "name": "ACME Ltd"},
    "date": "2026-11-20",
    "due_date": "2026-12-20",
    "currency": "USD",
    "lines": [{"description": "Crew, one day", "quantity": "1", "unit_amount": "640.00"}],
}
_CLICK = "click-9f3a51c07be24d18a6c0d5e2"
_ANSWER = {"request": _CLICK, "invoice": "4711", "number": "CC-4711", "sequence": 1795169730000}
_COUNTS = {"total": 60, "exported": 55, "failed": 5}
_BULK = {"request": "bulk-52c1d09be7f34a86b1c2d3e4"}
_FULL = "55 exported to Xero, 5 invoices failed: client has no Xero contact (3); account archived (2)."
DATA: Mapping[str, Mapping[str, Any]] = {
    "invoice.export.requested": {
        "request": _ANSWER["request"],
        "requested_by": _ANNA,
        "mode": "single",
        "origin": {"page": "invoice_page"},
        "invoices": [_INVOICE],
    },
    "invoice.export.cancel_requested": {**_BULK, "requested_by": _ANNA, "why": "sent too early"},
    "invoice.export.replay_requested": {
        "causes": ["account_archived:299"],
        "as_request": "click-c1a20f5b8e9d47a3b6c5d4e3",
        "requested_by": _BO,
        "why": "restored in Xero",
    },
    "invoice.export.raise_anew_requested": {
        "invoices": ["4711"],
        "as_request": "click-77aa0f5b8e9d47a3b6c5d4e3",
        "requested_by": _BO,
        "why": "voided by mistake",
    },
    "invoice.export.preview_requested": {"request": "look-1", "requested_by": _ANNA, "invoices": [_INVOICE]},
    "client.xero_contact.update_requested": {
        "client": "acme",
        "client_name": "ACME Ltd",
        "xero_contact": _CONTACT["link"],
        "requested_by": _BO,
    },
    "client.xero_contact.create_requested": {"client": "acme", "client_name": "ACME Ltd", "requested_by": _BO},
    "company.settings.changed": {"settings": {"default_account_code": "200"}, "requested_by": _BO},
    "invoice.export.succeeded": {
        **_ANSWER,
        "requested_by": {"id": "anna"},
        "outcome": "created",
        "xero_invoice_id": _XERO_ID,
        "totals": _TOTALS,
        "deep_link": _LINK,
        "exported_at": _MOMENT,
        "verified": True,
        "compared": ["contact", "date", "due_date", "lines", "totals"],
        "compared_at": _MOMENT,
        "checked_at": _MOMENT,
    },
    "invoice.export.deferred": {
        **_BULK,
        "cause": "limit",
        "message": "Xero's limit of calls a minute is reached; it goes on by itself.",
        "until": "2026-11-20T10:16:10+00:00",
        "limit": "minute",
    },
    "invoice.export.progressed": {
        **_BULK,
        "total": 60,
        "exported": 30,
        "failed": 2,
        "waiting": 28,
        "estimated_finish": "2026-11-20T10:15:33+00:00",
    },
    "invoice.export.completed": {
        **_BULK,
        **_COUNTS,
        "reasons": {"contact_not_mapped": 3, "account_archived": 2},
        "notification": {"title": "55 of 60 invoices exported to Xero", "message": _FULL},
        "requested_by": {"id": "anna"},
    },
    "invoice.export.previewed": {
        "request": "look-1",
        "organisation": "Harbour Crew Ltd",
        "fine": True,
        "complete": True,
        "counts": {"create": 1},
        "totals": [_TOTALS],
        "forecast": {"calls": 1, "day_calls_left": 4990, "seconds": 1},
        "calls": 2,
        "invoices": [
            {"invoice": "4711", "number": "CC-4711", "verdict": "create", "contact": "ACME Ltd", "totals": _TOTALS}
        ],
        "previewed_at": _MOMENT,
    },
    "invoice.export.drift_found": {
        "invoice": "4711",
        "number": "CC-4711",
        "xero_invoice_id": _XERO_ID,
        "kind": "voided",
        "differences": ["voided in Xero"],
        "deep_link": _LINK,
        "found_at": _MOMENT,
    },
    "invoice.paid": {
        **_IN_XERO,
        "state": "paid",
        "status": "PAID",
        "paid": "115.00",
        "due": "0.00",
        "paid_on": "2026-11-20",
    },
    "invoice.part_paid": {
        **_IN_XERO,
        "state": "part_paid",
        "paid": "40.00",
        "credited": "10.00",
        "due": "65.00",
        "differences": ["40.00 of 115.00 NZD paid, 10.00 credited, 65.00 due"],
    },
    "invoice.unpaid": {**_IN_XERO, "change": 2, "differences": ["0.00 of 115.00 NZD paid, 115.00 due"]},
    "invoice.voided": {
        **_IN_XERO,
        "state": "voided",
        "status": "VOIDED",
        "due": "0.00",
        "differences": ["voided in Xero"],
    },
    "invoice.attachments.completed": {
        "invoice": "4711",
        "number": "CC-4711",
        "xero_invoice_id": _XERO_ID,
        "deep_link": _LINK,
        "change": 1,
        "attached": 1,
        "failed": 1,
        "files": [
            {"name": "invoice.pdf", "state": "attached", "size": 48213, "sha256": "5f" * 32},
            {
                "name": "job_7.pdf",
                "state": "failed",
                "reason": "link_refused",
                "message": "“job_7.pdf” could not be fetched: CrewCard answered 404.",
                "who": "clerk",
                "how": "Export the invoice again in CrewCard, which makes a new link.",
            },
        ],
        "completed_at": _MOMENT,
    },
    "invoice.edited": {**_IN_XERO, "differences": ["number X-1 in Xero, CC-4711 when exported"]},
    "credit_note.allocated": {**_CREDIT_NOTE, "allocated": "40.00"},
    "credit_note.unallocated": {
        **_CREDIT_NOTE,
        "message": "Invoice CC-4711 is paid in Xero already.",
        "waits": False,
    },
    "client.xero_contact.updated": {
        "client": "acme",
        "contact": _CONTACT,
        "status": "active",
        "changed_by": "bo",
        "changed_at": _MOMENT,
        "sent_again": 3,
    },
    "client.xero_contact.rejected": {
        "client": "acme",
        "reason": "not_found",
        "message": "Xero knows no contact with this ID.",
        "who": "admin",
        "how": "Open the contact in Xero, copy the address of that page and paste it as the client's Xero Client ID.",
    },
    "company.settings.updated": {
        "settings": {"default_account_code": "200"},
        "changed": ["default_account_code"],
        "changed_by": "bo",
        "changed_at": _MOMENT,
    },
    "company.day_summarised": {
        "day": "2026-11-21",
        "time_zone": "Pacific/Auckland",
        "since": "2026-11-19T18:00:00+00:00",
        "until": "2026-11-20T18:00:00+00:00",
        "exported": 55,
        "failed": 5,
        "causes": [
            {
                "cause": "account_archived:299",
                "reason": "account_archived",
                "title": "Account archived: account 299",
                "invoices": 5,
                "who": "bookkeeper",
                "steps": ["In Xero open Accounting, then Chart of accounts, and restore account 299."],
                "since": _MOMENT,
            }
        ],
        "waiting": {"invoices": 3, "cause": "offline", "message": "The organisation is offline at Xero."},
        "connection": {
            "message": "The login to Xero ends in 9 days, on 29 November 2026, unless somebody logs in again.",
            "who": "clerk",
            "ends_at": "2026-11-29T20:00:00+00:00",
            "ends_in_days": 9,
        },
        "notification": {
            "title": "Xero export: 55 exported, 5 failed, 3 waiting",
            "message": "The login to Xero ends in 9 days, on 29 November 2026, unless somebody logs in again.\n"
            "55 invoices were exported to Xero.\n5 invoices failed: Account archived: account 299. "
            "For the bookkeeper: In Xero open Accounting, then Chart of accounts, and restore account 299.\n"
            "3 invoices wait: The organisation is offline at Xero.",
        },
    },
    "company.settings.rejected": {"problems": ["default_account_code: Xero has no account 999 that is for sales."]},
    "xero.connection.connected": {
        "organisation": _ORGANISATION,
        "scopes": ["accounting.transactions", "accounting.contacts.read", "offline_access"],
        "connected_at": _MOMENT,
    },
    "xero.connection.needs_login": {
        "reason": "login_ended",
        "message": "Xero no longer accepts the login for Harbour Crew Ltd: it was withdrawn or not used for 60 days.",
        "who": "clerk",
        "how": "Ask for a login link in CrewCard and log in to Xero again; everything that waits is sent by itself.",
        "organisation": _ORGANISATION,
        "login_due": True,
    },
    "xero.connection.login_expiring": {
        "organisation": _ORGANISATION,
        "ends_at": "2026-11-27T10:15:30+00:00",
        "message": "The login to Xero ends on 27 November 2026.",
        "login_url": "https://exporter.example.com/connect/harbour",
        "login_url_ends_at": "2026-11-27T10:15:30+00:00",
    },
    "xero.connection.disconnected": {
        "organisation": _ORGANISATION,
        "by": "xero",
        "message": "The connection to Harbour Crew Ltd was ended in Xero.",
    },
    "xero.export.attention_needed": {
        "cause": "account_archived:299",
        "reason": "account_archived",
        "about": "account 299",
        "invoices": 12,
        "repeated": False,
        "message": "12 invoices failed because account 299 has been archived or deleted in Xero.",
        "title": "Account archived",
        "who": "bookkeeper",
        "how": "Restore the account in Xero.",
        "since": _MOMENT,
    },
    "webhook.tested": {
        "endpoint": "harbour-1",
        "message": "Somebody tries whether this endpoint takes what is posted.",
    },
    "database.restored": {"since": _MOMENT, "why": "a replica that was behind took over"},
    "audit.checked": {"head": "1234:9f86d081884c7d65", "lines": 1234, "intact": True, "checked_at": _MOMENT},
}
_ABOUT = """
An example of each event, made by the models that the service itself uses: what is left out is as the
[fields](events.md) say. Ids of requests are those of buttons ([why](../idempotency.md)). Use them
as the test data of your host.
"""
_REASONS = """
The `data` of `invoice.export.failed`, shortened to what tells one reason from another; for people the same
catalogue is [Failures](../failures.md). `readers` says of each of the `steps` who takes it.
"""


def text() -> str:
    """The page."""
    out = [_section(type_, _outgoing(type_)) for type_ in OUTGOING]
    into = [_section(type_, _incoming(type_)) for type_ in INCOMING]
    reasons = [f"### {reason.code}\n\n{_json(_failed(reason))}" for reason in Reason]
    parts = ["## What hosts send", *into, "## What hosts are told", *out, "## Each reason of a failure", _REASONS]
    return page("Event catalogue", _ABOUT, *parts, *reasons)


def _section(type_: str, document: Mapping[str, Any]) -> str:
    return f"### {type_}\n\n{_json(document)}"


def _json(document: object) -> str:
    return f"```json\n{json.dumps(document, indent=2, ensure_ascii=False)}\n```"


def _incoming(type_: str) -> dict[str, Any]:
    """As a host sends it. Raises Unreadable where it would be refused."""
    head = {"specversion": "1.0", "id": f"example-{type_}", "source": "crewcard", "type": type_}
    document = {**head, "data": {"company": "harbour", **DATA[type_]}}
    codec.parse_event(document)
    return document


def _outgoing(type_: str) -> dict[str, Any]:
    event = _event(type_)
    subject = str(getattr(event, "invoice", "") or getattr(event, "request", "") or getattr(event, "company", ""))
    written = codec.write(event, id=f"example-{type_}", source="crewcard-xero", subject=subject, time=_AT)
    found: dict[str, Any] = json.loads(written)
    return found


def _event(type_: str) -> Event:
    if type_ == "invoice.export.failed":
        return answering.failed(_item(), str(_ANSWER["number"]), _failure(Reason.CURRENCY_NOT_ENABLED))
    company = {"company": "harbour"} if "company" in OUTGOING[type_].model_fields else {}
    return OUTGOING[type_].model_validate({**company, **DATA[type_]})


def _failed(reason: Reason) -> dict[str, Any]:
    told = answering.failed(_item(), str(_ANSWER["number"]), _failure(reason))
    shown = {"marker", "reason", "notification", "who", "how", "by_itself", "steps", "readers", "cause"}
    return told.model_dump(mode="json", exclude_none=True, include=shown)


def _failure(reason: Reason) -> Failure:
    facts = {**EXAMPLE, "number": str(_ANSWER["number"])}
    return Failure(reason, facts, said=SAID if "{said}" in reason.value.message else None)


def _item() -> Item:
    return Item(company="harbour", request=str(_ANSWER["request"]), invoice=str(_ANSWER["invoice"]))
