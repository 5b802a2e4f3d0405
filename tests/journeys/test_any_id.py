"""Ids are what a host has: with slashes, spaces, umlauts, percent signs; and one that is none sinks itself alone."""

import pytest
import uvicorn

from tests import machines
from tests.builders import COMPANY, a_request, an_invoice
from tests.console.visiting import Person
from tests.doors.host import Host
from web import main
from web.console import rendering

IDS = [
    "2026/114",
    "Rechnung Nr. 7",
    "Größe#7?",
    "a%2Fb",
    "a/check",
    "a&b=c+d",
    "xero%58",
    "日本/1",
    "..a",
    "a,b",
    "x" * 255,
]


@pytest.fixture
def url(installation):
    chosen = uvicorn.Config(main.build(installation.tools), log_level="error", lifespan="off")
    with machines.served(chosen) as found:
        yield found


def odd_invoices():
    return [an_invoice(id_, number=f"N-{n}") for n, id_ in enumerate(IDS)]


def test_every_id_is_exported_found_again_by_its_mark_and_answered(installation, url):
    host = Host(installation, url)
    sent = host.post(a_request(*odd_invoices(), request="send/1 ü", event_id="e1"))
    assert (sent.status_code, sent.json()["invoices"]) == (202, len(IDS))
    installation.run()
    installation.relay()
    assert len(installation.books()) == len(IDS)
    answers = installation.answers("send/1 ü")
    assert {id_: answers[id_]["outcome"] for id_ in IDS} == dict.fromkeys(IDS, "created")
    progress = host.get("/v1/companies/harbour/requests/send%2F1%20%C3%BC")
    assert (progress.status_code, progress.json()["exported"]) == (200, len(IDS))
    again = host.post(a_request(*odd_invoices(), request="send 2", event_id="e2"))
    assert again.status_code == 202
    installation.run()
    assert len(installation.books()) == len(IDS)


def test_ids_that_differ_only_in_where_a_slash_stands_get_an_answer_each(installation):
    installation.ask(an_invoice("b/c"), request="a", event_id="e1")
    installation.ask(an_invoice("c", number="N-other"), request="a/b", event_id="e2")
    installation.run()
    assert list(installation.answers("a")) == ["b/c"]
    assert list(installation.answers("a/b")) == ["c"]


def test_the_console_opens_and_orders_them(installation, url):
    person = Person(installation, url, "support")
    person.sign_in()
    installation.ask(
        *odd_invoices()[:4], an_invoice("a/check", number="N-c", client={"id": "c/1", "name": "Odd Ltd"})
    )
    installation.run()
    log = person.see("/log")
    for id_ in [*IDS[:4], "a/check"]:
        address = f"/invoices/{COMPANY}/{rendering.part(id_)}"
        assert f'href="/console{address}"' in log
        assert "N-" in person.see(address)
    assert person.browser.get("/console/contacts/harbour/c%252F1").status_code == 200
    assert "Odd Ltd" in person.see(f"/contacts/{COMPANY}/{rendering.part('c/1')}")
    assert rendering.part("plain-1.a:b_c") == "plain-1.a%253Ab_c"


def test_a_client_with_any_id_is_linked_and_what_waits_for_it_goes(installation):
    for n, client in enumerate(["c/1", "c-1", "c 1"]):
        installation.ask(an_invoice(f"i{n}", client={"id": client, "name": f"Client {n}"}), request=f"r{n}")
    installation.run()
    causes = {installation.answers(f"r{n}")[f"i{n}"]["cause"] for n in range(3)}
    assert causes == {"contact_not_mapped:c%2F1", "contact_not_mapped:c-1", "contact_not_mapped:c%201"}
    with installation.store.read() as work:
        from store import contacts

        assert {one.client for one in contacts.held_back(work, COMPANY)} == {"c/1", "c-1", "c 1"}
        assert contacts.waiting_for(work, COMPANY, "c/1")[0] == 1


@pytest.mark.parametrize("bad", [None, {}, "", ["x"], "a\nb", "y" * 256])
def test_an_invoice_without_an_id_fails_alone_by_its_place(installation, bad):
    """One odd id refused the whole event, 422, for everybody in it."""
    receipt = installation.ask(an_invoice("a"), {**an_invoice("b"), "id": bad}, an_invoice("c"))
    assert receipt.invoices == 3
    installation.run()
    answers = installation.answers()
    assert set(answers) == {"a", "without-id-2", "c"}
    assert answers["without-id-2"]["reason"] == "invoice_unreadable"
    assert answers["without-id-2"]["number"] == "N-b"
    assert "number 2 of the request" in answers["without-id-2"]["notification"]["message"]
    assert len(installation.books()) == 2
    (done,) = installation.events("invoice.export.completed")
    assert (done["data"]["total"], done["data"]["failed"]) == (3, 1)


def test_whole_numbers_for_ids_are_taken_and_a_bad_user_holds_nothing_back(installation):
    """PHP's json_encode of integers; a user that is none."""
    wanted = [an_invoice("w1"), {**an_invoice("w2"), "id": 1002}, an_invoice("w3", number=1003)]
    installation.ask(*wanted, requested_by={"id": {"no": "id"}})
    installation.run()
    answers = installation.answers()
    assert {id_: answer["outcome"] for id_, answer in answers.items()} == dict.fromkeys(
        ["w1", "1002", "w3"], "created"
    )
    assert sorted(one["InvoiceNumber"] for one in installation.books()) == ["1003", "N-w1", "N-w2"]


@pytest.mark.parametrize("id_", [*IDS[:4], "%78ero", "xero/X%58ero", "a&crewcard=x/y"])
def test_a_lost_answer_is_found_again_by_the_mark_of_any_id(on_sqlite, id_):
    on_sqlite.simulator.state.faults.set({"commit_then_drop": 1.0})
    on_sqlite.ask(an_invoice(id_, number="N-1"))
    on_sqlite.run()
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.settle_down()
    assert on_sqlite.answers()[id_]["outcome"] == "adopted"
    assert len(on_sqlite.books()) == 1
