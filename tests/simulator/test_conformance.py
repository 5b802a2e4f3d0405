"""Every answer holds against Xero's official document, but for that document's known deviations."""

import pytest

from simulator.wire import Request
from tests.simulator import document
from tests.simulator.desk import (
    ACME,
    ALL_SCOPES,
    AMERICAN,
    NOBODY,
    a_credit_note,
    a_line,
    an_allocation,
    an_invoice,
)

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
BAD_CREDIT = a_credit_note("BAD", CurrencyCode="EUR", line={"AccountCode": "299"}, Contact={"ContactID": NOBODY})
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
    ("/Invoices/{InvoiceID}/Attachments", "get"): [("GET", "Invoices/PLAIN/Attachments", None, {})],
    ("/Invoices/{InvoiceID}/Attachments/{FileName}", "put"): [
        ("PUT", "Invoices/PLAIN/Attachments/job.pdf", b"%PDF-2", {"IncludeOnline": "true"}),
        ("PUT", "Invoices/PLAIN/Attachments/a b.pdf", b"%PDF-2", {}),
    ],
    ("/Invoices/{InvoiceID}/Attachments/{FileName}", "post"): [
        ("POST", "Invoices/PLAIN/Attachments/sheet.pdf", b"%PDF-3", {}),
    ],
    ("/CreditNotes", "put"): [
        ("PUT", "CreditNotes", {"CreditNotes": [a_credit_note("NEW"), BAD_CREDIT]}, {"summarizeErrors": "false"}),
        ("PUT", "CreditNotes", {"CreditNotes": [BAD_CREDIT]}, {}),
        ("PUT", "CreditNotes", {}, {}),
    ],
    ("/CreditNotes", "post"): [
        ("POST", "CreditNotes", {"CreditNotes": [a_credit_note("NEWER"), BAD_CREDIT]}, {"summarizeErrors": "false"}),
        ("POST", "CreditNotes", {"CreditNotes": [BAD_CREDIT]}, {}),
    ],
    ("/CreditNotes", "get"): [
        ("GET", "CreditNotes", None, {}),
        ("GET", "CreditNotes", None, {"page": 1, "unitdp": 4}),
        ("GET", "CreditNotes", None, {"where": 'CreditNoteNumber=="GIVEN" OR CreditNoteNumber=="FREE"', "page": 1}),
    ],
    ("/CreditNotes/{CreditNoteID}", "get"): [("GET", "CreditNotes/GIVEN", None, {})],
    ("/CreditNotes/{CreditNoteID}", "post"): [
        ("POST", "CreditNotes/FREE", {"CreditNotes": [{"Reference": "r"}]}, {}),
        ("POST", "CreditNotes/GIVEN", {"CreditNotes": [{"Reference": "r"}]}, {}),
    ],
    ("/CreditNotes/{CreditNoteID}/Allocations", "put"): [
        ("PUT", "CreditNotes/FREE/Allocations", {"Allocations": [an_allocation(NOBODY, 5)]}, {}),
        (
            "PUT",
            "CreditNotes/FREE/Allocations",
            {"Allocations": [an_allocation(NOBODY, 5)]},
            {"summarizeErrors": "false"},
        ),
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
    desk.bearer = desk.grant(f"{ALL_SCOPES} accounting.attachments")["access_token"]
    desk.call("PUT", "Invoices/PLAIN/Attachments/sheet.pdf", b"%PDF-1")
    desk.pay("PAID")
    desk.pay("PART", 10)
    desk.pay("PART", 10, credit=True)
    given, _ = desk.credit(a_credit_note("GIVEN", line={"UnitAmount": 10}), a_credit_note("FREE"))[::-1]
    desk.allocate(given["CreditNoteID"], an_allocation(desk.books["PLAIN"]["InvoiceID"], 11.5))
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
