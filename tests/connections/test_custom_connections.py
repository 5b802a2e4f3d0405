"""A company whose Xero app is a custom connection: nobody logs in, no login ends; taken back it says what to do."""

import pytest

from events.accounting_target import Trouble
from events.credentials import OpenedOrganisation
from store import connections
from store.tables import Token
from tests.builders import COMPANY, an_invoice
from tests.connections.house import TENANT
from tests.contacts.test_creating import turn_on
from worker.connections import apps, health, logging_in, login_links, tending
from worker.decisions.refusals import LoginRefused
from xero_adapter.login import XeroLogin

CLIENT = f"app-{COMPANY}"


def custom(house, **other):
    """A company that is connected by its custom connection."""
    house.company(kind="custom", at_xero={"tenant": TENANT}, **other)
    assert logging_in.connect_by_app(house.tools, COMPANY, "olga").connected == "Organisation 1111"
    return house


@pytest.fixture
def own(house):
    return custom(house)


@pytest.fixture
def small(small_house):
    return custom(small_house)


def token(house):
    with house.tools.store.read() as work:
        return work.session.get_one(Token, (CLIENT, f"of {COMPANY}"))


def state(house):
    return house.installation.simulator.state


def take_back(house):
    """The company's people disconnect it in Xero."""
    for grant in state(house).identity.grants.values():
        state(house).identity.revoke(grant)


def exported(house, number):
    house.installation.ask(an_invoice(number), request=number)
    house.installation.run()
    return house.installation.export(number).state


def test_it_is_connected_without_a_login_and_exports(own):
    assert exported(own, "i1") == "exported"
    (event,) = own.installation.events("xero.connection.connected")
    assert (event["data"]["app_kind"], event["data"]["organisation"]["tenant"]) == ("custom", TENANT)
    assert "offline_access" not in event["data"]["scopes"]
    how = health.of_company(own.tools, COMPANY)
    assert (how.well, how.app_kind, how.login_ends_at, how.notes) == (True, "custom", None, ())


def test_work_that_waited_goes_once_it_is_connected(small_house):
    small_house.company(kind="custom", at_xero={"tenant": TENANT})
    assert exported(small_house, "i1") == "pending"
    logging_in.connect_by_app(small_house.tools, COMPANY, "olga")
    small_house.installation.run()
    assert set(small_house.installation.answers("i1")) == {"i1"}
    assert [book["InvoiceNumber"] for book in small_house.installation.books()] == ["N-i1"]


def test_a_token_is_had_anew_before_it_ends_and_nobody_is_asked(own):
    first = token(own).version
    own.installation.later(31 * 60)
    assert exported(own, "i1") == "exported"
    assert token(own).version == first + 1
    own.installation.later(31 * 60)
    assert exported(own, "i2") == "exported"
    assert token(own).version == first + 2
    assert own.installation.events("xero.connection.needs_login") == []


def test_no_login_ever_ends_however_long_nobody_exports(small):
    state(small).faults.set({"token_500": 1.0})  # it cannot be had anew, which would end a person's login soon
    small.installation.later(59 * 86_400)
    assert tending.tend(small.tools, "clock") == 0
    state(small).faults.set({})
    assert small.installation.events("xero.connection.login_expiring") == []
    small.installation.later(400 * 86_400)
    assert exported(small, "i1") == "exported"


def test_one_that_is_taken_back_is_told_once_with_the_right_steps_and_goes_on_when_connected_anew(own):
    take_back(own)
    own.installation.ask(an_invoice("i1"), request="i1")
    for _ in range(6):
        own.installation.run()
        own.installation.later(61)
        own.installation.wake()
        tending.tend(own.tools, "clock")
    (event,) = own.installation.events("xero.connection.needs_login")
    said = event["data"]
    assert (said["reason"], said["who"], said["login_due"], said["app_kind"]) == (
        "custom_taken_back",
        "support",
        False,
        "custom",
    )
    assert "press Connect" in said["how"]
    assert "log in" not in f"{said['message']} {said['how']}".lower()
    how = health.of_company(own.tools, COMPANY)
    assert (how.title, how.command) == ("Custom connection taken back", f"crewcard-xero connect {COMPANY}")
    assert own.installation.answers("i1") == {}  # it waits, and has not failed
    state(own).identity.apps[CLIENT].tenant = TENANT  # authorised again
    logging_in.connect_by_app(own.tools, COMPANY, "olga")
    own.installation.wake()
    own.installation.run()
    assert own.installation.export("i1").state == "exported"


