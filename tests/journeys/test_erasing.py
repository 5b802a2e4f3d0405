"""A client is erased: nothing of the person is left here, and no invoice is in Xero twice or lost for it."""

import pytest
from sqlmodel import SQLModel, select

from store import audit, contacts, erasures, inbox, searching
from store.tables import Batch, Export, LogEntry
from tests.builders import COMPANY, an_invoice, an_order, contact_id
from tests.journeys.test_reconciler import edit_a_line, look
from tests.system.stepping import run_and_die
from worker.commands import registry
from worker.decisions.rights import Operator
from worker.erasing import erase_client, pieces
from worker.erasing.erasure import ErasureRefused
from worker.intake import dead_letters, intake

PERSON = ("Zebulon", "Quince", "zeb@", "NZ-7701")
WHO = {
    "id": "acme",
    "name": "Zebulon Quince",
    "email": "zeb@quince.example",
    "tax_number": "NZ-7701",
    "address": {"lines": ["7 Quince Lane"], "city": "Port Zebulon"},
}
MINE = {"client": WHO, "line": {"description": "Repairs for Zebulon"}, "reference": "Quince yard"}
OTHERS = {"client": {"id": "bolt", "name": "Bolt & Co"}, "line": {"description": "Hire of a Bolt crane"}}


def where(installation, words=PERSON):
    """The tables in which one of these words stands anywhere."""
    found = set()
    with installation.store.read() as work:
        for name, table in SQLModel.metadata.tables.items():
            for row in work.connection.execute(table.select()).all():
                texts = [one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in row]
                if any(word.lower() in text.lower() for word in words for text in texts):
                    found.add(name)
    return found


def erase(installation, client="acme"):
    number = registry.ERASE_CLIENT.run(installation.tools, COMPANY, client, "olga", "the client asked")
    go_on(installation, number)
    return number


def go_on(installation, number):
    while pieces.go_on(installation.tools, number):
        pass


def order(installation, number):
    with installation.store.read() as work:
        return erasures.known(work, number)


def a_long_history(installation):
    """Two exported, one of them changed, the other edited in Xero; one failed; a neighbour in the same call."""
    installation.ask(an_invoice("a", **MINE), an_invoice("b", **MINE), an_invoice("n", **OTHERS))
    installation.ask(an_invoice("bad", **{**MINE, "line": {**MINE["line"], "account_code": "299"}}), request="r2")
    installation.run()
    installation.ask(an_invoice("a", revision=2, **{**MINE, "reference": "Quince yard 2"}), request="r3")
    installation.run()
    book = next(one for one in installation.books() if one["InvoiceNumber"] == "N-b")
    book["Reference"] = "Zebulon's own"
    edit_a_line(installation, book, Description="Quince again")
    look(installation)
    with installation.store.write() as work:
        inbox.set_aside(work, "file", b'{"company": "harbour", "client": {"id": "acme", "name": "Quince', ["cut"])
    dead_letters.discard(installation.tools, 1, Operator("olga"), "came again whole")
    installation.run()
    installation.relay()


def test_nothing_of_the_person_is_left_and_the_neighbour_keeps_all(installation):
    a_long_history(installation)
    assert where(installation) >= {"exports", "batches", "export_log", "outbox", "invoice_search"}
    neighbours = where(installation, ["crane"])
    number = erase(installation)
    assert (order(installation, number).step, where(installation)) == ("done", set())
    assert where(installation, ["crane"]) == neighbours >= {"exports", "batches"}
    with installation.store.read() as work:
        assert audit.verify(work).intact
        assert [line.what for line in audit.newest(work, COMPANY, 2)] == ["erased", "erase"]
        assert {hit.id for hit in searching.search(work, "N-b", 5)} == {"b", "bad"}
        kept = work.session.exec(select(LogEntry).where(LogEntry.invoice == "bad")).all()
        assert {(one.number, one.outcome, one.reason) for one in kept} == {("N-bad", "failed", "account_archived")}


