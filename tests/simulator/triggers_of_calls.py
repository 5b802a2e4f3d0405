"""How each refusal of a whole call is brought about: row → an act that returns the words it led to."""

import asyncio
import base64
import json
from typing import Any
from urllib.parse import urlencode

from simulator.refusals import No
from simulator.wire import Reply, Request
from tests.simulator.desk import NOBODY, TENANT, Desk, an_invoice
from tests.simulator.triggers import Act, changed, switched


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


def too_large_a_file(desk: Desk) -> str:
    (made,) = desk.put(an_invoice())
    desk.bearer = desk.grant("accounting.attachments")["access_token"]
    desk.switch(largest_body=10)
    return said(desk.call("PUT", f"Invoices/{made['InvoiceID']}/Attachments/a.pdf", b"12345678901"), 413)


OF_CALLS: dict[No, Act] = {
    No.PAYLOAD_TOO_LARGE: too_large_a_file,
    No.OTHER_REQUEST: repeated,
    No.KEY_TOO_LONG: call(400, "PUT", body={"Invoices": [an_invoice()]}, headers={"idempotency-key": "k" * 129}),
    No.UNREADABLE: call(400, "PUT", body=b'{"Invoices": [{]}'),
    No.INVALID: call(400, "PUT", body=[1]),
    No.NO_DATE: call(400, "PUT", body={"Invoices": [an_invoice(Date="20/11/2026")]}),
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
    No.NOT_MODELLED: call(501, path="Payments"),
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
