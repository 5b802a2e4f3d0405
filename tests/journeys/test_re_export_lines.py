"""A re-export line by line: nothing dropped, doubled or left behind, and the change is shown."""

import json
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.invoice import Invoice
from simulator import ledger
from store import queries
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from tests.journeys.test_re_export import ask_again, exported

CREW = {"description": "Crew, one day", "quantity": "1", "unit_amount": "100.00"}
VAN = {"description": "Van", "quantity": "2", "unit_amount": "40.00"}
ROPE = {"description": "Rope", "quantity": "10", "unit_amount": "1.255"}


def said(answer):
    return [
        f"{one.get('line', '')} {one['field']}: {one['before']} → {one['after']}".strip() for one in answer["changes"]
    ]


def ids(book):
    return {line["Description"]: line["LineItemID"] for line in book["LineItems"]}


def test_the_change_is_told_field_by_field_and_to_the_cent(installation):
    exported(installation, lines=[CREW, VAN], reference="PO 7")
    answer = ask_again(installation, lines=[CREW, {**VAN, "quantity": "3"}], reference="PO 8", due_date="2027-01-05")
    assert said(answer) == [
        "reference: PO 7 → PO 8",
        "due_date: 2026-12-20 → 2027-01-05",
        "subtotal: 180.00 → 220.00",
        "tax: 18.00 → 22.00",
        "total: 198.00 → 242.00",
        "2 quantity: 2 → 3",
        "2 amount: 80.00 → 120.00",
    ]
    assert answer["verified"]


def test_an_unchanged_invoice_is_said_to_be_so_without_a_call(installation):
    exported(installation, lines=[CREW, VAN])
    installation.ask(an_invoice(revision=2, lines=[CREW, VAN]), request="second")
    installation.run()
    answer = installation.answers("second")["i1"]
    assert (answer["outcome"], answer["changes"], len(installation.calls())) == ("unchanged", [], 1)


def test_a_line_that_is_gone_is_gone_and_the_others_keep_their_ids(installation):
    before = exported(installation, lines=[CREW, VAN, ROPE])
    answer = ask_again(installation, lines=[VAN, ROPE])
    (after,) = installation.books()
    assert ids(after) == {name: id_ for name, id_ in ids(before).items() if name != "Crew, one day"}
    assert "1 line: Crew, one day, 1 x 100.00 →" in said(answer)
    assert [line["LineAmount"] for line in after["LineItems"]] == [80.0, 12.55]


def test_a_line_that_is_new_is_added_once_and_lines_may_change_places(on_sqlite):
    before = exported(on_sqlite, lines=[CREW, VAN])
    answer = ask_again(on_sqlite, lines=[VAN, ROPE, CREW])
    (after,) = on_sqlite.books()
    assert [line["Description"] for line in after["LineItems"]] == ["Van", "Rope", "Crew, one day"]
    assert {name: id_ for name, id_ in ids(after).items() if name != "Rope"} == ids(before)
    assert "2 line:  → Rope, 10 x 1.255" in said(answer)


@pytest.mark.parametrize(
    ("first", "second", "amount"),
    [
        ({"discount_rate": "10"}, {}, 80.0),
        ({"discount_amount": "5.00"}, {}, 80.0),
        ({"discount_rate": "10"}, {"discount_amount": "5.00"}, 75.0),
        ({"discount_amount": "5.00"}, {"discount_rate": "10"}, 72.0),
        ({"discount_rate": "10"}, {"discount_rate": "20"}, 64.0),
        ({"tracking": [{"category": "Region", "option": "North"}]}, {}, 80.0),
        ({"account_code": "260", "tax_type": "NONE"}, {}, 80.0),
    ],
)
def test_what_is_taken_off_a_line_does_not_stay_in_xero(make_installation, sqlite_url, first, second, amount):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"tracking": [{"name": "Region", "options": [{"name": "North"}]}]})
    exported(installation, lines=[CREW, {**VAN, **first}])
    answer = ask_again(installation, lines=[CREW, {**VAN, **second}])
    (book,) = installation.books()
    line = book["LineItems"][1]
    assert (len(book["LineItems"]), line["LineAmount"], line["Tracking"], line["TaxType"]) == (
        2,
        amount,
        [],
        "OUTPUT",
    )
    assert (answer["outcome"], answer["verified"]) == ("updated", True)


def test_a_reference_that_is_taken_off_does_not_stay_in_xero(on_sqlite):
    exported(on_sqlite, reference="PO 7")
    answer = ask_again(on_sqlite)
    assert on_sqlite.books()[0]["Reference"] == ""
    assert said(answer) == ["reference: PO 7 →"]


@pytest.mark.parametrize(
    ("later", "reference", "subtotal"),
    [
        ({"lines": [VAN]}, "PO 7", 80.0),
        ({"lines": [{**VAN, "discount_amount": "2.00"}]}, "PO 7", 78.0),
        ({"reference": None}, "", 79.0),
    ],
    ids=["discount gone", "other amount off", "reference gone"],
)
def test_an_update_that_never_arrived_is_not_taken_for_done(on_sqlite, later, reference, subtotal):
    first = {"lines": [{**VAN, "discount_amount": "1.00"}], "reference": "PO 7"}
    exported(on_sqlite, **first)
    on_sqlite.simulator.state.faults.set({"drop": 1.0})
    on_sqlite.ask(an_invoice(revision=2, **{**first, **later}), request="second")
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.settle_down()
    assert on_sqlite.answers("second")["i1"]["outcome"] == "updated"
    assert len(on_sqlite.calls("POST")) == 2
    (book,) = on_sqlite.books()
    assert (book["Reference"], book["SubTotal"]) == (reference, subtotal)


