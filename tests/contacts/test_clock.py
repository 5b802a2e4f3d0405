"""The clock process itself: a paste is answered without anybody sweeping for it."""

import threading

from tests import machines
from tests.contacts.admin import ACTIVE
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
