"""Why a company's work waits is decided once: in every state, every face says the same."""

import contextlib
import html
import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest
import redis
from sqlmodel import select
from typer.testing import CliRunner

from cli import main as command
from events.connections import ConnectionProblem
from events.settings import CompanySettings
from store import companies, connections, invoice_detail, lanes
from store.tables import Batch, Export
from tests import machines
from tests.builders import COMPANY, an_invoice, invoices
from tests.console.visiting import Person
from tests.journeys.test_uncertain import Lag
from web import main as web
from worker import wiring
from worker.connections import apps
from worker.export import turn, xero_call
from worker.measuring import catalogue, measuring
from worker.reconcile import restore_check
from worker.status import companies as statuses
from worker.waiting import login_block, pausing
from xero_adapter.pace import Pace
from xero_adapter.target import XeroTarget


def sending(installation):
    installation.ask(*invoices(3))


def meets(fault):
    """Xero answers a call of the company so."""

    def act(installation):
        installation.ask(*invoices(3))
        installation.simulator.state.faults.set({fault: 1.0})
        installation.run()

    return act


def calls_are_used_up(installation):
    """More than the minute has, or the day (CALLS_PER_DAY); our own count of calls ends it, not a 429."""
    installation.tools.targets["xero"].pace._clock = lambda: installation.now().timestamp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(XeroTarget, "sizes", replace(XeroTarget.sizes, invoices=2))  # many calls with few invoices
        installation.ask(*invoices(160))
        installation.run(10_000)
    with installation.store.read() as work:
        organisation = connections.organisation(work, installation.lane)
    while not (permit := installation.tools.targets["xero"].pace.ask(organisation, single=True)).wait:
        xero_call.book(installation.tools.target(permit.organisation).pace, permit, "answered")


def unknown_outcomes(installation):
    installation.ask(*invoices(400))
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.run(20)


def a_lost_answer(installation):
    installation.ask(an_invoice())
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.run()


def watched(installation):
    """Four calls were not answered, and lists do not show what they made: Xero is asked ever more rarely."""
    with pytest.MonkeyPatch.context() as patch:
        Lag(patch)
        for name in ("a", "b", "c", "d"):
            installation.simulator.state.faults.set({"commit_then_drop": [1]})
            installation.ask(an_invoice(name), request=name)
            installation.run()
            installation.simulator.state.faults.set({})
            installation.settle_down(2)


def watched_beside_a_backlog(installation):
    watched(installation)
    installation.ask(*invoices(3))


def dead_login(installation):
    installation.ask(*invoices(3))
    with installation.store.write() as work:
        login_block.park(work, connections.locked(work, COMPANY), ConnectionProblem.LOGIN_ENDED)


def app_switched_off(installation):
    installation.ask(*invoices(3))
    apps.disable(installation.tools, COMPANY, "olga")


def stopped_lane(installation):
    lane = installation.lane
    installation.ask(*invoices(3))
    with installation.store.write() as work:
        lanes.stop(work, lane, "needs_login", "Somebody has to decide.")


def paused(installation):
    installation.ask(*invoices(3))
    pausing.pause(installation.tools, COMPANY, "olga", "stocktaking")


def all_paused(installation):
    installation.ask(*invoices(3))
    pausing.pause(installation.tools, "*", "olga", "an incident")


def paused_without_login(installation):
    dead_login(installation)
    pausing.pause(installation.tools, COMPANY, "olga", "stocktaking")


def restored(installation):
    installation.ask(*invoices(3))
    restore_check.begin(installation.tools, None, "olga", "a disk was lost")


def nobody_at_work(installation):
    installation.ask(*invoices(3))
    installation.later(3600)


def redis_away(installation):
    installation.ask(*invoices(3))
    dead = redis.Redis.from_url("redis://127.0.0.1:1")
    installation.tools.targets["xero"].pace = Pace(dead, wiring.limits(installation.settings))


class Expected(NamedTuple):
    """How it comes about, and what every face says then; `held`: not even a person's click goes."""

    act: Callable
    state: str
    cause: str = ""
    limit: str = ""
    who: str = ""
    held: bool = False


STATES = {
    "nothing to do": Expected(lambda _installation: None, "idle"),
    "sending": Expected(sending, "sending"),
    "minute limit, said by Xero": Expected(meets("limit_minute"), "waiting", "limit", "minute", held=True),
    "day limit, said by Xero": Expected(meets("limit_day"), "waiting", "limit", "day", held=True),
    "limit of calls at once": Expected(meets("limit_concurrent"), "waiting", "limit", "concurrent", held=True),
    "limit of the app": Expected(meets("limit_appminute"), "waiting", "limit", "appminute", held=True),
    "limit without a name": Expected(meets("limit_unnamed"), "waiting", "limit", "", held=True),
    "minute limit, by our count": Expected(calls_are_used_up, "waiting", "limit", "minute"),
    "day limit, by our count": Expected(calls_are_used_up, "waiting", "limit", "day"),
    "organisation offline": Expected(meets("offline"), "waiting", "offline", held=True),
    "good tokens are refused": Expected(meets("refuse_tokens"), "waiting", "trouble", held=True),
    "outcomes unknown": Expected(unknown_outcomes, "waiting", "trouble", held=True),
    "an outcome to look up": Expected(a_lost_answer, "waiting", "outcome"),
    "outcomes watched for hours": Expected(watched, "waiting", "outcome"),
    "outcomes watched beside a backlog": Expected(watched_beside_a_backlog, "sending"),
    "dead login": Expected(dead_login, "needs_person", "login", who="clerk", held=True),
    "app switched off": Expected(app_switched_off, "needs_person", "login", who="support", held=True),
    "lane stopped": Expected(stopped_lane, "needs_person", "login", who="ops", held=True),
    "paused": Expected(paused, "paused", "pause", who="ops", held=True),
    "all paused": Expected(all_paused, "paused", "pause", who="ops", held=True),
    "paused and no login": Expected(paused_without_login, "needs_person", "login", who="clerk", held=True),
    "restored": Expected(restored, "waiting", "restore", held=True),
    "nobody at work": Expected(nobody_at_work, "needs_person", "worker", who="ops"),
    "Redis away": Expected(redis_away, "needs_person", "redis", who="ops"),
}


