"""How each row of the catalogue is brought about: row → an act that returns the messages it led to."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.refusals import No
from simulator.wire import Reply, Request
from tests.simulator.desk import ACME, BAD_MAIL, NOBODY, OLD, TENANT, Desk, a_line, an_invoice, texts

Act = Callable[[Desk], str]


def put(*before: dict[str, Any], **invoice: Any) -> Act:
    """What is said about the last of these invoices when they are created."""

    def act(desk: Desk) -> str:
        for one in before:
            assert not desk.put(one)[0]["HasErrors"]
        (answer,) = desk.put(an_invoice(**invoice))
        assert answer["HasErrors"]
        return "\n".join(texts(answer))

    return act


def post(change: dict[str, Any], *, paid: Any = None, status: str = "AUTHORISED", mark: str = "") -> Act:
    """What is said when an invoice that is there already is changed."""

    def act(desk: Desk) -> str:
        (made,) = desk.put(an_invoice(Status=status))
        if paid:
            desk.pay("N-1", paid)
        if mark:
            desk.mark("N-1", status=mark)
        (answer,) = desk.post({"InvoiceID": made["InvoiceID"], **change})
        assert answer["HasErrors"]
        return "\n".join(texts(answer))

    return act


def warned(**invoice: Any) -> Act:
    def act(desk: Desk) -> str:
        (answer,) = desk.put(an_invoice(**invoice))
        assert answer["StatusAttributeString"] == "WARNING"
        assert answer["InvoiceNumber"] in desk.books
        return "\n".join(warning["Message"] for warning in answer["Warnings"])

    return act


def switched(act: Act, **switches: Any) -> Act:
    return lambda desk: (desk.switch(**switches), act(desk))[1]


def changed(act: Act, **organisation: Any) -> Act:
    return lambda desk: (desk.change(**organisation), act(desk))[1]


def said(reply: Reply, status: int) -> str:
    """A refusal's words: the detail, the message or the plain text, and the header of a 429."""
    assert reply.status == status, (reply.status, reply.body)
    if "X-Rate-Limit-Problem" in reply.headers:
        return reply.headers["X-Rate-Limit-Problem"]
    if "json" not in reply.headers["content-type"]:
        return reply.body.decode()
    found = {name.lower(): value for name, value in reply.document().items()}
    return str(found.get("detail") or found.get("message") or found.get("error"))


def call(status: int, method: str = "GET", path: str = "Invoices", body: Any = None, **more: Any) -> Act:
    return lambda desk: said(desk.call(method, path, body, **more), status)


def faulty(status: int, fault: str, **headers: str) -> Act:
    def act(desk: Desk) -> str:
        desk.control("PUT", "faults", {fault: [1]})
        return said(desk.call("PUT", "Invoices", {"Invoices": [an_invoice()]}, headers=headers), status)

    return act


def limited(**rules: int) -> Act:
    def act(desk: Desk) -> str:
        desk.control("PUT", "limits", rules)
        desk.call("GET", "Organisation")
        return said(desk.call("GET", "Organisation"), 429)

    return act


def crowded(desk: Desk) -> str:
    """Six calls at once."""
    desk.control("PUT", "faults", {"latency": 0.01})
    headers = {"authorization": f"Bearer {desk.bearer}", "xero-tenant-id": TENANT}
    request = Request("GET", "/api.xro/2.0/Organisation", headers=headers)

    async def six() -> list[Reply]:
        return await asyncio.gather(*(desk.simulator.answer(request) for _ in range(6)))

    return said(next(reply for reply in asyncio.run(six()) if reply.status == 429), 429)


def repeated(desk: Desk) -> str:
    key = {"idempotency-key": "K-1"}
    desk.call("PUT", "Invoices", {"Invoices": [an_invoice()]}, headers=key)
    return said(desk.call("PUT", "Invoices", {"Invoices": [an_invoice("N-2")]}, headers=key), 400)


def high_volume(desk: Desk) -> str:
    desk.switch(high_volume=1)
    desk.put(an_invoice("A"), an_invoice("B"))
    return said(desk.call("GET", "Invoices"), 400)


def expired(desk: Desk) -> str:
    desk.later(1801)
    return said(desk.call("GET", "Invoices"), 401)


