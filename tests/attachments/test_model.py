"""Any order of events around files: named anew, lost answers, a dying clock, raised anew; each is there once."""

import contextlib
import hashlib
import itertools
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from store import attachments
from tests import machines
from tests.attachments.conftest import SCOPES, Attaching
from tests.attachments.test_journeys import raised_anew
from tests.builders import COMPANY, TENANT, an_invoice
from tests.installation import Installation
from worker.attachments import attaching
from worker.attachments.fetching import Fetcher

NAMES = ["a.pdf", "b.pdf"]
FAULTS = ["commit_then_drop", "commit_then_500", "http_500", "drop"]


class Killed(BaseException):
    """The clock is gone, after its call and before it wrote down what came of it."""


class FilesModel(RuleBasedStateMachine):
    """An exported invoice and its files; a second one of a name would stand beside the first."""

    redis_url, simulated_xero, template, place, files = "", None, b"", None, None

    def __init__(self):
        super().__init__()
        simulator, url = self.simulated_xero
        simulator.state.reset()
        simulator.state.switches.same_name_replaces = False
        database = machines.a_database_file(self.template, self.place)
        self.it = Installation(database, self.redis_url, simulator, url, webhook_private_addresses=True)
        self.it.company(attachments=True)
        self.attaching = Attaching(self.it, self.files)
        self.attaching.log_in(*SCOPES)
        self.fetcher, self.numbers, self.wanted = Fetcher(private=True), itertools.count(1), {}
        self.send([])

    def send(self, names):
        named = [{"name": name, "url": f"{self.files.base}/{name}"} for name in names]
        self.it.ask(an_invoice(attachments=named), request=f"r{next(self.numbers)}")
        self.it.run()

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True), content=st.sampled_from([b"x", b"yy"]))
    def files_are_named(self, names, content):
        for name in names:
            self.files.put(name, name.encode() + content)
            self.wanted[name] = hashlib.sha256(name.encode() + content).hexdigest()
        self.send(names)

    @rule()
    def a_step(self):
        attaching.attach_next(self.it.tools, self.fetcher, COMPANY)

    @rule(fault=st.sampled_from(FAULTS))
    def a_step_with_a_fault(self, fault):
        self.it.simulator.state.faults.set({fault: [1]})
        self.a_step()
        self.it.simulator.state.faults.set({})

    @rule()
    def the_clock_dies_after_its_call(self):
        real, attachments.let_go = attachments.let_go, _die
        try:
            with contextlib.suppress(Killed):
                self.a_step()
        finally:
            attachments.let_go = real

    @rule(seconds=st.sampled_from([2, 40, 400]))
    def time_passes(self, seconds):
        self.it.later(seconds)

    @rule()
    def it_is_voided_in_xero_and_raised_anew(self):
        raised_anew(self.attaching, f"anew-{next(self.numbers)}")

    @invariant()
    def no_file_is_at_an_invoice_twice(self):
        for kept in self.attaching.in_xero().values():
            assert max(Counter(name for name, *_ in kept).values()) == 1

    def teardown(self):
        for _ in range(2):
            for _ in range(5):
                while attaching.attach_next(self.it.tools, self.fetcher, COMPANY) == 0:
                    pass
                self.it.later(3700)
            attaching.try_again(self.it.tools, COMPANY, "i1", "olga", "what broke off several times")
        books = self.it.simulator.state.world.organisations[TENANT]
        kept = books.attachments.get(self.it.export("i1").xero_invoice_id, [])
        assert {one.name: one.sha256 for one in kept} == self.wanted
        self.no_file_is_at_an_invoice_twice()
        told = self.attaching.told()
        assert [one["change"] for one in told] == list(range(1, len(told) + 1))
        assert (told[-1]["attached"] if told else 0) == len(self.wanted)
        self.attaching.attacher.stop()
        self.it.store.engine.dispose()


def _die(*_args, **_kwargs):
    raise Killed


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_whatever_happens_to_files_each_is_there_once_as_it_was_named_last(
    redis_url, simulated_xero, sqlite_template, kept_sqlite, files
):
    chosen = settings(max_examples=40, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))
    FilesModel.redis_url, FilesModel.simulated_xero, FilesModel.files = redis_url, simulated_xero, files
    FilesModel.template, FilesModel.place = sqlite_template, kept_sqlite
    run_state_machine_as_test(FilesModel, settings=chosen)
