"""Whose files come slowly holds back nobody else, and no clock that is told to stop."""

import threading
from dataclasses import replace

import pytest

from store import attachments
from tests import machines
from tests.attachments.conftest import SCOPES
from tests.attachments.test_journeys import OTHER, named
from tests.builders import COMPANY, an_invoice
from worker.attachments import attacher
from worker.attachments.attacher import Attacher


@pytest.fixture
def hanging(attaching_on_sqlite):
    """Two companies; the file of the first one does not come until it is let."""
    attaching, let = attaching_on_sqlite, threading.Event()
    made = attaching.installation
    made.company("quayside", OTHER, attachments=True)
    attaching.log_in(*SCOPES, company="quayside", tenant=OTHER)
    url = attaching.files.put("slow.pdf", lambda _: let.wait(60))
    made.ask(an_invoice(attachments=[{"name": "slow.pdf", "url": url}]))
    made.ask(an_invoice(attachments=named(attaching.files, "theirs.pdf")), company="quayside", request="q1")
    made.run()
    yield attaching
    let.set()


def test_a_company_whose_file_hangs_takes_no_others_place_and_no_clocks_time(hanging, monkeypatch):
    monkeypatch.setattr(attacher, "_AT_ONCE", 1)
    seconds, told = [0.0], threading.Event()
    made = hanging.installation
    tools = replace(made.tools, elapsed=lambda: seconds[0], is_ending=told.is_set)
    clock = Attacher(tools)
    assert clock.begin_rounds() == [COMPANY]
    machines.wait_for(lambda: hanging.files.asked == ["/slow.pdf"])
    assert clock.begin_rounds() == [], "one at a time here"
    seconds[0] += 6
    assert clock.begin_rounds() == ["quayside"]
    machines.wait_for(lambda: hanging.in_xero(OTHER))
    told.set()
    clock.stop()
    with made.store.read() as work:
        (row,) = attachments.of_invoice(work, COMPANY, "i1")
    assert (row.state, row.tries, row.token) == ("waiting", 0, ""), "it goes at the next start, and no try is lost"
