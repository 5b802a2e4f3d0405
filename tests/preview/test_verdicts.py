"""Every way an invoice can go is foretold, with the words the failure would have."""

import pytest
from sqlmodel import delete

from events.reasons import Reason
from simulator import ledger
from store import contacts
from store.tables import Attempt, Batch, Export, Item, NumberClaim
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from tests.preview.foresight import of, reasons, row_of
from tests.simulator.test_reasons import CAUSED
from worker.commands import excluding

# What Xero tells nobody before it refuses: which tax rates an account's own list leaves out, what a plan allows,
# and what its number rules make of voided invoices (facts §3.2, §6.2 #9, #21). A preview spends no call on
# the settings' branding theme: the daily check of the settings says when it is gone.
NOT_FORESEEN = {Reason.TAX_NOT_FOR_ACCOUNT, Reason.PLAN_LIMIT, Reason.BRANDING_THEME_INVALID}
IN_OTHER_WORDS = {
    Reason.INVOICE_FINALISED: ["number_taken"],
}


def a_company(make_installation, database, cause):
    installation = make_installation(database)
    installation.company(organisation=dict(cause.organisation), **cause.company)
    state = installation.simulator.state
    vars(state.switches).update(cause.switches)
    if cause.in_xero:
        books = state.world.organisations[TENANT]
        ledger.write_by_hand(state.world, books, "N-i1", contact_id("bolt"))["Status"] = cause.in_xero
    return installation


@pytest.mark.parametrize("reason", [one for one in CAUSED if one not in NOT_FORESEEN], ids=lambda reason: reason.code)
def test_what_xero_would_refuse_is_foretold_with_the_reason(make_installation, sqlite_url, reason):
    installation = a_company(make_installation, sqlite_url, CAUSED[reason])
    row = row_of(installation, an_invoice(**CAUSED[reason].invoice))
    assert row.verdict == "fail"
    assert reasons(row) == IN_OTHER_WORDS.get(reason, [reason.code])
    assert {call["method"] for call in installation.calls()} <= {"GET"}


def test_the_words_are_those_of_the_failure(on_sqlite):
    wanted = an_invoice(client={"id": "old", "name": "Old Wharf", "xero_contact_id": contact_id("old")})
    (problem,) = row_of(on_sqlite, wanted).problems
    on_sqlite.ask(wanted)
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert (problem.message, problem.who, problem.how) == (
        answer["notification"]["message"],
        answer["who"],
        answer["how"],
    )


def test_everything_that_is_wrong_is_said_at_once_and_lines_are_named(on_sqlite):
    lines = [
        {"description": "a", "quantity": "1", "unit_amount": "5", "account_code": "299"},
        {"description": "b", "quantity": "1", "unit_amount": "5", "tax_type": "GST"},
    ]
    row = row_of(on_sqlite, an_invoice(currency="EUR", date="2020-01-01", lines=lines))
    assert [(problem.reason, problem.line) for problem in row.problems] == [
        ("period_locked", None),
        ("account_archived", 1),
        ("tax_type_invalid", 2),
        ("currency_not_enabled", None),
    ]


@pytest.mark.parametrize(
    ("client", "reason"), [("nobody", "contact_not_mapped"), ("muddled", "contact_id_malformed")]
)
def test_a_contact_that_is_missing_here_is_foretold_without_a_call(on_sqlite, client, reason):
    with on_sqlite.store.write() as work:
        contacts.link(work, COMPANY, "muddled", "https://go.xero.com/app/!x/invoicing/view/1", said_by="test")
    row = row_of(on_sqlite, an_invoice(client={"id": client, "name": "X"}))
    assert (reasons(row), on_sqlite.calls()) == ([reason], [])


def test_a_merged_contact_is_said_to_be_merged(on_sqlite):
    books = on_sqlite.simulator.state.world.organisations[TENANT]
    books.contacts[contact_id("acme")].status = "ARCHIVED"
    books.contacts[contact_id("acme")].merged_to = contact_id("bolt")
    row = row_of(on_sqlite, an_invoice())
    assert reasons(row) == ["contact_archived"]
    assert row.warnings == ("Xero merged the contact “ACME Ltd” into another one.",)


def test_excluded_unchanged_and_pending_invoices_are_foretold_as_the_export_treats_them(on_sqlite):
    on_sqlite.ask(an_invoice("done"))
    on_sqlite.run()
    on_sqlite.ask(an_invoice("marked"), an_invoice("waits"), request="r2")
    excluding.exclude(on_sqlite.tools, COMPANY, ["marked"], "olga", "settled in cash")
    made = of(on_sqlite, an_invoice("done"), an_invoice("marked"), an_invoice("waits"))
    assert [(row.verdict, reasons(row)) for row in made.invoices] == [
        ("unchanged", []),
        ("fail", ["excluded"]),
        ("create", []),
    ]
    assert made.invoices[0].deep_link.startswith("https://go.xero.com/app/!AbC1/invoicing/view/")


def test_what_is_under_way_is_said_to_be_so(on_sqlite):
    on_sqlite.simulator.state.faults.set({"drop": 1.0})
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    row = row_of(on_sqlite, an_invoice(revision=2, reference="newer"))
    assert (row.verdict, row.problems) == ("under_way", ())


def test_the_second_invoice_with_a_number_fails_in_the_preview_as_well(on_sqlite):
    on_sqlite.ask(an_invoice("first", number="N-7"))
    on_sqlite.run()
    made = of(on_sqlite, an_invoice("a", number="N-8"), an_invoice("b", number="n-8"), an_invoice("c", number="N-7"))
    assert [reasons(row) for row in made.invoices] == [[], ["number_used_twice"], ["number_used_twice"]]
    assert "(a)" in made.invoices[1].problems[0].message


