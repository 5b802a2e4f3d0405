"""A crash at every step: whoever attaches is killed (kill -9) before each of them; each file is there once."""

import itertools

import pytest

from store import attachments
from tests import machines
from tests.attachments.conftest import SCOPES, Attaching
from tests.attachments.test_journeys import raised_anew
from tests.builders import COMPANY, an_invoice
from tests.installation import Installation
from tests.system.stepping import run_and_die
from worker.attachments.attaching import attach_next
from worker.attachments.fetching import Fetcher

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def fresh_database(request, tmp_path):
    """Makes one empty database after the other."""
    if request.param == "sqlite":
        template, path = request.getfixturevalue("sqlite_template"), request.getfixturevalue("kept_sqlite")
        return lambda: machines.a_database_file(template, path)
    server, numbers = request.getfixturevalue("postgres"), itertools.count(1)
    return lambda: machines.copy_of_template(server, f"files_{tmp_path.name}_{next(numbers)}"[:60])


def wanted(files):
    return [{"name": name, "url": files.put(name, name.encode())} for name in ("a.pdf", "b.pdf")]


def name_them(installation, files):
    """Intake, of an invoice that is in Xero already."""
    installation.ask(an_invoice(attachments=wanted(files)), request="r2")


def attach(installation, _files):
    fetcher = Fetcher(private=True)
    while attach_next(installation.tools, fetcher, COMPANY) is not None:
        pass


def named(installation, files):
    name_them(installation, files)


def lose_an_answer(installation, files):
    """The first file is in doubt, and has settled."""
    name_them(installation, files)
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    attach_next(installation.tools, Fetcher(private=True), COMPANY)
    installation.simulator.state.faults.set({})
    installation.later(installation.settings.settle_seconds + 1)


def raise_it_anew(installation, files):
    """Its files are in Xero, at an invoice that is voided now."""
    name_them(installation, files)
    attach(installation, files)
    raised_anew(Attaching(installation, files))


STORIES = {
    "naming": (lambda _installation, _files: None, name_them),
    "attaching": (named, attach),
    "looking one up": (lose_an_answer, attach),
    "taking over": (raise_it_anew, attach),
}


@pytest.mark.parametrize(
    ("name", "stride"),
    [("naming", 3), ("attaching", 7), *(pytest.param(name, 1, marks=pytest.mark.thorough) for name in STORIES)],
)
def test_killed_before_any_step_each_file_is_there_once_and_told(
    name, stride, fresh_database, redis_url, simulated_xero, files
):
    before, act = STORIES[name]
    simulator, url = simulated_xero
    fatal, lived = 1, None
    while lived is None:
        simulator.state.reset()
        simulator.state.switches.same_name_replaces = False
        database = fresh_database()
        first = Installation(database, redis_url, simulator, url, webhook_private_addresses=True)
        first.company(attachments=True)
        Attaching(first, files).log_in(*SCOPES)
        first.ask(an_invoice())
        first.run()
        before(first, files)
        first.store.engine.dispose()

        def story(steps, database=database, first=first):
            mine = Installation(database, redis_url, simulator, url, webhook_private_addresses=True)
            mine.offset = first.offset
            steps.watch(mine.store.engine)
            act(mine, files)

        lived = run_and_die(story, fatal)
        after = Installation(database, redis_url, simulator, url, webhook_private_addresses=True)
        check(after, first.offset, files, "N-i1-2" if before is raise_it_anew else "N-i1")
        fatal += stride
    assert fatal > 5, "there were no steps to die at"


def check(after, offset, files, number):
    """The host asks again (it may have no answer), time passes: each file once, told once each time it was named."""
    after.offset = offset
    name_them(after, files)
    attaching = Attaching(after, files)
    attaching.settle(3)
    attaching.attacher.stop()
    assert attaching.names(number) == ["a.pdf", "b.pdf"]
    told = attaching.told()
    assert (told[-1]["attached"], told[-1]["failed"]) == (2, 0)
    assert [one["change"] for one in told] == list(range(1, len(told) + 1))
    with after.store.read() as work:
        rows = attachments.of_invoice(work, COMPANY, "i1")
        assert {row.state for row in rows} == {"attached"}
        assert attachments.stored_bytes(work, COMPANY) == 0
    after.store.engine.dispose()
