"""The table of invoice fields: nothing of the contract is forgotten, and each row is sent, read back and compared."""

from datetime import date

import pytest
from pydantic import create_model

from cli import csv_invoices
from events.accounting_target import Posting
from events.changes import Picture
from events.invoice import Invoice, LineItem
from events.settings import CompanySettings, Theme
from tests.builders import an_invoice, contact_id
from tests.rooms.test_mapping import BASE, LANE
from worker.reconcile import reconciler
from xero_adapter import invoice_fields, mapping
from xero_adapter.invoice_fields import EVERY, INVOICE, LINE, NOT_SENT, forgotten

THEME = "dddddddd-1111-4222-8333-444444444444"
SETTINGS = CompanySettings(default_account_code="200", branding_theme=Theme(id=THEME, name="Ours"))
LINES = [
    {
        "description": "Crew", "kind": "labour", "quantity": "2", "unit_amount": "40.00", "account_code": "210",
        "tax_type": "OUTPUT", "discount_rate": "10", "item_code": "CREW",
        "tracking": [{"category": "Region", "option": "North"}],
    },
    {"description": "A heading"},
]  # fmt: skip
WHOLE = an_invoice(
    lines=LINES,
    reference="PO 7",
    expected_payment_date="2027-01-15",
    currency_rate="0.873215",
    sent_to_contact=True,
    link="https://crew.example/i1",
)
# What each row shows of the invoice above, changed by hand in Xero.
OTHERWISE = {
    "Contact": {"ContactID": contact_id("bolt"), "Name": "Bolt & Co"}, "InvoiceNumber": "N-2", "Reference": "PO 8",
    "Date": "2026-11-21", "DueDate": "2026-12-21", "ExpectedPaymentDate": "2027-02-01", "CurrencyCode": "EUR",
    "CurrencyRate": 0.9, "LineAmountTypes": "Inclusive", "Status": "DRAFT", "BrandingThemeID": THEME[::-1],
    "Url": "https://elsewhere.example", "SentToContact": False,
}  # fmt: skip
OTHERWISE_IN_LINE = {
    "Description": "Van", "Quantity": 3.0, "UnitAmount": 41.0, "DiscountRate": 11.0, "AccountCode": "200",
    "TaxType": "NONE", "ItemCode": "VAN", "Tracking": [{"Name": "Region", "Option": "South"}],
}  # fmt: skip


def element():
    return mapping.element(Posting(LANE, Invoice.model_validate(WHOLE), contact_id("acme"), SETTINGS), BASE)


def test_every_field_of_the_contract_is_in_the_table_or_left_out_for_a_reason():
    assert forgotten(Invoice.model_fields, INVOICE, NOT_SENT) == set()
    assert forgotten(LineItem.model_fields, LINE, {}) == set()
    assert all(NOT_SENT.values())


@pytest.mark.parametrize(("contract", "rows", "left_out"), [(Invoice, INVOICE, NOT_SENT), (LineItem, LINE, {})])
def test_a_field_that_is_added_to_the_contract_or_lost_from_it_or_from_the_table_is_missed(contract, rows, left_out):
    wider = create_model("Wider", __base__=contract, purchase_order=(str | None, None))
    assert forgotten(wider.model_fields, rows, left_out) == {"purchase_order"}
    for name in contract.model_fields:
        narrower = {other: one for other, one in contract.model_fields.items() if other != name}
        assert forgotten(narrower, rows, left_out) == {name}
    for row in rows:
        without = tuple(one for one in rows if one is not row)
        alone = set(row.carries) - {name for one in without for name in one.carries}
        assert forgotten(contract.model_fields, without, left_out) == alone


def test_names_are_ours_alone_and_a_row_that_is_sent_names_what_it_carries():
    assert len(EVERY) == len(INVOICE) + len(LINE)
    by_settings = {"status", "branding_theme"}
    assert {row.name for row in EVERY.values() if row.say and not row.carries} == by_settings
    assert {row.name for row in EVERY.values() if not row.say} == {"subtotal", "tax", "total", "amount"}


def test_what_is_sent_is_what_the_rows_say_and_nothing_beside_them():
    sent = element()
    assert set(sent) == {"Type", "LineItems", *(name for row in INVOICE if row.say for name in row.theirs)}
    names = {name for row in LINE if row.say for name in row.theirs}
    assert set(sent["LineItems"][0]) == names - {"DiscountAmount"}
    assert sent["LineItems"][1] == {"Description": "A heading"}


