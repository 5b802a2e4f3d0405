"""Changing invoices: which one is meant, what may change, what becomes of lines (facts §3.2, §8)."""

import pytest

from simulator.edits import TRANSITIONS
from tests.simulator.desk import BOLT, a_line, an_invoice, texts

ALLOWED = {
    "DRAFT": "DRAFT SUBMITTED AUTHORISED DELETED",
    "SUBMITTED": "SUBMITTED AUTHORISED DRAFT DELETED",
    "AUTHORISED": "AUTHORISED VOIDED",
}


def ids(invoice):
    return [line["LineItemID"] for line in invoice["LineItems"]]


def test_a_post_with_a_number_in_use_overwrites_that_invoice(desk):
    (made,) = desk.put(an_invoice())
    (changed,) = desk.post(an_invoice(Reference="again", line={"UnitAmount": 50}))
    assert changed["InvoiceID"] == made["InvoiceID"]
    assert desk.books["N-1"]["Total"] == 57.5
    assert len(desk.books) == 1


def test_a_post_with_a_new_number_creates(desk):
    (made,) = desk.post(an_invoice("NEW"))
    assert made["HasErrors"] is False
    assert "NEW" in desk.books


@pytest.mark.parametrize("status", ["VOIDED", "PAID"])
def test_a_post_with_the_number_of_a_finished_invoice_is_refused(desk, status):
    desk.put(an_invoice())
    desk.pay("N-1") if status == "PAID" else desk.mark("N-1", status=status)
    (answer,) = desk.post(an_invoice(Reference="again"))
    assert "Invoice not of valid status for modification" in texts(answer)
    assert desk.books["N-1"]["Reference"] == ""


@pytest.mark.parametrize("before", ["DRAFT", "SUBMITTED", "AUTHORISED"])
@pytest.mark.parametrize("after", ["DRAFT", "SUBMITTED", "AUTHORISED", "DELETED", "VOIDED", "PAID"])
def test_a_status_goes_only_where_xero_lets_it(desk, before, after):
    (made,) = desk.put(an_invoice(Status=before))
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "Status": after})
    allowed = after in ALLOWED[before].split()
    assert answer["HasErrors"] is not allowed
    assert desk.books["N-1"]["Status"] == (after if allowed else before)


def test_what_is_voided_or_deleted_goes_nowhere():
    assert TRANSITIONS["VOIDED"] == TRANSITIONS["DELETED"] == ()


def test_lines_sent_without_an_id_are_new_and_those_left_out_are_gone(desk):
    (made,) = desk.put(an_invoice(LineItems=[a_line(Description="one"), a_line(Description="two")]))
    (changed,) = desk.post({"InvoiceID": made["InvoiceID"], "LineItems": [a_line(Description="one")]})
    assert len(changed["LineItems"]) == 1
    assert not set(ids(changed)) & set(ids(made))


def test_a_line_sent_with_its_id_is_changed_and_keeps_it(desk):
    (made,) = desk.put(an_invoice(LineItems=[a_line(), a_line()]))
    first, second = ids(made)
    lines = [{"LineItemID": first, "UnitAmount": 10}, {"LineItemID": second}]
    (changed,) = desk.post({"InvoiceID": made["InvoiceID"], "LineItems": lines})
    assert ids(changed) == [first, second]
    assert (changed["SubTotal"], changed["TotalTax"], changed["Total"]) == (110, 16.5, 126.5)


def test_an_update_without_lines_leaves_them_as_they_are(desk):
    (made,) = desk.put(an_invoice(line={"UnitAmount": 1.2345}), unitdp="4")
    (changed,) = desk.post({"InvoiceID": made["InvoiceID"], "Reference": "new"})
    assert changed["LineItems"] == made["LineItems"]


