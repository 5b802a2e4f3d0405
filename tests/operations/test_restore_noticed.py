"""A database that went back in time is noticed: nothing is doubled, and no reader of the feed misses a thing."""

import threading

import pytest
import redis
from sqlmodel import delete, select

from cli import care
from store import outbox, restores
from store.tables import Restore, RestoreCheck
from tests.builders import an_invoice, invoices
from tests.machines import a_free_port
from tests.operations.test_backup import again, back_up, numbers  # noqa: F401
from tests.operations.test_restore import checked
from web import reads
from web.answers import RefusedRequest
from worker import feed_witness
from worker.feed_witness import FeedWitness
from worker.measuring import catalogue, measuring
from worker.watching import attention

KEY = "xp:feed"


def clock(installation):
    """What the clock does every other second."""
    installation.tools.witness.prove(installation.store, installation.tools.redis)


def seen_until(installation):
    """The cursor of a host that has read everything, by the doors."""
    return page(installation, 0).next


def page(installation, cursor, companies=None):
    return reads._read_page(installation.tools, cursor, 500, companies, None)


def restored_times(installation):
    with installation.store.read() as work:
        return [row.superseded for row in work.session.exec(select(Restore))]


@pytest.fixture
def put_back(again):  # noqa: F811
    """The backup in the place of the database, beside a Redis that was there all the time; nobody says a word."""

    def made(installation):
        memory = installation.tools.redis.hgetall(KEY)
        installation.later(3600)
        restored = again(installation)
        restored.tools.redis.hset(KEY, mapping=memory)
        return restored

    return made


@pytest.fixture
def backup(installation, tmp_path):
    """Three invoices are exported and told, and a backup is taken; a day of other things follows."""
    installation.ask(*invoices(3))
    installation.run()
    installation.relay()
    clock(installation)
    clock(installation)
    back_up(installation.settings.database_url, tmp_path)
    return installation


FIRST, SECOND = an_invoice("C0", number="C0"), an_invoice("C0", number="REN-C0", revision=2)


def go_on(installation):
    """An invoice is exported and renumbered; how far a host has read then."""
    for number, one in enumerate((FIRST, SECOND)):
        installation.ask(one, request=f"later{number}")
        installation.run()
        installation.relay()
    return seen_until(installation)


def test_a_reader_misses_nothing_and_nothing_is_doubled_though_nobody_says_that_it_was_restored(backup, put_back):
    known = seen_until(backup)
    cursor = go_on(backup)
    assert list(numbers(backup))[-1] == "REN-C0"

    restored = put_back(backup)
    calls = len(restored.calls())
    for number, one in enumerate((FIRST, SECOND)):  # the host sends again what it sent
        restored.ask(one, request=f"later{number}")
    restored.run()
    assert len(restored.calls()) == calls  # the first turn noticed
    checked_without_forgetting(restored)
    restored.run()
    restored.ask(*invoices(9, "new"), request="new")
    restored.run()
    restored.relay()
    assert numbers(restored)["REN-C0"] == 1
    assert "C0" not in numbers(restored)

    assert seen_until(restored) % restores.PLACES > cursor  # it has outgrown what the host saw
    with pytest.raises(RefusedRequest) as told:
        page(restored, cursor)
    on = int(told.value.problems[0].partition("after=")[2].partition(":")[0])
    everything = page(restored, 0).events
    assert list(page(restored, on).events) == list(everything[known:])
    assert any('"type":"database.restored"' in one for one in everything[known:])
    assert restored_times(restored) == [0]


def checked_without_forgetting(restored):
    """The check of what Xero has, while Redis keeps what it knows."""
    memory = restored.tools.redis.hgetall(KEY)
    checked(restored)
    restored.tools.redis.hset(KEY, mapping=memory)


def test_the_relay_gives_no_place_a_second_time(backup, put_back):
    cursor = go_on(backup)
    restored = put_back(backup)
    restored.ask(*[an_invoice(f"bad{number}", client="nobody") for number in range(20)], request="bad")
    restored.relay()
    with restored.store.read() as work, pytest.raises(outbox.Beyond):
        outbox.feed_page(work, cursor, 500)


