"""“Raise a credit note”: prepared and shown first, then handed in once, for what is wanted less or for all of it."""

import json

import pytest
from typer.testing import CliRunner

from cli import main as command
from simulator import ledger
from store import audit
from tests.builders import COMPANY, an_invoice
from tests.journeys.test_credit_notes import crediting, exported, invoice_in, notes  # noqa: F401
from worker import wiring
from worker.commands import registry
from worker.decisions.rights import ConsoleUser, NotAllowed
from worker.submission import crediting as raising
from worker.submission.orders import OrderRefused

OLGA = ConsoleUser("olga", "support")
DAYS = {"description": "Crew", "quantity": "3", "unit_amount": "100.00"}
HIRE = {"description": "Hire", "quantity": "1", "unit_amount": "50.00"}


def paid_and_changed(installation):
    """An invoice that is paid in Xero, and a day less is wanted since: it fails, and says the way out."""
    exported(installation, an_invoice("i", lines=[DAYS, HIRE]))
    book = invoice_in(installation)
    ledger.pay(installation.simulator.state.world, book, book["AmountDue"])
    installation.ask(an_invoice("i", revision=2, lines=[{**DAYS, "quantity": "2"}, HIRE]), request="r2")
    installation.run()
    answer = installation.answers("r2")["i"]
    assert (answer["type"], "credit note" in answer["how"]) == ("failed", True)


def raised(installation, extent=""):
    found = raising.raise_credit(installation.tools, COMPANY, "i", OLGA, "a day less", extent)
    installation.run()
    return found


def test_what_is_wanted_less_is_prepared_and_then_handed_in_once_however_often_it_is_ordered(crediting):  # noqa: F811
    paid_and_changed(crediting)
    found = raising.prepare(crediting.tools, COMPANY, "i")
    assert list(found.offers) == ["difference", "whole"]
    assert [(line.description, str(line.amount)) for line in found.offers["difference"].lines] == [
        ("Crew", "300.00"),
        ("Crew", "-200.00"),
    ]
    assert found.offers["whole"].net == 350
    assert notes(crediting) == {}, "prepared is not sent"
    raised(crediting)
    note = notes(crediting)["N-i-CR"]
    assert (note["SubTotal"], note["Contact"]) == (100.0, invoice_in(crediting)["Contact"])
    again, receipt = raised(crediting, "whole")
    assert (again.raised, receipt) == ("i:credit", None)
    assert len(notes(crediting)) == 1
    (told,) = [e["data"] for e in crediting.events("invoice.export.succeeded") if e["data"]["invoice"] == "i:credit"]
    assert (told["document"], told["verified"]) == ("credit_note", True)
    with crediting.store.read() as work:
        line = audit.newest(work, most=1)[0]
    assert (line.who, line.what, line.why) == ("olga", registry.CREDIT.audit, "a day less")


def test_two_who_order_it_at_one_moment_raise_one(crediting, monkeypatch):  # noqa: F811
    """The second had prepared it before the first was handed in."""
    exported(crediting, an_invoice("i"))
    before = raising.prepare(crediting.tools, COMPANY, "i")
    raised(crediting)
    monkeypatch.setattr(raising, "_prepare", lambda *_: before)
    other = ConsoleUser("otto", "support")
    found, receipt = raising.raise_credit(crediting.tools, COMPANY, "i", other, "never done")
    assert (found.raised, receipt) == ("i:credit", None)
    crediting.settle_down(2)
    assert len(notes(crediting)) == 1


@pytest.mark.parametrize("case", ["off", "not in Xero", "voided"])
def test_where_none_can_be_raised_it_says_why_and_how_to_go_on(on_sqlite, case):
    on_sqlite.company(credit_notes=case != "off")
    if case != "not in Xero":
        exported(on_sqlite, an_invoice("i"))
    if case == "voided":
        with on_sqlite.store.write() as work:
            row = on_sqlite.export("i")
            row.found = '{"kind": "voided", "differences": ["voided in Xero"]}'
            work.session.merge(row)
    found = raising.prepare(on_sqlite.tools, COMPANY, "i")
    said = {"off": "Turn on credit notes", "not in Xero": "Export it first", "voided": "Raise it anew"}
    assert found.why
    assert said[case] in found.how
    with pytest.raises(OrderRefused, match=said[case]):
        raised(on_sqlite)
    with pytest.raises(NotAllowed):
        raising.raise_credit(on_sqlite.tools, COMPANY, "i", ConsoleUser("rita", "read"), "because")
    assert on_sqlite.events("invoice.export.succeeded", invoice="i:credit") == []


def test_the_command_sends_nothing_until_it_is_told_to(on_sqlite, monkeypatch):
    on_sqlite.company(credit_notes=True, credit_note_prefix="CN-")
    exported(on_sqlite, an_invoice("i"))
    monkeypatch.setattr(wiring, "build", lambda *_, **__: on_sqlite.tools)
    asked = ["credit", "i", "--company", COMPANY, "--why", "never done", "--json"]
    environment = {
        "DATABASE_URL": on_sqlite.settings.database_url,
        "ENCRYPTION_KEYS": on_sqlite.settings.encryption_keys[0],
    }
    shown = json.loads(CliRunner().invoke(command.app, asked, env=environment).stdout)
    assert (shown["credit_note"]["number"], shown["credit_note"]["credits"]) == ("CN-N-i-CR", "i")
    assert (shown["request"], shown["offers"]) == ("", ["whole"])
    on_sqlite.run()
    assert notes(on_sqlite) == {}
    done = json.loads(CliRunner().invoke(command.app, [*asked, "--yes"], env=environment).stdout)
    on_sqlite.run()
    assert list(notes(on_sqlite)) == ["CN-N-i-CR"]
    assert on_sqlite.answers(done["request"])["i:credit"]["type"] == "succeeded"
