"""Mapping, answers and links: pure, at the edge to Xero."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.accounting_target import Lane, Posted, Posting, Rejected, Unmappable
from events.invoice import Invoice
from events.reasons import Reason
from events.settings import CompanySettings
from tests.builders import TENANT, an_invoice, contact_id
from xero_adapter import answers, invoice_fields, json_values, links, mapping

GUID = "5b96e86b-418e-48e8-8949-308c14aec278"
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)


def element(settings=None, company="harbour", **change):
    posting = Posting(
        Lane(company, TENANT),
        Invoice.model_validate(an_invoice(**change)),
        contact_id("acme"),
        settings or CompanySettings(default_account_code="200"),
    )
    return mapping.element(posting, "https://app.example/invoices")


def test_an_invoice_in_xeros_words():
    assert element(reference="PO 7", line={"discount_rate": "12.5"}) == {
        "Type": "ACCREC",
        "InvoiceNumber": "N-i1",
        "Contact": {"ContactID": contact_id("acme")},
        "Date": "2026-11-20",
        "DueDate": "2026-12-20",
        "CurrencyCode": "USD",
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "Url": "https://app.example/invoices?crewcard=harbour%2Fi1",
        "Reference": "PO 7",
        "LineItems": [
            {
                "Description": "Crew, one day",
                "Quantity": 1.0,
                "UnitAmount": 100.0,
                "AccountCode": "200",
                "DiscountRate": 12.5,
            }
        ],
    }


def test_only_the_contacts_id_is_sent_for_more_would_change_the_contact():
    assert list(element()["Contact"]) == ["ContactID"]


@pytest.mark.parametrize(
    ("settings", "change", "reason"),
    [
        (CompanySettings(), {}, Reason.ACCOUNT_MISSING),
        (None, {"due_date": None}, Reason.DUE_DATE_MISSING),
        (None, {"line": {"unit_amount": "-1"}}, Reason.NEGATIVE_TOTAL),
    ],
)
def test_what_xero_would_refuse_for_sure_is_not_sent(settings, change, reason):
    with pytest.raises(Unmappable) as refused:
        element(settings, **change)
    assert refused.value.failure.reason is reason


def test_a_draft_needs_no_account_and_no_due_date():
    draft = element(CompanySettings(invoice_status="DRAFT"), due_date=None)
    assert "AccountCode" not in draft["LineItems"][0]
    assert draft["Status"] == "DRAFT"


def test_days_until_due_count_from_the_invoices_date():
    assert (
        element(CompanySettings(default_account_code="200", days_until_due=14), due_date=None)["DueDate"]
        == "2026-12-04"
    )


@given(st.decimals(min_value="-9999999999.99", max_value="9999999999.99", places=4, allow_nan=False))
def test_four_decimals_survive_the_wire(amount):
    sent = json.loads(json.dumps(invoice_fields.number_of(amount)), parse_float=Decimal)
    assert Decimal(sent) == amount


@given(ids, ids, st.sampled_from(["https://a.example/i", "https://a.example/i?id=7"]))
def test_a_mark_reads_back_and_never_says_xero(company, invoice, base):
    url = links.mark(base, company, invoice)
    assert links.marked(url) == (company, invoice)
    assert "xero" not in url.lower()


def test_a_mark_of_a_company_named_after_xero_reads_back():
    url = links.mark("https://a.example/i", "Xerographics", "xero-1")
    assert "xero" not in url.lower()
    assert links.marked(url) == ("Xerographics", "xero-1")


@pytest.mark.parametrize(
    "url", [None, "", "https://a.example/i?crewcard=", "https://[", "https://a.example/?crewcard=x"]
)
def test_what_carries_no_mark_is_not_ours(url):
    assert links.marked(url) is None


@pytest.mark.parametrize(
    "pasted",
    [
        GUID,
        GUID.upper(),
        f"  {{{GUID}}} ",
        f"https://go.xero.com/app/!AbC12/contacts/contact/{GUID}",
        f"https://go.xero.com/Contacts/View/{GUID}",
        f"https://go.xero.com/Contacts/View.aspx?contactID={GUID}",
        f"https://go.xero.com/organisationlogin/default.aspx?shortcode=!AbC12&redirecturl=%2FContacts%2FView%2F{GUID}",
    ],
)
def test_a_contact_id_is_found_in_what_people_paste(pasted):
    assert links.contact_id(pasted) == GUID


@pytest.mark.parametrize(
    "pasted", ["", "ACME", f"https://go.xero.com/app/!AbC12/invoicing/view/{GUID}", f"?InvoiceID={GUID}"]
)
def test_anything_else_is_no_contact(pasted):
    assert links.contact_id(pasted) is None


GOOD = {
    "InvoiceID": GUID.upper(),
    "InvoiceNumber": "N-1",
    "Contact": {"ContactID": GUID, "Name": "ACME"},
    "Status": "AUTHORISED",
    "CurrencyCode": "USD",
    "SubTotal": Decimal("10.10"),
    "TotalTax": Decimal("1.01"),
    "Total": Decimal("11.11"),
    "DateString": "2026-11-20T00:00:00",
    "Url": "https://a.example/i?crewcard=c%2Fi1",
    "StatusAttributeString": "OK",
}


def test_a_created_invoice_is_read_whole():
    (posted,) = answers.of_create({"Invoices": [GOOD]}).values()
    assert isinstance(posted, Posted)
    assert (posted.target_id, posted.total, posted.mark) == (GUID, Decimal("11.11"), ("c", "i1"))
    assert posted.date == "2026-11-20"


def test_unknown_enums_nulls_and_extras_do_not_matter():
    odd = {**GOOD, "Payments": None, "Contact": {**GOOD["Contact"], "TaxNumberType": "NEW/THING"}, "Due": []}
    assert isinstance(answers.of_create({"Invoices": [odd]})["N-1"], Posted)


def test_a_line_level_error_names_its_line():
    refused = {
        "InvoiceNumber": "N-1",
        "InvoiceID": "00000000-0000-0000-0000-000000000000",
        "StatusAttributeString": "ERROR",
        "LineItems": [
            {},
            {"ValidationErrors": [{"Message": "Account code '9' is not a valid code for this document."}]},
        ],
    }
    rejected = answers.of_create({"Invoices": [refused]})["N-1"]
    assert isinstance(rejected, Rejected)
    assert (rejected.failure.line, rejected.failure.reason) == (2, Reason.ACCOUNT_INVALID)


@pytest.mark.parametrize(
    "unclear",
    [
        {**GOOD, "InvoiceID": "00000000-0000-0000-0000-000000000000"},
        {**GOOD, "InvoiceNumber": None},
        {**GOOD, "StatusAttributeString": "ERROR"},
        {**GOOD, "Total": "a lot"},
        "nonsense",
        None,
    ],
)
def test_an_element_that_says_nothing_clear_is_unknown_not_wrong(unclear):
    assert answers.of_create({"Invoices": [unclear]}) == {}


@pytest.mark.parametrize("document", [None, [], {}, {"Invoices": None}, "OK", {"Elements": []}])
def test_what_is_not_xeros_list_is_noticed(document):
    assert not answers.names_its_invoices(document)


def test_purchase_bills_with_the_same_number_are_passed_over():
    assert answers.of_search({"Invoices": [{**GOOD, "Type": "ACCPAY"}]}) == []


def test_xeros_dates_are_days():
    assert json_values.day("/Date(1795132800000+0000)/") == "2026-11-20"
    assert json_values.day("/Date(-86400000)/") == "1969-12-31"
