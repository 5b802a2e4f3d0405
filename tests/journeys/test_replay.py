"""Replaying: failed invoices are tried again as a new request, with the newest content kept, never twice."""

import json

import pytest

from events.codec import Unreadable
from store import audit, contacts
from store.tables import Request
from tests.builders import COMPANY, an_invoice, an_order, contact_id, invoices
from worker.intake import intake


def replay(installation, **said):
    receipt = intake.accept(installation.tools, an_order("replay", **said))
    installation.run()
    return receipt


def nobody(id_="i1", **other):
    """An invoice whose client has no Xero contact yet."""
    return an_invoice(id_, client={"id": "nobody", "name": "Nobody"}, **other)


def link_nobody(installation):
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "nobody", contact_id("acme"), said_by="admin")


def test_the_failed_ones_of_a_request_are_sent_again_when_the_cause_is_gone(installation):
    installation.ask(an_invoice("good"), nobody("bad1"), nobody("bad2"))
    installation.run()
    link_nobody(installation)
    receipt = replay(installation, request="r1")
    assert receipt.invoices == 2
    answers = installation.answers(receipt.request)
    assert {invoice: answer["outcome"] for invoice, answer in answers.items()} == {
        "bad1": "created",
        "bad2": "created",
    }
    assert len(installation.books()) == 3


def test_a_replay_is_a_new_request_that_names_the_event_it_repeats(installation):
    installation.ask(nobody(), event_id="the-first")
    installation.run()
    link_nobody(installation)
    replay(installation, request="r1", as_request="again")
    (completed,) = installation.events("invoice.export.completed", request="again")
    assert completed["causationid"] == "the-first"
    assert all(
        event["causationid"] == "the-first" for event in installation.events(request=completed["data"]["request"])
    )
    with installation.store.read() as work:
        row = work.session.get(Request, (COMPANY, "again"))
    assert (row.requested_by, row.caused_by) == ("olga", "the-first")
    assert installation.answers("r1")["i1"]["type"] == "failed"


def test_only_what_failed_for_the_named_reason_is_sent_again(installation):
    installation.ask(nobody("unlinked"), an_invoice("foreign", currency="EUR"))
    installation.run()
    link_nobody(installation)
    receipt = replay(installation, reason="contact_not_mapped")
    assert list(installation.answers(receipt.request)) == ["unlinked"]


def test_named_invoices_alone_are_sent_again(installation):
    installation.ask(nobody("a"), nobody("b"))
    installation.run()
    link_nobody(installation)
    receipt = replay(installation, invoices=["b", "never-seen"])
    assert list(installation.answers(receipt.request)) == ["b"]
    assert receipt.left_out == {"unknown": 1}


def test_the_newest_content_that_was_kept_is_what_goes(installation):
    installation.ask(nobody(revision=1), request="older")
    installation.run()
    installation.ask(nobody(revision=2, reference="newer"), request="newer")
    installation.run()
    link_nobody(installation)
    replay(installation, request="older")
    assert [book["Reference"] for book in installation.books()] == ["newer"]


def test_what_is_in_xero_or_on_its_way_is_left_alone(installation):
    installation.ask(an_invoice("done"))
    installation.run()
    installation.ask(an_invoice("waits"), request="r2")
    receipt = intake.accept(installation.tools, an_order("replay", invoices=["done", "waits"]))
    assert (receipt.invoices, receipt.request, receipt.left_out) == (0, "", {"not_failed": 2})
    installation.run()
    assert len(installation.books()) == 2
    assert len(installation.answers("r2")) == 1


def test_a_number_that_two_invoices_had_can_be_replayed_once_it_is_free(installation):
    """Refused at the door, and yet kept: what was asked for is not lost."""
    installation.ask(an_invoice("a", number="N-1"), an_invoice("b", number="N-1"))
    installation.run()
    (refused,) = [name for name, answer in installation.answers().items() if answer["type"] == "failed"]
    kept = json.loads(installation.export(refused).wanted)
    assert (installation.export(refused).state, kept["number"]) == ("failed", "N-1")
    receipt = replay(installation, request="r1")
    assert installation.answers(receipt.request)[refused]["reason"] == "number_used_twice"


def test_an_invoice_that_could_not_be_read_cannot_be_replayed_and_that_is_said(installation):
    installation.ask({**an_invoice("broken"), "date": "soon"}, nobody("bad"))
    installation.run()
    receipt = replay(installation, request="r1")
    assert (receipt.invoices, receipt.left_out) == (1, {"unreadable": 1})


def test_an_old_word_about_a_contact_does_not_overrule_a_newer_one(installation):
    """The host sent a contact along that Xero does not have; an admin mended it; the replay must not undo that."""
    gone = {"id": "crane", "name": "Crane", "xero_contact_id": contact_id("gone")}
    installation.ask(an_invoice(client=gone))
    installation.run()
    assert installation.answers()["i1"]["type"] == "failed"
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "crane", contact_id("acme"), said_by="admin")
    receipt = replay(installation, request="r1")
    assert installation.answers(receipt.request)["i1"]["type"] == "succeeded"


def test_the_same_replay_again_changes_nothing(installation):
    installation.ask(nobody())
    installation.run()
    order = an_order("replay", request="r1", event_id="o1")
    first = intake.accept(installation.tools, order)
    again = intake.accept(installation.tools, order)
    assert (again.request, again.repeated) == (first.request, True)
    installation.run()
    assert len(installation.answers(first.request)) == 1


def test_a_replay_may_not_take_the_name_of_a_request_there_is(installation):
    installation.ask(nobody())
    installation.run()
    with pytest.raises(Unreadable, match="has a request “r1” already"):
        replay(installation, request="r1", as_request="r1")


def test_a_replay_of_more_than_an_event_holds_is_one_request_in_parts(on_sqlite):
    for part in (1, 2):
        some = [nobody(f"p{part}-{number}") for number in range(255)]
        on_sqlite.ask(*some, part=part, parts=2)
    on_sqlite.run()
    link_nobody(on_sqlite)
    receipt = replay(on_sqlite, reason="contact_not_mapped")
    assert receipt.invoices == 510
    (completed,) = on_sqlite.events("invoice.export.completed", request=receipt.request)
    assert (completed["data"]["total"], completed["data"]["exported"]) == (510, 510)


def test_who_replayed_what_and_why_is_kept(installation):
    installation.ask(*[nobody(invoice["id"]) for invoice in invoices(2)])
    installation.run()
    replay(installation, reason="contact_not_mapped", why="linked them")
    with installation.store.read() as work:
        (line,) = audit.newest(work)
    assert (line.who, line.what, line.count, line.why) == ("olga", "replay", 2, "linked them")
    assert json.loads(line.chosen) == {"reason": "contact_not_mapped"}
