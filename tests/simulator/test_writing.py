"""Creating invoices: what is saved, what is answered, and in which shape (facts §2, §6.1, §11)."""

import pytest

from tests.simulator.desk import ACME, AMERICAN, LOSER, NOTHING, a_line, an_invoice, texts

MIXED = [an_invoice("A"), an_invoice("B", CurrencyCode="EUR"), an_invoice("C")]


def test_a_mixed_batch_answers_200_for_every_element_and_saves_the_good_ones(desk):
    good, bad, other = desk.put(*MIXED)
    assert [one["StatusAttributeString"] for one in (good, bad, other)] == ["OK", "ERROR", "OK"]
    assert bad["InvoiceID"] == NOTHING
    assert bad["HasErrors"] is True
    assert set(desk.books) == {"A", "C"}
    assert desk.books["A"]["InvoiceID"] == good["InvoiceID"]


@pytest.mark.parametrize("said", [{}, {"summarizeErrors": "true"}])
def test_without_summarize_errors_false_a_mixed_batch_is_a_400_with_the_failures_only_yet_saves_the_rest(desk, said):
    reply = desk.call("PUT", "Invoices", {"Invoices": MIXED}, **said)
    assert reply.status == 400
    body = reply.document()
    assert (body["ErrorNumber"], body["Type"]) == (10, "ValidationException")
    assert [one["InvoiceNumber"] for one in body["Elements"]] == ["B"]
    assert set(desk.books) == {"A", "C"}


def test_the_sdks_capital_false_is_understood(desk):
    assert desk.call("PUT", "Invoices", {"Invoices": MIXED}, summarizeErrors="False").status == 200


def test_results_come_in_another_order_than_they_were_sent(desk):
    desk.state.dice.seed(7)
    sent = [f"N-{number:02d}" for number in range(20)]
    reply = desk.call(
        "PUT", "Invoices", {"Invoices": [an_invoice(number) for number in sent]}, summarizeErrors="false"
    )
    found = [one["InvoiceNumber"] for one in reply.document()["Invoices"]]
    assert sorted(found) == sent
    assert found != sent


def test_by_switch_results_come_by_date(desk):
    desk.switch(result_order="by_date")
    days = {"A": "2026-11-20", "B": "2026-11-01", "C": "2026-11-10"}
    sent = [an_invoice(number, Date=day) for number, day in days.items()]
    reply = desk.call("PUT", "Invoices", {"Invoices": sent}, summarizeErrors="false")
    assert [one["InvoiceNumber"] for one in reply.document()["Invoices"]] == ["B", "C", "A"]


def test_a_single_bare_object_is_accepted(desk):
    assert desk.call("PUT", "Invoices", an_invoice("BARE")).status == 200
    assert "BARE" in desk.books


def test_messages_sit_on_the_element_and_nested_on_line_and_contact(desk):
    (answer,) = desk.put(an_invoice(line={"AccountCode": "299"}, Contact={"ContactID": LOSER}))
    assert len(texts(answer)) == 2
    assert texts(answer["LineItems"][0])[0].startswith("Account code '299' has been archived")
    assert texts(answer["Contact"])[0].startswith("The contact with the specified contact details has been archived")


@pytest.mark.parametrize(("how", "flat", "nested"), [("only_flat", 1, 0), ("only_nested", 0, 1), ("both", 1, 1)])
def test_where_messages_sit_is_a_switch(desk, how, flat, nested):
    desk.switch(nested_errors=how)
    (answer,) = desk.put(an_invoice(line={"AccountCode": "299"}))
    assert (len(texts(answer)), len(texts(answer["LineItems"][0]))) == (flat, nested)


def test_a_warning_is_saved(desk):
    (answer,) = desk.put(an_invoice(Status="DRAFT", line={"AccountCode": "476"}))
    assert answer["StatusAttributeString"] == "WARNING"
    assert "AccountCode" not in desk.books["N-1"]["LineItems"][0]


def test_the_same_number_twice_in_one_batch_is_created_once(desk):
    first, second = desk.put(an_invoice("N-1"), an_invoice("n-1"))
    assert sorted([first["HasErrors"], second["HasErrors"]]) == [False, True]
    assert len(desk.books) == 1


def test_bills_may_share_a_number(desk):
    first, second = desk.put(an_invoice("B-1", Type="ACCPAY"), an_invoice("B-1", Type="ACCPAY"))
    assert first["HasErrors"] is second["HasErrors"] is False


def test_an_invoice_without_a_number_gets_the_next_free_one(desk):
    desk.put(an_invoice("INV-0001"))
    (answer,) = desk.put(an_invoice(None))
    assert answer["InvoiceNumber"] == "INV-0002"


def test_a_voided_invoice_keeps_its_number_and_a_deleted_draft_frees_it(desk):
    desk.put(an_invoice("V"), an_invoice("D", Status="DRAFT"))
    desk.mark("V", status="VOIDED")
    desk.mark("D", status="DELETED")
    deleted, voided = desk.put(an_invoice("D"), an_invoice("V"))
    assert deleted["HasErrors"] is False
    assert texts(voided) == ["Invoice # must be unique."]