def test_a_feed_that_has_outgrown_what_was_seen_while_redis_was_away_is_told_from_it(backup, put_back):
    """By the event that stood there. Readers go on from what the backup knew to be the same, not from its new end."""
    known, cursor = seen_until(backup), go_on(backup)
    memory = backup.tools.redis.hgetall(KEY)
    restored = put_back(backup)
    restored.tools.redis.delete(KEY)
    restored.ask(*[an_invoice(f"bad{number}", client="nobody") for number in range(20)], request="bad")
    restored.relay()
    with restored.store.read() as work:
        assert restores.high_water(work).position > cursor
    restored.tools.redis.delete(KEY)
    restored.tools.redis.hset(KEY, mapping=memory)
    clock(restored)
    with pytest.raises(RefusedRequest) as told:
        page(restored, cursor)
    on = int(told.value.problems[0].partition("after=")[2].partition(":")[0])
    assert list(page(restored, on).events) == list(page(restored, 0).events[known:])


@pytest.mark.parametrize("kind", ["emptied", "older", "away"])
def test_a_redis_that_knows_nothing_or_less_proves_nothing(backup, kind):
    memory = backup.tools.redis.hgetall(KEY)
    go_on(backup)
    client = backup.tools.redis
    if kind == "away":
        client = redis.Redis(port=a_free_port(), retry=None)
    else:
        client.delete(KEY)
    if kind == "older":
        client.hset(KEY, mapping=memory)
    assert not FeedWitness().compare(backup.store, client)
    assert restored_times(backup) == []


def test_whoever_notices_at_once_or_dies_right_behind_begins_once(backup, put_back):
    go_on(backup)
    restored = put_back(backup)
    memory = restored.tools.redis.hgetall(KEY)
    together = threading.Barrier(2)

    def notice():
        seen = feed_witness.recall(restored.tools.redis)
        together.wait()
        FeedWitness()._notice(restored.store, restored.tools.redis, seen)

    threads = [threading.Thread(target=notice) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert restored_times(restored) == [0]
    restored.tools.redis.hset(KEY, mapping=memory)  # whoever noticed was killed before Redis heard of it
    clock(restored)
    clock(restored)
    assert restored_times(restored) == [0]


def test_a_backup_of_before_a_restore_is_another_restore_and_noticed_once(backup, put_back):
    """The epoch that Redis knows is not one of this database."""
    go_on(backup)
    restored = put_back(backup)
    clock(restored)
    memory = restored.tools.redis.hgetall(KEY)
    with restored.store.write() as work:  # the same backup once more
        work.session.exec(delete(Restore))
        work.session.exec(delete(RestoreCheck))
    for _ in range(2):
        restored.tools.redis.hset(KEY, mapping=memory)
        clock(restored)
    assert restored_times(restored) == [int(memory[b"epoch"])]


def test_the_cursor_of_a_host_that_reads_everything_is_a_witness_too(backup, again):  # noqa: F811
    """Redis was emptied. What such a host had not seen is not told apart from the rest: it gets all of it again."""
    cursor = go_on(backup)
    restored = again(backup)
    with pytest.raises(RefusedRequest) as told:
        page(restored, cursor, {"harbour"})
    assert "after=" not in told.value.problems[0]
    assert restored_times(restored) == []
    for _ in range(2):
        with pytest.raises(RefusedRequest) as told:
            page(restored, cursor)
        on = int(told.value.problems[0].partition("after=")[2].partition(":")[0])
        assert list(page(restored, on).events) == list(page(restored, 0).events)
    assert restored_times(restored) == [0]


def test_a_wrong_cursor_stops_nobody_where_redis_saw_the_feed_from_its_beginning(installation):
    clock(installation)
    installation.ask(*invoices(3))
    installation.run()
    installation.relay()
    with pytest.raises(RefusedRequest):
        page(installation, 1_764_412_345)
    assert restored_times(installation) == []


def test_doctor_metrics_and_console_say_so_until_xero_was_read(backup, put_back):
    go_on(backup)
    restored = put_back(backup)

    def matters():
        with restored.store.read() as work:
            return [one.title for one in attention.what_needs_a_person(restored.tools, work).matters]

    def age():
        found = [one.value for one in measuring.measure(restored.tools) if one.metric is catalogue.RESTORED]
        return found and found[0] < 60

    assert care._restore(restored.tools, restored.settings) == "none"
    assert (age(), "The database was restored" in matters()) == ([], False)
    clock(restored)
    with pytest.raises(RuntimeError, match=r"1 lane .* not read yet"):
        care._restore(restored.tools, restored.settings)
    assert (age(), "The database was restored" in matters()) == (True, True)
    checked(restored)
    assert care._restore(restored.tools, restored.settings).endswith("is checked")
    assert "The database was restored" not in matters()
