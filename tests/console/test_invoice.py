"""An invoice's page: where it stands, its whole story, and what a person may do about it."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest

from events.accounting_target import Lane
from simulator import ledger
from store import audit
from tests.builders import COMPANY, TENANT, an_invoice
from tests.console.happenings import EVIL, TOLD, archived, link_crane, unlinked
from tests.journeys.test_reconciler import exported, look
from worker.export import allocating

PAGE = "/invoices/harbour/{}"
WHY = "mended in Xero"


@pytest.fixture
def helper(person):
    """Somebody of support, whose id is an address of e-mail as most are."""
    return person("support", "olga@crewcard.example")


def test_an_exported_invoice_shows_its_marker_proof_and_both_ways_to_open_it(on_sqlite, helper):
    sums = {"subtotal": "100.00", "tax": "10.00", "total": "110.00"}
    on_sqlite.ask(an_invoice(link="https://crewcard.example/invoices/1", totals=sums))
    on_sqlite.run()
    page = helper.see(PAGE.format("i1"))
    assert '<span class="badge exported">Exported</span>' in page
    assert "Verified" in page
    assert 'href="https://crewcard.example/invoices/1"' in page
    assert 'href="https://go.xero.com/' in page
    assert page.count("110.00") >= 2


def test_of_very_many_lines_the_first_hundred_are_shown_and_how_many_there_are(on_sqlite, helper):
    lines = [{"description": f"Day {day}", "quantity": "1", "unit_amount": "10.00"} for day in range(1, 121)]
    on_sqlite.company(credit_notes=True)
    on_sqlite.ask(an_invoice(lines=lines))
    on_sqlite.run()
    page = helper.see(PAGE.format("i1"))
    assert page.count("The first 100 of 120 lines are shown.") == 2  # as CrewCard wants it, and as Xero has it
    assert (">Day 100<" in page, ">Day 101<" in page) == (True, False)
    credit = helper.see(f"{PAGE.format('i1')}/credit")
    assert "The first 100 of 120 lines are shown; all of them are sent." in credit
    assert "Unit price" in credit


def test_a_payment_in_xero_is_shown_beside_the_marker_with_the_time_it_was_seen(on_sqlite, helper):
    (book,) = exported(on_sqlite)
    assert "Paid in Xero" not in helper.see(PAGE.format("i1"))
    ledger.pay(on_sqlite.simulator.state.world, book, 40)
    look(on_sqlite)
    page = helper.see(PAGE.format("i1"))
    assert '<span class="badge exported">Exported</span>' in page
    assert "40.00 of 110.00 USD paid, 70.00 due; seen" in page
    assert '<span class="badge warn" title="40.00 of 110.00 USD paid, 70.00 due, seen' in helper.see(
        "/log?company=harbour"
    )


def test_a_credit_note_is_called_one_and_shows_what_it_credits_as_its_invoice_does(on_sqlite, helper):
    on_sqlite.company(credit_notes=True)
    on_sqlite.ask(an_invoice(), an_invoice("c1", credits="i1", line={"unit_amount": "-40.00"}))
    on_sqlite.run()
    page = helper.see(PAGE.format("c1"))
    assert "<h1>Credit note N-c1" in page
    assert "Exported: a new credit note in Xero" in page
    assert "its allocation is on its way" in page
    allocating.allocate_in(on_sqlite.tools, Lane(COMPANY, TENANT))
    assert "44.00 allocated in Xero" in helper.see(PAGE.format("c1"))
    page = helper.see(PAGE.format("i1"))
    assert "<h1>Invoice N-i1" in page
    assert re.search(r"Credited by</dt><dd><a href=\"/console/invoices/harbour/c1\">N-c1</a>: 44.00 allocated", page)
    assert re.search(r">N-c1</a> <small>credit note</small>", helper.see("/log")), "in lists it is no invoice either"
    on_sqlite.later(60)
    look(on_sqlite)
    used = '<span class="badge good" title="0.00 of 44.00 USD refunded, 44.00 allocated, nothing left, seen'
    assert used in helper.see("/log"), "the same words as on its page"
    assert used in helper.see(PAGE.format("c1"))
    assert '">Used</span>' in helper.see("/log")
    assert '">Part paid</span>' in helper.see(PAGE.format("i1")), "an invoice is paid"


def test_a_credit_note_for_what_nobody_asked_for_links_to_no_page(on_sqlite, helper):
    on_sqlite.company(credit_notes=True)
    on_sqlite.ask(an_invoice("c1", credits="nobody", line={"unit_amount": "-1240.00"}))
    on_sqlite.run()
    page = helper.see(PAGE.format("c1"))
    assert "invoices/harbour/nobody" not in page
    assert ">1,240.00</td>" in page, "sums are written as everywhere"


def test_of_an_invoice_that_could_not_be_read_nothing_is_sent_again_and_a_mark_holds(on_sqlite, helper):
    on_sqlite.ask({**an_invoice("b"), "date": "soon"})
    on_sqlite.run()
    page = helper.see(PAGE.format("b"))
    assert "there is nothing to send again: CrewCard has to send it anew" in page
    assert "/b/replay" not in page
    page = helper.do(f"{PAGE.format('b')}/exclude", why="typed twice")
    assert "It is marked “never send”." in page
    assert "Marked by olga@crewcard.example" in page
    assert "Why it failed" not in page


def test_what_differs_in_xero_is_told_on_its_page(on_sqlite, helper):
    on_sqlite.ask(an_invoice(totals={"subtotal": "100.00", "tax": "5.00", "total": "105.00"}))
    on_sqlite.run()
    page = helper.see(PAGE.format("i1"))
    assert "Differs" in page
    assert "total 110.00 in Xero, 105.00 in CrewCard" in page


def test_of_an_invoice_that_was_found_voided_nothing_is_said_of_now_that_was_true_at_the_export(on_sqlite, helper):
    (book,) = exported(on_sqlite)
    book["Status"] = "VOIDED"
    on_sqlite.later(600)
    on_sqlite.ask(an_invoice(line={"quantity": "2"}, revision=2), request="r2")
    on_sqlite.run()
    page = helper.see(PAGE.format("i1"))
    card = page[page.index("Compared with Xero") : page.index("What happened")]
    assert "Voided in Xero since" in card
    assert "as of the last export" in card
    assert "Approved in Xero at the last export." in card
    assert '<span class="badge good">Verified' not in card
    kept = on_sqlite.export("i1")
    assert kept.checked_at > kept.exported_at + timedelta(minutes=9)


def test_the_page_names_what_was_compared_and_what_could_not_be_and_xeros_warnings(on_sqlite, helper):
    on_sqlite.company("quay", "99999999-2222-4333-8444-555555555555", invoice_status="DRAFT")
    lines = [
        {"description": "Crew", "quantity": "1", "unit_amount": "5", "account_code": "999"},
        {"description": "A heading"},
    ]
    on_sqlite.ask(an_invoice(lines=lines), company="quay")
    on_sqlite.run()
    page = unescape(helper.see("/invoices/quay/i1"))
    assert "Compared" in page
    assert "tracking of lines" in page
    assert "Not compared: CrewCard's own totals: it sent none." in page
    assert "line 1 account (none) in Xero, 999 in CrewCard" in page
    assert "Xero warned: Account code '999' has been removed" in page
    assert "A heading" in page


def test_the_page_names_what_was_taken_out_of_a_text(on_sqlite, helper):
    on_sqlite.ask(an_invoice(line={"description": "Crew\u202e\x0bday"}))
    on_sqlite.run()
    page = unescape(helper.see(PAGE.format("i1")))
    said = "Line 1, description: U+202E right-to-left override taken out; U+000B vertical tab became a line break."
    assert page.count(said) == 2, "beside the proof of match, and in its story"


def test_a_failure_is_told_with_its_reason_its_steps_and_its_group(on_sqlite, helper):
    on_sqlite.ask(archived())
    on_sqlite.run()
    page = helper.see(PAGE.format("a1"))
    assert "Account 299 on invoice N-a1 has been archived" in page
    assert "<li>In Xero open Accounting, then Chart of accounts, and restore account 299" in page
    assert "/console/failures/harbour?cause=account_archived%3A299" in page
    assert "Last Exported</dt><dd>never" in page


def test_its_story_has_each_asking_sending_and_answer_with_xeros_correlation_id(on_sqlite, helper):
    on_sqlite.ask(archived(), requested_by={"id": "u-17", "name": "Anna Berg"})
    on_sqlite.run()
    (attempt,) = on_sqlite.attempts("a1")
    page = helper.see(PAGE.format("a1"))
    assert "Requested by Anna Berg in a bulk send" in page
    assert "Sent, and refused by Xero" in page
    assert attempt.said in unescape(page)
    assert attempt.batch_id in page
    assert "correlation id" in page
    assert '"AccountCode": "299"' in unescape(page)
    assert page.index("Failed to export") < page.index("Requested by Anna Berg")


def test_somebody_elses_invoices_in_the_same_call_are_not_shown(on_sqlite, helper):
    on_sqlite.ask(
        an_invoice("mine", line={"description": "MINE"}), an_invoice("other", line={"description": "OTHER"})
    )
    on_sqlite.run()
    page = helper.see(PAGE.format("mine"))
    assert "MINE" in page
    assert "OTHER" not in page


def test_what_was_sent_is_shown_without_what_looks_like_a_secret(on_sqlite, helper):
    on_sqlite.ask(an_invoice(reference="Bearer abcdefghijk"))
    on_sqlite.run()
    sent = helper.see(PAGE.format("i1")).partition("What was sent")[2].partition("</pre>")[0]
    assert "Bearer (withheld)" in sent
    assert "abcdefghijk" not in sent


def test_script_in_an_invoice_its_client_or_xeros_words_is_text(on_sqlite, helper):
    on_sqlite.ask(unlinked(reference=EVIL))
    on_sqlite.run()
    page = helper.see(PAGE.format("b1"))
    assert page.count(TOLD) >= 4
    assert EVIL not in page


def test_a_failed_invoice_is_sent_again_with_a_reason(on_sqlite, helper):
    on_sqlite.ask(unlinked())
    on_sqlite.run()
    link_crane(on_sqlite)
    assert "on its way again" in helper.do(PAGE.format("b1") + "/replay", why=WHY)
    on_sqlite.run()
    assert '<span class="badge exported">' in helper.see(PAGE.format("b1"))
    assert len(on_sqlite.books()) == 1
    with on_sqlite.store.read() as work:
        line = next(line for line in audit.newest(work) if line.what != "invoice viewed")
    assert (line.who, line.what, line.why, line.count) == ("olga@crewcard.example", "replay", WHY, 1)
    assert json.loads(line.chosen) == {"invoices": ["b1"]}


def test_a_voided_invoice_is_raised_anew_with_a_reason_and_the_one_before_is_shown(on_sqlite, helper):
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    assert "Raise anew" not in helper.see(PAGE.format("i1"))
    (old,) = on_sqlite.books()
    old["Status"] = "VOIDED"
    on_sqlite.ask(an_invoice(), request="click", mode="single")
    on_sqlite.run()
    assert "Raise anew" in helper.see(PAGE.format("i1"))
    assert "Xero is looked at" in helper.do(PAGE.format("i1") + "/raise_anew", why=WHY, number="N-7")
    on_sqlite.run()
    page = helper.see(PAGE.format("i1"))
    assert '<span class="badge exported">' in page
    assert old["InvoiceID"] in page
    assert "Raised anew by olga@crewcard.example" in page
    assert [book["InvoiceNumber"] for book in on_sqlite.books() if book["Status"] != "VOIDED"] == ["N-7"]


@pytest.mark.parametrize("act", ["replay", "raise_anew", "exclude", "include", "cancel"])
def test_nothing_is_done_without_a_reason(on_sqlite, helper, act):
    on_sqlite.ask(archived())
    on_sqlite.run()
    said = helper.do(f"{PAGE.format('a1')}/{act}", 422, why="  ")
    assert "Say why" in said
    with on_sqlite.store.read() as work:
        assert {line.what for line in audit.newest(work)} == {
            "user added",
            "password set",
            "signed in",
            "invoice viewed",
        }


def test_an_invoice_is_marked_do_not_send_and_the_mark_comes_off_again(on_sqlite, helper):
    on_sqlite.ask(an_invoice())
    said = helper.do(PAGE.format("i1") + "/exclude", why="settled in cash")
    assert "It is marked “never send”" in said
    assert '<span class="badge excluded">Never send</span>' in said
    assert "Marked by olga@crewcard.example" in said
    assert ": settled in cash</p>" in said
    on_sqlite.run()
    assert on_sqlite.books() == []
    assert "The mark is off" in helper.do(PAGE.format("i1") + "/include", why="not settled after all")
    assert "Marked by olga" not in helper.see(PAGE.format("i1"))


def test_marking_goes_by_id_whoever_else_has_that_number(on_sqlite, helper):
    on_sqlite.ask(an_invoice("i1"), an_invoice("i2", number="i1"))
    helper.do(PAGE.format("i1") + "/exclude", why="settled in cash")
    on_sqlite.run()
    assert [book["InvoiceNumber"] for book in on_sqlite.books()] == ["i1"]


def test_a_waiting_invoice_is_cancelled(on_sqlite, helper):
    on_sqlite.ask(an_invoice())
    assert 'data-live="5"' in helper.see(PAGE.format("i1"))
    assert "It is cancelled" in helper.do(PAGE.format("i1") + "/cancel", why="wrong month")
    on_sqlite.run()
    assert on_sqlite.books() == []
    assert "data-live" not in helper.see(PAGE.format("i1"))


def test_an_invoice_nobody_asked_for_is_not_found(helper):
    assert "was ever asked for" in helper.see(PAGE.format("ghost"), 404)
    assert "was ever asked for" in helper.do(PAGE.format("ghost") + "/exclude", 404, why="because")


def test_an_address_no_database_can_hold_is_not_found(helper):
    for path in ("/invoices/harbour/%00", "/log?number=%00", "/search?q=a%00b", "/dead-letters/99999999999999999999"):
        assert helper.browser.get(f"/console{path}").status_code == 404, path


def test_who_only_reads_sees_the_page_without_its_acts(on_sqlite, person):
    on_sqlite.ask(archived())
    on_sqlite.run()
    page = person("read").see(PAGE.format("a1"))
    assert "Account 299" in page
    assert "Send again" not in page


def test_the_story_of_an_invoice_that_was_tried_very_often_stays_readable(on_sqlite, helper):
    for number in range(105):
        on_sqlite.ask(unlinked("odd", revision=number), request=f"r{number}")
        on_sqlite.run()
    page = helper.see(PAGE.format("odd"))
    assert page.count("Failed to export") == 100
    assert on_sqlite.export("odd").company == COMPANY
