"""The clock process itself: a paste is answered without anybody sweeping for it, and it stops when it is told to."""

import threading
from dataclasses import replace

import pytest

from tests import machines
from tests.builders import TENANT
from tests.contacts.admin import ACTIVE
from worker.contacts import rechecking
from worker.scheduler import Scheduler


def test_a_paste_is_answered_by_the_clock(clerk_free):
    clock = Scheduler(clerk_free.tools)
    running = threading.Thread(target=clock.run)
    running.start()
    try:
        clerk_free.paste("crane", ACTIVE)
        (answer,) = machines.wait_for(lambda: clerk_free.told("crane"))
    finally:
        clock.stop()
        clock.tools.bells.wake_relay()
        clock.tools.bells.wake_changes()
        running.join(30)
    assert answer["ended"] == "updated"
    assert not running.is_alive()


@pytest.mark.parametrize("recheck", [rechecking.recheck_due, rechecking.recheck_settings_due])
def test_a_clock_that_is_told_to_stop_in_the_middle_of_a_recheck_ends_after_the_call_in_hand(clerk_free, recheck):
    """What is left is due still, at whichever clock comes next."""
    made, companies = clerk_free.installation, 4
    for number in range(1, companies):
        made.company(f"c{number}", f"{TENANT[:-1]}{number + 1}")
    before = len(made.calls())
    ending = replace(made.tools, is_ending=lambda: len(made.calls()) > before)
    recheck(ending, "clock")
    first = len(made.calls()) - before
    assert len({call["tenant"] for call in made.calls()[before:]}) == 1
    recheck(made.tools, "clock")
    assert len(made.calls()) - before == companies * first


def test_what_the_clock_hands_to_its_duties_says_that_it_was_told_to_stop(clerk_free):
    clock = Scheduler(clerk_free.tools)
    assert list(clock.tools.while_running([1, 2])) == [1, 2]
    clock.stop()
    assert list(clock.tools.while_running([1, 2])) == []
    clock.attacher.stop()
    clock.webhooks.stop()
