"""A crash at every step: whoever creates contacts is killed (kill -9) before each of them; each is there once."""

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
CLIENTS = {
    "new": {"id": "new", "name": "Newcomer Ltd", "email": "office@newcomer.example"},
    "other": {"id": "other", "name": "Harbour Cranes", "email": "office@cranes.example"},
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def fresh_database(request, tmp_path):
    """Makes one empty database after the other."""
    if request.param == "sqlite":
        template, path = request.getfixturevalue("sqlite_template"), request.getfixturevalue("kept_sqlite")
        return lambda: machines.a_database_file(template, path)
    server, numbers = request.getfixturevalue("postgres"), itertools.count(1)
    return lambda: machines.copy_of_template(server, f"contacts_{tmp_path.name}_{next(numbers)}"[:60])


def wish(installation):
    """An admin asks for the contacts; the same events, however often they come."""
    kind = ClientXeroContactCreateRequested.TYPE
    for client in CLIENTS:
        intake.accept(installation.tools, an_event(kind, client=client, event_id=f"wish-{client}"))


def answer(installation):
    """What the clock does about changes, and what follows from them."""
    while changes.answer_due(installation.tools, "clock"):
        pass
    sending_again.go_on(installation.tools)


def wish_and_lose_the_answer(installation):
    """Xero has the contacts, nobody heard of it, and it has settled."""
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
    """The company creates contacts, its login may, and an invoice of each client has failed for want of one."""
    installation.company()
    with installation.store.write() as work:
        chosen = {"new_contacts": way, "contact_ids_editable": True}
        companies.set_up(work, COMPANY, "Harbour", companies.settings_of(work, COMPANY).model_copy(update=chosen))
        at = connections.of_company(work, COMPANY)
        at.scopes = f"{at.scopes} accounting.contacts"
    for grant in installation.simulator.state.identity.grants.values():
        for token in grant.access.values():
            token.scopes.append("accounting.contacts")
    installation.ask(*(an_invoice(f"n-{id_}", client=client) for id_, client in CLIENTS.items()))
    installation.run()


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("creating", 37),
        *(pytest.param(name, 1, marks=pytest.mark.thorough) for name in STORIES),
    ],
)
def test_killed_before_any_step_each_contact_is_there_once_and_told_once(
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
    """The host asks again (it may have no answer), time passes: one contact, one answer, one invoice for each."""
    if way == "on_request":
        wish(after)
    for _ in range(3):
        after.later(after.settings.settle_seconds + 301)
        by_setting(after)
    after.settle_down(1)
    names = {client["name"]: id_ for id_, client in CLIENTS.items()}
    made = [one for one in simulated(after).contacts.values() if one.number or one.name.startswith(tuple(names))]
    assert sorted(one.name for one in made) == sorted(names), when
    told = after.events("client.xero_contact.updated")
    linked = {one["data"]["client"]: one["data"]["contact"]["xero_contact_id"] for one in told}
    assert linked == {names[one.name]: one.id for one in made}, when
    assert [one["data"]["created"] for one in told] == [True] * len(names), when
    assert after.events("client.xero_contact.rejected") == [], when
    billed = Counter((book["InvoiceNumber"], book["Contact"]["ContactID"]) for book in after.books())
    assert billed == {(f"N-n-{id_}", contact): 1 for id_, contact in linked.items()}, when
    assert after.markers() == {f"n-{id_}": "exported" for id_ in CLIENTS}, when
    after.store.engine.dispose()


def simulated(installation):
    return installation.simulator.state.world.organisations[TENANT]
