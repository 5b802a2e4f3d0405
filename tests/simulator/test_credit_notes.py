"""Credit notes and their allocations in the simulator: as Xero keeps them, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.desk import TENANT, Desk, a_credit_note, an_allocation, an_invoice, texts

PENCE = st.integers(min_value=1, max_value=30_000)


def note_of(desk, number="CN-1"):
    return desk.get(f"CreditNotes/{number}")[0]


def test_a_credit_note_is_written_and_seen_with_what_is_left_of_it(desk):
    (made,) = desk.credit(a_credit_note(Reference="Job 7"))
    assert (made["Total"], made["RemainingCredit"], made["Status"]) == (115.0, 115.0, "AUTHORISED")
    shown = note_of(desk)
    assert shown["CreditNoteID"] == made["CreditNoteID"]
    assert (shown["Type"], shown["Reference"], shown["Allocations"]) == ("ACCRECCREDIT", "Job 7", [])
    assert desk.books == {}, "it is no invoice"


def test_its_number_is_unique_among_credit_notes_and_an_invoice_may_have_it_too(desk):
    desk.put(an_invoice("SAME"))
    first, second = desk.credit(a_credit_note("SAME")), desk.credit(a_credit_note("same"))
    assert [first[0]["HasErrors"], second[0]["HasErrors"]] == [False, True]
    assert texts(second[0]) == ["Credit Note # must be unique."]
    assert second[0]["CreditNoteNumber"] == "same"


def test_of_fifty_in_one_call_the_bad_one_is_refused_and_the_others_are_saved(desk):
    notes = [a_credit_note(f"C-{place:02d}") for place in range(49)]
    answers = desk.credit(*notes, a_credit_note("BAD", line={"AccountCode": "nope"}))
    assert [one["CreditNoteNumber"] for one in answers if one["HasErrors"]] == ["BAD"]
    assert len(desk.get("CreditNotes")) == 49


def test_lists_give_what_is_asked_for_by_number_and_by_id_in_pages_with_lines(desk):
    desk.credit(*(a_credit_note(f"C-{place}") for place in range(3)))
    found = desk.get("CreditNotes", where='CreditNoteNumber=="C-0" OR CreditNoteNumber=="c-2"', page=1)
    assert [one["CreditNoteNumber"] for one in found] == ["C-0", "C-2"]
    assert found[0]["LineItems"]
    by_id = desk.get("CreditNotes", where=f'CreditNoteID==guid("{found[1]["CreditNoteID"]}")', page=1)
    assert [one["CreditNoteNumber"] for one in by_id] == ["C-2"]
    assert len(desk.get("CreditNotes", page=2, pageSize=2)) == 1
    assert desk.call("GET", "CreditNotes", None, IDs=found[0]["CreditNoteID"]).status == 400, "the document has none"


def test_only_what_changed_since_is_listed(desk):
    desk.credit(a_credit_note("OLD"))
    desk.later(10)
    since = desk.state.world.now()
    desk.later(10)
    desk.credit(a_credit_note("NEW"))
    headers = {"if-modified-since": f"{since:%Y-%m-%dT%H:%M:%S}"}
    assert [one["CreditNoteNumber"] for one in desk.get("CreditNotes", headers)] == ["NEW"]


def test_the_same_key_answers_the_same_and_writes_once(desk):
    said = {"CreditNotes": [a_credit_note()]}
    first, second = (desk.call("PUT", "CreditNotes", said, {"idempotency-key": "k"}) for _ in range(2))
    assert first.body == second.body
    assert len(desk.get("CreditNotes")) == 1


def test_an_allocation_pays_the_invoice_to_the_cent_and_uses_up_the_credit_note(desk):
    (invoice,), (note,) = desk.put(an_invoice()), desk.credit(a_credit_note(line={"UnitAmount": 40}))
    (made,) = desk.allocate(note["CreditNoteID"], an_allocation(invoice["InvoiceID"], 46))
    assert made["Amount"] == 46.0
    book = desk.books["N-1"]
    assert (book["AmountCredited"], book["AmountDue"], book["Status"]) == (46.0, 69.0, "AUTHORISED")
    assert [one["CreditNoteNumber"] for one in book["CreditNotes"]] == ["CN-1"]
    used = note_of(desk)
    assert (used["RemainingCredit"], used["Status"]) == (0.0, "PAID")
    assert [(one["Invoice"]["InvoiceID"], one["Amount"]) for one in used["Allocations"]] == [
        (invoice["InvoiceID"], 46.0)
    ]
    (again,) = desk.allocate(note["CreditNoteID"], an_allocation(invoice["InvoiceID"], 46))
    assert texts(again) == ["Credit Note cannot be allocated as amount is greater than amount outstanding"]
    assert desk.books["N-1"]["AmountDue"] == 69.0


def test_a_credit_note_of_which_something_is_allocated_is_changed_by_nobody(desk):
    (invoice,), (note,) = desk.put(an_invoice()), desk.credit(a_credit_note())
    desk.allocate(note["CreditNoteID"], an_allocation(invoice["InvoiceID"], 1))
    (answer,) = desk.credit({"CreditNoteID": note["CreditNoteID"], "Reference": "x"}, method="POST")
    assert answer["HasErrors"]


@pytest.mark.parametrize("lag", [False, True])
def test_lists_may_show_it_later_than_it_was_written(desk, lag):
    if lag:
        desk.switch(reads_lag_seconds=30)
    desk.credit(a_credit_note())
    assert len(desk.get("CreditNotes")) == (0 if lag else 1)
    desk.later(31)
    assert len(desk.get("CreditNotes")) == 1


def test_a_person_finds_them_in_the_ledger(desk):
    desk.credit(a_credit_note())
    books = desk.control("GET", "ledger")["organisations"][TENANT]
    assert [one["CreditNoteNumber"] for one in books["credit_notes"]] == ["CN-1"]


@given(notes=st.lists(PENCE, min_size=1, max_size=6), owed=PENCE)
def test_what_is_credited_due_and_left_adds_up_to_the_cent_whatever_is_allocated(notes, owed):
    desk = Desk()
    untaxed = {"TaxType": "NONE", "AccountCode": "260"}
    (invoice,) = desk.put(an_invoice(line={"UnitAmount": owed / 100, **untaxed}))
    credited = 0
    for place, pence in enumerate(notes):
        (note,) = desk.credit(a_credit_note(f"C-{place}", line={"UnitAmount": pence / 100, **untaxed}))
        part = min(pence, owed - credited)
        (answer,) = desk.allocate(note["CreditNoteID"], an_allocation(invoice["InvoiceID"], part / 100))
        assert bool(texts(answer)) is (part == 0)
        credited += part
        left = note_of(desk, f"C-{place}")["RemainingCredit"]
        assert Decimal(str(left)) == Decimal(pence - part) / 100
    book = desk.books["N-1"]
    assert Decimal(str(book["AmountCredited"])) == Decimal(credited) / 100
    assert Decimal(str(book["AmountDue"])) == Decimal(owed - credited) / 100
    assert (book["Status"] == "PAID") is (credited == owed)