def test_an_erased_invoice_is_never_twice_in_xero_and_can_still_be_changed(installation):
    a_long_history(installation)
    erase(installation)
    calls = len(installation.calls("PUT"))
    installation.ask(an_invoice("a", revision=2, **{**MINE, "reference": "Quince yard 2"}), request="r5")
    with installation.store.write() as work:  # its contact is erased as well: somebody says anew who it is
        contacts.link(work, COMPANY, "acme", contact_id("acme"), said_by="olga")
    installation.ask(an_invoice("a", revision=3, **{**MINE, "reference": "anew"}), request="r6")
    installation.settle_down(2)
    assert installation.answers("r5")["a"]["outcome"] == "unchanged"
    assert installation.answers("r6")["a"]["outcome"] == "updated"
    assert len(installation.calls("PUT")) == calls
    assert sorted(one["InvoiceNumber"] for one in installation.books()) == ["N-a", "N-b", "N-n"]


def test_what_is_on_its_way_or_unread_is_dealt_with_first(on_sqlite):
    on_sqlite.ask(an_invoice("a", **MINE))
    with pytest.raises(ErasureRefused, match=r"1 of its invoices are on their way to Xero\. Wait for their answers"):
        erase(on_sqlite)
    on_sqlite.run()
    with on_sqlite.store.write() as work:
        inbox.set_aside(work, "file", b'{"company": "harbour", "client": {"id": "acme", "name": "Zebulon', ["cut"])
    with pytest.raises(ErasureRefused, match=r"Unreadable messages may be about it: 1\. Mend and replay them"):
        erase(on_sqlite)
    dead_letters.discard(on_sqlite.tools, 1, Operator("olga"), "came again whole")
    for client, why, said in (("nobody", "x", "Nothing is kept of a client “nobody”"), ("acme", " ", "Say why")):
        with pytest.raises(ErasureRefused, match=said):
            registry.ERASE_CLIENT.run(on_sqlite.tools, COMPANY, client, "olga", why)
    number = erase(on_sqlite)
    on_sqlite.relay()
    on_sqlite.later(6)
    go_on(on_sqlite, number)
    assert where(on_sqlite) == set()


def test_what_is_on_its_way_all_the_same_is_waited_for_and_what_comes_later_is_new(installation):
    installation.ask(an_invoice("a", **MINE))
    with installation.store.write() as work:
        number = erasures.make(work, COMPANY, "acme", "olga", "asked", erase_client.FIRST)
    go_on(installation, number)
    assert "invoice a is on its way to Xero" in order(installation, number).waits
    installation.later(1)
    installation.ask(an_invoice("b", **MINE), request="r2")
    installation.run()
    installation.relay()
    installation.later(61)
    go_on(installation, number)
    assert order(installation, number).step == "done"
    assert installation.export("a").wanted == ""
    assert "Zebulon" in installation.export("b").wanted
    assert len(installation.books()) == 2


@pytest.mark.ci
def test_a_clock_that_is_killed_anywhere_under_load_leaves_it_to_the_next(installation):
    a_long_history(installation)
    number = registry.ERASE_CLIENT.run(installation.tools, COMPANY, "acme", "olga", "the client asked")
    asked, deaths = ["a", "b", "n"], 0

    def story(steps):
        installation.store.engine.dispose(close=False)
        steps.watch(installation.store.engine)
        while pieces.go_on(installation.tools, number, 1):
            pass

    while run_and_die(story, 4 + 9 * deaths) is None:
        deaths += 1
        installation.ask(an_invoice(f"load{deaths}", **OTHERS), request=f"load{deaths}")
        installation.run()
        asked.append(f"load{deaths}")
    assert deaths > 2
    assert (order(installation, number).step, where(installation)) == ("done", set())
    assert sorted(one["InvoiceNumber"] for one in installation.books()) == sorted(f"N-{one}" for one in asked)
    assert {installation.export(one).state for one in asked} == {"exported"}
    with installation.store.read() as work:
        assert audit.verify(work).intact
        assert [line.what for line in audit.newest(work, COMPANY)].count("erased") == 1


def test_an_outcome_that_is_not_known_is_settled_before_anything_of_it_goes(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice("a", **MINE))
    installation.run()
    installation.simulator.state.faults.set({})
    with installation.store.write() as work:
        number = erasures.make(work, COMPANY, "acme", "olga", "asked", erase_client.FIRST)
    go_on(installation, number)
    with installation.store.read() as work:
        assert b"Zebulon" in (work.session.exec(select(Batch)).one().body or b"")
        assert work.session.exec(select(Export)).one().state == "uncertain"
    installation.settle_down(2)
    installation.relay()
    go_on(installation, number)
    assert (order(installation, number).step, where(installation)) == ("done", set())
    assert len(installation.books()) == 1
    assert intake.accept(installation.tools, an_order("replay", invoices=["a"])).invoices == 0
