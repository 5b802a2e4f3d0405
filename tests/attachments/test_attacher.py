"""Whose files come slowly holds back nobody else, and no clock that is told to stop."""

import threading
from dataclasses import replace

import pytest

from store import attachments
from tests import machines
from tests.attachments.conftest import SCOPES
from tests.attachments.test_journeys import OTHER, named
from tests.builders import COMPANY, an_invoice
from worker.attachments import attacher, attaching
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


def test_a_clock_that_dies_holds_a_file_for_half_a_minute_and_a_living_one_as_long_as_it_takes(hanging, monkeypatch):
    """It is fetched for minutes; two clocks at once never have it."""
    seconds, made = [0.0], hanging.installation
    monkeypatch.setattr(attacher, "_AT_ONCE", 1)
    tools = replace(made.tools, elapsed=lambda: seconds[0])
    first, second = Attacher(tools), Attacher(tools)
    assert first.begin_rounds() == [COMPANY]
    machines.wait_for(lambda: hanging.files.asked == ["/slow.pdf"])
    for _ in range(4):
        seconds[0] += 20
        made.later(20)
        first.begin_rounds(but=["quayside"])
        assert second.begin_rounds(but=["quayside"]) == []
    made.later(attachments.LEASE_SECONDS + 1)  # and nobody renews it
    assert second.begin_rounds(but=["quayside"]) == [COMPANY]
    machines.wait_for(lambda: hanging.files.asked == ["/slow.pdf"] * 2)
    for clock in (first, second):
        clock.stop()


def test_a_call_that_outlived_its_clock_has_its_settle_time_before_it_is_looked_up(attaching_on_sqlite):
    """What is renewed while it is on its way is looked up so long after the last renewal."""
    made = attaching_on_sqlite.installation
    made.ask(an_invoice(attachments=named(attaching_on_sqlite.files, "a.pdf")))
    made.run()
    with made.store.write() as work:
        held = attachments.claim(work, COMPANY)
        there = {"tenant": held.tenant, "target_id": held.target_id, "size": 5, "sha256": "x"}
        attachments.change(work, held, state="sending", key="k", due_at=work.after(4), **there)
    made.later(3)
    attaching.renew(made.tools, [held])
    made.later(3)
    with made.store.write() as work:
        (row,) = attachments.of_invoice(work, COMPANY, "i1")
        assert row.due_at > work.now, "the settle time began anew"
    made.later(attachments.LEASE_SECONDS + 1)
    attaching_on_sqlite.attach()
    assert [call["method"] for call in attaching_on_sqlite.calls()] == ["GET", "PUT"]
