"""What people who export to Xero miss elsewhere: preview, proof of match, the overwrite guard, “never send”."""

import json
import threading

import pytest
from sqlmodel import update
from typer.testing import CliRunner

from cli.main import app
from events.accounting_target import Lane
from simulator import ledger
from store import number_claims, queries
from store.connections import NOT_YET
from store.tables import Export, NumberClaim
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, contact_id
from tests.journeys.test_re_export import ask_again, exported
from tests.preview.foresight import of, reasons, row_of
from tests.preview.test_events import ask, previewed
from worker import wiring
from worker.commands import excluding
from worker.scheduler import Scheduler

THIRDS = [{"description": "a", "quantity": "1", "unit_amount": "0.35"}] * 3


@pytest.fixture
def command(on_sqlite, monkeypatch):
    """Runs a command on the installation's own tools; gives what it prints, on one line."""
    monkeypatch.setattr("worker.settings.load", lambda: on_sqlite.settings)
    monkeypatch.setattr(wiring, "build", lambda *_args, **_named: on_sqlite.tools)
    return lambda *words: CliRunner().invoke(app, list(words)).stdout


def test_a_one_cent_tax_difference_is_exported_compared_and_shown(on_sqlite, command):
    host = {"subtotal": "1.05", "tax": "0.11", "total": "1.16"}
    wanted = an_invoice(lines=THIRDS, totals=host)
    foretold = row_of(on_sqlite, wanted)
    on_sqlite.ask(wanted)
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert (answer["type"], answer["verified"]) == ("succeeded", False)
    assert answer["differences"] == ["tax 0.12 in Xero, 0.11 in CrewCard", "total 1.17 in Xero, 1.16 in CrewCard"]
    assert str(foretold.totals.total) == answer["totals"]["total"] == "1.17"
    assert "created for request r1 of anna, differs" in command("why", "i1")
    assert "differs: tax 0.12 in Xero, 0.11 in CrewCard" in command("why", "i1")
    (line,) = json.loads(command("log", "--json"))
    assert (line["verified"], line["differences"]) == (False, answer["differences"])


def test_a_verified_export_says_so_wherever_it_is_shown(on_sqlite, command):
    on_sqlite.ask(an_invoice(totals={"subtotal": "100.00", "tax": "10.00", "total": "110.00"}))
    on_sqlite.run()
    assert on_sqlite.answers()["i1"]["verified"]
    assert "created for request r1 of anna, verified" in command("why", "N-i1")
    assert json.loads(command("why", "N-i1", "--json"))[0]["log"][0]["verified"] is True


@pytest.mark.parametrize("tenant", [TENANT, NOT_YET])
def test_an_invoice_on_its_way_is_found_by_its_id_and_by_its_number_also_before_the_first_login(on_sqlite, tenant):
    on_sqlite.ask(an_invoice(number="N-77"))
    with on_sqlite.store.write() as work:  # as it stands while nobody has logged in
        work.session.exec(update(Export).values(tenant=tenant))
        work.session.exec(update(NumberClaim).values(tenant=number_claims.books_of(Lane(COMPANY, tenant))))
    for name in ("i1", "N-77"):
        with on_sqlite.store.read() as work:
            assert [one.invoice for one in queries.invoices_named(work, name, COMPANY)] == ["i1"]


def test_support_sees_what_a_re_export_changed(on_sqlite, command):
    exported(on_sqlite)
    ask_again(on_sqlite, line={"unit_amount": "120.00"})
    said = command("why", "i1")
    assert "updated for request second of anna, verified" in said
    assert "changed: line 1 unit amount: 100.00 → 120.00" in said
    assert "changed: total: 110.00 → 132.00" in said


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("VOIDED", "invoice_finalised", "is voided in Xero and cannot be changed"),
        ("DELETED", "invoice_finalised", "is deleted in Xero and cannot be changed"),
        ("PAID", "paid_in_xero", "(paid in full)"),
    ],
)
def test_what_blocks_a_re_export_is_said_plainly_before_and_after_with_the_way_out(on_sqlite, status, reason, words):
    book = exported(on_sqlite)
    if status == "PAID":
        ledger.pay(on_sqlite.simulator.state.world, book, book["AmountDue"])
    else:
        book["Status"] = status
    row = row_of(on_sqlite, an_invoice(revision=2, reference="changed"))
    assert reasons(row) == [reason]
    answer = ask_again(on_sqlite, reference="changed")
    assert (answer["reason"], row.problems[0].message) == (reason, answer["notification"]["message"])
    assert words in answer["notification"]["message"]
    assert "credit note" in answer["how"]
    assert on_sqlite.calls("POST") == []


