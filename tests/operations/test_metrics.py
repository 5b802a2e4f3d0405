"""The metrics tell ops what waits, since when and why; they cost little, and only those who may read them do."""

import asyncio
import dataclasses

import httpx
import redis
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from events.accounting_target import Lane
from store import batches, endpoints, exports, lanes, pauses, sinks
from tests import machines
from tests.builders import TENANT, an_invoice, invoices
from web import health, main
from worker import broker
from worker.export import turn
from worker.heartbeat import Heartbeat
from worker.measuring import catalogue, measuring
from worker.measuring.catalogue import METRICS, PREFIX

LANE = Lane("harbour", TENANT)


def scraped(installation):
    """What Prometheus would store: {(name, *labels): value}."""
    text = health.render(measuring.measure(installation.tools)).decode()
    return {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def only(name, seen):
    return {key[1:]: value for key, value in seen.items() if key[0] == name}


def counted(installation):
    """The counters, once the clock has counted everything."""
    installation.relay()
    while measuring.count_on(installation.tools):
        pass
    return scraped(installation)


def test_a_quiet_installation_is_up_and_has_nothing_open(installation):
    seen = scraped(installation)
    assert (seen["up", "database"], seen["up", "redis"]) == (1, 1)
    assert only("connections", seen) == {("connected",): 1}
    assert not only("requests_open", seen)
    assert not only("idle_seconds", seen)


def test_open_work_is_told_by_company_until_it_is_answered(installation):
    installation.ask(an_invoice("a"), an_invoice("b"))
    installation.later(100)
    seen = scraped(installation)
    assert (seen["requests_open", "harbour"], seen["invoices_unanswered", "harbour"]) == (1, 2)
    assert seen["invoices", "pending"] == 2
    assert 99 < seen["oldest_request_seconds", "harbour"] < 130
    installation.run()
    seen = scraped(installation)
    assert not only("requests_open", seen)
    assert seen["invoices", "pending"] == 0


def test_work_that_ought_to_move_is_told_apart_from_work_that_waits(installation):
    installation.ask(an_invoice("a"))
    installation.later(1000)

    def idle():
        return [key for key, seconds in only("idle_seconds", scraped(installation)).items() if seconds > 900]

    assert idle() == [("harbour", "worker")]
    installation.a_worker_runs()
    assert idle() == [("harbour", "nothing")]
    with installation.store.write() as work:
        lanes.block(work, LANE, "limit", "", work.after(60))
    assert idle() == [("harbour", "limit")]
    installation.later(61)
    installation.a_worker_runs()
    assert idle() == [("harbour", "nothing")]
    with installation.store.write() as work:
        pauses.pause(work, pauses.EVERYBODY, "olga", "")
    assert idle() == [("harbour", "pause")]
    assert scraped(installation)["companies_waiting", "pause"] == 1
    with installation.store.write() as work:
        lanes.stop(work, LANE, "needs_login", "")
    assert idle() == [("harbour", "login")]


def test_a_company_that_gets_answers_is_not_idle_however_long_its_send(installation):
    installation.ask(*invoices(60))
    installation.later(5000)
    lane, token = installation.rings.pop(0)
    turn.answer_doorbell(installation.tools, Lane.of(lane), token)
    installation.a_worker_runs()
    seen = scraped(installation)
    assert seen["invoices_unanswered", "harbour"] == 10
    assert seen["oldest_request_seconds", "harbour"] > 4990
    assert seen["idle_seconds", "harbour", "nothing"] < 100


def test_how_long_an_answer_took_is_counted_once_by_kind_of_send(installation):
    """In each bucket that is long enough; the time in a company's pause is waiting like any other."""
    began = installation.now()
    installation.now = lambda: began + installation.offset  # what a slow machine takes counts for nothing
    assert counted(installation)["answer_seconds_count", "single"] == 0
    installation.ask(an_invoice("quick"), mode="single")
    installation.run()
    installation.ask(*invoices(2), mode="bulk", request="later")
    installation.later(100)
    installation.run()
    seen = counted(installation)
    waits = {frozenset(key): value for key, value in only("answer_seconds_bucket", seen).items()}
    assert [waits[frozenset(["single", end])] for end in ("1.0", "30.0", "+Inf")] == [1, 1, 1]
    assert [waits[frozenset(["bulk", end])] for end in ("60.0", "300.0", "+Inf")] == [0, 2, 2]
    assert (seen["answer_seconds_count", "single"], seen["answer_seconds_count", "bulk"]) == (1, 2)
    assert seen["answer_seconds_sum", "bulk"] == 200
    assert only("answer_seconds_bucket", counted(installation)) == only("answer_seconds_bucket", seen)


def test_unknown_outcomes_are_told_and_how_long_their_look_up_is_overdue(installation):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice("a"))
    installation.run()
    seen = scraped(installation)
    assert (seen["batches", "uncertain"], seen["invoices", "uncertain"]) == (1, 1)
    assert seen["troubles_total", "unknown", ""] == 1
    assert seen["unsettled_seconds",] == 0
    installation.later(600)
    assert scraped(installation)["unsettled_seconds",] > 500


