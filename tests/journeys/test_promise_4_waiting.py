"""Promise 4: waiting is not failing. It consumes no attempt and goes on by itself."""

from dataclasses import replace

import pytest

from simulator.limits import Limits
from tests.builders import TENANT, an_invoice, invoices


@pytest.mark.parametrize("fault", ["limit_minute", "limit_day", "limit_concurrent"])
def test_a_limit_defers_and_charges_nobody(installation, fault):
    installation.simulator.state.faults.set({fault: 1.0})
    installation.ask(*invoices(3))
    installation.run()
    assert {installation.export(f"i000{n}").attempts for n in (1, 2, 3)} == {0}
    assert installation.answers() == {}
    installation.simulator.state.faults.set({})
    installation.later(70_000)
    installation.settle_down(1)
    assert {answer["type"] for answer in installation.answers().values()} == {"succeeded"}


@pytest.fixture
def retry_after(monkeypatch):
    """Xero's 429 says what it is told to say."""
    real = Limits.refusal

    def says(text):
        def refusal(*args, **named):
            reply = real(*args, **named)
            return replace(reply, headers={**reply.headers, "Retry-After": text})

        monkeypatch.setattr(Limits, "refusal", refusal)

    return says


@pytest.mark.parametrize("fault", ["limit_minute", "limit_day"])
@pytest.mark.parametrize("said", ["9" * 7, "9" * 13, "9" * 25, "9" * 400, "9" * 5000, "\xb2", "-5", "1e9", "soon"])
def test_whatever_wait_xero_asks_for_it_ends_within_a_day_and_an_hour(installation, retry_after, fault, said):
    pace = installation.tools.targets["xero"].pace
    retry_after(said)
    installation.simulator.state.faults.set({fault: [1]})
    installation.ask(*invoices(3))
    installation.run()
    assert {installation.export(f"i000{n}").attempts for n in (1, 2, 3)} == {0}
    assert installation.answers() == {}
    pause = f"xp:pace:{TENANT}:pause"
    assert 0 < installation.tools.redis.pttl(pause) <= 90_001_000, "Redis forgets the pause by itself"
    assert pace.outlook(TENANT).paused <= 90_000
    installation.later(90_000)
    installation.wake()
    installation.run()
    assert {answer["type"] for answer in installation.answers().values()} == {"succeeded"}


def test_a_long_wait_is_told_once_with_its_end(installation):
    installation.simulator.state.faults.set({"limit_day": 1.0})
    installation.ask(*invoices(60))
    installation.run()
    (deferred,) = installation.events("invoice.export.deferred")
    assert deferred["data"]["cause"] == "limit"
    assert deferred["data"]["until"] > installation.now().isoformat()


def test_an_offline_organisation_waits_and_then_goes_on(installation):
    organisation = next(iter(installation.simulator.state.world.organisations.values()))
    organisation.offline = True
    installation.ask(an_invoice())
    installation.run()
    assert [event["data"]["cause"] for event in installation.events("invoice.export.deferred")] == ["offline"]
    organisation.offline = False
    installation.settle_down()
    assert installation.answers()["i1"]["type"] == "succeeded"


def test_a_dead_login_parks_the_work_and_a_new_one_resumes_it(installation):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice())
    installation.until_proven()
    causes = [event["data"]["cause"] for event in installation.events("invoice.export.deferred")]
    assert causes[-1] == "needs_login"
    assert set(causes[:-1]) == {"trouble"}, "until it is proven"
    assert installation.export("i1").attempts == 0
    installation.company()
    installation.run()
    assert installation.answers()["i1"]["type"] == "succeeded"


def test_an_access_token_that_xero_calls_expired_is_renewed_once_and_the_same_bytes_go_again(installation):
    installation.ask(an_invoice())
    installation.simulator.state.identity.expire_all()
    installation.run()
    statuses = [call["status"] for call in installation.calls("PUT")]
    assert statuses == [401, 200]
    assert len({call["key"] for call in installation.calls("PUT")}) == 1
    assert installation.simulator.state.identity.token_calls == 1


def test_our_own_limit_waits_without_asking_xero(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, calls_per_minute=2)
    installation.company()
    installation.ask(*invoices(150))
    installation.run()
    assert len(installation.calls("PUT")) == 2
    assert len(installation.answers()) == 100
