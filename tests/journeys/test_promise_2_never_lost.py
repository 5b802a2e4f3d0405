"""Promise 2: an invoice is never lost or left without an answer."""

import contextlib

import redis

from store import batches, exports
from store.tables import Batch, DoorOut
from tests.builders import TENANT, a_request, an_invoice, invoices
from worker.delivery import relay
from worker.export import rescuer, turn, xero_call
from worker.intake import intake


def test_every_invoice_of_a_request_gets_exactly_one_answer_and_then_it_is_complete(installation):
    installation.ask(*invoices(60), an_invoice("bad", client={"id": "nobody", "name": "Nobody"}))
    installation.run()
    assert len(installation.answers()) == 61
    (completed,) = installation.events("invoice.export.completed")
    said = completed["data"]
    assert (said["total"], said["exported"], said["failed"]) == (61, 60, 1)
    assert said["reasons"] == {"contact_not_mapped": 1}


def test_a_request_in_parts_is_complete_only_when_every_part_has_come(installation):
    installation.ask(*invoices(3, "a"), part=1, parts=2)
    installation.run()
    assert installation.events("invoice.export.completed") == []
    installation.ask(*invoices(2, "b"), part=2, parts=2)
    installation.run()
    (completed,) = installation.events("invoice.export.completed")
    assert completed["data"]["total"] == 5
    assert completed["data"]["notification"]["message"] == "Invoices exported to Xero."


def test_an_emptied_redis_costs_one_sweep(installation):
    installation.ask(*invoices(10))
    installation.rings.clear()
    installation.tools.redis.flushall()
    rescuer.sweep(installation.tools, "test")
    installation.run()
    assert len(installation.books()) == 10


def test_a_worker_that_dies_before_sending_loses_nothing(installation):
    lane = installation.company()
    installation.ask(*invoices(10))
    with installation.store.write() as work:
        batches.claim(work, lane, exports.pending(work, lane, 50), lease=90)
    installation.run()
    assert installation.books() == []
    installation.settle_down(1)
    assert len(installation.books()) == 10


def test_a_number_that_no_call_has_carried_may_still_be_changed(installation):
    """A worker died with the invoice before it was sent; another could not map it; then it was renumbered."""
    lane = installation.company()
    installation.ask(an_invoice("dead"), an_invoice("unfit", client={"id": "nobody", "name": "Nobody"}))
    with installation.store.write() as work:
        batches.claim(work, lane, exports.pending(work, lane, 50)[:1], lease=90)
    installation.later(600)
    rescuer.sweep(installation.tools, "test")
    assert (installation.export("dead").attempts, installation.export("dead").number_bound) == (0, False)
    installation.ask(an_invoice("dead", number="NEW-1", revision=2), request="r2")
    installation.run()
    assert "NEW-1" in {book["InvoiceNumber"] for book in installation.books()}
    assert "N-dead" not in {book["InvoiceNumber"] for book in installation.books()}
    assert installation.answers()["unfit"]["reason"] == "contact_not_mapped"
    assert (installation.export("unfit").attempts, installation.export("unfit").number_bound) == (0, False)


def test_a_worker_that_dies_with_its_call_is_settled_by_asking_xero(installation, monkeypatch):
    """Killed between Xero's commit and ours: the ledger has the invoices, we have an open batch."""
    installation.ask(*invoices(10))
    _turn_that_dies_at("close", installation, monkeypatch)
    assert len(installation.books()) == 10
    installation.settle_down()
    assert len(installation.books()) == 10
    assert len(installation.answers()) == 10
    assert len(installation.calls("PUT")) == 1


def test_a_person_is_answered_before_what_travelled_along_and_a_crash_in_between_loses_nothing(
    installation, monkeypatch
):
    installation.ask(*invoices(200))
    installation.ask(an_invoice("click"), request="click", mode="single")
    _turn_that_dies_at("_record_rest", installation, monkeypatch)
    assert installation.answers("click")["click"]["type"] == "succeeded"
    assert installation.answers("r1") == {}
    assert len(installation.books()) == 50
    installation.settle_down()
    numbers = [book["InvoiceNumber"] for book in installation.books()]
    assert len(numbers) == len(set(numbers)) == 201
    assert len(installation.answers("r1")) == 200
    assert len(installation.events("invoice.export.succeeded", request="click")) == 1


def _turn_that_dies_at(step, installation, monkeypatch):
    lane, _ = installation.rings.pop(0)
    with monkeypatch.context() as killed, contextlib.suppress(SystemExit):
        killed.setattr(xero_call, step, _die)
        turn.take_turn(installation.tools, turn.Lane.of(lane))


def _die(*_args, **_kwargs):
    raise SystemExit


def test_a_late_worker_writes_nothing(installation):
    """Its batch was settled meanwhile: the fence stops the late result."""
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice())
    installation.run()
    installation.simulator.state.faults.set({})
    with installation.store.read() as work:
        batch = work.session.get(Batch, installation.export("i1").batch_id)
    installation.settle_down()
    with installation.store.write() as work:
        assert not batches.move(work, batches.Hold(batch.id, batch.token), "sent", state="settled")
    assert len(installation.answers()) == 1


def test_events_go_out_once_each_and_in_the_order_of_the_feed(installation):
    installation.ask(*invoices(3))
    installation.run()
    installation.relay()
    entries = installation.tools.redis.xrange("crewcard.invoice-export.events")
    assert len(entries) == 5  # connected, three answers, completed
    assert installation.relay() == 0


def test_a_crash_between_sending_events_and_remembering_it_says_them_again_with_the_same_ids(installation):
    installation.ask(an_invoice())
    installation.run()
    installation.relay()
    with installation.store.write() as work:
        work.session.delete(work.session.get(DoorOut, "stream"))
    installation.relay()
    entries = [fields[b"event"] for _, fields in installation.tools.redis.xrange("crewcard.invoice-export.events")]
    assert len(entries) == 6
    assert len(set(entries)) == 3


def test_a_clock_that_was_killed_keeps_the_relay_to_itself_for_three_sweeps_at_most(on_sqlite):
    on_sqlite.relay_as("killed")
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    assert relay.relay(on_sqlite.tools, "next") is None
    on_sqlite.later(3 * on_sqlite.settings.sweep_seconds + 1)
    assert relay.relay(on_sqlite.tools, "next")


def test_accepted_means_committed_even_when_redis_is_away(make_installation, sqlite_url, monkeypatch):
    installation = make_installation(sqlite_url)
    installation.company()
    monkeypatch.setattr(installation.tools.bells, "_push", _no_redis)
    receipt = intake.accept(installation.tools, a_request(an_invoice()))
    assert receipt.invoices == 1
    assert installation.export("i1").state == "pending"


def _no_redis(*_args):
    raise redis.ConnectionError


def test_the_tenant_of_a_request_is_that_of_its_time(installation):
    installation.ask(an_invoice())
    assert installation.export("i1").tenant == TENANT


def test_a_redis_that_dies_with_the_call_under_way_loses_no_answer(make_installation, sqlite_url, monkeypatch):
    """Bookkeeping of limits is not worth an answer: it fails open once the call was made."""
    installation = make_installation(sqlite_url)
    installation.company()
    installation.ask(an_invoice())
    pace = installation.tools.targets["xero"].pace

    def away(*_args, **_kwargs):
        raise redis.ConnectionError

    monkeypatch.setattr(pace, "_note", away)
    monkeypatch.setattr(pace, "_done", away)
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "created"
