"""Progress as a thing: per request total, exported, failed, waiting, estimated finish; told at a sensible pace."""

from datetime import datetime

from store.tables import Request
from tests.builders import COMPANY, an_invoice, invoices
from worker.delivery import progress
from worker.waiting import pausing


def told(installation, request="r1"):
    return [event["data"] for event in installation.events("invoice.export.progressed", request=request)]


def test_a_bulk_tells_its_progress_in_tenths_and_never_after_completed(installation):
    installation.ask(*invoices(450), an_invoice("bad", line={"account_code": "299"}))
    installation.run()
    events = told(installation)
    assert [one["exported"] + one["failed"] for one in events] == [50, 100, 150, 200, 250, 300, 350, 400, 450]
    assert {one["total"] for one in events} == {451}
    assert all(one["waiting"] == one["total"] - one["exported"] - one["failed"] for one in events)
    kinds = [event["type"].rpartition(".")[2] for event in installation.events()]
    assert kinds[-1] == "completed"


def test_a_request_of_one_call_tells_only_that_it_is_complete(installation):
    installation.ask(*invoices(50))
    installation.run()
    assert told(installation) == []
    assert len(installation.events("invoice.export.completed")) == 1


def test_a_long_request_is_told_again_after_half_a_minute_even_by_little(on_sqlite):
    parts = [invoices(500, f"p{part}-") for part in range(4)]
    for part, wanted in enumerate(parts, start=1):
        on_sqlite.ask(*wanted, part=part, parts=4)
    on_sqlite.run(2)
    assert [one["exported"] for one in told(on_sqlite)] == [50]
    on_sqlite.later(31)
    on_sqlite.run(1)
    assert [one["exported"] for one in told(on_sqlite)] == [50, 150]


def test_a_tenth_is_one_of_the_whole_request_while_its_parts_still_arrive(on_sqlite):
    on_sqlite.ask(*invoices(500), part=1, parts=4)
    on_sqlite.run()
    assert [one["exported"] for one in told(on_sqlite)] == [50, 250, 450]


def test_the_estimate_follows_the_minute_and_the_backlog_before_it(on_sqlite):
    on_sqlite.ask(*invoices(500, "first"), request="first")
    on_sqlite.later(1)
    on_sqlite.ask(*invoices(500, "second"), request="second")
    first, second = (progress.progress_of(on_sqlite.tools, COMPANY, name) for name in ("first", "second"))
    assert (first.waiting, second.waiting) == (500, 500)
    assert first.estimated_finish < second.estimated_finish
    seconds = (second.estimated_finish - on_sqlite.now()).total_seconds()
    assert 0 < seconds < 60


def test_the_estimate_waits_for_the_limit_that_xero_named(on_sqlite):
    on_sqlite.simulator.state.faults.set({"limit_day": 1.0})
    on_sqlite.ask(*invoices(60))
    on_sqlite.run()
    seen = progress.progress_of(on_sqlite.tools, COMPANY, "r1")
    assert (seen.estimated_finish - on_sqlite.now()).total_seconds() > 60_000


def test_nobody_knows_when_while_a_person_has_to_act(on_sqlite):
    on_sqlite.ask(*invoices(60))
    pausing.pause(on_sqlite.tools, COMPANY, "olga", "because")
    assert progress.progress_of(on_sqlite.tools, COMPANY, "r1").estimated_finish is None


def test_a_redis_that_is_away_costs_the_estimate_and_nothing_else(on_sqlite, monkeypatch):
    import redis

    on_sqlite.ask(*invoices(60))

    def away(**_arguments):
        raise redis.ConnectionError

    monkeypatch.setattr(on_sqlite.tools.targets["xero"].pace, "_outlook", away)
    seen = progress.progress_of(on_sqlite.tools, COMPANY, "r1")
    assert (seen.total, seen.waiting, seen.estimated_finish) == (60, 60, None)


def test_progress_that_comes_too_late_for_its_request_is_not_told(installation):
    installation.ask(*invoices(50))
    installation.run()
    with installation.store.write() as work:
        work.session.get_one(Request, (COMPANY, "r1")).total = 500
    progress.tell(installation.tools, installation.organisation(), ["r1"])
    assert told(installation) == []


def installation_lane(installation):
    from tests.builders import TENANT
    from worker.export.turn import Lane

    return Lane(COMPANY, TENANT)


def test_an_estimate_is_a_moment_that_hosts_can_read(installation):
    installation.ask(*invoices(120))
    installation.run()
    assert all(datetime.fromisoformat(one["estimated_finish"]) for one in told(installation))
