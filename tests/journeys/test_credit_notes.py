"""What is below zero, or marked, becomes a credit note: once, under its number, with our mark, to the cent."""

import json
import threading
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from events.accounting_target import Lane
from events.invoice import Invoice
from events.settings import CompanySettings
from simulator import ledger
from simulator.context import Context
from simulator.credit_notes import create
from simulator.world import Account
from store import allocations, companies
from store.tables import Allocation, Batch
from tests.builders import COMPANY, TENANT, an_invoice, contact_id, invoices
from tests.machines import wait_for
from worker.export import allocating, allocator
from worker.export.allocator import Allocator
from worker.preview import preview
from xero_adapter.credit_notes import digest

BELOW = {"line": {"unit_amount": "-40.00"}}


@pytest.fixture
def crediting(installation):
    """A company with credit notes turned on."""
    installation.simulator.state.world.organisations.clear()
    installation.company(credit_notes=True)
    return installation


def notes(installation, tenant=TENANT):
    """The credit notes in Xero, by number."""
    books = installation.simulator.state.world.organisations[tenant].credit_notes
    return {one["CreditNoteNumber"]: one for one in books.values()}


def by_hand(installation, number, **other):
    """A credit note that a bookkeeper wrote in Xero."""
    line = {"Description": "By hand", "Quantity": Decimal(1), "UnitAmount": Decimal(40), "AccountCode": "200"}
    sent = {
        "Type": "ACCRECCREDIT", "CreditNoteNumber": number, "Contact": {"ContactID": contact_id("acme")},
        "Status": "AUTHORISED", "CurrencyCode": "USD", "LineItems": [line], **other,
    }  # fmt: skip
    state = installation.simulator.state
    made = create(Context(state.world.organisations[TENANT], state.world.now()), sent)
    assert not made["HasErrors"], made
    return made


def test_an_invoice_below_zero_is_a_credit_note_of_as_much(crediting):
    crediting.ask(an_invoice("c", reference="Job 7", **BELOW), an_invoice("i"))
    crediting.run()
    note = notes(crediting)["N-c"]
    assert (note["Type"], note["Status"], note["SubTotal"]) == ("ACCRECCREDIT", "AUTHORISED", 40.0)
    assert note["Reference"].startswith("Job 7 · CrewCard ")
    answers = crediting.answers("r1")
    assert answers["c"]["document"] == "credit_note"
    assert (answers["c"]["xero_invoice_id"], answers["c"]["number"]) == (note["CreditNoteID"], "N-c")
    assert (answers["c"]["verified"], answers["c"]["differences"]) == (True, [])
    assert answers["c"]["totals"]["subtotal"] == "40.00"
    assert "creditNoteID=" + note["CreditNoteID"] in answers["c"]["deep_link"]
    assert answers["i"]["document"] == "invoice"
    assert [one["InvoiceNumber"] for one in crediting.books()] == ["N-i"]
    assert len(crediting.calls("PUT")) == 2, "each kind of document travels in calls of its own"


@pytest.mark.parametrize("amount", ["-40.00", "40.00"])
def test_what_the_host_marks_credits_as_much_whichever_sign_it_gives(crediting, amount):
    crediting.ask(an_invoice("c", document="credit_note", line={"unit_amount": amount}, totals={"subtotal": amount}))
    crediting.run()
    assert notes(crediting)["N-c"]["SubTotal"] == 40.0
    assert crediting.answers("r1")["c"]["verified"] is True


def test_with_the_setting_off_everything_is_as_it_was_and_a_marked_one_says_so(installation):
    installation.ask(an_invoice("c", **BELOW), an_invoice("m", document="credit_note"), an_invoice("i"))
    installation.run()
    answers = installation.answers("r1")
    assert answers["c"]["reason"] == "negative_total"
    assert "Turn on credit notes in the company's Xero settings" in answers["c"]["how"]
    assert answers["m"]["reason"] == "credit_notes_off"
    assert answers["i"]["type"] == "succeeded"
    assert [one["InvoiceNumber"] for one in installation.books()] == ["N-i"], "nobody is billed for a credit"
    assert len(installation.calls("PUT")) == 1
    assert not [call for call in installation.calls() if "CreditNotes" in call["path"]]


