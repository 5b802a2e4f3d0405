"""The Redis Stream door: what a trusted host writes is filed once, whoever dies; nothing blocks what comes after."""

import dataclasses
import json

import psycopg
import pytest
import redis
from sqlalchemy.exc import OperationalError

from store import inbox
from tests import machines
from tests.builders import a_request, an_invoice, an_order, invoices
from tests.machines import wait_for
from worker.intake import intake
from worker.intake.stream_consumer import GROUP, MOST_DELIVERIES, STREAM, RequestStream, StreamConsumer

OTHER = "99999999-2222-4333-8444-555555555555"


class Hand:
    """A reader whose clock is moved by hand and to whom everything left behind is free at once."""

    def __init__(self, installation, name="one", idle=0, **chosen):
        self.now = 100.0
        tools = dataclasses.replace(installation.tools, elapsed=lambda: self.now)
        self.stream = RequestStream(installation.tools.redis, name, idle, **chosen)
        self.door = StreamConsumer(tools, self.stream, wait_seconds=0.01)

    def take(self, rounds=3):
        """A few rounds, each when it is worth looking again at what was left behind."""
        done = 0
        for _ in range(rounds):
            done += self.door.take()
            self.now += 6
        return done


@pytest.fixture
def hand(on_sqlite):
    return Hand(on_sqlite)


def write(installation, *events):
    """What a host does, in any language: XADD with the event in one field."""
    for event in events:
        installation.tools.redis.xadd(STREAM, {"event": event if isinstance(event, bytes) else json.dumps(event)})


def left(installation):
    """Entries in the stream, and how many of them somebody holds."""
    client = installation.tools.redis
    pending = client.xpending(STREAM, GROUP)["pending"] if client.exists(STREAM) else 0
    return client.xlen(STREAM), pending


def letters(installation):
    with installation.store.read() as work:
        return [(one.door, one.body, json.loads(one.problems)) for one in inbox.dead_letters(work)][::-1]


def test_what_a_host_writes_is_filed_and_leaves_the_stream(installation):
    write(installation, a_request(*invoices(3)), an_order("cancel", request="other"))
    assert Hand(installation).take() == 2
    installation.run()
    assert len(installation.answers()) == 3
    assert left(installation) == (0, 0)


def test_what_was_written_before_anybody_read_is_taken_too(on_sqlite, hand):
    assert hand.take() == 0  # makes the group
    on_sqlite.tools.redis.delete(STREAM)
    write(on_sqlite, a_request())
    assert hand.take() == 1
    assert on_sqlite.export("i1").state == "pending"


POISON = {
    "not JSON": (b"{", "body: not JSON"),
    "not text": (b"\xff\xfe", "body: not UTF-8"),
    "too large": (b'"' + b"x" * 6_000_000 + b'"', "body: at most 5,000,000 bytes"),
    "a list": (json.dumps([a_request()]).encode(), "event: must be a JSON object"),
    "another event": (json.dumps({**a_request(), "type": "invoice.paid"}).encode(), "type: “invoice.paid”"),
    "another company": (json.dumps(a_request(company="nobody")).encode(), "data.company: there is no company"),
    "no id": (json.dumps({**a_request(), "id": ""}).encode(), "id: "),
}


@pytest.mark.parametrize("kind", POISON)
def test_a_poison_entry_becomes_a_dead_letter_with_its_reason_and_blocks_nobody(on_sqlite, hand, kind):
    body, problem = POISON[kind]
    write(on_sqlite, body, a_request())
    assert hand.take(1) + hand.take(1) == 2
    ((door, kept, problems),) = letters(on_sqlite)
    assert (door, kept) == ("stream", body[:100_000])  # of what is too long its beginning is kept
    assert problems[0].startswith(problem)
    assert on_sqlite.export("i1").state == "pending"
    assert left(on_sqlite) == (0, 0)


