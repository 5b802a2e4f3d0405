"""Clock processes share the duties that cost a call or a bell for each company: fairly, and none is done twice."""

from collections import Counter

import pytest

from store import processes
from store.tables import Duty
from tests.builders import an_invoice
from worker.export import rescuer
from worker.reconcile import reconciler


def takes(installation, holder, *, shards=16, seconds=60, duty="reconciler"):
    """How many of the duty's shards the holder has after it came by."""
    with installation.store.write() as work:
        return len(processes.take_shards(work, duty, holder, seconds, shards).mine)


def test_one_process_alone_holds_all_and_those_that_come_get_their_share(installation):
    assert takes(installation, "host/1") == 16
    assert takes(installation, "host/2") == 0, "the other one has to let go first"
    assert takes(installation, "host/1") == 8
    assert takes(installation, "host/2") == 8
    assert takes(installation, "host/3") == 0
    assert [takes(installation, f"host/{number}") for number in (1, 2, 3, 1, 2, 3)] == [6, 5, 5, 6, 5, 5]


def test_no_company_is_two_processes_whatever_they_come_by_in(installation):
    with installation.store.write() as work:
        processes.take_shards(work, "reconciler", "host/1", 60, 16)
    for _ in range(3):
        mine = []
        for holder in ("host/3", "host/1", "host/2"):
            with installation.store.write() as work:
                mine += processes.take_shards(work, "reconciler", holder, 60, 16).mine
        assert len(mine) == len(set(mine))
    assert sorted(mine) == list(range(16))


def test_the_shards_of_a_process_that_died_are_taken_over_once_its_lease_is_over(installation):
    for holder in ("host/1", "host/2", "host/1", "host/2"):
        takes(installation, holder)
    installation.later(59)
    assert takes(installation, "host/1") == 8
    installation.later(2)
    assert takes(installation, "host/1") == 16
    assert takes(installation, "host/2") == 0, "it was only suspended"
    assert (takes(installation, "host/1"), takes(installation, "host/2")) == (8, 8)


def test_the_shards_of_a_process_that_ends_in_good_order_are_free_at_once(installation):
    for holder in ("host/1", "host/2", "host/1", "host/2"):
        takes(installation, holder)
    with installation.store.write() as work:
        processes.leave_shards(work, "host/2")
    assert takes(installation, "host/1") == 16


@pytest.mark.parametrize("shards", [1, 3, 5])
def test_with_fewer_shards_than_processes_some_have_nothing_to_do(on_sqlite, shards):
    holders = [f"host/{number}" for number in range(7)]
    for _ in range(3):
        mine = [takes(on_sqlite, holder, shards=shards) for holder in holders]
    assert sorted(mine) == [0] * (7 - shards) + [1] * shards


def test_where_processes_know_different_numbers_of_shards_nothing_is_done_twice(installation):
    assert takes(installation, "old/1", shards=4) == 4
    assert takes(installation, "new/1", shards=16) == 0
    assert takes(installation, "old/1", shards=4) == 4, "and nothing is left undone"
    installation.later(61)
    assert takes(installation, "new/1", shards=16) == 16


def test_while_a_process_of_the_release_before_has_the_whole_duty_none_is_taken(installation):
    with installation.store.write() as work:
        processes.take_duty(work, "reconciler", "old/1", 60)
    assert takes(installation, "new/1") == 0
    installation.later(61)
    assert takes(installation, "new/1") == 16
    with installation.store.read() as work:
        assert work.session.get_one(Duty, "reconciler").holder == "old/1"


def test_a_process_that_was_away_too_long_does_not_go_on_with_what_is_anothers_by_now(installation):
    with installation.store.write() as work:
        held = processes.take_shards(work, "reconciler", "host/1", 60, 16)
    installation.later(30)
    with installation.store.write() as work:
        assert held.has("cedar")
        assert held.renew(work, "cedar")
    installation.later(59)
    assert takes(installation, "host/2") == 0, "it was held as long again"
    installation.later(2)
    assert takes(installation, "host/2") == 16
    with installation.store.write() as work:
        assert not held.renew(work, "cedar")


def six_companies(installation):
    """Companies in six shards, each with an invoice that waits; their organisations by name."""
    at = {f"company-{number}": f"{number}1111111-2222-4333-8444-555555555555" for number in range(2, 8)}
    for name, tenant in at.items():
        installation.company(name, tenant)
        installation.ask(an_invoice(), company=name, request=f"r-{name}")
    return at


def looks(installation):
    """How often each organisation was asked for its changes."""
    return Counter(call["tenant"] for call in installation.calls("GET") if call["path"].endswith("/Invoices"))


def test_two_clocks_compare_every_company_with_xero_between_them_and_none_twice(installation):
    at = six_companies(installation)
    installation.run()
    installation.later(600)
    for holder in ("host/1", "host/2", "host/1"):  # until both have their share
        takes(installation, holder)
    before = looks(installation)
    reconciler.reconcile(installation.tools, "host/1")
    by_one = looks(installation) - before
    reconciler.reconcile(installation.tools, "host/2")
    by_both = looks(installation) - before
    assert by_both == Counter(dict.fromkeys(at.values(), 1))
    assert 0 < by_one.total() < by_both.total()


def test_two_clocks_ring_every_lane_that_was_forgotten_between_them(installation):
    at = six_companies(installation)
    installation.tools.redis.flushall()
    installation.rings.clear()
    for holder in ("host/1", "host/2", "host/1"):
        takes(installation, holder, duty=rescuer.DUTY)
    rescuer.sweep(installation.tools, "host/1")
    by_one = len(installation.rings)
    rescuer.sweep(installation.tools, "host/2")
    assert sorted(lane.partition("/")[0] for lane, _ in installation.rings) == sorted(at)
    assert 0 < by_one < len(at)