def test_a_429_is_counted_under_the_limit_it_names(installation):
    installation.simulator.state.faults.set({"limit_day": 1.0})
    installation.ask(an_invoice("a"))
    installation.run()
    assert only("troubles_total", scraped(installation)) == {("limited", "day"): 1}


def test_a_batch_whose_worker_is_gone_is_told(installation):
    installation.ask(an_invoice("a"))
    with installation.store.write() as work:
        batches.claim(work, LANE, exports.pending(work, LANE, 51), lease=90)
    assert scraped(installation)["batches_abandoned", "claimed"] == 0
    installation.later(91)
    seen = scraped(installation)
    assert seen["batches_abandoned", "claimed"] == 1
    assert seen["oldest_batch_seconds", "claimed"] > 90


def test_answers_are_counted_by_outcome_and_reason_once_each(installation):
    bad = an_invoice("bad", client={"id": "nobody", "name": "Nobody"})
    installation.ask(an_invoice("a"), an_invoice("b"), bad)
    installation.run()
    answers = {("created", ""): 2, ("failed", "contact_not_mapped"): 1}
    assert only("invoices_answered_total", counted(installation)) == answers
    assert only("invoices_answered_total", counted(installation)) == answers
    assert counted(installation)["events_total", "invoice.export.completed"] == 1


def test_events_that_nobody_fetched_are_told(installation):
    installation.ask(an_invoice("a"))
    installation.run()
    installation.later(50)
    seen = scraped(installation)
    assert seen["outbox_unstamped",] >= 2
    assert seen["outbox_unstamped_seconds",] > 49
    installation.relay()
    seen = scraped(installation)
    assert seen["outbox_unstamped",] == 0
    assert only("door_behind", seen) == {("stream",): 0}


def test_an_endpoint_that_is_switched_off_is_behind_nothing_and_fails_at_nothing(installation):
    tools = installation.tools
    with tools.store.write() as work:
        added = endpoints.add_endpoint(work, tools.vault, "harbour", "https://host.example/xero_webhook.php")
        door = endpoints.door_of(added.id)
        sinks.doing(work, door, 1, 60, "ConnectError")
    installation.ask(an_invoice("a"))
    installation.run()
    installation.relay()
    seen = scraped(installation)
    assert seen["door_behind", door] > 0
    assert only("door_failing_seconds", seen).keys() == {(door,)}
    with tools.store.write() as work:
        endpoints.change_endpoint(work, added.id, off=True)
    seen = scraped(installation)
    assert not only("door_failing_seconds", seen)
    assert (door,) not in only("door_behind", seen)


def test_doorbells_show_how_long_work_waits_for_a_worker(installation):
    installation.tools.redis.flushall()
    broker.build(installation.tools.redis).push("harbour", "token")
    installation.tools.bells.staff("host/1", 8, 60)
    installation.tools.bells.ring("harbour|t")
    installation.tools.bells.ring("other|t", delay=60)
    seen = scraped(installation)
    assert (seen["doorbells",], seen["threads",], seen["turns",], seen["lanes_due",]) == (1, 8, 1, 1)
    assert 0 <= seen["doorbell_seconds",] < 60
    assert seen["redis_bytes",] > 100_000


def test_processes_are_told_by_kind_with_those_that_fell_silent(installation):
    Heartbeat(installation.store, "worker").beat()
    assert scraped(installation)["processes", "worker", "running"] == 1
    installation.later(21)
    seen = scraped(installation)
    assert (seen["processes", "worker", "running"], seen["processes", "worker", "silent"]) == (0, 1)