def test_a_total_below_zero_says_to_raise_a_credit_note_before_anything_is_sent(on_sqlite):
    lines = [{"description": "Refund", "quantity": "1", "unit_amount": "-10.00"}]
    row = row_of(on_sqlite, an_invoice(lines=lines))
    on_sqlite.ask(an_invoice(lines=lines))
    on_sqlite.run()
    assert reasons(row) == [on_sqlite.answers()["i1"]["reason"]] == ["negative_total"]
    assert row.problems[0].how == on_sqlite.answers()["i1"]["how"]
    assert "credit note" in row.problems[0].how
    assert on_sqlite.calls() == []


def test_a_number_somebody_uses_in_xero_is_named_in_the_preview(on_sqlite):
    state = on_sqlite.simulator.state
    ledger.write_by_hand(state.world, state.world.organisations[TENANT], "N-i1", contact_id("bolt"))
    (problem,) = row_of(on_sqlite, an_invoice()).problems
    assert problem.message == "Invoice number N-i1 is already used in Xero by another invoice (Bolt & Co)."


def test_the_organisation_is_named_in_every_preview(installation):
    installation.company("quay", "99999999-2222-4333-8444-555555555555")
    names = [of(installation, an_invoice(), company=company).organisation for company in (COMPANY, "quay")]
    assert names == ["Organisation 1111", "Organisation 9999"]


def test_do_not_send_is_reversible_and_the_preview_follows_it(on_sqlite, command):
    on_sqlite.ask(an_invoice())
    excluding.exclude(on_sqlite.tools, COMPANY, ["i1"], "olga", "settled in cash")
    assert reasons(row_of(on_sqlite, an_invoice(revision=2))) == ["excluded"]
    assert "Marked “never send” by olga: settled in cash (20" in command("why", "i1")
    excluding.include(on_sqlite.tools, COMPANY, ["i1"], "olga", "not settled after all")
    assert row_of(on_sqlite, an_invoice(revision=2)).verdict == "create"


def test_an_invoice_exported_before_pictures_were_kept_is_still_guarded(on_sqlite):
    book = exported(on_sqlite)
    with on_sqlite.store.write() as work:
        work.session.exec(update(Export).values(copy_kept=None))
    book["Reference"] = "by hand"
    answer = ask_again(on_sqlite, due_date="2027-01-05")
    assert answer["reason"] == "edited_in_xero"
    assert "Xero's history of the invoice says what" in answer["notification"]["message"]
    book["Reference"] = ""
    on_sqlite.ask(an_invoice(revision=3, due_date="2027-01-05"), request="third")
    on_sqlite.settle_down(2)
    assert on_sqlite.answers("third")["i1"]["outcome"] == "updated"


def test_what_was_sent_is_compared_even_when_newer_content_waits_behind_it(on_sqlite):
    on_sqlite.simulator.state.faults.set({"commit_then_drop": 1.0})
    on_sqlite.ask(an_invoice(revision=1), request="first")
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.ask(an_invoice(revision=2, line={"unit_amount": "300.00"}), request="second")
    on_sqlite.settle_down()
    first, second = on_sqlite.answers("first")["i1"], on_sqlite.answers("second")["i1"]
    assert (first["outcome"], first["verified"], first["totals"]["total"]) == ("adopted", True, "110.00")
    assert (second["outcome"], second["verified"], second["totals"]["total"]) == ("updated", True, "330.00")


def test_the_clock_answers_previews_by_itself(on_sqlite):
    scheduler = Scheduler(on_sqlite.tools)
    running = threading.Thread(target=scheduler.run)
    running.start()
    try:
        ask(on_sqlite)
        machines.wait_for(lambda: previewed(on_sqlite))
    finally:
        scheduler.stop()
        running.join()
    assert previewed(on_sqlite)[0]["fine"]