def without_scope(desk: Desk) -> str:
    desk.bearer = desk.grant("accounting.contacts.read")["access_token"]
    reply = desk.call("GET", "Invoices")
    assert "insufficient_scope" in reply.headers["www-authenticate"]
    return said(reply, 401)


def read_only(desk: Desk) -> str:
    desk.change(users={"anna@harbour.test": "READONLY"})
    assert desk.call("GET", "Invoices").status == 200
    return said(desk.call("PUT", "Invoices", {"Invoices": [an_invoice()]}), 403)


def token(form: dict[str, str], client: str = "app", secret: str = "secret") -> Act:
    def act(desk: Desk) -> str:
        basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
        body = urlencode({"refresh_token": desk.pair["refresh_token"], **form}).encode()
        return said(desk.ask(Request("POST", "/connect/token", "", {"authorization": f"Basic {basic}"}, body)), 400)

    return act


def broad_scopes(desk: Desk) -> str:
    asked = {"response_type": "code", "client_id": "app", "redirect_uri": "https://here.test/back"}
    query = urlencode({**asked, "scope": "accounting.transactions"})
    return said(desk.ask(Request("GET", "/identity/connect/authorize", query)), 400)


def email_of_draft(desk: Desk) -> str:
    (made,) = desk.put(an_invoice(Status="DRAFT"))
    return said(desk.call("POST", f"Invoices/{made['InvoiceID']}/Email"), 400)


_FOUR = [{"Name": "Region", "Option": "North"}, {"Name": "Crew", "Option": "Blue"}, {"Name": "Dock", "Option": "One"}]

OF_INVOICES: dict[Say | SayOfLine, Act] = {
    Say.PERIOD_LOCKED: put(Date="2020-06-30"),
    Say.YEAR_LOCKED: changed(put(Date="2021-03-31"), year_lock="2021-03-31"),
    SayOfLine.ACCOUNT_ARCHIVED: put(line={"AccountCode": "299"}),
    SayOfLine.ACCOUNT_INVALID: put(line={"AccountCode": "090"}),
    SayOfLine.ACCOUNT_REMOVED: warned(Status="DRAFT", line={"AccountCode": "476"}),
    SayOfLine.ACCOUNT_MISSING: put(line={"AccountCode": None}),
    SayOfLine.ACCOUNT_EMPTY: put(line={"AccountCode": ""}),
    SayOfLine.ACCOUNT_MUST_BE_VALID: put(line={"UnitAmount": 1.123456789}),
    SayOfLine.TAX_MUST_BE_VALID: put(line={"UnitAmount": 1.123456789}),
    SayOfLine.TAX_UNKNOWN: put(line={"TaxType": "GST on Income"}),
    SayOfLine.TAX_NOT_FOR_ACCOUNT: put(line={"TaxType": "OUTPUT", "AccountCode": "260"}),
    SayOfLine.TAX_NOT_ACTIVE: put(line={"TaxType": "OLDGST"}),
    Say.NUMBER_TAKEN: put(an_invoice("N-1")),
    Say.NOT_MODIFIABLE: post({"Reference": "x"}, mark="VOIDED"),
    Say.HAS_PAYMENT: post({"LineItems": [a_line(UnitAmount=1)]}, paid=10),
    Say.NOT_CREATABLE: put(Status="PAID"),
    Say.CONTACT_ARCHIVED: put(Contact={"ContactID": OLD}),
    Say.CONTACT_NAME_TAKEN: put(Contact={"ContactID": ACME, "Name": "Bolt & Co"}),
    Say.CONTACT_MISSING: put(Contact=None),
    Say.CONTACT_EMPTY: put(Contact={}),
    Say.EMAIL_INVALID: put(Contact={"ContactID": BAD_MAIL}),
    Say.CURRENCY: put(CurrencyCode="EUR"),
    Say.CURRENCY_OLDER: switched(put(CurrencyCode="EUR"), currency_words="older"),
    Say.CURRENCY_QUOTED: switched(put(CurrencyCode="EUR"), currency_words="quoted"),
    Say.PLAN_LIMIT: changed(put(an_invoice("A"), number="B"), approvals_per_month=1),
    SayOfLine.LINE_TOTAL: put(line={"LineAmount": 99}),
    Say.DOCUMENT_TOTAL: put(Total=1),
    Say.INVOICE_TOTAL: put(SubTotal=1),
    Say.NO_LINES: put(LineItems=[]),
    SayOfLine.ITEM_UNKNOWN: put(line={"ItemCode": "SHIP"}),
    Say.DUE_DATE: put(DueDate=None),
    Say.TYPE: put(Type="SALE"),
    Say.STATUS_HAS_PAYMENT: post({"Status": "VOIDED"}, paid=10),
    Say.DATE_HAS_PAYMENT: post({"Date": "2026-11-21"}, paid=10),
    Say.NEGATIVE: put(line={"UnitAmount": -5}),
    SayOfLine.TRACKING_UNKNOWN: put(line={"Tracking": [{"Name": "Region", "Option": "South"}]}),
    SayOfLine.TRACKING_TOO_MANY: put(line={"Tracking": _FOUR}),
    Say.ID_UNKNOWN: lambda desk: "\n".join(texts(desk.post(an_invoice(InvoiceID=NOBODY))[0])),
    Say.NUMBER_UNREADABLE: put(number="N-é"),
    Say.TOO_LONG: put(Reference="x" * 256),
    Say.NAME_CHARACTERS: put(Contact={"Name": "<b>"}),
    SayOfLine.LINE_TOO_LARGE: put(line={"UnitAmount": 99_999_999_999}),
    Say.URL_OF_XERO: put(Url="https://xero.test/1"),
    Say.ODD_RATE: warned(CurrencyCode="USD", CurrencyRate=0),
}

