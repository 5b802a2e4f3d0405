"""The pull feed: a host that was away learns everything, in order, once, and nothing of others."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from events.outgoing import XeroExportAttentionNeeded
from store import outbox, processes
from store.outbox import Outgoing
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.doors.conftest import OTHER_TENANT
from tests.doors.host import Host, problems
from tests.machines import wait_for
from web import main, reads
from web.bodies import RequestIds


def said(number, company=COMPANY, now=None):
    event = XeroExportAttentionNeeded(
        company=company,
        cause="c",
        reason="r",
        invoices=number,
        repeated=False,
        title="t",
        message="m",
        who="ops",
        how="h",
        since=now,
    )
    return Outgoing(event, company, company, f"test/{company}/{number}")


def publish(installation, *numbers, company=COMPANY):
    with installation.store.write() as work:
        outbox.publish(work, [said(number, company, work.now) for number in numbers])


def numbers(events):
    return [event["data"]["invoices"] for event in events if event["type"] == "xero.export.attention_needed"]


def test_a_host_that_was_away_reads_every_event_once_and_in_order(host, installation):
    publish(installation, *range(1, 24))
    installation.relay()
    found, end = host.feed(limit=5)
    assert sorted(numbers(found)) == list(range(1, 24))
    assert len({event["id"] for event in found}) == len(found)
    assert host.feed(after=end) == ([], end)
    publish(installation, 24)
    installation.relay()
    assert numbers(host.feed(after=end)[0]) == [24]


def test_the_feed_says_the_same_as_the_stream(host, installation):
    installation.ask(an_invoice("a"), an_invoice("b", currency="EUR"))
    installation.settle_down(2)
    installation.relay()
    entries = installation.tools.redis.xrange("crewcard.invoice-export.events")
    on_the_stream = [json.loads(fields[b"event"]) for _, fields in entries]
    found, _ = host.feed()
    assert found[-len(on_the_stream) :] == on_the_stream
    assert {event["data"]["invoice"] for event in found if "invoice" in event["data"]} == {"a", "b"}


def test_a_reader_never_passes_an_event_that_is_committed_late(installation):
    """One writer holds its transaction open while others commit, and the relay and the reader go on."""
    if installation.store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: there is nothing to be late for")
    begun, go_on = threading.Event(), threading.Event()

    def late():
        with installation.store.write() as work:
            outbox.publish(work, [said(1, now=work.now)])
            begun.set()
            assert go_on.wait(10)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(late)
        assert begun.wait(10)
        publish(installation, 2, 3)
        installation.relay()
        with installation.store.read() as work:
            first = outbox.feed_page(work, 0, 500)
        go_on.set()
        writer.result()
    installation.relay()
    with installation.store.read() as work:
        second = outbox.feed_page(work, first.next, 500)
    assert sorted(numbers(map(json.loads, first.events))) == [2, 3]
    assert numbers(map(json.loads, second.events)) == [1]


def test_two_relays_at_once_never_hand_out_a_position_below_one_that_was_seen(installation):
    """The second relay's lease is good as well, for the first one was suspended: it waits for the first's commit."""
    if installation.store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    installation.relay_as("slow")
    installation.later(3600)
    publish(installation, 1)
    stamped, go_on = threading.Event(), threading.Event()

    def slow():
        with installation.store.write() as work:
            assert processes.take_duty(work, "relay", "slow", -1)
            outbox.stamp(work)
            stamped.set()
            assert go_on.wait(10)

    def quick():
        with installation.store.write() as work:
            assert processes.take_duty(work, "relay", "quick", 60)
            return len(outbox.stamp(work))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert stamped.wait(10)
        publish(installation, 2)
        second = pool.submit(quick)
        with installation.store.read() as work:
            assert numbers(map(json.loads, outbox.feed_page(work, 0, 500).events)) == []
        go_on.set()
        first.result()
        assert second.result() == 1
    with installation.store.read() as work:
        page = outbox.feed_page(work, 0, 500)
    assert numbers(map(json.loads, page.events))[-2:] == [1, 2]


def test_a_page_of_rare_events_looks_only_so_far_and_goes_on_from_there(host, installation, monkeypatch):
    monkeypatch.setattr(outbox, "LOOKED_AT", 10)
    installation.company("pier", OTHER_TENANT)
    publish(installation, *range(1, 36))
    publish(installation, 99, company="pier")
    installation.relay()
    found, _ = host.feed(company="pier", types="xero.export.attention_needed")
    assert numbers(found) == [99]


@pytest.mark.parametrize("most", [1, 700, 1500, 4000])
def test_a_page_of_large_events_ends_early_and_nothing_is_left_out(host, installation, monkeypatch, most):
    publish(installation, *range(1, 12))
    installation.relay()
    whole, end = host.feed()
    monkeypatch.setattr(outbox, "FEED_MOST_BYTES", most)
    first = host.get("/v1/events?after=0&limit=500").json()
    assert 1 <= len(first["events"]) < len(whole)
    assert first["more"] is True
    assert host.feed(limit=500) == (whole, end)


def test_a_key_reads_the_events_of_its_companies_only(installation, doors):
    installation.company("pier", OTHER_TENANT)
    publish(installation, 1, 2)
    publish(installation, 3, company="pier")
    installation.relay()
    pier = Host(installation, doors, "pier", ["pier"])
    found, _ = pier.feed()
    assert {event["data"]["company"] for event in found} == {"pier"}
    assert numbers(found) == [3]
    assert problems(pier.get(f"/v1/events?company={COMPANY}"))[0].startswith("company: ")


def test_types_choose_and_a_misspelt_one_is_named(small_host, on_sqlite):
    publish(on_sqlite, 1)
    on_sqlite.relay()
    chosen, _ = small_host.feed(types="xero.connection.connected,invoice.export.failed")
    assert {event["type"] for event in chosen} == {"xero.connection.connected"}
    refused = small_host.get("/v1/events?types=invoice.export.succeded")
    assert refused.status_code == 422
    assert "“invoice.export.succeded” is not an event we send" in problems(refused)[0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=soon", "after"),
        ("after=-1", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=501", "limit"),
        ("limit=0", "limit"),
        ("wait=21", "wait"),
        ("afer=5", "afer"),
        ("company=%00", "company"),
    ],
)
def test_a_bad_question_names_the_field(small_host, query, field):
    refused = small_host.get(f"/v1/events?{query}")
    assert refused.status_code == 422
    assert problems(refused)[0].startswith(f"{field}: ")


def test_a_cursor_of_before_a_restore_is_no_silence(small_host, on_sqlite):
    on_sqlite.relay()
    refused = small_host.get("/v1/events?after=1000000")
    assert refused.status_code == 422
    assert "before a restore" in problems(refused)[0]


def test_who_waits_is_told_as_soon_as_there_is_news(small_host, on_sqlite):
    _, end = small_host.feed()
    on_sqlite.relay()
    end = small_host.feed(after=end)[1]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(small_host.get, f"/v1/events?after={end}&wait=20")
        publish(on_sqlite, 7)
        on_sqlite.relay()
        answer = wait_for(lambda: asked.done() and asked.result(), 15)
    assert numbers(answer.json()["events"]) == [7]


@pytest.fixture
def two_doors(on_sqlite, monkeypatch):
    """Two web processes at which nobody looks by itself: the bell alone wakes who waits."""
    monkeypatch.setattr(reads, "_LOOK_SECONDS", 30)
    looked, look = [], reads._read_page
    monkeypatch.setattr(reads, "_read_page", lambda *given: [look(*given), looked.append(given)][0])
    with ExitStack() as stack:
        yield *(_door(on_sqlite, stack, f"host-{number}") for number in range(2)), looked


def _door(installation, stack, key):
    app = main.build(installation.tools)
    url = stack.enter_context(machines.served(main.serving(app, installation.settings)))
    return Host(installation, url, key), app.state.feed_waiters


def test_who_waits_at_any_door_is_woken_by_the_relay_and_need_not_look(two_doors, on_sqlite):
    (host, _), (other, _), looked = two_doors
    with ThreadPoolExecutor(2) as pool:
        for number in (7, 8):  # the first may be found because their ears had just opened
            end = host.feed()[1]
            looked.clear()
            asked = [pool.submit(one.get, f"/v1/events?after={end}&wait=20") for one in (host, other)]
            wait_for(lambda: len(looked) >= 2)
            publish(on_sqlite, number)
            on_sqlite.relay()
            assert [numbers(one.result(12).json()["events"]) for one in asked] == [[number], [number]]


def test_only_so_many_of_a_key_wait_and_those_of_another_are_not_refused(two_doors, on_sqlite, monkeypatch):
    monkeypatch.setattr(reads, "MOST_WAITERS", 1)
    (host, waiters), (other, _), _ = two_doors
    other.http.base_url = host.http.base_url
    end = host.feed()[1]
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(one.get, f"/v1/events?after={end}&wait=20") for one in (host, other)]
        wait_for(lambda: waiters.count(host.key_id) and waiters.count(other.key_id))
        refused = host.get(f"/v1/events?after={end}&wait=1")
        assert refused.status_code == 429
        assert problems(refused)[0].startswith("wait: ")
        assert host.get(f"/v1/events?after={end}").status_code == 200
        publish(on_sqlite, 7)
        on_sqlite.relay()
        assert [numbers(one.result(12).json()["events"]) for one in asked] == [[7], [7]]


def test_who_waits_at_a_door_that_is_about_to_end_is_answered_before(on_sqlite):
    app = main.build(on_sqlite.tools)
    with machines.served(main.serving(app, on_sqlite.settings)) as url, ThreadPoolExecutor(1) as pool:
        host = Host(on_sqlite, url, "host-0")
        end = host.feed()[1]
        asked = pool.submit(host.get, f"/v1/events?after={end}&wait=20")
        wait_for(lambda: app.state.feed_waiters.count(host.key_id))
        app.state.draining.set()
        answer = asked.result(12)
    assert (answer.status_code, answer.json()["events"]) == (200, [])


def test_a_request_that_is_cut_off_by_the_end_of_the_process_is_no_fault_of_ours():
    sent = []

    async def cut_off():
        has_begun = asyncio.Event()

        async def waits(_scope, _receive, _send):
            has_begun.set()
            await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        asked = asyncio.create_task(RequestIds(waits)({"type": "http", "headers": []}, None, send))
        await has_begun.wait()
        asked.cancel()
        await asked

    asyncio.run(cut_off())
    start, body = sent
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert "send the same again" in body["body"].decode()
