"""Any order of events: lost replies, dying workers, an emptied Redis, voided and raised anew; then the promises."""

import contextlib
import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from store import contacts
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, an_order, contact_id
from tests.installation import Installation
from worker.decisions import turns
from worker.export import rescuer, turn, xero_call
from worker.intake import intake
from xero_adapter import links
from xero_adapter.credit_notes import digest
from xero_adapter.target import XeroTarget

INVOICES = [f"i{number}" for number in range(1, 5)]
CREDITS = ["c1", "c2"]
NAMES = [*INVOICES, *CREDITS]
MARKS = {f"CrewCard {digest(COMPANY, name, generation)}": name for name in CREDITS for generation in range(1, 30)}
FAULTS = ["commit_then_drop", "commit_then_500", "http_500", "drop", "limit_minute", "html_503"]


def said(name):
    """What the host says of it."""
    return an_invoice(name, **({"document": "credit_note"} if name in CREDITS else {}))


class Killed(BaseException):
    """The worker is gone, in the middle of it."""


class Model(RuleBasedStateMachine):
    """One installation; the machines it stands on are given by the test."""

    redis_url, simulated_xero, template, place, staffed = "", None, b"", None, False

    def __init__(self):
        super().__init__()
        simulator, url = self.simulated_xero
        simulator.state.reset()
        database = machines.a_database_file(self.template, self.place)
        self.it = Installation(database, self.redis_url, simulator, url)
        self.it.company(credit_notes=True)
        self.numbers = itertools.count(1)
        self.asked = {}
        self.raised = set()
        self.voided = set()

    def documents(self):
        """Everything in Xero: whose it is, its mark, and what there is of it."""
        of_invoices = [(*links.marked(book["Url"]), book["Url"], book) for book in self.it.books()]
        notes = self.it.simulator.state.world.organisations[TENANT].credit_notes.values()
        of_notes = [(COMPANY, MARKS[note["Reference"]], note["Reference"], note) for note in notes]
        assert {company for company, *_ in (*of_invoices, *of_notes)} <= {COMPANY}
        return [found[1:] for found in (*of_invoices, *of_notes)]

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True), single=st.booleans())
    def ask(self, names, single):
        request = f"r{next(self.numbers)}"
        mode = "single" if single else "bulk"
        self.it.ask(*(said(name) for name in names), request=request, mode=mode)
        self.asked[request] = set(names)

    @rule(name=st.sampled_from(NAMES))
    def somebody_voids_it_in_xero(self, name):
        for whose, _, book in self.documents():
            if whose == name and book["Status"] != "VOIDED":
                book["Status"] = "VOIDED"
                self.voided.add(name)

    @rule(name=st.sampled_from(NAMES), request=st.integers(1, 3))
    def a_person_raises_it_anew(self, name, request):
        """Pressed again, it is another order; delivered again, it is the same."""
        named = f"raise-{name}-{request}"
        order = an_order("raise_anew", invoices=[name], as_request=named, event_id=named)
        with contextlib.suppress(Exception):
            if intake.accept(self.it.tools, order).invoices:
                self.asked[named] = {name}
                self.raised.add(named)

    @rule(to=st.sampled_from(["acme", "bolt"]))
    def the_client_is_linked_to_another_contact(self, to):
        with self.it.store.write() as work:
            contacts.link(work, COMPANY, "acme", contact_id(to), said_by="test")

    @rule(request=st.integers(1, 30))
    def deliver_again(self, request):
        name = f"r{request}"
        if name in self.asked:
            with contextlib.suppress(Exception):
                self.it.ask(*(said(one) for one in sorted(self.asked[name])), request=name)

    @rule(fault=st.sampled_from(FAULTS), call=st.integers(1, 3))
    def turn_with_a_fault(self, fault, call):
        self.it.simulator.state.faults.set({fault: [call]})
        self.turn()
        self.it.simulator.state.faults.set({})

    @rule()
    def turn(self):
        if self.staffed:
            self.it.tools.bells.staff("here", 16, 600)
        self.it.run(1)

    @rule()
    def worker_dies_with_its_call(self):
        real, xero_call.close = xero_call.close, _die
        try:
            if self.it.rings:
                lane, token = self.it.rings.pop(0)
                turn.answer_doorbell(self.it.tools, turn.Lane.of(lane), token)
        except Killed:
            pass
        finally:
            xero_call.close = real

    @rule(seconds=st.sampled_from([1, 10, 100, 400]))
    def time_passes(self, seconds):
        self.it.later(seconds)

    @rule()
    def sweep(self):
        rescuer.sweep(self.it.tools, "test")

    @rule()
    def redis_is_emptied(self):
        self.it.tools.redis.flushall()
        self.it.rings.clear()

    @invariant()
    def no_invoice_is_in_xero_twice(self):
        marks = Counter(mark for _, mark, _ in self.documents())
        assert not marks or max(marks.values()) == 1

    @invariant()
    def no_invoice_lives_in_xero_twice(self):
        alive = Counter(name for name, _, book in self.documents() if book["Status"] != "VOIDED")
        assert not alive or max(alive.values()) == 1

    def teardown(self):
        self.it.simulator.state.faults.set({})
        self.it.settle_down(12)
        wanted = set().union(*self.asked.values()) if self.asked else set()
        assert {name for name, _, _ in self.documents()} == wanted
        assert all((name in CREDITS) == ("CreditNoteID" in book) for name, _, book in self.documents())
        for request, names in self.asked.items():
            answers = self.it.answers(request)
            assert set(answers) == names
            failed = {name: one["reason"] for name, one in answers.items() if one["type"] == "failed"}
            assert set(failed.values()) <= {
                "invoice_finalised",
                *(["still_in_xero"] if request in self.raised else []),
            }
            assert set(failed) <= self.voided or request in self.raised
            assert len(self.it.events("invoice.export.completed", request=request)) == 1
        self.it.store.engine.dispose()


def _die(*_args, **_kwargs):
    raise Killed


@pytest.mark.timeout(280)
@pytest.mark.parametrize("examples", [12, pytest.param(60, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("stays", [False, True], ids=["a call in each turn", "several calls in turns that stay"])
def test_whatever_happens_in_whatever_order_the_promises_hold(
    stays, examples, redis_url, simulated_xero, sqlite_template, kept_sqlite, monkeypatch
):
    if stays:
        monkeypatch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=1))
        monkeypatch.setattr(turns, "worth_counting", lambda _size: 1)
        monkeypatch.setattr(turns, "_QUICK_SECONDS", 60.0)
    Model.staffed = stays
    chosen = settings(
        max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Model.redis_url, Model.simulated_xero = redis_url, simulated_xero
    Model.template, Model.place = sqlite_template, kept_sqlite
    run_state_machine_as_test(Model, settings=chosen)