def test_an_organisation_that_is_disconnected_there_is_told_with_the_same_steps(small):
    grant = next(iter(state(small).identity.grants.values()))
    grant.connections.clear()
    small.installation.ask(an_invoice("i1"), request="i1")
    small.installation.run()
    (event,) = small.installation.events("xero.connection.needs_login")
    assert (event["data"]["reason"], event["data"]["login_due"]) == ("custom_taken_back", False)


def test_a_secret_that_is_replaced_mends_it(small):
    state(small).identity.apps[CLIENT].secret = "another"
    small.installation.later(31 * 60)
    small.installation.ask(an_invoice("i1"), request="i1")
    for _ in range(6):
        small.installation.run()
        small.installation.later(61)
        small.installation.wake()
        tending.tend(small.tools, "clock")
    assert small.installation.export("i1").state == "pending"
    apps.rotate_secret(small.tools, COMPANY, "another", "olga")
    small.installation.wake()
    small.installation.run()
    assert small.installation.export("i1").state == "exported"


def test_nobody_gets_a_login_link_for_it(small):
    with pytest.raises(LoginRefused, match="custom connection") as refused:
        login_links.link(small.tools, COMPANY)
    assert "presses Connect" in refused.value.refusal.value.how


@pytest.mark.parametrize(
    ("at_xero", "secret", "said"),
    [({"tenant": ""}, "s", "does not accept"), ({"tenant": TENANT}, "wrong", "does not accept")],
)
def test_what_xero_does_not_open_is_not_connected(small_house, at_xero, secret, said):
    small_house.company(kind="custom", at_xero=at_xero, secret=secret, xero_secret="s")
    with pytest.raises(LoginRefused):
        logging_in.connect_by_app(small_house.tools, COMPANY, "olga")
    with small_house.tools.store.read() as work:
        assert connections.of_company(work, COMPANY) is None


@pytest.mark.parametrize("opened", [0, 2])
def test_one_that_opens_none_or_several_organisations_is_not_connected(small_house, monkeypatch, opened):
    small_house.company(kind="custom", at_xero={"tenant": TENANT})
    some = [OpenedOrganisation(f"tenant-{number}", "Some", f"id-{number}") for number in range(opened)]
    monkeypatch.setattr(XeroLogin, "organisations", lambda *_: some)
    with pytest.raises(LoginRefused, match="no organisation, or more than one"):
        logging_in.connect_by_app(small_house.tools, COMPANY, "olga")


def test_one_organisation_is_no_second_companys(own):
    own.company("wharf", kind="custom", at_xero={"tenant": TENANT})
    with pytest.raises(LoginRefused, match="already used"):
        logging_in.connect_by_app(own.tools, "wharf", "olga")


def test_what_is_switched_on_is_asked_for_once_it_is_connected_anew(small):
    class Admin:
        installation = small.installation

    with small.tools.store.read() as work:
        before = connections.of_company(work, COMPANY).scopes.split()
    assert "accounting.contacts" not in before
    turn_on(Admin, permitted=False, contact_ids_editable=True)
    (note,) = health.of_company(small.tools, COMPANY).notes
    assert "may create none: connect it again" in note
    logging_in.connect_by_app(small.tools, COMPANY, "olga")
    with small.tools.store.read() as work:
        assert "accounting.contacts" in connections.of_company(work, COMPANY).scopes.split()
    assert health.of_company(small.tools, COMPANY).notes == ()


def test_where_xero_does_not_allow_what_is_switched_on_invoices_go_all_the_same(small, monkeypatch):
    class Admin:
        installation = small.installation

    turn_on(Admin, permitted=False)
    own_pair = XeroLogin.own_pair

    def allowed(self, app, scopes):
        if "accounting.contacts" in scopes.split():
            raise Trouble("needs_login", "invalid_scope", problem="app_not_allowed")
        return own_pair(self, app, scopes)

    monkeypatch.setattr(XeroLogin, "own_pair", allowed)
    logging_in.connect_by_app(small.tools, COMPANY, "olga")
    assert exported(small, "i1") == "exported"
