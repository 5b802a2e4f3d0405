"""What is over goes when its time is over; what anybody may still need stays, and nothing is sent anew."""

import pytest
from sqlmodel import col, func, select

from store import pruning, queries, sinks
from store.tables import (
    Attempt,
    Batch,
    DeadLetter,
    Export,
    Item,
    LogEntry,
    OutboxEvent,
    Redelivery,
    Request,
)
from tests.builders import COMPANY, a_request, an_invoice
from worker import pruner
from worker.intake import intake

DAY = 86_400
RETENTION = 400 * DAY + 1000  # a thousand seconds beyond, for leases


def prune(installation):
    """The duty until nothing is left to do."""
    while pruner.prune(installation.tools, "clock"):
        pass


def counted(installation, *tables):
    with installation.store.read() as work:
        return [work.session.exec(select(func.count()).select_from(table)).one() for table in tables]


def exported(installation, *ids, request="r1"):
    installation.ask(*(an_invoice(one) for one in ids), request=request)
    installation.run()
    installation.relay()


def test_what_is_over_goes_after_the_retention_and_the_log_stays(installation):
    exported(installation, "a", "b")
    prune(installation)
    assert counted(installation, Batch, Attempt) == [1, 2]
    installation.later(RETENTION + 1)
    prune(installation)
    assert counted(installation, Batch, Attempt, OutboxEvent) == [0, 0, 1]
    assert counted(installation, Request, Item, Export, LogEntry) == [1, 2, 2, 2]
    with installation.store.read() as work:
        assert [queries.story(work, COMPANY, one).status.marker for one in "ab"] == ["exported", "exported"]


def test_a_pass_takes_many_rounds_of_what_is_over(installation, monkeypatch):
    """It has to keep up with what comes in: a round is short, so that nobody waits for its locks."""
    exported(installation, *(f"i{number}" for number in range(12)))
    installation.later(RETENTION + 1)
    monkeypatch.setattr(pruning, "AT_ONCE", 5)
    pruner.prune(installation.tools, "clock")
    assert counted(installation, Batch, Attempt, OutboxEvent) == [0, 0, 1]


def test_an_event_that_comes_again_years_later_is_answered_as_before(installation):
    event = a_request(an_invoice("a"))
    before = intake.accept(installation.tools, event)
    installation.run()
    installation.relay()
    installation.later(RETENTION + 1)
    prune(installation)
    again = intake.accept(installation.tools, event)
    assert (again.request, again.repeated) == (before.request, True)
    installation.run()
    assert len(installation.books()) == 1
    exported(installation, "a", request="r2")
    assert installation.answers("r2")["a"]["type"] == "succeeded"
    assert len(installation.books()) == 1


def test_events_nobody_was_told_of_and_the_newest_stay(installation):
    exported(installation, "a")
    with installation.store.read() as work:
        newest = work.session.exec(select(func.max(OutboxEvent.position))).one()
    installation.ask(an_invoice("b"), request="r2")
    installation.run()
    (untold,) = counted_untold(installation)
    installation.later(RETENTION + 1)
    prune(installation)
    with installation.store.read() as work:
        kept = work.session.exec(select(OutboxEvent.position)).all()
    assert sorted(place for place in kept if place) == [newest]
    assert kept.count(None) == untold
    installation.relay()
    with installation.store.read() as work:
        assert work.session.exec(select(func.max(OutboxEvent.position))).one() == newest + untold


def counted_untold(installation):
    with installation.store.read() as work:
        asked = select(func.count()).select_from(OutboxEvent).where(col(OutboxEvent.position).is_(None))
        return [work.session.exec(asked).one()]


def test_a_way_out_that_was_shut_holds_nothing_back(on_sqlite):
    exported(on_sqlite, "a")
    with on_sqlite.store.write() as work:
        sinks.move_on(work, "webhook", 1)  # WEBHOOK_URL was set once, and is not any more
    on_sqlite.later(RETENTION)
    with on_sqlite.store.write() as work:
        assert pruning.events_out(work, work.after(-400 * DAY), ()) <= 1
    prune(on_sqlite)
    assert counted(on_sqlite, OutboxEvent) == [1]


def test_an_event_a_host_still_waits_for_stays(on_sqlite):
    exported(on_sqlite, "a")
    with on_sqlite.store.write() as work:
        event = work.session.exec(select(OutboxEvent).order_by(col(OutboxEvent.position))).first()
        row = Redelivery(door="webhook", event_id=event.id, due_at=work.after(10 * RETENTION), trouble="HTTP 500")
        work.session.add(row)
    on_sqlite.later(RETENTION + 1)
    prune(on_sqlite)
    with on_sqlite.store.read() as work:
        assert work.session.get(OutboxEvent, event.id) is not None


@pytest.mark.parametrize("state", ["pending", "uncertain"])
def test_what_is_on_its_way_keeps_its_batches(on_sqlite, state):
    exported(on_sqlite, "a")
    with on_sqlite.store.write() as work:
        work.session.exec(select(Export)).one().state = state
    on_sqlite.later(RETENTION + 1)
    prune(on_sqlite)
    assert counted(on_sqlite, Batch, Attempt) == [1, 1]


def test_a_batch_whose_outcome_nobody_knows_stays(on_sqlite):
    exported(on_sqlite, "a")
    with on_sqlite.store.write() as work:
        work.session.exec(select(Attempt)).one().outcome = "unknown"
    on_sqlite.later(RETENTION + 1)
    prune(on_sqlite)
    assert counted(on_sqlite, Batch, Attempt) == [1, 1]


def test_dead_letters_stay_until_somebody_has_dealt_with_them(on_sqlite):
    with on_sqlite.store.write() as work:
        for number, state in enumerate(("open", "discarded")):
            letter = DeadLetter(door="http", body_hash=str(number), body=b"{", problems="[]", state=state)
            letter.received_at = work.now
            work.session.add(letter)
    on_sqlite.later(RETENTION + 1)
    prune(on_sqlite)
    with on_sqlite.store.read() as work:
        assert [one.state for one in work.session.exec(select(DeadLetter))] == ["open"]


def test_much_goes_in_pieces_that_hold_nobody_up(on_sqlite, monkeypatch):
    monkeypatch.setattr(pruning, "AT_ONCE", 3)
    exported(on_sqlite, *(f"i{number}" for number in range(7)))
    on_sqlite.later(RETENTION + 1)
    with on_sqlite.store.write() as work:
        assert pruning.events_out(work, work.after(-400 * DAY), ()) == 3
    prune(on_sqlite)
    assert counted(on_sqlite, OutboxEvent) == [1]


def test_clicks_go_as_many_at_a_time_as_the_invoices_of_a_bulk_send(on_sqlite, monkeypatch):
    """Ten batches a second, however small, were fewer than a day's clicks of a large installation."""
    monkeypatch.setattr(pruning, "AT_ONCE", 12)
    for number in range(14):
        exported(on_sqlite, f"click{number}", request=f"click{number}")
    exported(on_sqlite, *(f"bulk{number}" for number in range(20)), request="bulk")
    on_sqlite.later(RETENTION + 1)
    left = []
    while gone_batches(on_sqlite):
        left.append(counted(on_sqlite, Batch)[0])
    assert left == [3, 1, 0]


def gone_batches(installation):
    with installation.store.write() as work:
        return pruning.batches(work, work.after(-400 * DAY))


def test_one_clock_prunes_at_a_time(on_sqlite):
    exported(on_sqlite, "a")
    on_sqlite.later(RETENTION + 1)
    assert pruner.prune(on_sqlite.tools, "one") > 0
    assert pruner.prune(on_sqlite.tools, "another") == 0