def test_a_hundred_go_in_two_calls(crediting):
    crediting.ask(*({**one, "document": "credit_note"} for one in invoices(100)))
    crediting.run()
    assert len(notes(crediting)) == 100
    assert len(crediting.calls("PUT")) == 2


def test_its_own_settings_count_and_the_invoices_where_it_has_none(installation):
    with installation.store.write() as work:
        own = {"credit_note_status": "DRAFT", "credit_note_prefix": "CN-", "credit_note_account_code": "210"}
        companies.set_up(
            work, COMPANY, "Harbour", CompanySettings(default_account_code="200", credit_notes=True, **own)
        )
    installation.simulator.state.world.organisations[TENANT].accounts["210"] = Account("210", tax_type="NONE")
    installation.ask(an_invoice("c", **BELOW))
    installation.run()
    note = notes(installation)["CN-N-c"]
    assert (note["Status"], note["LineItems"][0]["AccountCode"]) == ("DRAFT", "210")


def test_a_discount_is_in_the_amount_and_in_words(crediting):
    crediting.ask(an_invoice("c", document="credit_note", line={"quantity": "3", "discount_rate": "10"}))
    crediting.run()
    line = notes(crediting)["N-c"]["LineItems"][0]
    assert (line["LineAmount"], "DiscountRate" in line) == (270.0, False)
    assert "3 \N{MULTIPLICATION SIGN} 100 less 10 %" in line["Description"]


@pytest.mark.parametrize(
    "fault", ["commit_then_drop", "commit_then_504", "drop", "truncated", "http_500", "missing_element"]
)
def test_after_an_unknown_outcome_ours_is_taken_over_and_none_is_there_twice(crediting, fault):
    crediting.ask(*({**one, "document": "credit_note"} for one in invoices(3)))
    crediting.simulator.state.faults.set({fault: 1.0})
    crediting.run()
    crediting.simulator.state.faults.set({})
    crediting.settle_down()
    assert sorted(notes(crediting)) == ["N-i0001", "N-i0002", "N-i0003"]
    assert len(crediting.simulator.state.world.organisations[TENANT].credit_notes) == 3
    answers = crediting.answers("r1").values()
    assert {one["type"] for one in answers} == {"succeeded"}
    if fault == "commit_then_drop":
        assert {one["outcome"] for one in answers} == {"adopted"}


@pytest.mark.parametrize("alike", [True, False])
def test_a_bookkeepers_credit_note_of_the_same_number_is_never_taken_for_ours(crediting, alike):
    """The call is lost before it reaches Xero, and meanwhile somebody writes one there under the number."""
    crediting.ask(an_invoice("c", **BELOW))
    crediting.simulator.state.faults.set({"drop": 1.0})
    crediting.run()
    crediting.simulator.state.faults.set({})
    other = {"Reference": "Refund as agreed"} | ({} if alike else {"Contact": {"ContactID": contact_id("bolt")}})
    made = by_hand(crediting, "N-c", Date=date(2026, 11, 20), **other)
    for _ in range(40 if alike else 3):
        crediting.later(1800)
        crediting.wake()
        crediting.run()
    answer = crediting.answers("r1")["c"]
    assert answer["type"] == "failed"
    assert answer["reason"] == ("perhaps_in_xero" if alike else "number_taken")
    kept = notes(crediting)["N-c"]
    assert (kept["CreditNoteID"], kept["Reference"]) == (made["CreditNoteID"], "Refund as agreed")


def test_a_credit_note_that_was_marked_as_another_is_not_taken_for_this_one(crediting):
    """A bookkeeper copied one of ours, mark and all, to the number that is on its way."""
    crediting.ask(an_invoice("c", **BELOW))
    crediting.simulator.state.faults.set({"drop": 1.0})
    crediting.run()
    crediting.simulator.state.faults.set({})
    by_hand(crediting, "N-c", Date=date(2026, 11, 20), Reference=f"CrewCard {digest(COMPANY, 'another', 1)}")
    crediting.settle_down(3)
    assert crediting.answers("r1")["c"]["reason"] == "number_taken"


