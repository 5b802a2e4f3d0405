"""A worker that is suspended (a real SIGSTOP) at any step, outlives its lease, and wakes: it does no harm."""

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from tests import machines
from tests.builders import an_invoice, invoices
from tests.installation import Installation
from tests.system.stepping import Suspended
from worker import tools

pytestmark = pytest.mark.timeout(900)
WANTED = [*invoices(3), an_invoice("bad", line={"account_code": "299"})]
HOUR = 3600.0


@pytest.mark.parametrize("steps", [pytest.param(None, marks=pytest.mark.thorough), (20, 24, 25, 28)])
def test_suspended_at_any_step_of_a_turn_it_sends_nothing_late_and_writes_nothing(
    steps, postgres, redis_url, simulated_xero, tmp_path
):
    """While it sleeps others export everything; its clock, shared with ours, then says that an hour has gone by."""
    for step in steps or count(1):
        simulated_xero[0].state.reset()
        database = machines.copy_of_template(postgres, f"asleep_{tmp_path.name}_{step}"[:60])
        first = Installation(database, redis_url, *simulated_xero)
        first.company()
        first.ask(*WANTED)
        moved = tmp_path / f"moved_{step}"
        rings = list(first.rings)

        def turn(watched, database=database, moved=moved, rings=rings):
            mine = Installation(database, redis_url, *simulated_xero)
            mine.rings = rings
            share_time(mine, moved)
            drop_quickly(mine)
            watched.watch(mine.store.engine)
            mine.run(1)

        with Suspended(turn, step) as asleep:
            if asleep.lived:
                assert step > 20, "there were no steps to sleep at"
                return
            everything_is_exported_by_others(first)
            calls = len(first.calls("PUT"))
            moved.write_text(str(first.offset.total_seconds() + HOUR))
            asleep.wake()
        assert len(first.calls("PUT")) == calls, f"woken at step {step}, it called Xero"
        check(first)
        first.store.engine.dispose()


def everything_is_exported_by_others(installation):
    """PostgreSQL ends the sleeper's transaction, if it is in one; the rest is the rescuer's."""
    installation.rings.clear()

    def done():
        installation.later(installation.settings.lease_seconds + installation.settings.settle_seconds + 301)
        installation.wake()
        installation.run()
        return len(installation.answers()) == len(WANTED)

    machines.wait_for(done, every=0.2)


def check(installation):
    assert set(Counter(book["InvoiceNumber"] for book in installation.books()).values()) == {1}
    installation.settle_down(2)
    kinds = {id_: answer["type"] for id_, answer in installation.answers().items()}
    assert kinds == {one["id"]: "failed" if one["id"] == "bad" else "succeeded" for one in WANTED}
    assert len(installation.events("invoice.export.completed")) == 1
    assert {installation.export(one["id"]).state for one in WANTED} == {"exported", "failed"}


def share_time(installation, moved):
    """Both clocks of the sleeper, the database's and its own, jump by what the file says."""

    def jumped():
        return float(moved.read_text()) if moved.exists() else 0.0

    real, elapsed = installation.now, tools.elapsed
    installation.now = lambda: real() + timedelta(seconds=jumped())
    object.__setattr__(installation.tools, "elapsed", lambda: elapsed() + jumped())


def drop_quickly(installation):
    @event.listens_for(installation.store.engine, "connect")
    def _connect(raw, _record):
        raw.execute("SET idle_in_transaction_session_timeout = '200ms'")
        raw.execute("SET transaction_timeout = '3s'")
        raw.commit()