@pytest.fixture(params=STATES)
def brought_about(request, make_installation, database_url):
    """An installation in one of the states, and what is expected of it."""
    few = {"calls_per_day": 20} if request.param == "day limit, by our count" else {}
    installation = make_installation(database_url, **few)
    installation.lane = installation.company()
    moment = installation.now()
    installation.now = lambda: moment + installation.offset
    expected = STATES[request.param]
    expected.act(installation)
    if request.param != "nobody at work":
        installation.a_worker_runs()
    return installation, expected


def seen(reader, path):
    return html.unescape(" ".join(reader.see(path).split()))


def test_every_face_says_the_same_and_the_turn_does_so(brought_about, monkeypatch):
    installation, expected = brought_about
    tools = installation.tools
    with installation.store.read() as work:
        (one,) = statuses.of_companies(tools, work)
        found = one.status
        readings = list(measuring.business_readings(tools, work))
        invoice = work.session.exec(select(Export.invoice).where(Export.state == "pending")).first()
        marker = invoice_detail.beside_invoices(work, COMPANY, [invoice])[0].marker if invoice else None
    assert (found.state, found.cause, found.limit, found.who) == expected[1:5]

    idle = {reading.labels[1] for reading in readings if reading.metric is catalogue.IDLE}
    assert idle == ({expected.cause or "nothing"} if one.load.live else set())
    if invoice:
        assert (marker == "waiting") == expected.held
    for event in installation.events("invoice.export.deferred")[-1:]:
        if expected.cause in ("limit", "offline", "trouble"):
            assert (event["data"]["cause"], event["data"].get("limit", "")) == (expected.cause, expected.limit)

    monkeypatch.setattr(wiring, "build", lambda _settings: tools)
    monkeypatch.setattr("worker.settings.load", lambda: tools.settings)
    (line,) = json.loads(CliRunner().invoke(command.app, ["status", "--json"]).output)["companies"]
    said = (line["state"], line["cause"] or "", line["limit"] or "", line["who"] or "", line["message"])
    assert said == (*expected[1:5], found.sentence)
    if invoice and expected.cause:
        assert found.sentence in " ".join(CliRunner().invoke(command.app, ["why", invoice]).output.split())

    with machines.served(web.serving(web.build(tools), installation.settings)) as url:
        reader = Person(installation, url, "read")
        reader.sign_in()
        assert not expected.cause or found.sentence in seen(reader, "/companies")
        assert found.sentence in seen(reader, f"/companies/{COMPANY}")
    what_waits_is_not_sent_and_what_is_sent_does_not_wait(installation, expected)


def what_waits_is_not_sent_and_what_is_sent_does_not_wait(installation, expected):
    """The turn decides by the same rows: where a face says “waits”, no bulk send goes."""
    installation.simulator.state.faults.set({})
    before = len(installation.calls("PUT"))
    with contextlib.suppress(redis.RedisError):
        turn.take_turn(installation.tools, installation.lane)
    sent = len(installation.calls("PUT")) > before
    assert sent == (expected.state == "sending" or expected.cause == "worker")


def test_what_is_watched_is_told_apart_with_when_the_next_look_is(on_sqlite):
    """Calls that were watched for half a day were said to hold everything back."""
    watched(on_sqlite)
    on_sqlite.a_worker_runs()
    with on_sqlite.store.read() as work:
        one = statuses.of_company(on_sqlite.tools, work, COMPANY)
        looks = sorted(work.session.exec(select(Batch.settle_at).where(Batch.state == "uncertain")))
    assert (one.load.uncertain, one.load.watched, one.load.next_look) == (0, 4, looks[0])
    assert one.status.until == looks[0]
    assert "4 calls" in one.status.sentence
    on_sqlite.ask(*invoices(3))
    with on_sqlite.store.read() as work:
        one = statuses.of_company(on_sqlite.tools, work, COMPANY)
    assert one.status.sentence.startswith("Sending. ")
    assert f"{looks[0]:%H:%M:%S} UTC" in one.status.sentence


def test_a_company_that_was_never_connected_needs_a_person(on_sqlite):
    with on_sqlite.store.write() as work:
        companies.set_up(work, "new", "New", CompanySettings())
    with on_sqlite.store.read() as work:
        one = statuses.of_company(on_sqlite.tools, work, "new")
    assert (one.status.state, one.status.cause) == ("needs_person", "login")
