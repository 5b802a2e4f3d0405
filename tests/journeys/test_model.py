"""Any order of events: lost replies, dying workers, an emptied Redis, voided and raised anew; then the promises.

Documents of both kinds, their files, and a client whose contact is created on the way.
"""

import contextlib
import hashlib
import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from events.contacts import ClientXeroContactCreateRequested
from store import attachments, contacts
from store.attachments import WantedFile
from tests import machines
from tests.attachments.conftest import SCOPES, Attaching
from tests.attachments.files import a_file_server
from tests.builders import COMPANY, TENANT, an_invoice, an_order, contact_id
from tests.contacts.admin import an_event
from tests.installation import Installation
from worker.attachments import attaching
from worker.attachments.fetching import Fetcher
from worker.contacts import changes, contact_answers
from worker.decisions import turns
from worker.export import rescuer, turn, xero_call
from worker.failing import sending_again
from worker.intake import intake
from xero_adapter import links
from xero_adapter.credit_notes import digest
from xero_adapter.target import XeroTarget

INVOICES = [f"i{number}" for number in range(1, 5)]
CREDITS = ["c1", "c2"]
NAMES = [*INVOICES, *CREDITS]
NEWCOMER = "n1"  # an invoice whose client has no contact yet
FILES = ["photo.jpg", "sheet.pdf"]
HANDED = "by the door.pdf"
MARKS = {f"CrewCard {digest(COMPANY, name, generation)}": name for name in CREDITS for generation in range(1, 30)}
LOSSES = ["", "commit_then_drop", "commit_then_500", "drop", "limit_minute"]  # of the next write
FAULTS = ["commit_then_drop", "commit_then_500", "http_500", "drop", "limit_minute", "html_503"]


def said(name):
    """What the host says of it."""
    if name == NEWCOMER:
        return an_invoice(name, client={"id": "new", "name": "Newcomer Ltd"})
    return an_invoice(name, **({"document": "credit_note"} if name in CREDITS else {}))


def body_of(invoice, file):
    """What is in a file, the same whenever it is fetched."""
    return f"{invoice} {file}".encode()


class Killed(BaseException):
    """The worker is gone, in the middle of it."""


