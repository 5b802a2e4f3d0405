"""Workers: what each does now; quiet and drain, confirmed and undone; an order that a real process obeys."""

import re

import pytest

from events.accounting_target import Lane
from store import audit, batches, exports, processes
from tests.builders import TENANT, an_invoice, invoices
from tests.console.visiting import Person
from web.console.app import PREFIX
from worker import broker
from worker.commands import registry
from worker.decisions import precedence
from worker.heartbeat import Heartbeat, Ticker
from worker.watching import attention


def beat(installation, id_, host="blue", pid=7, kind="worker", **more):
    with installation.store.write() as work:
        return processes.beat(work, processes.Presence(id_, kind, "0.9", host, pid), **more)


def claim(installation, worker, state="claimed", company="harbour"):
    """The worker takes the next batch, and stays at this step."""
    lane = Lane(company, TENANT)
    with installation.store.write() as work:
        hold = batches.claim(work, lane, exports.pending(work, lane, 50), 90, worker=worker)
        if state != "claimed":
            batches.move(work, hold, "claimed", state=state, sent_at=work.now, settle_at=work.now)
    return hold


def row(page, id_):
    """The cells of a worker, as text by name."""
    found = re.search(rf'<tr id="{id_}">.*?</tr>', page, re.DOTALL)[0]
    cells = re.findall(r'<td data-name="([^"]+)"[^>]*>(.*?)</td>', found, re.DOTALL)
    return {name: re.sub(r"(<[^>]+>|\s)+", " ", cell).strip().replace(" ,", ",") for name, cell in cells}


def tile(page, name):
    return re.search(rf"{name}(?:</a>)?</dt>\s*<dd>([^<]+)<", page)[1]


def lines(installation):
    with installation.store.read() as work:
        return [(line.who, line.what, line.count, line.why) for line in audit.newest(work)]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("claimed", "Prepares 3 invoices of Harbour, begun"),
        ("sent", "answer about 3 invoices of Harbour, begun"),
        ("uncertain", "Asks Xero what became of 3 invoices of Harbour, begun"),
    ],
)
def test_each_worker_says_what_it_does_now_and_since_when(person, on_sqlite, state, said):
    ops = person("ops")
    beat(on_sqlite, "w1")
    beat(on_sqlite, "w2", pid=8)
    on_sqlite.ask(*invoices(3))
    claim(on_sqlite, "w1", state)
    page = ops.see("/workers")
    assert said in row(page, "w1")["Does now"]
    assert row(page, "w1")["State"] == "Working"
    idle = row(page, "w2")
    assert (idle["State"], idle["Does now"]) == ("Ready", "Nothing: no call is in its hands.")
    assert (tile(page, "Taking work"), tile(page, "Calls in hand")) == ("3", "1")


def test_a_call_in_flight_names_its_worker_and_what_happens_when_that_is_gone(person, on_sqlite):
    ops = person("ops")
    beat(on_sqlite, "w1", pid=41)
    on_sqlite.ask(*invoices(3))
    hold = claim(on_sqlite, "w1")
    page = ops.see("/queue")
    assert '<a href="/console/workers#w1">41 on blue</a>' in page
    assert "written down before they are sent" in page
    on_sqlite.later(25)
    page = ops.see("/queue")
    assert '41 on blue</a> <span class="badge bad">silent</span>' in page
    assert re.search(r"Its worker is gone. It is taken over .*in 1 minute.*what was prepared goes again", page)
    with on_sqlite.store.write() as work:
        batches.move(work, hold, "claimed", state="sent", sent_at=work.now)
        processes.leave(work, "w1")
    page = ops.see("/queue")
    assert 'data-name="Worker">one that has ended<' in page
    assert "Xero is asked whether it arrived, before anything is sent again" in page


def test_a_worker_is_quiet_until_it_is_let_work_again_with_a_reason_and_undo(person, on_sqlite):
    ops = person("ops")
    beat(on_sqlite, "w1")
    beat(on_sqlite, "w2", pid=8)
    assert "Say why" in ops.do("/workers/w1/quiet", 422)
    assert not beat(on_sqlite, "w1")
    page = ops.do("/workers/w1/quiet", why="it leaks")
    assert "Worker 7 on blue takes no new work within ten seconds" in page
    assert f'<form method="post" action="{PREFIX}/workers/w1/wake"' in re.search(r'class="said".*?</div>', page)[0]
    assert row(page, "w1")["State"].startswith("Becoming quiet told by ops")
    assert row(page, "w2")["State"] == "Ready"
    assert beat(on_sqlite, "w1")
    assert not beat(on_sqlite, "w2")
    beat(on_sqlite, "w1", at_rest=True)
    assert row(ops.see("/workers"), "w1")["State"].startswith("Quiet")
    assert "Nothing was done: Worker 7 on blue was quiet before" in ops.do("/workers/w1/quiet", why="again")
    assert "Worker 7 on blue takes work again." in ops.do("/workers/w1/wake", why="Undone right away")
    assert not beat(on_sqlite, "w1")
    assert lines(on_sqlite)[:2] == [("ops", "wake", 1, "Undone right away"), ("ops", "quiet", 1, "it leaks")]
    assert "Nothing was done: That worker" in ops.do("/workers/gone/quiet", why="x")