def test_what_may_be_in_xero_stays_the_document_that_it_is(crediting):
    crediting.ask(an_invoice("i"), an_invoice("c", **BELOW))
    crediting.run()
    crediting.ask(an_invoice("i", revision=2, document="credit_note"), an_invoice("c", revision=2), request="r2")
    crediting.run()
    answers = crediting.answers("r2")
    assert {one["reason"] for one in answers.values()} == {"document_fixed"}
    assert "went to Xero as an invoice" in answers["i"]["notification"]["message"]
    assert "went to Xero as a credit note" in answers["c"]["notification"]["message"]
    assert len(crediting.books()) == len(notes(crediting)) == 1


def test_what_changed_in_crewcard_goes_as_an_update_of_the_same_credit_note(crediting):
    crediting.ask(an_invoice("c", **BELOW))
    crediting.run()
    crediting.ask(an_invoice("c", revision=2, reference="Job 8", line={"unit_amount": "-45.00"}), request="r2")
    crediting.run()
    assert crediting.answers("r2")["c"]["outcome"] == "updated"
    note = notes(crediting)["N-c"]
    assert (note["SubTotal"], note["Reference"][:5], len(note["LineItems"])) == (45.0, "Job 8", 1)
    crediting.ask(
        an_invoice("c", revision=2, reference="Job 8", line={"unit_amount": "-45.00"}), request="r3", mode="single"
    )
    crediting.run()
    again = crediting.answers("r3")["c"]
    assert (again["outcome"], again["verified"], again["document"]) == ("unchanged", True, "credit_note")


def test_an_edit_of_a_bookkeepers_is_not_overwritten(crediting):
    crediting.ask(an_invoice("c", **BELOW))
    crediting.run()
    crediting.simulator.state.world.organisations[TENANT].credit_notes[notes(crediting)["N-c"]["CreditNoteID"]][
        "LineItems"
    ][0]["Description"] = "As agreed with ACME"
    crediting.ask(an_invoice("c", revision=2, line={"unit_amount": "-45.00"}), request="r2")
    crediting.run()
    assert crediting.answers("r2")["c"]["reason"] == "edited_in_xero"


def test_one_bad_credit_note_holds_back_no_other(crediting):
    crediting.ask(an_invoice("bad", document="credit_note", line={"account_code": "299"}), an_invoice("c", **BELOW))
    crediting.run()
    answers = crediting.answers("r1")
    assert answers["bad"]["reason"] == "account_archived"
    assert answers["c"]["type"] == "succeeded"


CENTS = st.integers(min_value=-500_000, max_value=500_000).filter(bool)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(st.integers(-9, 9).filter(bool), CENTS), min_size=1, max_size=6), marked=st.booleans()
)
def test_a_credit_note_comes_to_the_cent_to_what_its_lines_credit(crediting, lines, marked):
    total = sum(quantity * cents for quantity, cents in lines)
    if total >= 0 and not (marked and total):
        lines, total = [(-quantity, cents) for quantity, cents in lines], -total
    if not total:
        return
    number = f"P-{len(notes(crediting))}"
    said = [
        {"description": "x", "quantity": f"{quantity}", "unit_amount": f"{Decimal(cents) / 100}", "tax_type": "NONE"}
        for quantity, cents in lines
    ]
    mark = {"document": "credit_note"} if marked else {}
    crediting.ask(an_invoice(number, number=number, lines=said, **mark), request=number)
    crediting.run()
    note = notes(crediting)[number]
    assert Decimal(str(note["Total"])) == Decimal(abs(total)) / 100
    assert crediting.answers(number)[number]["verified"] is True


def test_the_frozen_call_says_what_was_sent(crediting):
    crediting.ask(an_invoice("c", **BELOW))
    crediting.run()
    with crediting.store.read() as work:
        batch = work.session.exec(select(Batch)).one()
    (sent,) = json.loads(batch.body)["CreditNotes"]
    assert batch.document == "credit_note"
    assert (sent["CreditNoteNumber"], sent["LineItems"][0]["UnitAmount"]) == ("N-c", 40.0)
    assert not {"Url", "DueDate", "InvoiceNumber"} & set(sent)