def test_our_own_invoice_under_the_number_is_recognised(on_sqlite):
    on_sqlite.ask(an_invoice())
    on_sqlite.simulator.state.faults.set({"commit_then_drop": 1.0})
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    with on_sqlite.store.write() as work:  # as after a restore of an older database
        for table in (Item, Attempt, Batch, Export, NumberClaim):
            work.session.exec(delete(table))
    row = row_of(on_sqlite, an_invoice())
    assert row.verdict == "create"
    assert row.warnings == ("It is in Xero already and will be recognised; nothing is sent twice.",)


def test_xeros_cents_are_shown_where_they_are_not_the_hosts(on_sqlite):
    lines = [{"description": "a", "quantity": "1", "unit_amount": "0.35"}] * 3
    row = row_of(on_sqlite, an_invoice(lines=lines, totals={"subtotal": "1.05", "tax": "0.11", "total": "1.16"}))
    assert row.verdict == "create"
    assert row.warnings == (
        "The tax will be 0.12 in Xero and is 0.11 in CrewCard.",
        "The total will be 1.17 in Xero and is 1.16 in CrewCard.",
    )


def test_a_draft_may_lose_an_account_and_that_is_said(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company(invoice_status="DRAFT")
    row = row_of(installation, an_invoice(line={"account_code": "999"}))
    assert (row.verdict, row.warnings) == (
        "create",
        ("Xero does not know account 999; the draft is saved without it.",),
    )


@pytest.mark.parametrize("discount", ["75.01", "75.00"])
def test_a_discount_is_foretold_against_the_price_that_the_item_brings(make_installation, sqlite_url, discount):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"items": [{"code": "CREW", "account": "200", "price": "75"}]})
    wanted = an_invoice(lines=[{"item_code": "CREW", "discount_amount": discount}])
    foretold = reasons(row_of(installation, wanted))
    installation.ask(wanted)
    installation.run()
    answer = installation.answers()["i1"]
    assert foretold == ([answer["reason"]] if answer["type"] == "failed" else [])
    assert foretold == (["discount_too_large"] if discount == "75.01" else [])


def test_a_number_is_foretold_with_the_prefix_it_will_have(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company(number_prefix="CC-")
    assert row_of(installation, an_invoice()).number == "CC-N-i1"
    books = installation.simulator.state.world.organisations[TENANT]
    ledger.write_by_hand(installation.simulator.state.world, books, "CC-N-i1", contact_id("bolt"))
    assert reasons(row_of(installation, an_invoice())) == ["number_taken"]


def test_a_host_that_repeats_its_old_word_is_foretold_the_admins_contact(on_sqlite):
    """An admin chose another contact since; the export will use that one, and so the preview looks at it."""
    kept = an_invoice(client={"id": "wharf", "name": "Wharf", "xero_contact_id": contact_id("old")})
    on_sqlite.ask(kept)
    with on_sqlite.store.write() as work:
        contacts.link(work, COMPANY, "wharf", contact_id("bolt"), "olga", host_id=contact_id("old"))
    assert row_of(on_sqlite, {**kept, "id": "i2", "number": "N-2"}).verdict == "create"


def test_sums_larger_than_any_invoice_may_be_are_left_out_and_break_nothing(on_sqlite):
    wanted = an_invoice(line={"unit_amount": "9999999999.00", "quantity": "2"})
    row = row_of(on_sqlite, wanted)
    assert (row.totals, row.verdict) == (None, "fail")
    assert "comes to 19,999,999,998.00; Xero holds 9,999,999,999.99 a line at most" in row.problems[0].message
    on_sqlite.ask(wanted)
    on_sqlite.run()
    assert on_sqlite.answers()["i1"]["reason"] == reasons(row)[0] == "line_too_large"
    assert on_sqlite.calls("PUT") == []


def test_a_sum_of_invoices_larger_than_an_amount_may_be_is_left_out_and_breaks_nothing(on_sqlite):
    wanted = [an_invoice(f"i{one}", line={"unit_amount": "4000000000.00"}) for one in range(3)]
    told = of(on_sqlite, *wanted)
    assert (told.totals, told.counts) == ((), {"create": 3})


def test_what_becomes_a_credit_note_is_foretold_as_one_with_amounts_above_zero(on_sqlite):
    on_sqlite.company(credit_notes=True)
    below = an_invoice("c", line={"unit_amount": "-40.00"})
    row = row_of(on_sqlite, below)
    assert (row.verdict, row.problems) == ("create", ())
    assert (str(row.totals.subtotal), str(row.totals.total)) == ("40.00", "44.00")
    on_sqlite.ask(below)
    on_sqlite.run()
    assert row_of(on_sqlite, below).verdict == "unchanged"
    changed = row_of(on_sqlite, an_invoice("c", revision=2, line={"unit_amount": "-50.00"}))
    assert (changed.verdict, str(changed.totals.subtotal)) == ("update", "50.00")
    assert "creditNoteID" in changed.deep_link
    assert reasons(row_of(on_sqlite, an_invoice("c", revision=2))) == ["document_fixed"]


def test_a_credit_note_is_foretold_to_fail_where_there_are_none(on_sqlite):
    assert reasons(row_of(on_sqlite, an_invoice("c", document="credit_note"))) == ["credit_notes_off"]
    assert reasons(row_of(on_sqlite, an_invoice("d", line={"unit_amount": "-40.00"}))) == ["negative_total"]