class Model(RuleBasedStateMachine):
    """One installation; the machines it stands on are given by the test."""

    redis_url, simulated_xero, template, place, staffed, files = "", None, b"", None, False, None

    def __init__(self):
        super().__init__()
        simulator, url = self.simulated_xero
        simulator.state.reset()
        database = machines.a_database_file(self.template, self.place)
        simulator.state.switches.same_name_replaces = False  # a file that goes twice stands there twice
        self.it = Installation(database, self.redis_url, simulator, url, webhook_private_addresses=True)
        self.it.company(credit_notes=True, attachments=True, new_contacts="on_request", contact_ids_editable=True)
        Attaching(self.it, self.files).log_in(*SCOPES, "accounting.contacts")
        self.fetcher = Fetcher(private=True)
        self.named = {}
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

    @rule(name=st.sampled_from(INVOICES), files=st.sets(st.sampled_from(FILES), min_size=1))
    def ask_with_files(self, name, files):
        request = f"r{next(self.numbers)}"
        named = [
            {"name": file, "url": self.files.put(f"{name}-{file}", body_of(name, file))} for file in sorted(files)
        ]
        self.it.ask({**said(name), "attachments": named}, request=request)
        self.asked[request] = {name}
        self.named.setdefault(name, set()).update(files)
        self.it.run()

    @rule(name=st.sampled_from(INVOICES))
    def a_file_comes_by_the_door(self, name):
        body, called = body_of(name, HANDED), HANDED.replace(" ", "_")
        file = WantedFile(COMPANY, name, called, None, hashlib.sha256(body).hexdigest())
        with self.it.store.write() as work:
            if attachments.upload(work, file, body):
                self.named.setdefault(name, set()).add(HANDED)

    @rule(fault=st.sampled_from(LOSSES))
    def a_file_is_attached(self, fault):
        self.it.simulator.state.faults.set({fault: [1]} if fault else {})
        attaching.attach_next(self.it.tools, self.fetcher, COMPANY)
        self.it.simulator.state.faults.set({})

    @rule()
    def whoever_attaches_dies_with_its_call(self):
        real, attaching._close = attaching._close, _die
        with contextlib.suppress(Killed):
            attaching.attach_next(self.it.tools, self.fetcher, COMPANY)
        attaching._close = real

    @rule()
    def ask_for_a_client_without_a_contact(self):
        request = f"r{next(self.numbers)}"
        self.it.ask(said(NEWCOMER), request=request)
        self.asked[request] = {NEWCOMER}

    @rule(by=st.sampled_from(["anna", "bert"]))
    def an_admin_asks_for_the_contact(self, by):
        kind = ClientXeroContactCreateRequested.TYPE
        intake.accept(self.it.tools, an_event(kind, client="new", client_name="Newcomer Ltd", by=by))

    @rule(fault=st.sampled_from(LOSSES))
    def the_clock_answers_changes(self, fault):
        self.it.simulator.state.faults.set({fault: [1]} if fault else {})
        changes.answer_due(self.it.tools, "clock")
        self.it.simulator.state.faults.set({})

    @rule()
    def the_clock_dies_with_its_call(self):
        real, contact_answers.link = contact_answers.link, _die
        with contextlib.suppress(Killed):
            changes.answer_due(self.it.tools, "clock")
        contact_answers.link = real

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

    @invariant()
    def no_file_is_at_its_invoice_twice(self):
        held = self.it.simulator.state.world.organisations[TENANT].attachments.values()
        assert all(len({one.sha256 for one in files}) == len(files) for files in held)

    @invariant()
    def no_contact_is_created_twice(self):
        assert (
            sum(bool(one.number) for one in self.it.simulator.state.world.organisations[TENANT].contacts.values()) < 2
        )

    def all_is_done(self):
        """Time passes; a person asks for the contact, and has files that failed attached after all."""
        if {NEWCOMER} in self.asked.values():
            self.an_admin_asks_for_the_contact("anna")
        for _ in range(4):
            self.it.settle_down(3)
            for name in self.named:
                attaching.try_again(self.it.tools, COMPANY, name, "olga", "it waited")
            while attaching.attach_next(self.it.tools, self.fetcher, COMPANY) == 0:
                pass
            while changes.answer_due(self.it.tools, "clock"):
                pass
            sending_again.go_on(self.it.tools)
        self.it.settle_down(1)

    def teardown(self):
        self.it.simulator.state.faults.set({})
        self.all_is_done()
        self.check_documents()
        self.check_files()
        self.it.store.engine.dispose()

    def check_files(self):
        """Each file that was named is at its invoice, of one that lives; the host heard of all of them."""
        books = {book["InvoiceNumber"]: book["InvoiceID"] for book in self.it.books()}
        held = self.it.simulator.state.world.organisations[TENANT].attachments
        told = [one["data"] for one in self.it.events("invoice.attachments.completed")]
        asked = set().union(*self.asked.values())
        for name, files in self.named.items():
            mine = [one for one in told if one["invoice"] == name]
            assert [one["change"] for one in mine] == list(range(1, len(mine) + 1))
            if name in asked and name not in self.voided:
                there = {one.sha256 for one in held.get(books[f"N-{name}"], ())}
                assert there == {hashlib.sha256(body_of(name, file)).hexdigest() for file in files}
                assert (mine[-1]["attached"], mine[-1]["failed"]) == (len(files), 0)

    def check_documents(self):
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
                *(["contact_not_mapped"] if names == {NEWCOMER} else []),
            }
            assert set(failed) <= {*self.voided, NEWCOMER} or request in self.raised
            assert len(self.it.events("invoice.export.completed", request=request)) == 1


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
    with a_file_server() as Model.files:
        run_state_machine_as_test(Model, settings=chosen)