# -- allocation to the invoice that it names


def allocate(installation, rounds=1):
    """The clock's turns, with the time between them."""
    for _ in range(rounds):
        clock = Allocator(installation.tools, "test")
        clock.work_off()
        clock.stop()
        installation.later(3601)


def credit_of(invoice="i", amount="-40.00", **other):
    return an_invoice("c", credits=invoice, line={"unit_amount": amount}, **other)


def exported(installation, *wanted, request="r1"):
    installation.ask(*wanted, request=request)
    installation.run()
    assert {one["type"] for one in installation.answers(request).values()} == {"succeeded"}


def told(installation):
    """What was told of allocations, in order."""
    kinds = ("credit_note.allocated", "credit_note.unallocated")
    return [event["data"] for event in installation.events() if event["type"] in kinds]


def invoice_in(installation, number="N-i"):
    return next(one for one in installation.books() if one["InvoiceNumber"] == number)


def puts(installation):
    return [call for call in installation.calls("PUT") if "Allocations" in call["path"]]


def test_a_credit_note_is_credited_to_the_invoice_that_it_names(crediting):
    exported(crediting, an_invoice("i"), credit_of())
    allocate(crediting, 3)
    book = invoice_in(crediting)
    note = notes(crediting)["N-c"]
    assert (book["AmountCredited"], book["AmountDue"]) == (note["Total"], round(book["Total"] - note["Total"], 2))
    assert (note["RemainingCredit"], note["Status"]) == (0.0, "PAID")
    (event,) = told(crediting)
    assert (event["credits"], event["number"], Decimal(event["allocated"])) == (
        "i",
        "N-c",
        Decimal(str(note["Total"])),
    )
    assert len(puts(crediting)) == 1


def test_of_more_credit_than_is_due_only_that_is_allocated_and_the_rest_stays(crediting):
    exported(crediting, an_invoice("i"), credit_of(amount="-140.00"))
    allocate(crediting, 3)
    book, note = invoice_in(crediting), notes(crediting)["N-c"]
    assert (book["AmountDue"], book["Status"]) == (0.0, "PAID")
    assert Decimal(str(note["RemainingCredit"])) == Decimal(str(note["Total"])) - Decimal(str(book["Total"]))
    assert told(crediting)[0]["allocated"] == f"{book['Total']:.2f}"


def test_what_cannot_be_allocated_is_said_and_the_credit_note_stays_exported(crediting):
    exported(crediting, an_invoice("i"))
    ledger.pay(crediting.simulator.state.world, invoice_in(crediting), invoice_in(crediting)["AmountDue"])
    exported(crediting, credit_of(), request="r2")
    allocate(crediting, 3)
    (event,) = told(crediting)
    assert (event["message"], event["waits"]) == ("Invoice N-i is paid in Xero already.", False)
    assert crediting.answers("r2")["c"]["marker"] == "exported"
    assert puts(crediting) == []


def test_a_voided_invoice_is_not_credited(crediting):
    exported(crediting, an_invoice("i"), credit_of())
    invoice_in(crediting)["Status"] = "VOIDED"
    allocate(crediting, 3)
    assert [one["message"] for one in told(crediting)] == ["Invoice N-i is voided in Xero."]


def test_an_invoice_that_xero_never_shows_again_is_given_up_after_a_while(crediting):
    exported(crediting, an_invoice("i"), credit_of())
    invoices = crediting.simulator.state.world.organisations[TENANT].invoices
    invoices.pop(invoice_in(crediting)["InvoiceID"])
    allocate(crediting, 12)
    said = "Xero does not show invoice N-i."
    assert [(one["message"], one["waits"]) for one in told(crediting)] == [(said, True), (said, False)]


