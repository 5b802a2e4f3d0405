"""Xero's limit of a day: its Retry-After ends it, a new day is seen, and while it lasts every face says so."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from cli import care, main
from store import ops_summary
from store.tables import CompanyConnection, Export, LaneState
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from worker import wiring
from worker.connections import tending
from worker.export import rescuer
from worker.measuring import catalogue, measuring
from worker.reconcile import reconciler
from worker.status import companies
from xero_adapter.target import XeroTarget

DAY = 86_400.0


@pytest.fixture
def make_day(make_installation, monkeypatch):
    """Its calls have ten invoices each, so that days of many calls are days of few invoices."""
    monkeypatch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=10))

    def make(url, **chosen):
        installation = make_installation(url, **chosen)
        installation.tools.targets["xero"].pace._clock = lambda: installation.now().timestamp()
        installation.company()
        return installation

    return make


@pytest.fixture
def day(make_day, sqlite_url):
    return make_day(sqlite_url)


def let_pass(installation, seconds, step=5.0):
    """Time goes by, and the lane is rung as the rescuer and its own bell do; Redis keeps its books."""
    installation.run(10_000)
    for _ in range(int(seconds / step)):
        installation.later(step)
        forget_bells(installation)
        rescuer.sweep(installation.tools, "test")
        installation.run(10_000)


def forget_bells(installation):
    redis = installation.tools.redis
    for key in redis.scan_iter("*"):
        if b":pace:" not in key:
            redis.delete(key)


def exported(installation):
    return len(installation.events("invoice.export.succeeded"))


def test_a_day_limit_of_25_seconds_three_times_holds_32_calls_back_for_no_longer(day):
    for part, place in enumerate((3, 6, 9)):
        day.ask(*invoices(96, prefix=f"p{part}-"), request=f"r{part}")
        day.simulator.state.faults.set({"limit_day": [place], "retry_after": 25})
        let_pass(day, 5)
        before = exported(day)
        assert before < (part + 1) * 96
        let_pass(day, 10)
        assert exported(day) == before
        let_pass(day, 60)
        assert exported(day) == (part + 1) * 96
    day.simulator.state.faults.set({})
    day.ask(*invoices(32, prefix="last-"), request="last")
    let_pass(day, 60)
    assert exported(day) == 320


@pytest.mark.parametrize(("per_day", "length"), [(10, 120.0), (12, 3600.0)])
def test_the_short_days_of_an_organisation_are_all_used(make_day, sqlite_url, per_day, length):
    """320 invoices are 32 calls: three days and a bit, none of them followed by a minute of standing still."""
    day = make_day(sqlite_url)
    day.simulator.state.limits.rules.on = True
    day.simulator.state.limits.rules.per_minute = 1000
    day.simulator.state.world.day = length
    day.simulator.state.world.organisations[TENANT].calls_per_day = per_day
    for part in range(4):
        day.ask(*invoices(80, prefix=f"p{part}-"), request=f"r{part}")
    let_pass(day, 3 * (length + 60) + 60, max(5.0, length / 100))
    assert exported(day) == 320


def test_a_click_goes_from_the_reserve_while_a_bulk_send_waits_for_the_day(day):
    simulate_day(day, 20)
    day.ask(*invoices(90, prefix="a-"), *invoices(10, prefix="b-"))
    day.ask(*invoices(100, prefix="c-"), request="r2")
    day.ask(*invoices(100, prefix="d-"), request="r3")
    let_pass(day, 5)
    assert exported(day) == 18 * 10
    day.ask(an_invoice("click"), request="now", mode="single")
    let_pass(day, 5)
    assert day.answers("now")["click"]["type"] == "succeeded"


def simulate_day(installation, per_day):
    installation.simulator.state.limits.rules.on = True
    installation.simulator.state.limits.rules.per_minute = 1000
    installation.simulator.state.world.organisations[TENANT].calls_per_day = per_day


def test_a_redis_emptied_in_the_middle_of_a_day_costs_nobody_a_day(day):
    """Its book would end a day later than Xero's: Xero is asked in between, and a limit that Xero named is kept."""
    simulate_day(day, 20)
    day.ask(*invoices(100))
    let_pass(day, 10)
    day.later(20 * 3600)
    day.tools.redis.flushall()
    day.ask(*invoices(100, prefix="x-"), request="r2")
    day.ask(*invoices(100, prefix="y-"), request="r3")
    let_pass(day, 300)
    assert exported(day) < 300
    day.tools.redis.flushall()
    calls = len(day.calls())
    let_pass(day, 3600, 60.0)
    assert len(day.calls()) - calls <= 2, "the database knows that Xero said so, and until when"
    let_pass(day, 3 * 3600, 60.0)
    assert exported(day) == 300