def test_five_hundred_companies_are_twenty_series_and_the_rest(on_sqlite):
    with on_sqlite.store.write() as work:
        work.session.connection().exec_driver_sql(
            "WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < 500) "
            "INSERT INTO requests (company, id, tenant, mode, requested_by, source_event, parts, parts_received, "
            "total, exported, failed, unchanged, created_at) SELECT 'c' || g, 'r', 't', 'bulk', 'anna', 's', 1, '1', "
            "3, 1, 0, 0, datetime('now', '-' || g || ' minutes') FROM n"
        )
    seen = scraped(on_sqlite)
    open_ones = only("requests_open", seen)
    assert len(open_ones) == measuring.MOST_COMPANIES + 1
    assert open_ones["(other)",] == 480
    assert ("c500",) in open_ones
    assert sum(only("invoices_unanswered", seen).values()) == 1000


def test_a_scrape_is_as_many_statements_with_much_work_as_with_none(installation):
    ran = []

    def count(*_):
        ran.append(1)

    def statements():
        ran.clear()
        scraped(installation)
        return len(ran)

    event.listen(installation.store.engine, "before_cursor_execute", count)
    scraped(installation)
    before = statements()
    for number in range(5):
        installation.ask(*invoices(60, f"x{number}-"), request=f"r{number}")
        Heartbeat(installation.store, "worker").beat()
    installation.run(3)
    counted(installation)
    assert statements() == before
    assert before < 28


def test_a_redis_that_is_away_hides_only_its_own_figures(on_sqlite):
    gone = redis.Redis(port=1, retry=None)
    away = dataclasses.replace(on_sqlite.tools, redis=gone)
    names = {reading.metric.name: reading.value for reading in measuring.measure(away) if not reading.labels}
    assert "doorbells" not in names
    assert "dead_letters" in names
    up = {reading.labels: reading.value for reading in measuring.measure(away) if reading.metric.name == "up"}
    assert up == {("database",): 1, ("redis",): 0}


def asked(installation, *, host="127.0.0.1", **headers):
    """The answer of the web application to a caller at this address."""
    caller = httpx.ASGITransport(main.build(installation.tools), client=(host, 5000))

    async def ask():
        async with httpx.AsyncClient(transport=caller, base_url="http://xero.crewcard.example") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


def test_without_a_token_only_this_machine_reads_and_no_proxy_for_others(on_sqlite):
    assert asked(on_sqlite).status_code == 200
    assert asked(on_sqlite, host="10.0.0.7").status_code == 403
    assert asked(on_sqlite, **{"x-forwarded-for": "127.0.0.1"}).status_code == 403


def test_with_a_token_only_its_holder_reads(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, metrics_token="let-me-see")
    assert asked(installation).status_code == 401
    assert asked(installation, authorization="Bearer wrong").status_code == 401
    reply = asked(installation, host="10.0.0.7", authorization="Bearer let-me-see")
    assert reply.status_code == 200
    assert "crewcard_xero_up" in reply.text
    assert "let-me-see" not in reply.text


def test_names_are_fit_for_prometheus_and_each_says_what_it_is():
    assert len({metric.full_name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.full_name.removeprefix(PREFIX).replace("_", "").isalnum()
        assert metric.says


def test_each_web_process_counts_what_it_answers_by_template_and_how_long_that_takes(on_sqlite):
    served = main.serving(main.build(on_sqlite.tools), on_sqlite.settings)
    with machines.served(served) as url, httpx.Client(base_url=url) as asking:
        for path in ("/healthz", "/v1/companies/harbour/connection", "/v1/companies/wharf/connection", "/nowhere/7"):
            asking.get(path)
        asking.request("PROPFIND", "/nowhere")
        families = text_string_to_metric_families(asking.get("/metrics").text)
    times_of = catalogue.REQUESTS
    (times,) = [one for one in families if one.name == times_of.full_name]
    counts = {
        tuple(one.labels[name] for name in times_of.labels): one.value
        for one in times.samples
        if one.name.endswith("_count")
    }
    assert counts == {
        ("/healthz", "GET", "2xx"): 1,
        ("/v1/companies/{company}/connection", "GET", "4xx"): 2,
        ("(none)", "GET", "4xx"): 1,
        ("(none)", "(other)", "4xx"): 1,
    }