def test_an_invoice_that_is_not_in_xero_yet_is_waited_for_and_said_once(crediting):
    exported(crediting, credit_of())
    allocate(crediting, 3)
    assert [(one["message"], one["waits"]) for one in told(crediting)] == [("Invoice i is not in Xero yet.", True)]
    exported(crediting, an_invoice("i"), request="r2")
    allocate(crediting, 2)
    assert told(crediting)[-1]["allocated"]
    assert len(puts(crediting)) == 1


@pytest.mark.parametrize(
    "fault", ["commit_then_drop", "commit_then_504", "drop", "http_500", "limit_minute", "truncated"]
)
def test_whatever_becomes_of_the_answer_it_is_allocated_once(crediting, fault):
    exported(crediting, an_invoice("i"), credit_of())
    state = crediting.simulator.state
    state.faults.set({fault: [1]})  # of the calls that write
    allocate(crediting)
    assert state.faults.happened == {fault: 1}
    state.faults.set({})
    crediting.tools.redis.flushall()  # the minute's limit is over there too
    allocate(crediting, 4)
    note, book = notes(crediting)["N-c"], invoice_in(crediting)
    assert [one["Amount"] for one in note["Allocations"]] == [note["Total"]]
    assert book["AmountCredited"] == note["Total"]
    assert [Decimal(one["allocated"]) for one in told(crediting)] == [Decimal(str(note["Total"]))]


def test_what_reads_show_late_is_not_allocated_twice_nor_given_up(crediting):
    exported(crediting, an_invoice("i"), credit_of())
    state = crediting.simulator.state
    state.switches.reads_lag_seconds = 4000
    state.faults.set({"commit_then_drop": [1]})
    allocate(crediting)
    state.faults.set({})
    allocate(crediting, 6)
    note = notes(crediting)["N-c"]
    assert [one["Amount"] for one in note["Allocations"]] == [note["Total"]]
    assert told(crediting)[-1]["allocated"]


def test_with_nothing_to_allocate_the_clock_calls_nobody(crediting):
    exported(crediting, an_invoice("i"), an_invoice("c", **BELOW))
    before = len(crediting.calls())
    allocate(crediting, 3)
    assert len(crediting.calls()) == before


def test_two_clocks_allocate_once(crediting):
    """The second one read the row before the first one wrote it down."""
    exported(crediting, an_invoice("i"), credit_of())
    with crediting.store.read() as work:
        (row,) = [Allocation(**one.model_dump()) for one in allocations.due(work, Lane(COMPANY, TENANT), 5)]
    allocate(crediting)
    allocating._in_lane(crediting.tools, Lane(COMPANY, TENANT), [row])
    with crediting.store.read() as work:
        assert work.session.get(Allocation, row.export_id).state == "allocated"
    assert len(puts(crediting)) == 1
    assert len(told(crediting)) == 1


def test_a_company_whose_xero_is_slow_holds_back_no_other_companys_allocations(crediting):
    """Its call hangs; the other's is made in the same pass, and so is what it has in the next one."""
    quay = Lane("quayside", "99999999-2222-4333-8444-555555555555")
    crediting.company(quay.company, quay.tenant, credit_notes=True)
    exported(crediting, an_invoice("i"), credit_of())
    crediting.ask(an_invoice("i"), credit_of(), company="quayside", request="q1")
    crediting.run()
    let, asked = threading.Event(), threading.Event()

    def hanging(tools, lane):
        if lane.company == COMPANY:
            asked.set()
            let.wait(60)
        allocating.allocate_in(tools, lane)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(allocator, "allocate_in", hanging)
        clock = Allocator(crediting.tools, "test")
        assert clock.begin_rounds() == [Lane(COMPANY, TENANT), quay]
        assert asked.wait(60)
        wait_for(lambda: [note for note in notes(crediting, quay.tenant).values() if note.get("Allocations")])
        assert clock.begin_rounds() == [], "one round of a lane at a time"
        second = Allocator(crediting.tools, "another")
        assert second.begin_rounds() == [], "it is due still, and the first clock's"
        second.stop()
        let.set()
        clock.stop()
    assert len(puts(crediting)) == 2


