"""Xero refuses logins that live: nobody is asked to log in, everything goes by itself; what is dead is told."""

import pytest
from sqlmodel import select

from store.tables import LaneState, Token
from tests.builders import an_invoice
from worker.watching import attention

COMPANIES = 20
STEP = 10.0


@pytest.fixture
def incident(make_installation, sqlite_url):
    return Incident(make_installation(sqlite_url))


@pytest.fixture
def small(make_installation, sqlite_url):
    return Incident(make_installation(sqlite_url), 4)


@pytest.fixture
def either(make_installation, database_url):
    return Incident(make_installation(database_url), 4)


class Incident:
    """Companies that each ask for an invoice, while Xero refuses what it should not; time is handed in."""

    def __init__(self, installation, companies=COMPANIES):
        self.installation = installation
        self.names = [f"c{number:02}" for number in range(companies)]
        for number, name in enumerate(self.names):
            installation.company(name, f"{number:08}-2222-4333-8444-555555555555")

    def ask(self, request="r1", names=()):
        for name in names or self.names:
            self.installation.ask(an_invoice(f"{name}-{request}"), company=name, request=f"{request}-{name}")

    def fault(self, **wanted):
        self.installation.simulator.state.faults.set(wanted)

    def revoke(self, *names):
        grants = self.installation.simulator.state.identity.grants
        for name in names:
            del grants[f"app-{name}/user-{name}"]

    def let_pass(self, seconds, step=STEP):
        self.installation.run()
        for _ in range(int(seconds / step)):
            self.installation.later(step)
            self.installation.wake()
            self.installation.run()

    def logins_asked(self):
        return sorted(event["data"]["company"] for event in self.installation.events("xero.connection.needs_login"))

    def exported(self):
        return sorted(event["data"]["company"] for event in self.installation.events("invoice.export.succeeded"))

    def failed(self):
        return self.installation.events("invoice.export.failed")

    def matters(self):
        self.installation.a_worker_runs()
        with self.installation.store.read() as work:
            return attention.what_needs_a_person(self.installation.tools, work).matters


@pytest.mark.parametrize(
    ("companies", "length", "step"),
    [
        ("incident", 15, 5.0),
        ("incident", 180, 10.0),
        ("small", 1800, 60.0),
        pytest.param("incident", 1800, 20.0, marks=pytest.mark.thorough),
    ],
)
def test_while_xero_refuses_every_token_nobody_is_asked_to_log_in_and_all_goes_on_within_a_minute(
    request, companies, length, step
):
    incident = request.getfixturevalue(companies)
    incident.fault(refuse_tokens=1, reads=True)
    incident.ask()
    incident.let_pass(length, step)
    assert incident.exported() == []
    incident.fault()
    incident.let_pass(60, step)
    assert incident.logins_asked() == []
    assert incident.failed() == []
    assert incident.exported() == incident.names
    deferred = incident.installation.events("invoice.export.deferred")
    assert {event["data"]["cause"] for event in deferred} == {"trouble"}
    assert len(deferred) == len(incident.names), "each request is told once, not at every try"


def test_a_login_that_is_revoked_during_an_incident_is_told_within_five_minutes_and_no_other(either):
    either.fault(refuse_tokens=1, reads=True)
    either.revoke("c01", "c02")
    either.ask()
    either.let_pass(300)
    assert either.logins_asked() == ["c01", "c02"]
    either.fault()
    either.let_pass(60)
    assert either.logins_asked() == ["c01", "c02"]
    assert either.exported() == ["c00", "c03"]


@pytest.mark.parametrize("age", [0, 50, 1700, 90_000])
def test_a_revoked_login_is_told_within_five_minutes_and_what_waited_goes_by_itself_after_the_next_one(small, age):
    small.installation.later(age)
    small.revoke("c01")
    small.ask()
    small.let_pass(300)
    assert small.logins_asked() == ["c01"]
    assert small.exported() == ["c00", "c02", "c03"]
    small.installation.company("c01", f"{1:08}-2222-4333-8444-555555555555")
    small.let_pass(20)
    assert small.exported() == small.names


@pytest.mark.parametrize("what", ["token_invalid_grant", "token_500"])
def test_while_the_token_service_refuses_everybody_no_login_is_declared_dead(small, what):
    small.installation.later(3600)
    small.fault(**{what: 1})
    small.ask()
    small.let_pass(1800, 60.0)
    assert small.logins_asked() == []
    small.fault()
    small.let_pass(60, 20.0)
    assert small.exported() == small.names
    assert small.logins_asked() == []


def test_a_login_refused_first_waits_for_one_that_the_token_service_renews(small):
    """The first company whose token ends in an incident is not told dead because the others' still last."""
    small.installation.later(3600)
    for name in small.names[1:]:
        small.installation.tools.targets["xero"].login.auth.access(f"app-{name}", f"user-{name}")
    small.installation.later(600)
    small.fault(token_invalid_grant=1)
    small.ask(names=["c00"])
    small.let_pass(600, 20.0)
    assert small.logins_asked() == []
    small.fault()
    small.let_pass(60, 20.0)
    assert small.exported() == ["c00"]


def test_a_403_of_an_organisation_that_is_still_connected_is_believed_only_when_it_lasts(small):
    organisations = small.installation.simulator.state.world.organisations
    organisations[f"{1:08}-2222-4333-8444-555555555555"].users = {"user-c01": "READONLY"}
    small.ask()
    small.let_pass(60)
    assert small.logins_asked() == []
    small.let_pass(180)
    (told,) = small.installation.events("xero.connection.needs_login")
    assert (told["data"]["company"], told["data"]["reason"]) == ("c01", "not_permitted")


def test_ops_are_told_of_the_incident_once_and_with_how_many_wait(small):
    small.fault(refuse_tokens=1, reads=True)
    small.ask()
    small.let_pass(120)
    (matter,) = [one for one in small.matters() if one.who == "ops"]
    assert "4 companies" in matter.message
    assert "nobody has to log in" in matter.message.lower()
    small.fault()
    small.let_pass(60)
    assert small.matters() == ()


def test_what_was_counted_of_an_incident_ends_with_it(small):
    small.fault(refuse_tokens=1, reads=True)
    small.ask()
    small.let_pass(60)
    small.fault()
    small.let_pass(60)
    with small.installation.store.read() as work:
        states = work.session.exec(select(LaneState)).all()
        tokens = work.session.exec(select(Token)).all()
    assert {(one.refused_in_a_row, one.refused_since) for one in states} == {(0, None)}
    assert {(one.refusals, one.refused_since) for one in tokens} == {(0, None)}