OF_CALLS: dict[No, Act] = {
    No.OTHER_REQUEST: repeated,
    No.KEY_TOO_LONG: call(400, "PUT", body={"Invoices": [an_invoice()]}, headers={"idempotency-key": "k" * 129}),
    No.UNREADABLE: call(400, "PUT", body=b'{"Invoices": [{]}'),
    No.INVALID: call(400, "PUT", body=[1]),
    No.NOT_RECOGNISED: call(400, "PUT", body=b"<Bills></Bills>"),
    No.NO_DATA: call(400, "PUT", body=b""),
    No.TOKEN_EXPIRED: expired,
    No.NO_TOKEN: call(401, headers={"authorization": "Bearer of-bad-news"}),
    No.NO_SCOPE: without_scope,
    No.NO_TENANT: call(403, headers={"xero-tenant-id": NOBODY}),
    No.NOT_PERMITTED: read_only,
    No.NOT_FOUND: call(404, path=f"Contacts/{NOBODY}"),
    No.PRECONDITION: call(412, headers={"if-modified-since": "last week"}),
    No.MINUTE: limited(per_minute=1),
    No.DAY: limited(per_day=1),
    No.CONCURRENT: crowded,
    No.APP_MINUTE: limited(per_app_minute=1),
    No.SERVER_ERROR: lambda desk: (desk.state.dice.seed(1), faulty(500, "http_500")(desk))[1],
    No.MALFORMED_GUID: call(500, "PUT", body={"Invoices": [an_invoice(Contact={"ContactID": "acme"})]}),
    No.WRONG_VERB: call(501, "PUT", path="TaxRates", body={}),
    No.OFFLINE: changed(call(503), offline=True),
    No.MAINTENANCE: faulty(503, "api_offline"),
    No.UNAVAILABLE: faulty(503, "api_unavailable"),
    No.EDGE: faulty(503, "html_503"),
    No.GATEWAY: faulty(504, "gateway_504"),
    No.INVALID_GRANT: token({"grant_type": "refresh_token", "refresh_token": "stale"}),
    No.UNAUTHORIZED_CLIENT: token({"grant_type": "refresh_token"}, client="stranger"),
    No.INVALID_SCOPE: broad_scopes,
    No.INVALID_CLIENT: token({"grant_type": "refresh_token"}, secret="wrong"),
    No.NO_EMAIL: email_of_draft,
    No.QUERY: call(400, where='Colour=="red"'),
    No.HIGH_VOLUME: high_volume,
    No.TOO_LARGE: switched(call(413, "PUT", body=json.dumps({"Invoices": [an_invoice()]}).encode()), largest_body=10),
}