def test_several_credits_of_one_invoice_are_allocated_in_turn_and_what_is_too_much_stays(crediting):
    several = [an_invoice(f"c{one}", credits="i", line={"unit_amount": "-40.00"}) for one in range(3)]
    exported(crediting, an_invoice("i"), *several)
    allocate(crediting, 6)
    book = invoice_in(crediting)
    assert (book["AmountDue"], book["Status"]) == (0.0, "PAID")
    given = sorted(note["Total"] - note["RemainingCredit"] for note in notes(crediting).values())
    assert [f"{one:.2f}" for one in given] == ["22.00", "44.00", "44.00"]
    last = {event["invoice"]: event for event in told(crediting)}
    assert sorted(one["allocated"] for one in last.values()) == ["22.00", "44.00", "44.00"]
    looks = [call for call in crediting.calls("GET") if "CreditNotes" in call["path"]]
    assert len(looks) <= 3, "three are looked at in one call"


def test_where_lists_show_late_what_was_written_ours_is_still_taken_over(crediting):
    crediting.simulator.state.switches.reads_lag_seconds = 600
    crediting.ask(an_invoice("c", **BELOW))
    crediting.simulator.state.faults.set({"commit_then_drop": 1.0})
    crediting.run()
    crediting.simulator.state.faults.set({})
    crediting.settle_down(12)
    assert crediting.answers("r1")["c"]["outcome"] == "adopted"
    assert len(notes(crediting)) == 1


def test_a_number_that_no_filter_can_say_fails_in_plain_words(crediting):
    crediting.ask(an_invoice("c", number='C"1', **BELOW), an_invoice("d", **BELOW))
    crediting.run()
    answers = crediting.answers("r1")
    assert answers["c"]["reason"] == "invoice_unreadable"
    assert "quotation mark" in answers["c"]["notification"]["message"]
    assert answers["d"]["type"] == "succeeded"


def test_what_is_open_when_the_company_moves_to_another_organisation_ends_and_goes_nowhere(crediting):
    """One waits for its invoice, of the other nobody knows whether its call arrived."""
    elsewhere = "99999999-2222-4333-8444-555555555555"
    exported(crediting, an_invoice("i"), credit_of(), an_invoice("d", credits="j", **BELOW))
    crediting.simulator.state.faults.set({"commit_then_drop": [1]})
    allocate(crediting)
    crediting.simulator.state.faults.set({})
    crediting.company(tenant=elsewhere, credit_notes=True)
    exported(crediting, an_invoice("i"), an_invoice("j"), request="r2")
    sent = len(puts(crediting))
    allocate(crediting, 3)
    ended = {event["invoice"]: event for event in told(crediting) if not event["waits"]}
    assert ended["d"]["message"].endswith("In the one before, allocate it by hand.")
    assert "Look in the one before whether it is allocated there" in ended["c"]["message"]
    assert (len(ended), len(puts(crediting))) == (2, sent)
    assert {book["AmountCredited"] for book in crediting.books(elsewhere)} == {0.0}
    with crediting.store.read() as work:
        assert allocations.lanes_due(work) == []


def test_the_calls_that_are_foretold_are_those_that_are_spent(crediting):
    """Each kind of document travels in calls of its own, of which one carries fewer ids where it is looked at."""
    kept = [an_invoice(f"k{one}", **BELOW) for one in range(19)]
    exported(crediting, *kept)
    changed = [an_invoice(f"k{one}", revision=2, reference="Job 8", **BELOW) for one in range(19)]
    new = [an_invoice(f"i{one}") for one in range(7)]
    credit = [an_invoice(f"c{one}", credits=f"i{one}", **BELOW) for one in range(7)]
    asked = [Invoice.model_validate(one) for one in (*changed, *new, *credit)]
    foretold = preview.preview(crediting.tools, COMPANY, asked).forecast
    before = len(crediting.calls())
    exported(crediting, *changed, *new, *credit, request="r2")
    spent = len(crediting.calls()) - before
    allocate(crediting, 3)
    allocated = len(crediting.calls()) - before - spent
    assert (foretold.calls, foretold.allocation_calls) == (spent, allocated) == (5, 11)
