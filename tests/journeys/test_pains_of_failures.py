"""What people complain of most in other integrations, as far as it is about failures: one test a row."""

import pytest

from events.reasons import Reason
from simulator import ledger
from store import alerts, failing, queries
from tests.builders import COMPANY, TENANT, an_invoice, contact_id, invoices
from worker.failing import alerting


def an_answer(installation, **content):
    installation.ask(an_invoice(**content))
    installation.settle_down(2)
    return installation.answers()["i1"]


def test_a_failure_is_never_only_in_a_pop_up(installation):
    """Marker, log, event, group and alert all know it, with the same words."""
    answer = an_answer(installation, currency="EUR")
    message = answer["notification"]["message"]
    installation.relay()
    alerting.watch(installation.tools)
    with installation.store.read() as work:
        (line,) = queries.invoices_of(work, COMPANY, "r1")
        (entry,) = queries.log(work, COMPANY, only_failed=True)
        (group,) = failing.groups(work, COMPANY)
        (alert,) = alerts.newest(work, COMPANY)
    assert line.marker == "failed"
    assert [line.message, entry.message, group.example, alert.message] == [message] * 4
    assert entry.xero_words == "Organisation is not subscribed to currency EUR"


def test_one_bad_invoice_sinks_nobody_else_and_the_ids_of_the_good_ones_are_kept(installation):
    installation.ask(*invoices(49), an_invoice("bad", line={"account_code": "299"}))
    installation.run()
    answers = installation.answers()
    assert answers.pop("bad")["reason"] == "account_archived"
    there = {book["InvoiceNumber"]: book["InvoiceID"] for book in installation.books()}
    assert {answer["number"]: answer["xero_invoice_id"] for answer in answers.values()} == there
    assert len(there) == 49


def test_a_number_in_use_names_the_clash_and_opens_it(installation):
    books = installation.simulator.state.world.organisations[TENANT]
    other = ledger.write_by_hand(installation.simulator.state.world, books, "N-i1", contact_id("bolt"))
    answer = an_answer(installation)
    assert "already used in Xero by another invoice (Bolt & Co)" in answer["notification"]["message"]
    assert answer["link"].endswith(other["InvoiceID"])
    assert answer["who"] == "clerk"


@pytest.mark.parametrize("meanwhile", [{"Status": "PAID"}, {"Status": "VOIDED"}])
def test_paid_or_voided_is_said_plainly_with_the_way_out(installation, meanwhile):
    installation.ask(an_invoice(revision=1), request="r0")
    installation.run()
    (book,) = installation.books()
    book.update(meanwhile)
    answer = an_answer(installation, revision=2, reference="changed")
    assert "credit note" in answer["how"]
    assert answer["link"] == f"https://go.xero.com/app/!AbC1/invoicing/view/{book['InvoiceID']}"


def test_a_lock_date_names_both_days_and_who_can_move_it(installation):
    answer = an_answer(installation, date="2020-06-29")
    assert (
        "is dated 29 June 2020, and the books in Xero are locked up to 30 June 2020"
        in (answer["notification"]["message"])
    )
    assert "adviser" in answer["how"]
    assert answer["cause"] == "period_locked:30-June-2020"


def test_account_and_tax_that_do_not_go_together_are_named_with_their_line(installation):
    fine = {"description": "Crew", "quantity": "1", "unit_amount": "10.00"}
    wrong = {**fine, "description": "Van", "account_code": "260", "tax_type": "OUTPUT"}
    answer = an_answer(installation, lines=[fine, wrong])
    assert answer["notification"]["message"] == (
        "Tax rate OUTPUT cannot be used with account 260 on invoice N-i1. (Line 2, “Van”.)"
    )
    assert (answer["line"], answer["who"]) == (2, "bookkeeper")


def test_an_archived_tax_rate_is_named_though_xero_names_it_nowhere(installation):
    rates = installation.simulator.state.world.organisations[TENANT].tax_rates
    rates["OUTPUT"].status = "ARCHIVED"
    answer = an_answer(installation, line={"tax_type": "OUTPUT"})
    assert answer["xero_words"] == "Tax rate must be Active"
    assert "tax rate OUTPUT" in answer["notification"]["message"]


def test_a_tax_rate_the_company_chose_for_all_its_lines_is_named_too(make_installation, database_url):
    installation = make_installation(database_url)
    installation.company(default_tax_type="OUTPUT")
    installation.simulator.state.world.organisations[TENANT].tax_rates["OUTPUT"].status = "ARCHIVED"
    answer = an_answer(installation)
    assert "tax rate OUTPUT" in answer["notification"]["message"]
    assert answer["cause"] == "tax_type_invalid:OUTPUT-by-admin"


def test_a_connection_that_dies_is_noticed_at_once_by_those_who_can_mend_it(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice())
    installation.until_proven()
    installation.relay()
    alerting.watch(installation.tools)
    (alert,) = installation.events("xero.export.attention_needed")
    assert alert["data"]["reason"] == "login_ended"
    assert installation.answers() == {}


def test_the_codes_of_the_error_book_stay():
    """Published: hosts act on them. One may be added; none may go or change its name."""
    published = """account_archived account_invalid account_missing cancelled contact_archived contact_email_invalid
        contact_id_malformed contact_name_taken contact_not_found contact_not_mapped currency_not_enabled
        due_date_missing edited_in_xero excluded expired gone_from_xero invoice_finalised invoice_unreadable
        item_unknown lines_missing negative_total number_taken number_used_twice outcome_unknown paid_in_xero
        period_locked plan_limit quarantined sent_wrongly tax_not_for_account tax_type_invalid totals_do_not_add_up
        tracking_invalid xero_keeps_failing xero_refused"""
    assert set(published.split()) <= {reason.code for reason in Reason}
