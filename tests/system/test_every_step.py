"""A crash at every step: each story is killed (kill -9) before each of its statements, restarted, and checked."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from events.accounting_target import Lane
from simulator import ledger
from simulator.webhooks import signature
from store import connections, outbox, requests, sinks
from store.tables import ChangedInvoice
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, an_order, invoices
from tests.installation import Installation
from tests.system.stepping import run_and_die
from worker.connections import apps
from worker.decisions import turns
from worker.delivery import relay
from worker.export import allocating
from worker.intake import intake
from worker.reconcile.changed_invoices import InvoiceLooks, WebhookIntake, WebhookOutcome
from xero_adapter.target import XeroTarget

pytestmark = pytest.mark.timeout(900)
WANTED = [*invoices(3), an_invoice("bad", line={"account_code": "299"})]
CREDITS = [
    {**one, "document": "credit_note"} for one in (*invoices(3, "c"), an_invoice("bad", line={"account_code": "299"}))
]
ASKED = {"r1": WANTED, "credits": CREDITS, "r2": WANTED[:3], "look": WANTED[:1], "again": WANTED[:1]}


def ask(installation):
    installation.ask(*WANTED)


def ask_for_credits(installation):
    installation.ask(*CREDITS, request="credits")


def lose_a_reply_about_credits(installation):
    ask_for_credits(installation)
    lost(installation)


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
    lost(installation)


def lost(installation):
    """Xero keeps what the call brings, and nobody hears of it."""
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
    "a turn that sends credit notes": (ask_for_credits, turn, "credits"),
    "a turn that settles credit notes": (lose_a_reply_about_credits, turn, "credits"),
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
        ("a turn that settles credit notes", 3),
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
        first.company(credit_notes=True)
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
    if request in ("r1", "credits"):
        after.ask(*ASKED[request], request=request)
    elif request == "again":
        order_anew(after)
    after.settle_down(3)
    after.relay()
    notes = after.simulator.state.world.organisations[TENANT].credit_notes.values()
    numbers = [book["InvoiceNumber"] for book in after.books()] + [note["CreditNoteNumber"] for note in notes]
    assert set(Counter(numbers).values()) == {1}
    assert bool(notes) is (request == "credits")
    answers = after.answers(request)
    expected = {one["id"] for one in ASKED[request]}
    assert set(answers) == expected
    assert {id_ for id_, answer in answers.items() if answer["type"] == "succeeded"} == expected - {"bad"}
    completed = Counter(event["data"]["request"] for event in after.events("invoice.export.completed"))
    assert completed[request] == 1
    assert set(completed.values()) == {1}
    assert len(numbers) == count
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


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.thorough)])
def test_killed_anywhere_between_a_webhook_and_its_look_the_host_is_told_once(
    stride, fresh_database, redis_url, simulated_xero
):
    simulator, url = simulated_xero
    fatal, lived, taken_and_killed = 1, None, 0
    while lived is None:
        simulator.state.reset()
        first = Installation(fresh_database(), redis_url, simulator, url)
        first.company()
        answer_everything(first)
        first.later(600)
        body = paid_in_xero(first)
        first.store.engine.dispose()

        def story(steps, first=first, body=body):
            mine = Installation(first.settings.database_url, redis_url, simulator, url)
            mine.offset = first.offset
            steps.watch(mine.store.engine)
            post(mine, body)
            InvoiceLooks(mine.tools, "killed").look_at_due()

        lived = run_and_die(story, fatal)
        after = Installation(first.settings.database_url, redis_url, simulator, url)
        after.offset = first.offset + timedelta(seconds=after.settings.call_deadline + 120)
        with after.store.read() as work:
            was_taken = bool(work.session.exec(select(ChangedInvoice)).first())
        if not was_taken:
            assert post(after, body) is WebhookOutcome.TAKEN, "Xero comes again with what was not answered"
        taken_and_killed += was_taken and lived is None
        looks = InvoiceLooks(after.tools, "restarted")
        for _ in range(3):
            looks.look_at_due()
            after.later(61)
        told = after.events("invoice.paid")
        assert [event["data"]["due"] for event in told] == ["0.00"], f"killed at {fatal}"
        after.store.engine.dispose()
        fatal += stride
    assert taken_and_killed > 1, "nobody died between the webhook and its look"


@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.thorough)])
def test_killed_anywhere_while_a_credit_note_is_allocated_it_is_allocated_once(
    stride, fresh_database, redis_url, simulated_xero
):
    simulator, url = simulated_xero
    fatal, lived = 1, None
    while lived is None:
        simulator.state.reset()
        first = Installation(fresh_database(), redis_url, simulator, url)
        first.company(credit_notes=True)
        first.ask(an_invoice("i"), an_invoice("c", document="credit_note", credits="i", line={"unit_amount": "30"}))
        first.run()
        first.store.engine.dispose()

        def story(steps, first=first):
            mine = Installation(first.settings.database_url, redis_url, simulator, url)
            steps.watch(mine.store.engine)
            allocating.allocate_in(mine.tools, Lane(COMPANY, TENANT))

        lived = run_and_die(story, fatal)
        after = Installation(first.settings.database_url, redis_url, simulator, url)
        for _ in range(4):
            after.later(1200)
            allocating.allocate_in(after.tools, Lane(COMPANY, TENANT))
        (note,) = simulator.state.world.organisations[TENANT].credit_notes.values()
        (book,) = after.books()
        assert [one["Amount"] for one in note["Allocations"]] == [note["Total"]], f"killed at {fatal}"
        assert book["AmountCredited"] == note["Total"]
        assert len(after.events("credit_note.allocated")) == 1
        assert after.events("credit_note.unallocated") == []
        after.store.engine.dispose()
        fatal += stride
    assert fatal > 10, "there were no steps to die at"


def paid_in_xero(installation):
    """One of the invoices is paid; gives what Xero posts of it."""
    book = installation.books()[0]
    ledger.pay(installation.simulator.state.world, book, book["AmountDue"])
    apps.set_webhook_key(installation.tools, COMPANY, "key", "olga")
    event = {"resourceId": book["InvoiceID"], "tenantId": TENANT, "eventCategory": "INVOICE", "eventType": "UPDATE"}
    return json.dumps({"events": [{**event, "eventDateUtc": installation.now().isoformat()}]}).encode()


def post(installation, body):
    return WebhookIntake(installation.tools).take(COMPANY, signature("key", body), body)