def test_by_switch_a_deleted_draft_keeps_its_number(desk):
    desk.switch(deleted_frees_number=False)
    desk.put(an_invoice("D", Status="DRAFT"))
    desk.mark("D", status="DELETED")
    (answer,) = desk.put(an_invoice("D"))
    assert texts(answer) == ["Invoice # must be unique."]


def test_by_switch_a_voided_number_answers_not_of_valid_status(desk):
    desk.switch(put_on_voided_number="status")
    desk.put(an_invoice("V"))
    desk.mark("V", status="VOIDED")
    (answer,) = desk.put(an_invoice("V"))
    assert texts(answer) == ["Invoice not of valid status for modification"]


def test_dates_leave_as_xero_writes_them(desk):
    (answer,) = desk.put(an_invoice(Date="/Date(1793491200000+0000)/"))
    assert answer["Date"] == "/Date(1793491200000+0000)/"
    assert answer["DateString"] == "2026-11-01T00:00:00"
    assert answer["UpdatedDateUTC"].endswith("+0000)/")


def test_without_a_date_it_is_today_where_the_organisation_is(desk):
    desk.change(timezone="Pacific/Auckland")
    noon = 1_795_348_800  # 2026-11-22 12:00 UTC, already the 23rd in Auckland
    desk.control("PUT", "clock", {"offset": noon - (desk.state.world.now() - desk.state.world.offset).timestamp()})
    desk.renew()
    (answer,) = desk.put(an_invoice(Date=None, DueDate="2026-12-31"))
    assert answer["DateString"] == "2026-11-23T00:00:00"


def test_an_american_contact_comes_with_an_enum_value_the_sdk_does_not_know(desk):
    (answer,) = desk.put(an_invoice(Contact={"ContactID": AMERICAN}))
    assert answer["Contact"]["TaxNumberType"] == "TAXNUMBERTYPE/SSN"
    assert answer["HasErrors"] is False


def test_an_item_brings_its_account_price_and_description(desk):
    (answer,) = desk.put(an_invoice(LineItems=[{"ItemCode": "BOAT", "Quantity": 2}]))
    (line,) = answer["LineItems"]
    assert (line["UnitAmount"], line["AccountCode"], line["Description"]) == (12.5, "200", "A boat")


def test_a_line_of_text_alone_is_legal(desk):
    (answer,) = desk.put(an_invoice(LineItems=[a_line(), {"Description": "Thank you"}]))
    assert answer["Total"] == 115


def test_an_inline_name_links_a_contact_or_creates_one(desk):
    linked, created = desk.put(
        an_invoice("A", Contact={"Name": "acme ltd"}), an_invoice("B", Contact={"Name": "New"})
    )
    assert linked["Contact"]["ContactID"] == ACME
    assert [one["Name"] for one in desk.get("Contacts", searchTerm="New")] == ["New"]
    assert created["Contact"]["ContactID"] not in (ACME, NOTHING)


def test_a_refused_invoice_creates_no_contact(desk):
    desk.put(an_invoice(Contact={"Name": "New"}, CurrencyCode="EUR"))
    assert desk.get("Contacts", searchTerm="New") == []


def test_extra_fields_of_an_inline_contact_change_the_contact(desk):
    desk.put(an_invoice(Contact={"ContactID": ACME, "Name": "ACME Holdings"}))
    assert desk.get(f"Contacts/{ACME}")[0]["Name"] == "ACME Holdings"


def test_a_malformed_guid_is_a_500_and_saves_nothing(desk):
    reply = desk.call("PUT", "Invoices", {"Invoices": [an_invoice("A"), an_invoice("B", Contact={"ContactID": "x"})]})
    assert reply.status == 500
    assert reply.document()["Type"] == "UnknownErrorException"
    assert desk.books == {}


def test_a_value_of_the_wrong_type_is_a_400_for_the_whole_call(desk):
    reply = desk.call("PUT", "Invoices", {"Invoices": [an_invoice("A"), an_invoice("B", line={"Quantity": "a lot"})]})
    assert (reply.status, reply.document()["ErrorNumber"]) == (400, 14)
    assert desk.books == {}


def test_the_plan_counts_approved_invoices_of_the_month_of_their_date(desk):
    desk.change(approvals_per_month=1)
    november, december, draft, over = desk.put(
        an_invoice("A"), an_invoice("B", Date="2026-12-01"), an_invoice("C", Status="DRAFT"), an_invoice("D")
    )
    assert [one["HasErrors"] for one in (november, december, draft, over)] == [False, False, False, True]
    assert texts(over) == ["You have reached the limit of invoices you can approve"]


def test_a_date_that_was_sent_empty_is_not_echoed_in_a_refusal(desk):
    (bad,) = desk.put(an_invoice("A", CurrencyCode="EUR", DueDate=""))
    assert bad["HasErrors"] is True
    assert "DueDate" not in bad
