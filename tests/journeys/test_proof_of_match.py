"""“Verified” is said only of what was compared with Xero and is the same; all else is named, with both values."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from events.accounting_target import Lane
from store import companies, contacts, queries
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from tests.journeys.test_re_export import ask_again, exported
from tests.preview.foresight import reasons, row_of
from worker import wiring

CREW = {"description": "Crew", "quantity": "1", "unit_amount": "100.00"}
REGION = [{"category": "Region", "option": "North"}]
BOOKS = {
    "tracking": [{"name": "Region", "options": [{"name": "North"}]}],
    "items": [{"code": "CREW", "name": "Crew, by the day", "account": "200", "price": "75"}],
    "currencies": ["EUR"],
    "tax_rates": [{"code": "OUTPUT", "rate": "15"}, {"code": "NONE", "rate": "0"}],
}


@pytest.fixture
def xero(make_installation, sqlite_url):
    """An installation on SQLite whose organisation has a bit of everything."""
    installation = make_installation(sqlite_url)
    installation.company(organisation=BOOKS)
    return installation


@pytest.fixture
def command(xero, monkeypatch):
    monkeypatch.setattr("worker.settings.load", lambda: xero.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: xero.tools)
    return lambda *words: CliRunner().invoke(app, list(words)).stdout


def switch(installation, **chosen):
    for name, value in chosen.items():
        setattr(installation.simulator.state.switches, name, value)


def sent(installation, *lines, **other):
    """The answer to an invoice with these lines."""
    installation.ask(an_invoice(lines=list(lines) or [CREW], **other))
    installation.settle_down(1)
    return installation.answers()["i1"]


def lines_of(installation):
    (book,) = installation.books()
    return book["LineItems"]


# -- what is said to have been compared


def test_an_export_names_what_was_compared_when_and_what_could_not_be(installation):
    installation.ask(an_invoice())
    installation.run()
    answer = installation.answers()["i1"]
    assert answer["verified"]
    assert answer["compared"] == [
        "contact", "number", "reference", "date", "due date", "currency", "amounts", "status", "link",
        "number of lines", "description of lines", "quantity of lines", "unit amount of lines", "discount of lines",
        "account of lines", "item of lines", "tracking of lines", "amount of lines", "sum of CrewCard's lines",
    ]  # fmt: skip
    assert answer["not_compared"] == ["CrewCard's own totals: it sent none"]
    assert answer["compared_at"].replace("Z", "+00:00")[:19] == answer["exported_at"].replace("Z", "+00:00")[:19]


def test_the_hosts_own_sums_are_compared_and_those_it_left_out_are_named(xero):
    answer = sent(xero, totals={"subtotal": "100.00", "total": "115.00"})
    assert {"CrewCard's own subtotal", "CrewCard's own total"} <= set(answer["compared"])
    assert answer["not_compared"] == ["tax: CrewCard sent none"]


def test_proof_stands_in_log_command_and_page(xero, command):
    sent(xero, {**CREW, "tracking": REGION})
    said = command("why", "i1")
    assert "compared at 20" in said
    assert "tracking of lines" in said
    assert "not compared: CrewCard's own totals: it sent none" in said
    (line,) = json.loads(command("log", "--json"))
    assert "tracking of lines" in line["proof"]["compared"]
    with xero.store.read() as work:
        (entry,) = queries.log(work, COMPANY)
    assert json.loads(entry.proof)["not_compared"] == ["CrewCard's own totals: it sent none"]


# -- what Xero keeps otherwise


def test_tracking_that_xero_leaves_out_in_silence_is_named(xero):
    """First-hand reports say that Xero drops what it does not know, and answers OK."""
    switch(xero, unknown_tracking="left_out")
    answer = sent(xero, {**CREW, "tracking": [{"category": "Region", "option": "West"}]})
    assert (answer["type"], answer["verified"]) == ("succeeded", False)
    assert answer["differences"] == ["line 1 tracking (none) in Xero, Region: West in CrewCard"]
    assert answer["differing"] == [
        {"field": "tracking", "line": 1, "sent": "Region: West", "kept": "", "altered": ""}
    ]


def test_what_xero_warns_of_after_yes_reaches_event_log_and_command(make_installation, sqlite_url, monkeypatch):
    """A draft with an unknown account is saved without it, and Xero says so."""
    installation = make_installation(sqlite_url)
    installation.company(organisation=BOOKS, invoice_status="DRAFT")
    answer = sent(installation, {**CREW, "account_code": "999"})
    words = "Account code '999' has been removed as it does not match a recognised account."
    assert (answer["verified"], answer["warnings"]) == (False, [words])
    assert answer["differences"] == ["line 1 account (none) in Xero, 999 in CrewCard", f"Xero warned: {words}"]
    monkeypatch.setattr("worker.settings.load", lambda: installation.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: installation.tools)
    assert "warned: Account code" in CliRunner().invoke(app, ["why", "i1"]).stdout
    narrow = CliRunner().invoke(app, ["log"]).stdout  # each word of the message stands in its column
    cells = [line.split("│")[-1].strip() for line in narrow.splitlines() if "│" in line]
    assert "warned: Account code" in " ".join(cells)


@pytest.mark.parametrize(
    ("switches", "line", "said"),
    [
        (
            {"beyond_basic_plane": "dropped"},
            {"description": "Crew \U0001f477"},
            "Xero leaves out emoji and other rare",
        ),
        ({"line_ends": "lf"}, {"description": "Crew\r\nand van"}, "Xero writes line ends its own way"),
        ({"account_of_zero_line": "dropped"}, {"unit_amount": "0.00"}, "Xero keeps no account on a line of 0.00"),
    ],
)
def test_what_xero_is_known_to_alter_is_shown_as_that_and_is_no_edit_afterwards(xero, switches, line, said):
    switch(xero, **switches)
    answer = sent(xero, {**CREW, **line}, {**CREW, "description": "Van"})
    assert (answer["type"], answer["verified"], len(answer["differing"])) == ("succeeded", False, 1)
    assert answer["differing"][0]["altered"].startswith(said)
    assert said in answer["differences"][0]
    xero.ask(an_invoice(revision=2, lines=[{**CREW, **line}], reference="changed"), request="second")
    xero.settle_down(2)
    assert xero.answers("second")["i1"]["outcome"] == "updated"


def test_an_update_whose_reply_was_lost_is_recognised_whatever_xero_is_known_to_alter(xero):
    switch(xero, beyond_basic_plane="dropped", line_ends="lf", account_of_zero_line="dropped")
    lines = [{**CREW, "description": "Crew \U0001f477\r\nand van"}, {**CREW, "unit_amount": "0.00"}]
    exported(xero, lines=lines)
    xero.simulator.state.faults.set({"commit_then_drop": 1.0})
    xero.ask(an_invoice(revision=2, lines=lines, reference="PO 7"), request="second")
    xero.run()
    xero.simulator.state.faults.set({})
    xero.settle_down()
    assert xero.answers("second")["i1"]["outcome"] == "updated"
    assert len(xero.calls("POST")) == 1


def test_an_adopted_invoice_is_compared_with_what_was_sent_as_far_as_lists_carry_it(xero):
    switch(xero, lists_give_url_back=False)
    xero.simulator.state.faults.set({"commit_then_drop": 1.0})
    xero.ask(an_invoice())
    xero.run()
    xero.simulator.state.faults.set({})
    xero.settle_down()
    answer = xero.answers()["i1"]
    assert (answer["outcome"], answer["verified"]) == ("adopted", True)
    assert "link" not in answer["compared"]
    assert "link: Xero's answer does not carry it" in answer["not_compared"]


def test_a_line_that_somebody_edits_before_a_lost_answer_is_found_is_named(xero):
    xero.simulator.state.faults.set({"commit_then_drop": 1.0})
    xero.ask(an_invoice(lines=[CREW]))
    xero.run()
    xero.simulator.state.faults.set({})
    (line,) = lines_of(xero)
    line["Description"] = "by hand"
    xero.settle_down()
    answer = xero.answers()["i1"]
    assert (answer["outcome"], answer["verified"]) == ("adopted", False)
    assert answer["differences"] == ["line 1 description by hand in Xero, Crew in CrewCard"]


def test_a_client_that_was_linked_anew_while_its_invoice_travelled_is_no_match(xero):
    xero.simulator.state.faults.set({"commit_then_drop": 1.0})
    xero.ask(an_invoice())
    xero.run()
    xero.simulator.state.faults.set({})
    with xero.store.write() as work:
        contacts.link(work, COMPANY, "acme", contact_id("bolt"), said_by="test")
    xero.settle_down()
    answer = xero.answers()["i1"]
    assert (answer["outcome"], answer["verified"]) == ("adopted", False)
    assert answer["differences"] == ["another contact in Xero than the client's: ACME Ltd"]


# -- money as meant


@pytest.mark.parametrize("kind", ["exclusive", "inclusive", "no_tax"])
def test_parts_of_an_hour_go_in_as_they_are_meant(xero, kind):
    """0.3333333333 x 1500.00 = 500.00 was refused as not adding up to 499.95."""
    thirds = {"description": "Day labour, 20 minutes", "quantity": "0.3333333333", "unit_amount": "1500.00"}
    tiny = {"description": "Fuel", "quantity": "8555", "unit_amount": "0.000149"}
    foretold = row_of(xero, an_invoice(lines=[thirds, tiny], amounts_are=kind))
    answer = sent(xero, thirds, tiny, amounts_are=kind)
    assert answer["verified"], answer
    assert [line["LineAmount"] for line in lines_of(xero)] == [500.0, 1.27]
    assert lines_of(xero)[0]["Description"].startswith("Day labour, 20 minutes (0.3333333333 ")
    assert str(foretold.totals.total) == answer["totals"]["total"]
    assert any("Line 1 goes as 1 x 500.00" in one for one in foretold.warnings)


def test_the_hosts_totals_of_parts_of_an_hour_add_up(xero):
    thirds = {"description": "Day labour", "quantity": "0.3333333333", "unit_amount": "1500.00"}
    answer = sent(xero, thirds, totals={"subtotal": "500.00", "tax": "75.00", "total": "575.00"})
    assert (answer["type"], answer["verified"], answer["totals"]["total"]) == ("succeeded", True, "575.00")


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ({"unit_amount": "27.8260", "discount_amount": "27.8260"}, 0.0),
        ({"quantity": "3", "unit_amount": "95.00", "discount_rate": "100"}, 0.0),
        ({"unit_amount": "0.01", "discount_rate": "50"}, 0.01),
        ({"quantity": "-1", "unit_amount": "20.00"}, -20.0),
        ({"quantity": "-1", "unit_amount": "20.00", "discount_rate": "10"}, -18.0),
        ({"unit_amount": "100000.00", "discount_rate": "33.33333333"}, 66666.67),
        ({"quantity": "0.25", "unit_amount": "0.19", "discount_amount": "0.05"}, 0.0),
    ],
)
def test_discounts_go_in_as_they_are_meant(xero, line, amount):
    foretold = row_of(xero, an_invoice(lines=[{**CREW, **line}, CREW]))
    answer = sent(xero, {**CREW, **line}, CREW)
    assert (foretold.verdict, foretold.problems) == ("create", ())
    assert (answer["type"], answer["verified"]) == ("succeeded", True), answer
    assert lines_of(xero)[0]["LineAmount"] == amount
    assert str(foretold.totals.total) == answer["totals"]["total"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"unit_amount": "20.00", "discount_amount": "25.00"}, "discount_too_large"),
        ({"unit_amount": "-20.00", "discount_amount": "5.00"}, "discount_too_large"),
        ({"discount_rate": "10", "discount_amount": "5.00"}, "discount_twice"),
        ({"discount_amount": "-5.00"}, "discount_below_zero"),
    ],
)
def test_a_discount_that_cannot_be_is_foreseen_and_refused_with_its_line(xero, line, reason):
    wanted = [CREW, {**CREW, "description": "Odd", **line}]
    foretold = row_of(xero, an_invoice(lines=wanted))
    answer = sent(xero, *wanted)
    assert reasons(foretold) == [answer["reason"]] == [reason]
    assert (answer["line"], answer["who"], xero.books()) == (2, "clerk", [])
    assert "“Odd”" in answer["notification"]["message"]


@pytest.mark.parametrize("line", [{"quantity": "0", "unit_amount": "0"}, {"unit_amount": "-0.00"}, {"quantity": "0"}])
def test_lines_of_nothing_go_in(xero, line):
    answer = sent(xero, {**CREW, **line}, CREW)
    assert (answer["type"], answer["verified"]) == ("succeeded", True)
    assert lines_of(xero)[0]["LineAmount"] == 0


# -- the contract as wide as Xero


def test_a_line_of_text_needs_no_account_and_goes_in_as_text(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company(default_account_code=None, default_tax_type="OUTPUT", organisation=BOOKS)
    wanted = [{"description": "Stage 2: as agreed on site"}, {**CREW, "account_code": "200"}]
    foretold = row_of(installation, an_invoice(lines=wanted))
    answer = sent(installation, *wanted)
    assert (answer["verified"], foretold.verdict, foretold.problems) == (True, "create", ())
    heading = lines_of(installation)[0]
    assert (heading["Description"], heading["LineAmount"], "AccountCode" in heading) == (
        "Stage 2: as agreed on site", 0.0, False,
    )  # fmt: skip
    assert str(foretold.totals.total) == answer["totals"]["total"] == "115.00"


@pytest.mark.parametrize(
    ("line", "description", "subtotal"),
    [
        ({"item_code": "CREW"}, "Crew, by the day", "75.00"),
        ({"item_code": "CREW", "quantity": "2"}, "Crew, by the day", "150.00"),
        ({"item_code": "CREW", "quantity": "2", "unit_amount": "45.00"}, "Crew, by the day", "90.00"),
        ({"item_code": "CREW", "description": "Monday"}, "Monday", "75.00"),
    ],
)
def test_an_item_brings_text_price_and_account(make_installation, sqlite_url, line, description, subtotal):
    installation = make_installation(sqlite_url)
    installation.company(default_account_code=None, organisation=BOOKS)
    foretold = row_of(installation, an_invoice(lines=[line]))
    answer = sent(installation, line)
    assert (answer["verified"], answer["totals"]["subtotal"]) == (True, subtotal)
    assert (lines_of(installation)[0]["Description"], lines_of(installation)[0]["AccountCode"]) == (
        description,
        "200",
    )
    assert str(foretold.totals.subtotal) == subtotal


def test_the_price_of_an_item_comes_back_when_the_hosts_own_is_taken_off(xero):
    exported(xero, lines=[{"item_code": "CREW", "quantity": "1", "unit_amount": "45.00"}])
    answer = ask_again(xero, lines=[{"item_code": "CREW", "quantity": "1"}])
    assert (answer["verified"], [line["LineAmount"] for line in lines_of(xero)]) == (True, [75.0])


def test_a_line_becomes_a_heading_and_a_heading_a_line(xero):
    heading = {"description": "Crew"}
    exported(xero, lines=[CREW, {**CREW, "description": "Van"}])
    answer = ask_again(xero, lines=[heading, {**CREW, "description": "Van"}])
    assert (answer["verified"], [line["LineAmount"] for line in lines_of(xero)]) == (True, [0.0, 100.0])
    assert "AccountCode" not in lines_of(xero)[0]
    xero.ask(an_invoice(revision=3, lines=[CREW]), request="third")
    xero.settle_down(2)
    assert [line["LineAmount"] for line in lines_of(xero)] == [100.0]


WIDER = {"currency": "EUR", "currency_rate": "0.873215", "expected_payment_date": "2027-01-15"}


def test_rate_expected_payment_and_sent_flag_travel_and_are_compared(installation):
    installation.simulator.state.world.organisations[TENANT].currencies.append("EUR")
    installation.ask(an_invoice(**WIDER, sent_to_contact=True))
    installation.run()
    answer = installation.answers()["i1"]
    (book,) = installation.books()
    assert (book["CurrencyRate"], book["SentToContact"]) == (0.873215, True)
    assert answer["verified"], answer["differences"]
    assert {"currency rate", "expected payment date", "sent to contact"} <= set(answer["compared"])


def test_rate_expected_payment_and_sent_flag_are_updated(xero):
    exported(xero, **WIDER)
    answer = ask_again(
        xero, **{**WIDER, "currency_rate": "0.9", "expected_payment_date": "2027-02-01"}, sent_to_contact=True
    )
    (book,) = xero.books()
    assert (book["CurrencyRate"], book["SentToContact"]) == (0.9, True)
    assert answer["verified"], answer["differences"]
    said = [one["field"] for one in answer["changes"]]
    assert said[:2] == ["expected_payment_date", "currency_rate"]


@pytest.mark.parametrize(
    "later", [{"sent_to_contact": True}, {"link": "https://crew.example/new"}], ids=["flag", "link"]
)
def test_an_update_of_the_flag_or_the_link_alone_that_never_arrived_is_not_taken_for_done(xero, later):
    exported(xero)
    xero.simulator.state.faults.set({"drop": 1.0})
    xero.ask(an_invoice(revision=2, **later), request="second")
    xero.run()
    xero.simulator.state.faults.set({})
    xero.settle_down()
    assert xero.answers("second")["i1"]["outcome"] == "updated"
    assert len(xero.calls("POST")) == 2
    (book,) = xero.books()
    assert book.get("SentToContact", False) is ("sent_to_contact" in later)
    assert book["Url"].startswith(later.get("link", "https://"))


def test_an_expected_payment_that_xero_keeps_though_it_is_taken_off_is_said(xero):
    exported(xero, **WIDER)
    answer = ask_again(xero, currency="EUR", reference="changed")
    assert (answer["outcome"], answer["verified"]) == ("updated", False)
    (said,) = answer["differences"]
    assert said.startswith("expected payment date 2027-01-15 in Xero, (none) in CrewCard (Xero keeps it")


def test_who_chases_the_money_in_xero_edits_nothing_unless_the_host_says_another_day(xero):
    exported(xero)
    xero.books()[0]["ExpectedPaymentDate"] = "/Date(1800000000000+0000)/"
    assert ask_again(xero, reference="changed")["outcome"] == "updated"
    xero.books()[0]["ExpectedPaymentDate"] = "/Date(1810000000000+0000)/"
    xero.ask(an_invoice(revision=3, expected_payment_date="2027-06-01"), request="third")
    xero.settle_down(2)
    answer = xero.answers("third")["i1"]
    assert answer["reason"] == "edited_in_xero"
    assert "expected payment date" in answer["notification"]["message"]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED"])
def test_the_sent_flag_of_what_is_not_approved_is_left_out_and_said(make_installation, sqlite_url, status):
    installation = make_installation(sqlite_url)
    installation.company(invoice_status=status)
    foretold = row_of(installation, an_invoice(sent_to_contact=True))
    answer = sent(installation, sent_to_contact=True)
    left = "sent to contact: Xero takes it of approved invoices only, and it was left out"
    assert left in answer["not_compared"]
    assert "SentToContact" not in installation.books()[0]
    assert any("sent to contact" in one for one in foretold.warnings)


def test_a_company_may_have_its_approved_invoices_marked_as_sent_unless_the_host_says_otherwise(
    make_installation, database_url
):
    installation = make_installation(database_url)
    installation.company(sent_to_contact=True)
    answer = sent(installation)
    installation.ask(an_invoice("own", sent_to_contact=False), request="r2")
    installation.run()
    (marked, own) = installation.books()
    assert (marked["SentToContact"], own.get("SentToContact", False)) == (True, False)
    assert (answer["verified"], "sent to contact" in answer["compared"]) == (True, True), answer


@pytest.mark.parametrize(("status", "marked"), [("AUTHORISED", True), ("DRAFT", False)])
def test_who_turns_the_setting_on_sends_nothing_again_and_marks_what_changes_and_is_approved(
    make_installation, sqlite_url, status, marked
):
    installation = make_installation(sqlite_url)
    installation.company(invoice_status=status)
    exported(installation)
    with installation.store.write() as work:
        chosen = companies.settings_of(work, COMPANY).model_copy(update={"sent_to_contact": True})
        companies.set_up(work, COMPANY, "Harbour", chosen)
    installation.ask(an_invoice(), request="again")
    installation.settle_down()
    assert installation.answers("again")["i1"]["outcome"] == "unchanged"
    assert installation.books()[0].get("SentToContact", False) is False
    answer = ask_again(installation, reference="changed")
    assert (answer["outcome"], answer["verified"]) == ("updated", True)
    assert installation.books()[0].get("SentToContact", False) is marked


# -- what Xero refuses is learnt (facts §6.2 #9)


def test_a_tax_rate_that_an_account_refused_is_foreseen_from_then_on_until_xero_takes_it(installation):
    line = {**CREW, "account_code": "260", "tax_type": "OUTPUT"}
    wanted = an_invoice(lines=[line])
    assert reasons(row_of(installation, wanted)) == []  # nobody can know
    installation.ask(wanted)
    installation.run()
    assert installation.answers()["i1"]["reason"] == "tax_not_for_account"
    again = an_invoice("i2", lines=[line])
    assert reasons(row_of(installation, again)) == ["tax_not_for_account"]
    installation.simulator.state.world.organisations[TENANT].accounts["260"].tax_types = ()
    installation.ask(again, request="r2")
    installation.run()
    assert installation.answers("r2")["i2"]["type"] == "succeeded"
    assert reasons(row_of(installation, an_invoice("i3", lines=[line]))) == []


def test_what_one_company_learnt_is_not_anothers(installation):
    installation.company("quay", "99999999-2222-4333-8444-555555555555")
    line = {**CREW, "account_code": "260", "tax_type": "OUTPUT"}
    installation.ask(an_invoice(lines=[line]))
    installation.run()
    assert reasons(row_of(installation, an_invoice("i9", lines=[line]), company="quay")) == []
    assert Lane(COMPANY, TENANT) != Lane("quay", TENANT)
