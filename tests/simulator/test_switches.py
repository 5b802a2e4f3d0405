"""What is reported of the real Xero and known to nobody for sure: each switch, off and on, at the wire."""

import pytest

from simulator.switches import Switches, about
from tests.simulator.desk import ACME, NOBODY, NOTHING, a_line, an_invoice, texts

NORTH, WEST = {"Name": "Region", "Option": "North"}, {"Name": "Region", "Option": "West"}


def line_of(answer):
    return answer["LineItems"][0]


def test_tracking_that_does_not_exist_is_refused_and_by_switch_left_out_in_silence(desk):
    sent = an_invoice(line={"Tracking": [NORTH, WEST]})
    assert desk.put(sent)[0]["HasErrors"] is True
    desk.switch(unknown_tracking="left_out")
    (answer,) = desk.put(sent)
    assert (answer["HasErrors"], answer["StatusAttributeString"]) == (False, "OK")
    assert [one["Option"] for one in line_of(answer)["Tracking"]] == ["North"]


@pytest.mark.parametrize("text", ["Crew 🚢 ahoy", "\U0001d49c day"])
def test_by_switch_characters_beyond_the_basic_plane_are_taken_out(desk, text):
    (kept,) = desk.put(an_invoice("A", Reference=text, line={"Description": text}))
    assert (kept["Reference"], line_of(kept)["Description"]) == (text, text)
    desk.switch(beyond_basic_plane="dropped")
    (less,) = desk.put(an_invoice("B", Reference=text, line={"Description": text}))
    expected = "".join(one for one in text if ord(one) < 0x10000)
    assert (less["Reference"], line_of(less)["Description"]) == (expected, expected)


@pytest.mark.parametrize(
    ("how", "kept"), [("kept", "a\r\nb\nc\rd"), ("lf", "a\nb\nc\nd"), ("crlf", "a\r\nb\r\nc\r\nd")]
)
def test_line_ends_are_a_switch(desk, how, kept):
    desk.switch(line_ends=how)
    (answer,) = desk.put(an_invoice(line={"Description": "a\r\nb\nc\rd"}))
    assert line_of(answer)["Description"] == kept


@pytest.mark.parametrize(("how", "kept"), [("kept", ["200", "200"]), ("dropped", [None, "200"])])
def test_the_account_of_a_line_of_nothing_is_a_switch(desk, how, kept):
    desk.switch(account_of_zero_line=how)
    (answer,) = desk.put(an_invoice(LineItems=[a_line(UnitAmount=0), a_line()]))
    assert [line.get("AccountCode") for line in answer["LineItems"]] == kept
    assert [line.get("AccountCode") for line in desk.books["N-1"]["LineItems"]] == kept


def test_a_deleted_branding_theme_is_refused_and_by_switch_the_standard_one_takes_its_place(desk):
    blue = next(one["BrandingThemeID"] for one in desk.get("BrandingThemes") if one["Name"] == "Blue")
    (made,) = desk.put(an_invoice("A", BrandingThemeID=blue))
    assert made["BrandingThemeID"] == blue
    desk.change(themes=[{"name": "Blue", "status": "DELETED"}])
    assert [one["Name"] for one in desk.get("BrandingThemes")] == ["Standard"]
    (refused,) = desk.put(an_invoice("B", BrandingThemeID=blue))
    assert texts(refused) == ["The branding theme specified does not exist."]
    (edited,) = desk.post({"InvoiceID": made["InvoiceID"], "Reference": "still there"})
    assert (edited["HasErrors"], edited["BrandingThemeID"]) == (False, blue)
    desk.switch(deleted_theme_refused=False)
    (taken,) = desk.put(an_invoice("C", BrandingThemeID=NOBODY))
    assert taken["BrandingThemeID"] == desk.get("BrandingThemes")[0]["BrandingThemeID"]


def test_a_create_with_an_id_of_its_own_is_refused_and_echoes_it_and_by_switch_the_id_is_passed_over(desk):
    (refused,) = desk.put(an_invoice(InvoiceID=NOBODY))
    assert (refused["InvoiceID"], refused["StatusAttributeString"]) == (NOBODY, "ERROR")
    desk.switch(own_id_on_create_refused=False)
    (made,) = desk.put(an_invoice(InvoiceID=NOBODY))
    assert made["HasErrors"] is False
    assert made["InvoiceID"] not in (NOBODY, NOTHING)


