"""Bad input of any kind gets Xero's answer for it: generated requests leave the simulator standing.

2,000 requests here; SIMULATOR_FUZZ=20000 for the long form.
"""

import json
import os
from urllib.parse import urlencode

import pytest
from hypothesis import given

from simulator.wire import Request
from tests.simulator import document, generated
from tests.simulator.desk import TENANT, Desk, an_invoice
from tests.simulator.test_conformance import schema_of

pytestmark = pytest.mark.ci
REQUESTS = int(os.environ.get("SIMULATOR_FUZZ", "2000"))
_FROM_DOCUMENT = REQUESTS // 2 // len(generated.NAMES)  # at most: some operations have fewer distinct requests
_ODD = REQUESTS // 8  # of each method, asked in both ways
_ANYTHING = REQUESTS // 2
_FINE = {200, 201, 204, 302, 404, 422, *document.STATUSES}


def judged(reply):
    """Only statuses that Xero gives, JSON that can be read, and a 500 for a malformed GUID alone."""
    assert reply.status in _FINE, (reply.status, reply.body)
    assert b"Traceback" not in reply.body
    if "json" in reply.headers.get("content-type", ""):
        json.loads(reply.body, parse_constant=pytest.fail)
    if reply.status == 500:
        assert reply.document()["Type"] == "UnknownErrorException"


def still_standing(desk):
    desk.control("POST", "reset")
    assert Desk().put(an_invoice("AFTER"))[0]["HasErrors"] is False


@document.at_hand
@pytest.mark.parametrize("name", generated.NAMES)
def test_requests_out_of_xeros_document(name):
    desk = Desk()
    desk.control("PUT", "limits", {"on": False})
    desk.put(an_invoice("N-1"))
    judge = document.Judge(document.accounting())
    operation = generated.operations()[name]

    @generated.quietly(_FROM_DOCUMENT)
    @given(operation.as_strategy())
    def ask(case):
        reply = desk.ask(generated.request_of(case, desk.bearer))
        judged(reply)
        schema = schema_of((operation.path, operation.method), reply.status)
        if schema and reply.status == 200:
            assert judge.complaints(schema, reply.document()) == []

    ask()
    still_standing(desk)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_invoices_with_odd_values(method):
    desk = Desk()
    desk.control("PUT", "limits", {"on": False})
    desk.put(an_invoice("N-1"))
    desk.pay("N-1", 10)

    @generated.quietly(_ODD)
    @given(generated.BODIES)
    def ask(body):
        for summarize in ("true", "false"):
            judged(desk.call(method, "Invoices", json.dumps(body).encode(), summarizeErrors=summarize, unitdp=4))

    ask()
    for page in (desk.get(), desk.get(page=1, order="Total")):
        assert page
    still_standing(desk)


def test_anything_anywhere():
    desk = Desk()
    desk.control("PUT", "limits", {"on": False})

    @generated.quietly(_ANYTHING)
    @given(generated.WILD)
    def ask(wild):
        method, path, query, headers, body = wild
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {desk.bearer}", "xero-tenant-id": TENANT, **headers}
        text = urlencode(query, errors="replace")
        judged(desk.ask(Request(method, path, text, sent, raw)))

    ask()
    still_standing(desk)