def test_no_face_says_that_all_is_well_while_a_company_waits_for_the_day(day, monkeypatch):
    simulate_day(day, 10)
    day.ask(*invoices(100))
    day.ask(*invoices(100, prefix="x-"), request="r2")
    let_pass(day, 5)
    faces_name_the_day(day, monkeypatch)
    let_pass(day, 120)
    assert all_limited(day)
    faces_name_the_day(day, monkeypatch)


def all_limited(installation):
    with installation.store.read() as work:
        (state,) = work.session.exec(select(LaneState)).all()
        return state.limit_named == "day" and state.limit_until > work.now


def faces_name_the_day(installation, monkeypatch):
    tools = installation.tools
    installation.a_worker_runs()
    monkeypatch.setattr(care, "CANARY_SECONDS", 0.2)  # nobody is there that would answer one
    monkeypatch.setattr(wiring, "build", lambda _settings: tools)
    monkeypatch.setattr("worker.settings.load", lambda: tools.settings)
    told = json.loads(CliRunner().invoke(main.app, ["status", "--json"]).output)
    (row,) = told["companies"]
    assert (row["state"], row["cause"], row["limit"]) == ("waiting", "limit", "day")
    assert "Xero's day limit" in row["message"]
    with installation.store.read() as work:
        waiting = installation.events("invoice.export.deferred")[0]["data"]
        assert (waiting["cause"], waiting["limit"]) == ("limit", "day")
        assert "day limit" in waiting["message"]
        assert ops_summary.overview(work).exports["pending"] > 0
        read = measuring.business_readings(tools, work)
        assert {one.labels[1] for one in read if one.metric is catalogue.IDLE} == {"limit"}
        (watched,) = companies.of_companies(tools, work, [COMPANY])
        assert "day limit" in watched.status.sentence
        waits = work.session.exec(select(Export.invoice).where(Export.state == "pending")).first()
    said = CliRunner().invoke(main.app, ["why", waits]).output
    assert "Xero's day limit" in said
    for words in (["connections"], ["doctor"]):
        told = CliRunner().invoke(main.app, words).output
        assert row["message"] in told, "doctor and connections wait for what status says"
        assert "calls of the day 10 (learned from Xero's answers) · used" in told
        assert "0 of them for bulk sends · the day ends by" in told


def test_connections_and_doctor_name_the_calls_of_the_day(day, monkeypatch):
    tools = day.tools
    monkeypatch.setattr(wiring, "build", lambda _settings: tools)
    monkeypatch.setattr("worker.settings.load", lambda: tools.settings)
    faces_say(["calls of the day 5,000 (the most set here) · none used"])
    simulate_day(day, 1000)
    day.ask(*invoices(24))
    let_pass(day, 5)
    learned = "calls of the day 1,000 (learned from Xero's answers)"
    faces_say([f"{learned} · used 3 · left 997, 897 of them for bulk sends · the day ends by"])
    one = json.loads(CliRunner().invoke(main.app, ["connections", "--json"]).output)[0]
    assert (one["day_calls"], one["day_calls_learned"], one["day_calls_used"]) == (1000, True, 3)
    assert datetime.fromisoformat(one["day_ends_at"]) <= day.now() + timedelta(days=1)
    tending.tend(tools, "clock")
    tools.redis.flushall()
    faces_say(["calls of the day 5,000 (the most set here) · none used"])
    tending.tend(tools, "clock")
    faces_say([f"{learned} · none used"])


def faces_say(lines):
    for words in (["connections"], ["doctor"]):
        told = CliRunner().invoke(main.app, words).output
        for line in lines:
            assert line in told, words


def test_a_starter_organisation_is_paced_by_its_own_thousand_calls(make_day, database_url):
    day = make_day(database_url)
    simulate_day(day, 1000)
    day.ask(*invoices(24))
    let_pass(day, 5)
    outlook = day.tools.targets["xero"].pace.outlook(TENANT)
    assert (outlook.per_day, outlook.day_calls, outlook.day_left) == (1000, 997, 897)
    assert reconciler.slot(day.tools, day.organisation()) == pytest.approx(DAY / (0.02 * 1000))
    tending.tend(day.tools, "clock")
    with day.store.read() as work:
        assert work.session.exec(select(CompanyConnection.day_calls)).one() == 1000
    day.tools.redis.flushall()
    assert day.tools.targets["xero"].pace.outlook(TENANT).per_day == 5000
    tending.tend(day.tools, "clock")
    assert day.tools.targets["xero"].pace.outlook(TENANT).per_day == 1000
