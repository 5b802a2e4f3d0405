"""Every answer holds against Xero's official document, but for that document's known deviations."""

import pytest

from simulator.wire import Request
from tests.simulator import document
from tests.simulator.desk import ACME, AMERICAN, NOBODY, a_line, an_invoice

pytestmark = document.at_hand

FULL = an_invoice(
    "FULL",
    Contact={"ContactID": AMERICAN},
    Reference="r",
    Url="https://here.test/1",
    CurrencyCode="USD",
    CurrencyRate=0,
    LineItems=[
        a_line(Tracking=[{"Name": "Region", "Option": "North"}], DiscountRate=10, TaxType="OUTPUT"),
        a_line(ItemCode="BOAT"),
    ],
)
BAD = an_invoice("BAD", CurrencyCode="EUR", line={"AccountCode": "299"}, Contact={"ContactID": NOBODY})
# operation in the document → what is asked: method, path, body, query
ASKED = {
    ("/Invoices", "put"): [
        ("PUT", "Invoices", {"Invoices": [FULL, BAD]}, {"summarizeErrors": "false", "unitdp": 4}),
        ("PUT", "Invoices", {"Invoices": [BAD]}, {}),
        ("PUT", "Invoices", {}, {}),
    ],
    ("/Invoices", "post"): [
        ("POST", "Invoices", {"Invoices": [FULL, BAD]}, {"summarizeErrors": "false"}),
        ("POST", "Invoices", {"Invoices": [BAD]}, {}),
    ],
    ("/Invoices", "get"): [
        ("GET", "Invoices", None, {}),
        ("GET", "Invoices", None, {"page": 1, "unitdp": 4}),
        ("GET", "Invoices", None, {"summaryOnly": "true"}),
    ],
    ("/Invoices/{InvoiceID}", "get"): [("GET", "Invoices/PAID", None, {})],
    ("/Invoices/{InvoiceID}", "post"): [
        ("POST", "Invoices/PLAIN", {"Invoices": [{"Reference": "r"}]}, {}),
        ("POST", "Invoices/PAID", {"Invoices": [{"Status": "VOIDED"}]}, {}),
    ],
    ("/Contacts", "get"): [
        ("GET", "Contacts", None, {}),
        ("GET", "Contacts", None, {"page": 1, "includeArchived": "true"}),
        ("GET", "Contacts", None, {"summaryOnly": "true"}),
    ],
    ("/Contacts/{ContactID}", "get"): [("GET", f"Contacts/{ACME}", None, {})],
    ("/Contacts/{ContactNumber}", "get"): [("GET", "Contacts/C-1", None, {})],
    ("/Organisation", "get"): [("GET", "Organisation", None, {})],
    ("/Organisation/Actions", "get"): [("GET", "Organisation/Actions", None, {})],
    ("/Accounts", "get"): [("GET", "Accounts", None, {})],
    ("/TaxRates", "get"): [("GET", "TaxRates", None, {})],
    ("/Currencies", "get"): [("GET", "Currencies", None, {})],
    ("/TrackingCategories", "get"): [("GET", "TrackingCategories", None, {"includeArchived": "true"})],
    ("/Items", "get"): [("GET", "Items", None, {})],
    ("/BrandingThemes", "get"): [("GET", "BrandingThemes", None, {})],
}


def schema_of(operation, status):
    """The schema of an operation's answer with this status; None where the document lists no such status."""
    path, method = operation
    whole = document.accounting()
    found = whole["paths"][path][method]["responses"].get(str(status))
    if found and "$ref" in found:
        found = whole["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
    return found["content"]["application/json"]["schema"] if found and "content" in found else None


@pytest.fixture
def full_desk(desk):
    desk.put(an_invoice("PLAIN"), an_invoice("PAID"), an_invoice("PART"))
    desk.pay("PAID")
    desk.pay("PART", 10)
    desk.pay("PART", 10, credit=True)
    desk.change(year_lock="2019-12-31", users={"anna@harbour.test": "ADVISER"})
    return desk


@pytest.mark.parametrize("operation", ASKED, ids=lambda operation: f"{operation[1]} {operation[0]}")
def test_every_answer_is_what_the_document_says(full_desk, operation):
    judge = document.Judge(document.accounting())
    for method, path, body, query in ASKED[operation]:
        reply = full_desk.call(method, path, body, **query)
        assert reply.status in (200, 400)
        assert judge.complaints(schema_of(operation, reply.status), reply.document()) == []


def test_the_list_of_connections_and_a_token_are_what_the_document_says(desk):
    judge, whole = document.Judge(document.identity()), document.identity()
    listed = whole["paths"]["/Connections"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    bearer = {"authorization": f"Bearer {desk.bearer}"}
    found = desk.ask(Request("GET", "/Connections", headers=bearer)).document()
    assert len(found) == 1
    assert judge.complaints(listed, found) == []
    pair = {
        name: value for name, value in desk.pair.items() if name != "scope"
    }  # RFC 6749; the document has no scope
    assert judge.complaints({"$ref": "#/components/schemas/AccessToken"}, pair) == []


def test_the_judge_would_notice():
    judge = document.Judge(document.accounting())
    schema = {"$ref": "#/components/schemas/Invoices"}
    assert judge.complaints(schema, {"Invoices": [{"InvoiceID": "no guid"}]})
    assert judge.complaints(schema, {"Invoices": [{"Total": "ten"}]})
    assert judge.complaints(schema, {"Invoices": [{"Colour": "red"}]})
    assert judge.complaints(schema, {"Invoices": {}})