@pytest.mark.parametrize("limit", [{"open_dead_letters": 3}, {"open_dead_letter_bytes": 1000}])
def test_a_host_fills_the_database_with_no_more_letters_than_it_may_and_loses_none(on_sqlite, hand, limit):
    """What more cannot be read stays in the stream, others pass it, and it is taken once somebody made room."""
    write(on_sqlite, *(b"{" + b"x" * 300 + bytes([65 + number]) for number in range(5)), a_request())
    object.__setattr__(hand.door._tools, "settings", on_sqlite.settings.model_copy(update=limit))
    assert hand.take() == 4
    assert (len(letters(on_sqlite)), left(on_sqlite)) == (3, (2, 2))
    assert on_sqlite.export("i1").state == "pending"
    for _ in range(MOST_DELIVERIES + 2):
        hand.now += 700
        assert hand.take() == 0
    with on_sqlite.store.write() as work:
        for letter in inbox.dead_letters(work):
            inbox.close(work, letter.id, state="discarded", closed_by="olga", why="read")
    hand.now += 700
    assert hand.take() == 2
    assert (len(letters(on_sqlite)), left(on_sqlite)) == (2, (0, 0))


def test_an_entry_without_our_field_is_kept_with_what_it_has(on_sqlite, hand):
    on_sqlite.tools.redis.xadd(STREAM, {"body": "{}", b"\xff": b"\x00"})
    assert hand.take() == 1
    ((_, kept, problems),) = letters(on_sqlite)
    assert json.loads(kept)["body"] == "{}"
    assert problems == ["event: the entry has no field of this name"]


def test_a_used_event_id_with_another_body_is_a_dead_letter_and_the_same_again_is_nothing(on_sqlite, hand):
    write(on_sqlite, a_request(), a_request(), a_request(an_invoice("other")))
    assert hand.take() == 3
    ((_, _, problems),) = letters(on_sqlite)
    assert problems == ["id: this event id was used before with another body"]
    on_sqlite.run()
    assert len(on_sqlite.books()) == 1


def test_a_reader_that_dies_leaves_its_entries_to_another(on_sqlite):
    write(on_sqlite, *(a_request(an_invoice(f"i{n}"), request=f"r{n}") for n in range(5)))
    dying = Hand(on_sqlite, "dying")
    assert dying.stream.new(8, 0.01) == []  # the group is made
    assert len(dying.stream.new(8, 0.01)) == 5
    assert left(on_sqlite) == (5, 5)
    assert Hand(on_sqlite, "patient", idle=60).take() == 0
    assert Hand(on_sqlite, "next").take() == 5
    assert left(on_sqlite) == (0, 0)


def readers(installation):
    """The consumers that the group of the stream knows."""
    return {one["name"].decode() for one in installation.tools.redis.xinfo_consumers(STREAM, GROUP)}


def test_a_restarted_door_takes_over_what_dead_readers_held_and_clears_them_away(on_sqlite):
    """Each process reads under a name of its own: uncleared, the group would know all that there ever were."""
    Hand(on_sqlite, "first").take()
    write(on_sqlite, *(a_request(an_invoice(f"i{n}"), request=f"r{n}") for n in range(20)))
    for name in ("killed", "killed too"):
        assert len(RequestStream(on_sqlite.tools.redis, name).new(8, 0.01)) == 8
    RequestStream(on_sqlite.tools.redis, "ended in peace").new(1, 0.01)
    write(on_sqlite, a_request(request="later"))
    restarted = Hand(on_sqlite, "restarted", gone_seconds=0)
    assert restarted.take(6) == 21
    assert left(on_sqlite) == (0, 0)
    assert readers(on_sqlite) <= {"restarted"}


def test_a_reader_that_holds_an_entry_or_asked_within_the_hour_is_not_cleared_away(on_sqlite):
    """Who drops a reader drops what it holds: nobody would ever be handed that entry again."""
    Hand(on_sqlite, "idle").take()
    write(on_sqlite, a_request())
    assert len(RequestStream(on_sqlite.tools.redis, "at work").new(1, 0.01)) == 1
    assert Hand(on_sqlite, "restarted", idle=60).take() == 0
    assert readers(on_sqlite) == {"idle", "at work", "restarted"}
    assert Hand(on_sqlite, "restarted", idle=60, gone_seconds=0).take() == 0
    assert {"at work"} <= readers(on_sqlite) <= {"at work", "restarted"}
    assert left(on_sqlite) == (1, 1)
    assert Hand(on_sqlite, "next").take() == 1


def test_readers_compete_and_each_event_is_filed_once(installation):
    write(installation, *(a_request(an_invoice(f"i{n}"), request=f"r{n}") for n in range(40)))
    readers = [Hand(installation, name, idle=60) for name in "abc"]
    for _ in range(8):
        for reader in readers:
            reader.take(1)
    installation.settle_down(2)
    assert len(installation.books()) == 40
    assert left(installation) == (0, 0)


