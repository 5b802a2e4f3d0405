"""The relay among several clocks: who has not the duty keeps nobody waiting, and all is in order."""

import json

from store import outbox
from tests.builders import an_invoice
from worker import scheduler
from worker.scheduler import Scheduler

STREAM = "crewcard.invoice-export.events"


def test_a_clock_without_the_duty_hands_the_bell_on(on_sqlite):
    on_sqlite.ask(an_invoice("first"))
    on_sqlite.run()
    assert on_sqlite.relay_as("other")
    on_sqlite.ask(an_invoice("second"), request="second")
    on_sqlite.run()
    on_sqlite.tools.redis.delete("xp:wake:relay")
    clock = Scheduler(on_sqlite.tools)
    clock.stop()
    scheduler.relay_duty(clock)
    assert on_sqlite.tools.redis.llen("xp:wake:relay") == 1
    assert on_sqlite.relay_as("other")


def test_the_stream_has_what_the_feed_has_in_the_same_order(installation):
    for name in ("first", "second", "third"):
        installation.ask(an_invoice(name), request=name)
        installation.run()
        installation.relay()
    entries = [fields[b"event"].decode() for _, fields in installation.tools.redis.xrange(STREAM)]
    with installation.store.read() as work:
        assert entries == [event.body for event in outbox.after(work, 0)]
    assert [json.loads(one)["subject"] for one in entries][-1] == "third"


def test_a_clock_with_nothing_to_relay_writes_nothing(installation):
    installation.ask(an_invoice())
    installation.run()
    installation.relay()
    before = duty(installation)
    installation.later(60)
    assert installation.relay() == 0
    assert duty(installation) == before


def duty(installation):
    """Until when the relay's duty is somebody's."""
    from store.tables import Duty

    with installation.store.read() as work:
        return work.session.get_one(Duty, "relay").lease_until