def test_an_unknown_contact_number_needs_a_name(desk):
    (known,) = desk.put(an_invoice("A", Contact={"ContactNumber": "C-1"}))
    assert known["Contact"]["ContactID"] == ACME
    (refused,) = desk.put(an_invoice("B", Contact={"ContactNumber": "C-404"}))
    assert texts(refused) == ["Contact Name cannot be empty."]
    (made,) = desk.put(an_invoice("C", Contact={"ContactNumber": "C-404", "Name": "New"}))
    assert (made["HasErrors"], made["Contact"]["Name"]) == (False, "New")


def test_an_approved_invoice_of_nothing_stays_and_by_switch_is_paid_at_once(desk):
    (open_,) = desk.put(an_invoice("A", line={"UnitAmount": 0}))
    desk.switch(zero_becomes_paid=True)
    (paid,) = desk.put(an_invoice("B", line={"UnitAmount": 0}))
    (draft,) = desk.put(an_invoice("C", line={"UnitAmount": 0}, Status="DRAFT"))
    (other,) = desk.put(an_invoice("D"))
    assert [one["Status"] for one in (open_, paid, draft, other)] == ["AUTHORISED", "PAID", "DRAFT", "AUTHORISED"]


def test_an_empty_line_is_refused_on_an_approved_invoice_unless_a_switch_says_otherwise(desk):
    assert texts(desk.put(an_invoice(LineItems=[{}]))[0]) == ["Description must be specified."]
    assert desk.put(an_invoice("T", LineItems=[{"Description": "Only text"}, a_line()]))[0]["HasErrors"] is False
    desk.switch(empty_line_refused=False)
    assert desk.put(an_invoice(LineItems=[{}]))[0]["HasErrors"] is False


def test_by_switch_refused_elements_come_without_their_number(desk):
    desk.switch(refused_without_number=True)
    answers = desk.put(an_invoice("A", CurrencyCode="EUR"), an_invoice("B"))
    assert {one["HasErrors"]: one.get("InvoiceNumber") for one in answers} == {True: None, False: "B"}


def test_by_switch_invoices_come_with_what_nobody_knows_yet_and_without_what_they_need_not_have(desk):
    today = [desk.put(an_invoice("A"))[0], *desk.get(page=1), *desk.get("Invoices/A")]
    desk.switch(answers_of_later=True)
    later = [desk.put(an_invoice("B"))[0], *desk.get(InvoiceNumbers="A", page=1), *desk.get("Invoices/A")]
    for before, after in zip(today, later, strict=True):
        assert {"DateString", "IsDiscounted", "Payments"} <= set(before) - set(after)
        assert {"ComplianceState", "Sustainability", "InvoicePaymentServices"} <= set(after) - set(before)
        assert after["Contact"]["Addresses"] == [{"AddressType": "REGISTERED"}]
        assert "AccountID" not in line_of(after)
        assert line_of(after)["AccountCode"] == line_of(before)["AccountCode"]
        assert {name: after[name] for name in ("Total", "Date", "Status")} == {
            name: before[name] for name in ("Total", "Date", "Status")
        }
    refused, kept = desk.put(an_invoice("A"), an_invoice("C"))
    assert {texts(refused)[0] if refused["HasErrors"] else texts(kept)[0]} == {"Invoice # must be unique."}


def test_by_switch_lists_do_not_give_the_url_back(desk):
    desk.put(an_invoice(Url="https://app.test/1"))
    assert desk.get(page=1)[0]["Url"] == "https://app.test/1"
    desk.switch(lists_give_url_back=False)
    for query in ({"page": 1}, {"InvoiceNumbers": "N-1"}, {"createdByMyApp": "true"}):
        assert "Url" not in desk.get(**query)[0]
    assert desk.get("Invoices/N-1")[0]["Url"] == "https://app.test/1"


LISTS = ({"page": 1}, {"InvoiceNumbers": "N-1"}, {"createdByMyApp": "true"}, {"searchTerm": "N-1"})