def test_a_machine_is_drained_and_it_is_said_when_it_is_safe_to_stop_it(person, on_sqlite):
    ops = person("ops")
    for id_, host in (("w1", "blue"), ("w2", "blue"), ("w3", "red")):
        beat(on_sqlite, id_, host)
    on_sqlite.ask(*invoices(3))
    hold = claim(on_sqlite, "w1", "sent")
    page = ops.do("/machines/blue/drain", why="a new kernel")
    assert "<strong>1</strong> call still in hand" in page
    assert f'action="{PREFIX}/machines/blue/undrain"' in page
    for id_ in ("w1", "w2"):
        beat(on_sqlite, id_, at_rest=True)
    assert "safe to stop" not in ops.see("/workers"), "a call is its, whatever it says"
    with on_sqlite.store.write() as work:
        batches.move(work, hold, "sent", state="settled")
    page = ops.see("/workers")
    assert "It is safe to stop the workers of this machine." in page
    assert not beat(on_sqlite, "w3", "red"), "another machine goes on"
    assert "Each worker on blue takes work again." in ops.do("/machines/blue/undrain")
    assert not beat(on_sqlite, "w1")
    assert not beat(on_sqlite, "w2")
    assert [line[1:3] for line in lines(on_sqlite)[:2]] == [("wake", 2), ("quiet", 2)]


def test_before_the_last_one_is_quiet_it_is_said_that_nothing_will_be_sent(person, on_sqlite):
    ops = person("ops")
    page = ops.see("/workers")
    assert "No other worker takes work: invoices are accepted and wait" in page
    beat(on_sqlite, "w2")
    assert "1 other worker goes on." in ops.see("/workers")


def test_that_every_worker_is_quiet_is_a_problem_that_names_who_ordered_it(person, on_sqlite):
    ops = person("ops")
    on_sqlite.ask(an_invoice("i1"))
    ops.do("/workers/worker-1/quiet", why="x")
    page = ops.see()
    assert "Every worker is quiet" in page
    assert "1 worker was told to take no new work, by ops; there is no other." in page
    sentence = "Every worker was told to be quiet. Let one take work again; nothing is lost meanwhile."
    assert sentence in ops.see("/companies/harbour/queue")
    with on_sqlite.store.read() as work:
        assert attention.what_needs_a_person(on_sqlite.tools, work).missing == ()
    ops.do("/workers/worker-1/wake")
    assert "Every worker is quiet" not in ops.see()


def test_a_role_below_ops_sees_and_orders_nothing(person, on_sqlite):
    person("ops")
    reader = person("support")
    assert "Drain" not in re.sub(r"<p>They send.*?</p>", "", reader.see("/workers"), flags=re.DOTALL)
    reader.do("/workers/worker-1/quiet", 403, why="x")


def test_without_workers_the_page_says_what_happens_and_where_to_look(on_sqlite, console):
    reader = Person(on_sqlite, console, "read")
    reader.sign_in()
    page = reader.see("/workers")
    assert "No worker has told that it is there." in page
    assert f"{PREFIX}/runbooks/NobodyAtWork" in page


def test_a_quiet_process_takes_no_doorbell_says_when_it_is_at_rest_and_works_again(installation):
    """The consumer and the heartbeat of a real worker process; nothing rung meanwhile is lost."""
    queue = broker.build(installation.tools.redis)
    consumer = queue.consume(broker.QUEUE, prefetch=8)
    heartbeat = Heartbeat(installation.store, "worker", process="w1", be_quiet=queue.be_quiet)
    queue.push("first", "token")
    first = next(consumer)
    heartbeat.beat()
    registry.QUIET.run(installation.tools, "olga", "why", worker="w1")
    queue.push("second", "token")

    def at_rest():
        heartbeat.beat()
        with installation.store.read() as work:
            return [one.at_rest for one in processes.everyone(work)]

    assert at_rest() == [False]
    assert [next(consumer) for _ in range(2)] == [None, None], "rung, and left to others"
    assert at_rest() == [False], "what it took before is in its hands"
    consumer.ack(first)
    assert at_rest() == [True]
    registry.WAKE.run(installation.tools, "olga", "", worker="w1")
    assert at_rest() == [False]
    second = next(consumer)
    assert second.args[0] == "second"
    consumer.ack(second)
    registry.QUIET.run(installation.tools, "olga", "why", worker="w1")
    assert [at_rest(), at_rest()] == [[False], [True]], "what was being fetched just then is counted first"


def test_threads_of_a_quiet_worker_are_not_counted_when_turns_are_shared_out(installation):
    tools = installation.tools
    Ticker(tools.bells, tools.redis, 8, lambda: True).tick()
    assert tools.redis.zcard("xp:staff") == 0
    Ticker(tools.bells, tools.redis, 8).tick()
    assert tools.redis.zcard("xp:staff") == 1


def test_no_worker_that_takes_work_is_an_obstacle_only_where_something_waits(installation):
    facts = precedence.StatusFacts(now=installation.now(), workers=False, quiet=True)
    assert precedence.status(facts).state == "idle"
