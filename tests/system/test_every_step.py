"""A crash at every step: each story is killed (kill -9) before each of its statements, restarted, and checked."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest

from events.accounting_target import Lane
from store import connections, outbox, requests, sinks
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, an_order, invoices
from tests.installation import Installation
from tests.system.stepping import run_and_die
from worker.decisions import turns
from worker.delivery import relay
from worker.intake import intake
from xero_adapter.target import XeroTarget

pytestmark = pytest.mark.timeout(900)
WANTED = [*invoices(3), an_invoice("bad", line={"account_code": "299"})]
ASKED = {"r1": WANTED, "r2": WANTED[:3], "look": WANTED[:1], "again": WANTED[:1]}


def ask(installation):
    installation.ask(*WANTED)


def ask_beside_a_click(installation):
    installation.ask(*WANTED)
    installation.ask(an_invoice("click"), request="click", mode="single")


def turn(installation):
    installation.run(1)


def stay(installation):
    """Where Xero answers at once: a turn with one call, and one with three behind it."""
    XeroTarget.sizes = replace(XeroTarget.sizes, invoices=1)
    turns.worth_counting, turns._QUICK_SECONDS = (lambda _size: 1), 60.0
    installation.tools.bells.staff("here", 16, 600)
    with installation.store.read() as work:
        organisation = connections.organisation(work, Lane(COMPANY, TENANT))
    installation.tools.targets["xero"].pace.note(organisation, {}, 0.01)
    installation.run(1)


def lose_a_reply(installation):
    installation.ask(*WANTED)
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.run()
    installation.simulator.state.faults.set({})
    installation.later(installation.settings.settle_seconds + 1)
    installation.wake()


def change(installation):
    installation.ask(*WANTED)
    installation.run()
    installation.ask(*(an_invoice(one["id"], revision=2, reference="changed") for one in WANTED[:3]), request="r2")


def click_again(installation):
    """A person clicks an invoice that is in Xero as it was sent: a look."""
    installation.ask(*WANTED)
    installation.run()
    installation.ask(WANTED[0], request="look", mode="single")


def void_one(installation):
    installation.ask(*WANTED)
    installation.run()
    next(book for book in installation.books() if book["InvoiceNumber"] == WANTED[0]["number"])["Status"] = "VOIDED"


def order_anew(installation):
    """A person has the voided invoice raised anew; the same order, however often it comes."""
    said = {"as_request": "again", "invoices": [WANTED[0]["id"]]}
    intake.accept(installation.tools, an_order("raise_anew", event_id="order-anew", **said))


def void_and_order_anew(installation):
    void_one(installation)
    order_anew(installation)


def answer_everything(installation):
    installation.ask(*WANTED)
    installation.run()


def hand_out(installation):
    relay.relay(installation.tools, "killed")


STORIES = {
    "intake": (lambda _installation: None, ask, "r1"),
    "a turn that sends": (ask, turn, "r1"),
    "a turn that sends a click and what travels along": (ask_beside_a_click, turn, "r1"),
    "turns that stay, with several calls": (ask, stay, "r1"),
    "a turn that settles": (lose_a_reply, turn, "r1"),
    "a turn that updates": (change, turn, "r2"),
    "a turn that looks": (click_again, turn, "look"),
    "an order to raise anew": (void_one, order_anew, "again"),
    "a turn that raises anew": (void_and_order_anew, turn, "again"),
    "the relay": (answer_everything, hand_out, "r1"),
}
# A click of its own beside the three, or one of them for the second time.
ONE_MORE = ("a turn that sends a click and what travels along", "an order to raise anew", "a turn that raises anew")


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("intake", 3),
        ("a turn that sends", 3),
        *(pytest.param(name, 1, marks=pytest.mark.thorough) for name in STORIES),
    ],
)
def test_killed_before_any_statement_every_promise_still_holds(
    name, stride, fresh_database, redis_url, simulated_xero
):
    before, act, request = STORIES[name]
    simulator, url = simulated_xero
    fatal, lived = 1, None
    while lived is None:
        simulator.state.reset()
        database = fresh_database()
        first = Installation(database, redis_url, simulator, url)
        first.company()
        before(first)
        first.store.engine.dispose()

        def story(steps, database=database, first=first):
            mine = Installation(database, redis_url, simulator, url)
            mine.offset, mine.rings = first.offset, first.rings
            steps.watch(mine.store.engine)
            act(mine)

        lived = run_and_die(story, fatal)
        check(Installation(database, redis_url, simulator, url), first.offset, request, 3 + (name in ONE_MORE))
        fatal += stride
    assert fatal > 5, "there were no steps to die at"


def check(after, offset, request, count):
    """Restart, ask again (a host without an answer does), let time pass: each invoice once, each item one answer."""
    after.offset = offset
    if request == "r1":
        after.ask(*WANTED)
    elif request == "again":
        order_anew(after)
    after.settle_down(3)
    after.relay()
    assert set(Counter(book["InvoiceNumber"] for book in after.books()).values()) == {1}
    answers = after.answers(request)
    expected = {one["id"] for one in ASKED[request]}
    assert set(answers) == expected
    assert {id_ for id_, answer in answers.items() if answer["type"] == "succeeded"} == expected - {"bad"}
    completed = Counter(event["data"]["request"] for event in after.events("invoice.export.completed"))
    assert completed[request] == 1
    assert set(completed.values()) == {1}
    assert len(after.books()) == count
    with after.store.read() as work:
        assert requests.open_ones(work) == []
        feed = [event.position for event in outbox.after(work, 0)]
        reached = sinks.position(work, "stream")
    assert feed == list(range(1, len(after.events()) + 1))
    assert reached == feed[-1]
    after.store.engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def fresh_database(request, tmp_path):
    """Makes one empty database after the other."""
    if request.param == "sqlite":
        template, path = request.getfixturevalue("sqlite_template"), request.getfixturevalue("kept_sqlite")
        return lambda: machines.a_database_file(template, path)
    server, numbers = request.getfixturevalue("postgres"), itertools.count(1)
    return lambda: machines.copy_of_template(server, f"step_{tmp_path.name}_{next(numbers)}"[:60])
