"""How a fault turns a call: into a refusal before anything is done, or into a spoiled answer after it; pure."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

from simulator.refusals import No, html, problem
from simulator.wire import Json, Reply, as_json, as_text, exception

_CUTS = ("commit_then_drop", "slow_then_drop")
SLOW = ("slow", "slow_then_drop")


def before(fault: str | None) -> Reply | None:
    """The answer of a fault that keeps the call from being performed at all."""
    if fault == "drop":
        return Reply(599, fate="cut")
    if fault == "html_503":
        return html(No.EDGE(), 503)
    if fault == "gateway_504":
        return html(No.GATEWAY(), 504)
    texts = {"api_offline": No.MAINTENANCE, "api_unavailable": No.UNAVAILABLE, "offline": No.OFFLINE}
    return as_text(texts[fault](), 503) if fault in texts else None


def server_error(dice: random.Random, keys: str) -> Reply:
    """One of the two shapes of a 500 (facts §6.1 E)."""
    if dice.random() < 1 / 2:
        return problem(500, No.SERVER_ERROR(), dice, keys)
    return exception(500, "UnknownErrorException", No.MALFORMED_GUID(), 500)


def after(fault: str | None, reply: Reply, dice: random.Random) -> Reply:
    """The answer as the fault leaves it."""
    if fault in _CUTS:
        return Reply(599, fate="cut")
    if fault == "commit_then_504":
        return html(No.GATEWAY(), 504)
    if fault == "foreign_body":
        return html("Welcome", 200)
    if fault == "malformed_json":
        return Reply(reply.status, reply.body[: len(reply.body) * 2 // 3], reply.headers)
    if fault == "truncated":
        return Reply(reply.status, reply.body, reply.headers, "truncated")
    return _lacking(reply, dice) if fault == "missing_element" else reply


# What a client can do without: said twice, empty, or of no use to whoever sent the invoice.
_SAID_TWICE = ("DateString", "DueDateString")
_NEEDLESS = ("BrandingThemeID", "HasAttachments", "IsDiscounted", "TotalDiscount", "AmountCredited")
_LISTS = ("Payments", "Prepayments", "Overpayments", "CreditNotes", "Tracking", "ContactGroups", "ContactPersons")
_UNKNOWN: Json = {"ComplianceState": "REPORTED_TO_AUTHORITY", "Sustainability": {"Scope": 3, "Tags": ["a", None]}}


def of_later(reply: Reply) -> Reply:
    """The answer as a Xero of later may give it, where it is one about invoices (switch answers_of_later)."""
    document = json.loads(reply.body) if reply.status == 200 and reply.body.startswith(b"{") else {}
    listed = document.get("Invoices") if isinstance(document, dict) else None
    if not listed:
        return reply
    document = {**document, **_UNKNOWN, "Invoices": [_invoice_of_later(one) for one in listed]}
    return replace(reply, body=as_json(document).body)


def _invoice_of_later(invoice: Json) -> Json:
    lines = [{**_without(line, ("AccountID",)), **_UNKNOWN} for line in invoice.get("LineItems", ())]
    contact = _without(invoice.get("Contact", {}), ("ContactStatus", "HasValidationErrors"))
    contact |= {"Addresses": [{"AddressType": "REGISTERED"}], "Phones": [{"PhoneType": "SATELLITE"}], **_UNKNOWN}
    return {
        **_without(invoice, (*_SAID_TWICE, *_NEEDLESS)),
        **({"LineItems": lines} if "LineItems" in invoice else {}),
        **({"Contact": contact} if "Contact" in invoice else {}),
        "InvoicePaymentServices": [{"Kind": "WALLET_OF_LATER"}],
        **_UNKNOWN,
    }


def _without(element: Json, names: Sequence[str]) -> Json:
    return {
        name: value for name, value in element.items() if name not in names and not (name in _LISTS and not value)
    }


def _lacking(reply: Reply, dice: random.Random) -> Reply:
    """The answer without one of its elements."""
    document = json.loads(reply.body)
    listed = document.get("Invoices") or document.get("CreditNotes")
    if not listed:
        return reply
    del listed[dice.randrange(len(listed))]
    return as_json(
        document, reply.status, {name: text for name, text in reply.headers.items() if name != "content-type"}
    )