def test_a_commit_without_its_acknowledgement_is_harmless(on_sqlite, hand, monkeypatch):
    write(on_sqlite, a_request())
    hand.take(1)
    monkeypatch.setattr(hand.stream, "done", _redis_is_lost)
    with pytest.raises(redis.ConnectionError):
        hand.take()
    monkeypatch.undo()
    assert left(on_sqlite) == (1, 1)
    assert hand.take() == 1
    on_sqlite.run()
    assert (left(on_sqlite), len(on_sqlite.books())) == ((0, 0), 1)


def _redis_is_lost(*_):
    raise redis.ConnectionError


def test_an_emptied_redis_mends_itself(on_sqlite, hand):
    write(on_sqlite, a_request())
    hand.take()
    on_sqlite.tools.redis.flushall()
    assert hand.take() == 0
    write(on_sqlite, a_request(request="r2"))
    assert hand.take() == 1


def test_a_database_that_is_away_acknowledges_nothing_and_loses_nothing(make_installation, postgres):
    made = make_installation(machines.copy_of_template(postgres, "away"))
    made.company()
    hand = Hand(made)
    hand.take(1)
    write(made, a_request(), a_request(request="r2"), b"poison")
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("ALTER DATABASE away ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
        for _ in range(MOST_DELIVERIES + 2):
            with pytest.raises(OperationalError):
                hand.take()
        assert left(made) == (3, 3)
        server.execute("ALTER DATABASE away ALLOW_CONNECTIONS true")
    assert hand.take() == 3
    assert len(letters(made)) == 1
    made.run()
    assert (len(made.answers("r1")), len(made.answers("r2")), left(made)) == (1, 1, (0, 0))


def test_one_company_with_too_much_waits_in_the_stream_and_the_others_go_on(make_installation, sqlite_url):
    full = make_installation(sqlite_url, most_pending=500)
    full.company()
    full.company("pier", OTHER)
    full.ask(*invoices(500))
    hand = Hand(full)
    write(full, a_request(an_invoice("more"), request="more"), a_request(request="p", company="pier"))
    assert hand.take() == 1
    assert left(full) == (1, 1)
    full.run()
    assert hand.take() == 1  # its wait is over
    full.run()
    assert full.answers("more")["more"]["type"] == "succeeded"
    assert letters(full) == []


def test_an_entry_that_waits_for_room_waits_as_often_as_it_takes(make_installation, sqlite_url):
    full = make_installation(sqlite_url, most_pending=500)
    full.company()
    full.ask(*invoices(500))
    hand = Hand(full)
    write(full, a_request(an_invoice("more"), request="more"))
    for _ in range(3 * MOST_DELIVERIES):
        hand.take()
    assert (left(full), letters(full)) == ((1, 1), [])


def test_an_entry_that_only_makes_us_stumble_is_set_aside_in_the_end(on_sqlite, hand, monkeypatch):
    """A fault of ours: those behind it go on meanwhile, and it is kept with its reason."""
    real = intake.accept
    monkeypatch.setattr(intake, "accept", lambda *said: real(*said) if said[1]["id"] != "bad" else 1 / 0)
    write(on_sqlite, a_request(request="x", event_id="bad"), a_request())
    hand.take(2)
    assert on_sqlite.export("i1").state == "pending"
    assert hand.take(MOST_DELIVERIES + 1) == 1
    ((_, _, problems),) = letters(on_sqlite)
    assert problems == ["event: could not be filed in 5 tries"]
    assert left(on_sqlite) == (0, 0)


def test_an_entry_that_ends_its_reader_each_time_is_set_aside_in_the_end(on_sqlite):
    write(on_sqlite, a_request())
    Hand(on_sqlite).stream.new(1, 0.01)
    Hand(on_sqlite, "killed by it").stream.new(1, 0.01)
    for number in range(MOST_DELIVERIES - 1):
        reader = RequestStream(on_sqlite.tools.redis, f"killed {number}", 0)
        wait_for(lambda reader=reader: reader.left_behind(1, ()))
    assert Hand(on_sqlite, "next").take() == 1
    ((_, _, problems),) = letters(on_sqlite)
    assert problems == ["event: could not be filed in 5 tries"]


def test_the_stream_of_another_kind_is_an_error_that_says_so(on_sqlite, hand):
    on_sqlite.tools.redis.set(STREAM, "mine")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        hand.take()
