"""Promise 5: every failure tells a person what happened, who can fix it and how, with Xero's words beside it."""

import pytest

from tests.builders import an_invoice, contact_id

CASES = {
    "contact_not_mapped": {"client": {"id": "new", "name": "Newcomer Ltd"}},
    "contact_archived": {"client": {"id": "old", "name": "Old Wharf", "xero_contact_id": contact_id("old")}},
    "contact_not_found": {"client": {"id": "gone", "name": "Gone Ltd", "xero_contact_id": contact_id("gone")}},
    "contact_id_malformed": {"client": {"id": "odd", "name": "Odd Ltd", "xero_contact_id": "ask Anna"}},
    "account_archived": {"line": {"account_code": "299"}},
    "account_invalid": {"line": {"account_code": "999"}},
    "tax_type_invalid": {"line": {"tax_type": "GST on Income"}},
    "tax_not_for_account": {"line": {"account_code": "260", "tax_type": "OUTPUT"}},
    "period_locked": {"date": "2020-06-30"},
    "currency_not_enabled": {"currency": "EUR"},
    "totals_do_not_add_up": {"totals": {"subtotal": "90.00"}},
    "negative_total": {"line": {"unit_amount": "-5"}},
    "invoice_unreadable": {"line": {"unit_amount": "1e999999"}},
}


@pytest.mark.parametrize("reason", CASES)
def test_a_failure_is_told_in_plain_words(on_sqlite, reason):
    on_sqlite.ask(an_invoice(**CASES[reason]))
    on_sqlite.settle_down(1)
    answer = on_sqlite.answers()["i1"]
    assert answer["reason"] == reason
    told = answer["notification"]
    assert told["title"] == "Invoice Failed to Export"
    assert "{" not in told["message"] + answer["how"]
    assert answer["who"] in ("clerk", "admin", "bookkeeper", "support")
    assert len(told["message"]) <= 300
    assert on_sqlite.books() == []


def test_xeros_own_words_and_the_line_stand_beside_ours(on_sqlite):
    on_sqlite.ask(an_invoice(line={"account_code": "299"}))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert "Account code '299' has been archived" in answer["xero_words"]
    assert "Account 299" in answer["notification"]["message"]


def test_a_locked_period_names_both_days(on_sqlite):
    on_sqlite.ask(an_invoice(date="2020-06-29"))
    on_sqlite.run()
    message = on_sqlite.answers()["i1"]["notification"]["message"]
    assert "29 June 2020" in message
    assert "30 June 2020" in message


def test_a_success_says_what_xero_has_and_that_it_matches(on_sqlite):
    on_sqlite.ask(an_invoice(totals={"subtotal": "100.00", "tax": "10.00", "total": "110.00"}))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert answer["verified"] is True
    assert answer["totals"] == {"currency": "USD", "subtotal": "100.00", "tax": "10.00", "total": "110.00"}
    assert answer["deep_link"] == f"https://go.xero.com/app/!AbC1/invoicing/view/{answer['xero_invoice_id']}"


def test_a_difference_to_the_hosts_totals_is_shown_not_refused(on_sqlite):
    on_sqlite.ask(an_invoice(totals={"subtotal": "100.00", "tax": "10.01", "total": "110.01"}))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert answer["type"] == "succeeded"
    assert answer["verified"] is False
    assert answer["differences"] == [
        "tax 10.00 in Xero, 10.01 in CrewCard",
        "total 110.00 in Xero, 110.01 in CrewCard",
    ]


def test_the_pop_up_of_a_single_failure_is_the_full_sentence(installation):
    installation.ask(an_invoice(currency="EUR"), mode="single")
    installation.run()
    (completed,) = installation.events("invoice.export.completed")
    answer = installation.answers()["i1"]
    assert completed["data"]["notification"] == answer["notification"]
    assert "EUR" in answer["notification"]["message"]
    assert list(zip(answer["readers"], answer["steps"], strict=True))[-1] == (
        "clerk",
        "Changed in CrewCard: export the invoice again.",
    )


def test_who_asked_stands_in_every_answer(installation):
    installation.ask(
        an_invoice("good"), an_invoice("bad", currency="EUR"), requested_by={"id": "anna", "name": "Anna"}
    )
    installation.run()
    types = ("invoice.export.succeeded", "invoice.export.failed", "invoice.export.completed")
    told = [event["data"]["requested_by"] for type_ in types for event in installation.events(type_)]
    assert [(one["id"], one["name"]) for one in told] == [("anna", "Anna")] * 3
    installation.ask(an_invoice("other"), request="r2", requested_by={"id": "bo"})
    installation.run()
    assert installation.events("invoice.export.completed")[-1]["data"]["requested_by"] == {"id": "bo"}


def test_a_mixed_bulk_ends_with_a_summary_by_reason(on_sqlite):
    on_sqlite.ask(an_invoice("a"), an_invoice("b", currency="EUR"), an_invoice("c", line={"account_code": "299"}))
    on_sqlite.run()
    (completed,) = on_sqlite.events("invoice.export.completed")
    assert completed["data"]["notification"] == {
        "title": "1 of 3 invoices exported to Xero",
        "message": ("1 exported to Xero, 2 invoices failed: account archived (1); currency not set up in Xero (1)."),
    }