@pytest.mark.parametrize("row", [row for row in EVERY.values() if row.say], ids=lambda row: row.name)
def test_each_row_is_read_back_as_it_is_sent_and_another_value_is_a_difference_a_change_and_where_guarded_an_edit(
    row,
):
    sent = mapping.of_sent(element())
    assert mapping.differences(sent, mapping.of_copy(element())) == ()
    otherwise = element()
    otherwise["Contact"] = {**otherwise["Contact"], "Name": "ACME Ltd"}
    before = mapping.of_copy(otherwise)
    whole = row in INVOICE
    changed, values = (otherwise, OTHERWISE) if whole else (otherwise["LineItems"][0], OTHERWISE_IN_LINE)
    assert (sent if whole else sent.lines[0]).said(row.name), "the sample says nothing of it"
    changed |= {name: values[name] for name in row.theirs if name in values}
    after = mapping.of_copy(otherwise)
    found = [one.field for one in mapping.differences(sent, after) if one.field != "amount"]
    assert found == [row.name]
    told = [one.field for one in mapping.changes(before, after) if one.field != "amount"]
    assert told == ([row.name] if row.guard != "never" else [])
    assert [one.field for one in mapping.edits(before, after, sent) if one.field != "amount"] == told
    unless_sent = [one.field for one in mapping.edits(before, after) if one.field != "amount"]
    assert unless_sent == ([row.name] if row.guard == "always" else [])
    assert (mapping.fingerprint(after) == mapping.fingerprint(before)) is (row.guard != "always")
    assert mapping.carries(otherwise, element()) is not row.updates


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        ({"Description": "Crew\nand van"}, "description", "Xero writes line ends its own way"),
        ({"Description": "Crew "}, "description", "Xero leaves out emoji and other rare characters"),
        ({"LineAmount": 0.0, "AccountCode": None}, "account", "Xero keeps no account on a line of 0.00"),
    ],
)
def test_what_xero_is_known_to_alter_is_said_to_be_so_and_the_update_counts_as_arrived(change, name, why):
    sent = element()
    line = sent["LineItems"][0]
    line |= {"Description": "Crew \U0001f477" if "emoji" in why else "Crew\r\nand van", "UnitAmount": 0.0}
    if name == "account":
        line["Description"] = "Crew"
    kept = element()
    kept["LineItems"][0] |= {**line, **change}
    (found,) = mapping.differences(mapping.of_sent(sent), mapping.of_copy(kept))
    assert (found.field, found.line, found.altered) == (name, 1, why)
    assert why in found.sentence
    assert mapping.carries(kept, sent)


def test_an_account_that_xero_drops_from_a_line_with_money_is_explained_by_nothing():
    kept = element()
    del kept["LineItems"][0]["AccountCode"]
    (found,) = mapping.differences(mapping.of_sent(element()), mapping.of_copy(kept))
    assert (found.sentence, found.altered) == ("line 1 account (none) in Xero, 210 in CrewCard", "")
    assert not mapping.carries(kept, element())


def test_what_an_answer_does_not_carry_is_no_difference():
    kept = {name: value for name, value in element().items() if name not in ("Url", "CurrencyRate", "SentToContact")}
    sent, seen = mapping.of_sent(element()), mapping.of_copy(kept)
    assert mapping.differences(sent, seen) == ()
    assert [name for name in sent.fields() if sent.said(name) and seen.said(name) is None] == [
        "currency_rate", "link", "sent_to_contact",
    ]  # fmt: skip


def test_an_edit_that_makes_it_as_wanted_is_none_but_another_beside_it_is():
    before, wanted = element(), element()
    before["LineItems"][0]["LineItemID"] = wanted["LineItems"][0]["LineItemID"] = "a"
    now = {**before, "Reference": "PO 9"}
    wanted["Reference"] = "PO 9"
    seen = [mapping.of_copy(one) for one in (before, now)]
    assert mapping.edits(*seen, mapping.of_sent(wanted)) == ()
    both = mapping.of_copy({**now, "DueDate": "2027-05-05"})
    assert [one.field for one in mapping.edits(seen[0], both, mapping.of_sent(wanted))] == ["due_date"]


def test_no_tax_rate_is_sent_on_an_invoice_without_tax():
    assert "TaxType" in element()["LineItems"][0]
    invoice = Invoice.model_validate({**WHOLE, "amounts_are": "no_tax"})
    sent = mapping.element(Posting(LANE, invoice, contact_id("acme"), SETTINGS), BASE)
    assert "TaxType" not in sent["LineItems"][0]


def test_a_picture_that_was_kept_can_be_read_again_and_an_older_one_too():
    picture = mapping.of_copy(element())
    assert Picture.model_validate_json(picture.model_dump_json()) == picture
    older = Picture.model_validate_json('{"contact": "c", "lines": [{"id": "a", "quantity": "1"}]}')
    assert (older.said("contact"), older.lines[0].said("quantity")) == ("c", "1")


def test_dates_are_read_as_days_however_xero_writes_them():
    (row,) = [one for one in INVOICE if one.name == "expected_payment_date"]
    milliseconds = (date(2027, 1, 15) - date(1970, 1, 1)).days * 86_400_000
    for written in ("2027-01-15", "2027-01-15T00:00:00", f"/Date({milliseconds}+0000)/"):
        assert row.seen({"ExpectedPaymentDate": written}, ours=False) == "2027-01-15"
    assert invoice_fields.EVERY["date"].seen({}, ours=False) is None


def test_what_an_update_leaves_out_only_where_it_was_sent_is_known_to_the_reconciler():
    assert {row.name for row in INVOICE if row.guard == "if sent"} == reconciler._IF_SENT


def test_every_field_of_the_contract_is_a_column_of_a_csv_file():
    """Lines, client and totals have columns of their own; where the invoice is in Xero is for `adopt` alone.

    Files are named by hosts alone: a signed address is good for hours.
    """
    whole = set(Invoice.model_fields) - {"id", "client", "lines", "totals", "xero_invoice_id", "attachments"}
    of_lines = set(LineItem.model_fields) - {"tracking"}
    assert (whole | of_lines) - {*csv_invoices.REQUIRED, *csv_invoices.OPTIONAL} == set()
    assert (whole - set(csv_invoices._OF_INVOICE)) | (of_lines - set(csv_invoices._OF_LINE)) == set()
