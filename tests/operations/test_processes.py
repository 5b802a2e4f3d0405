"""Who is running: seen while it beats, silent once killed, gone when it ended in good order."""

from store import migrate, processes
from store.unit_of_work import Store, engine_for
from tests.machines import wait_for
from worker.heartbeat import VERSION, Heartbeat


def there(installation):
    with installation.store.read() as work:
        return [(one.kind, processes.is_silent(work, one)) for one in processes.everyone(work)]


def test_a_process_is_seen_with_its_version_and_since_when(installation):
    heartbeat = Heartbeat(installation.store, "worker")
    heartbeat.beat()
    installation.later(30)
    heartbeat.beat()
    with installation.store.read() as work:
        (seen,) = processes.everyone(work)
    assert (seen.kind, seen.version, seen.pid) == ("worker", VERSION, heartbeat.who.pid)
    assert 29 < (seen.seen_at - seen.since).total_seconds() < 40


def test_one_that_was_killed_is_silent_for_a_day_and_then_forgotten(installation):
    Heartbeat(installation.store, "clock").beat()
    assert there(installation) == [("clock", False)]
    installation.later(61)
    assert there(installation) == [("clock", True)]
    Heartbeat(installation.store, "web").beat()
    assert there(installation) == [("clock", True), ("web", False)]
    installation.later(86_400)
    Heartbeat(installation.store, "worker").beat()
    assert there(installation) == [("worker", False)]


def test_one_that_ends_in_good_order_leaves(installation):
    heartbeat = Heartbeat(installation.store, "worker")
    heartbeat.start()
    wait_for(lambda: there(installation))
    heartbeat.stop()
    assert there(installation) == []


def test_a_database_that_is_not_there_yet_stops_no_process(tmp_path):
    url = f"sqlite:///{tmp_path}/late.sqlite"
    store = Store(engine_for(url))
    heartbeat = Heartbeat(store, "web", seconds=0.02)
    heartbeat.start()
    migrate.upgrade(url)

    def seen():
        with store.read() as work:
            return processes.everyone(work)

    assert wait_for(seen)
    heartbeat.stop()
    store.engine.dispose()
