"""A crash at every step: whoever creates a contact is killed (kill -9) before each of them; it is there once."""

import itertools
from collections import Counter

import pytest

from events.contacts import ClientXeroContactCreateRequested
from store import companies, connections
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice
from tests.contacts.admin import an_event
from tests.installation import Installation
from tests.system.stepping import run_and_die
from worker.contacts import changes, new_contacts
from worker.failing import sending_again
from worker.intake import intake

pytestmark = pytest.mark.timeout(900)
CLIENT = {"id": "new", "name": "Newcomer Ltd", "email": "office@newcomer.example"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def fresh_database(request, tmp_path):
    """Makes one empty database after the other."""
    if request.param == "sqlite":
        template, path = request.getfixturevalue("sqlite_template"), request.getfixturevalue("kept_sqlite")
        return lambda: machines.a_database_file(template, path)
    server, numbers = request.getfixturevalue("postgres"), itertools.count(1)
    return lambda: machines.copy_of_template(server, f"contacts_{tmp_path.name}_{next(numbers)}"[:60])


def wish(installation):
    """An admin asks for the contact; the same event, however often it comes."""
    kind = ClientXeroContactCreateRequested.TYPE
    intake.accept(installation.tools, an_event(kind, client="new", event_id="wish"))


def answer(installation):
    """What the clock does about changes, and what follows from them."""
    while changes.answer_due(installation.tools, "clock"):
        pass
    sending_again.go_on(installation.tools)


def wish_and_lose_the_answer(installation):
    """Xero has the contact, nobody heard of it, and it has settled."""
    wish(installation)
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    answer(installation)
    installation.simulator.state.faults.set({})
    installation.later(installation.settings.settle_seconds + 1)


def nothing(_installation):
    """The company's setting asks by itself."""


def by_setting(installation):
    new_contacts.ask_by_setting(installation.tools, "clock")
    answer(installation)


STORIES = {
    "asking": (nothing, wish, "on_request"),
    "creating": (wish, answer, "on_request"),
    "looking it up": (wish_and_lose_the_answer, answer, "on_request"),
    "by the setting": (nothing, by_setting, "automatic"),
}


def set_up(installation, way):
    """The company creates contacts, its login may, and two invoices have failed for want of one."""
    installation.company()
    with installation.store.write() as work:
        chosen = {"new_contacts": way, "contact_ids_editable": True}
        companies.set_up(work, COMPANY, "Harbour", companies.settings_of(work, COMPANY).model_copy(update=chosen))
        at = connections.of_company(work, COMPANY)
        at.scopes = f"{at.scopes} accounting.contacts"
    for grant in installation.simulator.state.identity.grants.values():
        for token in grant.access.values():
            token.scopes.append("accounting.contacts")
    installation.ask(an_invoice("n1", client=CLIENT), an_invoice("n2", client=CLIENT))
    installation.run()


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("creating", 23),
        *(pytest.param(name, 1, marks=pytest.mark.thorough) for name in STORIES),
    ],
)
def test_killed_before_any_step_the_contact_is_there_once_and_told_once(
    name, stride, fresh_database, redis_url, simulated_xero
):
    before, act, way = STORIES[name]
    simulator, url = simulated_xero
    fatal, lived = 1, None
    while lived is None:
        simulator.state.reset()
        database = fresh_database()
        first = Installation(database, redis_url, simulator, url)
        set_up(first, way)
        before(first)
        first.store.engine.dispose()

        def story(steps, database=database, first=first):
            mine = Installation(database, redis_url, simulator, url)
            mine.offset = first.offset
            steps.watch(mine.store.engine)
            act(mine)

        lived = run_and_die(story, fatal)
        after = Installation(database, redis_url, simulator, url)
        after.offset = first.offset
        check(after, way, f"killed at {fatal}")
        fatal += stride
    assert fatal > 5, "there were no steps to die at"


def check(after, way, when):
    """The host asks again (it may have no answer), time passes: one contact, one answer, each invoice once."""
    if way == "on_request":
        wish(after)
    for _ in range(3):
        after.later(after.settings.settle_seconds + 301)
        by_setting(after)
    after.settle_down(1)
    made = [one for one in simulated(after).contacts.values() if one.number or one.name.startswith(CLIENT["name"])]
    assert [one.name for one in made] == [CLIENT["name"]], when
    told = after.events("client.xero_contact.updated")
    assert [(one["data"]["client"], one["data"]["created"]) for one in told] == [("new", True)], when
    assert after.events("client.xero_contact.rejected") == [], when
    assert {book["Contact"]["ContactID"] for book in after.books()} == {made[0].id}, when
    assert Counter(book["InvoiceNumber"] for book in after.books()) == {"N-n1": 1, "N-n2": 1}, when
    assert after.markers() == {"n1": "exported", "n2": "exported"}, when
    after.store.engine.dispose()


def simulated(installation):
    return installation.simulator.state.world.organisations[TENANT]