@pytest.mark.parametrize("paid", [40, 115])
def test_of_a_paid_invoice_only_some_fields_can_change(desk, paid):
    (made,) = desk.put(an_invoice())
    desk.pay("N-1", paid)
    mine = {"InvoiceID": made["InvoiceID"]}
    (line,) = ids(made)
    words = {"Description": "other words", "AccountCode": "201", "LineItemID": line}
    allowed = {"Reference": "r", "DueDate": "2027-01-31", "Url": "https://here.test", "Contact": {"ContactID": BOLT}}
    (answer,) = desk.post({**mine, **allowed, "LineItems": [words]})
    assert answer["HasErrors"] is False
    assert desk.books["N-1"]["AmountPaid"] == paid
    (answer,) = desk.post({**mine, "LineItems": [{**words, "UnitAmount": 1}]})
    assert texts(answer)[-1].startswith("This document cannot be edited as it has a payment")
    (answer,) = desk.post({**mine, "Status": "VOIDED"})
    assert texts(answer)[0].startswith("The status VOIDED cannot be applied")


def test_a_contact_cannot_change_once_a_credit_note_is_allocated(desk):
    (made,) = desk.put(an_invoice())
    desk.pay("N-1", 10, credit=True)
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "Contact": {"ContactID": BOLT}})
    assert texts(answer)[0].startswith("This document cannot be edited")


def test_by_switch_nothing_of_a_paid_invoice_can_change(desk):
    desk.switch(paid_edits="none")
    (made,) = desk.put(an_invoice())
    desk.pay("N-1", 10)
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "Reference": "r"})
    assert answer["HasErrors"] is True


def test_in_a_locked_period_nothing_can_change(desk):
    (made,) = desk.put(an_invoice())
    desk.change(period_lock="2026-11-30")
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "Reference": "r"})
    assert texts(answer) == [
        "The document date cannot be before the period lock date, currently set at 30-Nov-2026",
    ]


def test_an_invoice_cannot_take_anothers_number(desk):
    (made, _) = desk.put(an_invoice("A"), an_invoice("B"))
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "InvoiceNumber": "B"})
    assert texts(answer) == ["Invoice # must be unique."]


def test_renumbering_frees_the_old_number(desk):
    (made,) = desk.put(an_invoice("A"))
    desk.post({"InvoiceID": made["InvoiceID"], "InvoiceNumber": "B"})
    assert desk.put(an_invoice("A"))[0]["HasErrors"] is False


@pytest.mark.parametrize("by", ["InvoiceID", "InvoiceNumber"])
def test_one_invoice_is_updated_by_id_or_by_number(desk, by):
    (made,) = desk.put(an_invoice())
    reply = desk.call("POST", f"Invoices/{made[by]}", {"Invoices": [{"Reference": "r"}]})
    assert reply.status == 200
    assert desk.books["N-1"]["Reference"] == "r"


def test_an_update_of_one_has_no_summarize_errors(desk):
    (made,) = desk.put(an_invoice())
    body = {"Invoices": [{"Status": "PAID"}]}
    assert desk.call("POST", f"Invoices/{made['InvoiceID']}", body, summarizeErrors="false").status == 400


def test_a_due_date_of_a_part_paid_invoice_leaves_the_time_of_change_alone(desk):
    (made,) = desk.put(an_invoice())
    desk.pay("N-1", 10)
    before = desk.books["N-1"]["UpdatedDateUTC"]
    desk.later(60)
    desk.post({"InvoiceID": made["InvoiceID"], "DueDate": "2027-01-31"})
    assert desk.books["N-1"]["UpdatedDateUTC"] == before
    desk.post({"InvoiceID": made["InvoiceID"], "Reference": "r"})
    assert desk.books["N-1"]["UpdatedDateUTC"] != before


def test_an_invoice_cannot_be_dated_out_of_a_locked_period(desk):
    (made,) = desk.put(an_invoice())
    desk.change(period_lock="2026-11-30")
    (answer,) = desk.post({"InvoiceID": made["InvoiceID"], "Date": "2026-12-05"})
    assert answer["HasErrors"] is True
    assert desk.books["N-1"]["DateString"] == "2026-11-20T00:00:00"


def test_a_line_with_an_id_that_is_not_the_invoices_is_a_new_line(desk):
    (made,) = desk.put(an_invoice())
    (changed,) = desk.post({"InvoiceID": made["InvoiceID"], "LineItems": [a_line(LineItemID=BOLT)]})
    assert not {BOLT, *ids(made)} & set(ids(changed))