@pytest.mark.parametrize("query", LISTS, ids=lambda query: next(iter(query)))
def test_by_switch_lists_lag_behind_what_was_written(desk, query):
    desk.switch(reads_lag_seconds=30)
    (made,) = desk.put(an_invoice())
    assert desk.get(**query) == []
    assert desk.get(IDs=made["InvoiceID"]) == []
    assert desk.get(f"Invoices/{made['InvoiceID']}")[0]["InvoiceNumber"] == "N-1"
    assert texts(desk.put(an_invoice())[0]) == ["Invoice # must be unique."]  # the books themselves know
    desk.later(31)
    assert len(desk.get(**query)) == 1


def test_a_change_is_shown_late_too_and_each_write_in_its_turn(desk):
    (made,) = desk.put(an_invoice(Reference="first"))
    desk.switch(reads_lag_seconds=30)
    for reference in ("second", "third"):
        desk.post({"InvoiceID": made["InvoiceID"], "Reference": reference})
        assert desk.get(page=1)[0]["Reference"] == "first"
        desk.later(20)
    assert desk.get(page=1)[0]["Reference"] == "second"
    desk.later(20)
    assert desk.get(page=1)[0]["Reference"] == "third"


def test_by_switch_a_read_of_one_invoice_lags_too(desk):
    desk.switch(reads_lag_seconds=30, single_reads_lag=True)
    (made,) = desk.put(an_invoice())
    for name in (made["InvoiceID"], "N-1"):
        assert desk.call("GET", f"Invoices/{name}").status == 404
    desk.later(31)
    assert desk.get("Invoices/N-1")[0]["InvoiceID"] == made["InvoiceID"]


def test_where_no_rate_is_sent_the_days_rate_is_kept_and_one_that_is_sent_stays(desk):
    desk.change(currencies=["USD", "EUR"], day_rates={"EUR": "0.5421"})
    (home,) = desk.put(an_invoice("A"))
    (day,) = desk.put(an_invoice("B", CurrencyCode="EUR"))
    (other,) = desk.put(an_invoice("C", CurrencyCode="USD"))
    (own,) = desk.put(an_invoice("D", CurrencyCode="EUR", CurrencyRate="0.55"))
    assert (home["CurrencyRate"], day["CurrencyRate"], own["CurrencyRate"]) == (1.0, 0.5421, 0.55)
    assert 0 < other["CurrencyRate"] < 1
    desk.change(day_rates={"EUR": "0.6"})
    (edited,) = desk.post({"InvoiceID": own["InvoiceID"], "Reference": "x"})
    assert edited["CurrencyRate"] == 0.55
    (moved,) = desk.post({"InvoiceID": home["InvoiceID"], "CurrencyCode": "EUR"})
    assert moved["CurrencyRate"] == 0.6


def test_an_update_that_leaves_it_out_keeps_the_expected_payment_date(desk):
    (made,) = desk.put(an_invoice(ExpectedPaymentDate="2026-12-24"))
    (edited,) = desk.post({"InvoiceID": made["InvoiceID"], "Reference": "x"})
    assert edited["ExpectedPaymentDate"] == made["ExpectedPaymentDate"] == "/Date(1798070400000+0000)/"


def test_sent_to_contact_is_kept_on_approved_invoices_only(desk):
    (approved,) = desk.put(an_invoice("A", SentToContact=True))
    (draft,) = desk.put(an_invoice("B", SentToContact=True, Status="DRAFT"))
    assert (approved.get("SentToContact"), draft.get("SentToContact")) == (True, None)
    (edited,) = desk.post({"InvoiceID": approved["InvoiceID"], "Reference": "x"})
    assert edited["SentToContact"] is True


def test_the_control_face_lists_every_switch_with_its_source(desk):
    desk.switch(line_ends="lf")
    listed = desk.control("GET", "")
    assert set(listed["switches"]) == set(vars(Switches()))
    assert listed["switches"]["line_ends"]["value"] == "lf"
    assert listed["switches"]["line_ends"]["choices"] == ["kept", "lf", "crlf"]
    assert "GET calls" in listed["routes"]
    assert {"limit_day", "token_500"} <= set(listed["faults"])


def test_every_switch_says_what_it_does_and_which_source_leaves_it_open():
    for name, told in about(Switches()).items():
        assert told["does"], name
        assert told["source"], name
