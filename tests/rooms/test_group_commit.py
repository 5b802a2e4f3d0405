"""Group commit: callers share transactions, and nobody waits for somebody else's lock."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.machines import wait_for
from worker.decisions.merge_rules import Receipt
from worker.intake.group_commit import MOST_AT_ONCE, GroupCommit
from worker.intake.parsed_event import Brought


class Files:
    """Files numbers; waits, when told, until it is let go."""

    def __init__(self):
        self.rounds = []
        self.held = set()
        self.let_go = threading.Event()

    def __call__(self, brought):
        documents = [one.document for one in brought]
        self.rounds.append(list(documents))
        if self.held & set(documents):
            self.let_go.wait(20)
        return [Receipt(f"e{one}", "c", "r", 1) if one >= 0 else ValueError(one) for one in documents]


def a_busy_group(pool, **chosen):
    """A group commit that is at its first event until it is let go."""
    files = Files()
    files.held = {0}
    group = GroupCommit(files, **chosen)
    first = pool.submit(group.accept, Brought(0))
    wait_for(lambda: files.rounds)
    return files, group, first


@pytest.fixture
def pool():
    with ThreadPoolExecutor(200) as made:
        yield made


def test_who_comes_alone_is_filed_at_once():
    files = Files()
    assert GroupCommit(files).accept(Brought(1)).event == "e1"
    assert files.rounds == [[1]]


def test_what_comes_while_one_is_filed_shares_the_next_transaction_and_each_gets_its_own_answer(pool):
    files, group, first = a_busy_group(pool, patience_seconds=60)
    others = {one: pool.submit(group.accept, Brought(one)) for one in range(1, 31)}
    wait_for(lambda: len(group._queue) == 30)
    files.let_go.set()
    assert first.result(20).event == "e0"
    assert {one: other.result(20).event for one, other in others.items()} == {one: f"e{one}" for one in others}
    assert len(files.rounds) == 2


def test_a_refusal_is_told_to_the_one_it_is_for(pool):
    files, group, _ = a_busy_group(pool, patience_seconds=60)
    refused, taken = pool.submit(group.accept, Brought(-1)), pool.submit(group.accept, Brought(1))
    wait_for(lambda: len(group._queue) == 2)
    files.let_go.set()
    assert taken.result(20).event == "e1"
    with pytest.raises(ValueError, match="-1"):
        refused.result(20)


def test_nobody_waits_for_a_transaction_that_hangs(pool):
    files, group, hangs = a_busy_group(pool, patience_seconds=0.01)
    assert [pool.submit(group.accept, Brought(one)).result(20).event for one in (1, 2, 3)] == ["e1", "e2", "e3"]
    assert not hangs.done()
    files.let_go.set()
    assert hangs.result(20).event == "e0"


def test_an_event_with_many_invoices_keeps_nobody_waiting_and_waits_for_nobody(pool):
    files = []

    def file(documents):
        files.append(documents)
        return [Receipt("e", "c", "r", 1) for _ in documents]

    bulk = {"data": {"invoices": [{}] * 21}}
    group = GroupCommit(file)
    group._at_it = 1  # somebody is at it
    assert pool.submit(group.accept, Brought(bulk)).result(20).event == "e"
    assert files == [[Brought(bulk)]]


def test_a_failure_of_all_is_everybodys_answer_and_the_next_go_on():
    def fails(_documents):
        raise OSError("the database is away")

    group = GroupCommit(fails)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            group.accept(Brought(1))


def test_under_a_crowd_everybody_is_filed_once_and_no_transaction_is_too_long(pool):
    files = Files()
    group = GroupCommit(files)
    answers = list(pool.map(group.accept, map(Brought, range(3_000))))
    assert [answer.event for answer in answers] == [f"e{one}" for one in range(3_000)]
    assert sorted(one for some in files.rounds for one in some) == list(range(3_000))
    assert max(map(len, files.rounds)) <= MOST_AT_ONCE
    assert (group._at_it, group._queue) == (0, [])