def test_what_was_edited_in_xero_is_named_in_the_failure_and_nothing_is_overwritten(on_sqlite):
    book = exported(on_sqlite, lines=[CREW, VAN])
    book["LineItems"][1]["Quantity"] = 5.0
    book["LineItems"][1]["LineAmount"] = 200.0
    book |= {"SubTotal": 300.0, "TotalTax": 30.0, "Total": 330.0}
    answer = ask_again(on_sqlite, lines=[CREW, {**VAN, "quantity": "3"}])
    assert answer["reason"] == "edited_in_xero"
    assert "line 2 quantity: 2 → 5" in answer["notification"]["message"]
    assert on_sqlite.calls("POST") == []


def test_an_edit_of_tracking_alone_is_seen_too(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company()
    book = exported(installation)
    book["LineItems"][0]["Tracking"] = [{"Name": "Region", "Option": "North"}]
    answer = ask_again(installation, reference="changed")
    assert "line 1 tracking: (none) → Region: North" in answer["notification"]["message"]


def test_an_edit_that_is_taken_back_lets_the_re_export_through(on_sqlite):
    book = exported(on_sqlite)
    book["Reference"] = "by hand"
    assert ask_again(on_sqlite, due_date="2027-01-05")["reason"] == "edited_in_xero"
    book["Reference"] = ""
    on_sqlite.ask(an_invoice(revision=3, due_date="2027-01-05"), request="third")
    on_sqlite.settle_down(2)
    assert on_sqlite.answers("third")["i1"]["outcome"] == "updated"


def test_a_contact_that_was_merged_in_xero_and_mended_here_is_no_edit(on_sqlite):
    exported(on_sqlite)
    books = on_sqlite.simulator.state.world.organisations[TENANT]
    books.contacts[contact_id("acme")].status = "ARCHIVED"
    books.contacts[contact_id("acme")].merged_to = contact_id("bolt")
    winner = {"id": "acme", "name": "ACME Ltd", "xero_contact_id": contact_id("bolt")}
    answer = ask_again(on_sqlite, client=winner, reference="changed")
    assert (answer["outcome"], answer["verified"]) == ("updated", True)


@pytest.mark.parametrize(("amount", "words"), [("10.00", "10.00 of 110.00 USD"), (None, "paid in full")])
def test_a_payment_is_named_with_what_can_still_be_changed(on_sqlite, amount, words):
    book = exported(on_sqlite)
    ledger.pay(on_sqlite.simulator.state.world, book, amount or book["AmountDue"])
    answer = ask_again(on_sqlite, line={"unit_amount": "120.00"})
    assert answer["reason"] == "paid_in_xero"
    assert words in answer["notification"]["message"]
    assert "Reference, due date" in answer["how"]
    assert "credit note" in answer["how"]


def test_a_locked_invoice_is_said_to_be_locked_even_when_its_new_date_is_free(on_sqlite):
    exported(on_sqlite)
    on_sqlite.simulator.state.world.organisations[TENANT].period_lock = date(2026, 11, 30)
    answer = ask_again(on_sqlite, date="2026-12-01")
    assert answer["reason"] == "locked_in_xero"
    assert "locked up to 30 November 2026" in answer["notification"]["message"]
    assert "Nothing on it can be changed." in answer["notification"]["message"]
    assert on_sqlite.books()[0]["DateString"] == "2026-11-20T00:00:00"


def test_a_re_export_may_not_take_a_number_that_is_anothers_in_xero(on_sqlite):
    exported(on_sqlite)
    state = on_sqlite.simulator.state
    ledger.write_by_hand(state.world, state.world.organisations[TENANT], "HC-9", contact_id("bolt"))
    answer = ask_again(on_sqlite, number="HC-9")
    assert answer["reason"] == "number_taken"
    assert sorted(book["InvoiceNumber"] for book in on_sqlite.books()) == ["HC-9", "N-i1"]


def test_proof_and_changes_stand_in_the_log(installation):
    exported(installation)
    ask_again(installation, line={"unit_amount": "120.00"}, totals={"tax": "12.01"})
    with installation.store.read() as work:
        second, first = queries.log(work, COMPANY)
    assert (first.outcome, first.verified, first.differences, first.changes) == ("created", True, None, None)
    assert (second.outcome, second.verified) == ("updated", False)
    assert json.loads(second.differences) == ["tax 12.00 in Xero, 12.01 in CrewCard"]
    assert "total: 110.00 → 132.00" in json.loads(second.changes)


LINES = st.lists(
    st.sampled_from([CREW, VAN, ROPE, {**VAN, "discount_rate": "12.5"}, {**ROPE, "discount_amount": "0.55"}, VAN]),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("examples", [20, pytest.param(60, marks=pytest.mark.thorough)])
def test_whatever_becomes_of_the_lines_xero_has_them_as_crewcard_says(make_installation, sqlite_url, examples):
    installation = make_installation(sqlite_url)
    installation.company()
    count = iter(range(10_000))

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.tuples(LINES, LINES, LINES))
    def each(versions):
        name = f"v{next(count)}"
        for revision, lines in enumerate(versions):
            installation.ask(an_invoice(name, revision=revision, lines=lines), request=f"{name}.{revision}")
            installation.settle_down(1)
            (book,) = [one for one in installation.books() if one["InvoiceNumber"] == f"N-{name}"]
            net = Invoice.model_validate(an_invoice(name, lines=lines)).net
            assert [line["Description"] for line in book["LineItems"]] == [line["description"] for line in lines]
            assert f"{book['SubTotal']:.2f}" == f"{net:.2f}"
            assert len({line["LineItemID"] for line in book["LineItems"]}) == len(lines)

    each()
