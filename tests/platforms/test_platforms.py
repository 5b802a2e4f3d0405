"""Other platforms than the suite's: each exports every invoice once, a worker killed in the middle."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from tests import machines
from tests.platforms import parts
from tests.platforms.exporting import export
from worker import redis_client

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]
INVOICES = 120


def needs(*found):
    return pytest.mark.skipif(not all(found), reason="not all of these servers are here (.ci/run brings them)")


@pytest.fixture(scope="module")
def cluster():
    with parts.a_cluster() as address:
        yield address


@needs(parts.REDIS)
def test_on_a_cluster_of_redis_every_invoice_arrives_once(tmp_path, cluster):
    done = export(tmp_path, INVOICES, REDIS_URL=cluster)
    assert done.well, done


@needs(parts.REDIS)
def test_a_cluster_is_asked_for_time_memory_and_settings_where_our_keys_are(cluster):
    client = redis_client.redis_client(cluster, patient=False)
    client.set("{xp}:weight", "x" * 30_000_000)
    assert client.info("memory")["used_memory"] > 30_000_000
    others = [
        redis.Redis(port=int(one.rpartition(":")[2])).info("memory")["used_memory"] for one in cluster.split(",")
    ]
    assert sorted(memory > 30_000_000 for memory in others) == [False, False, True]
    client.delete("{xp}:weight")
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert abs(client.time()[0] - time.time()) < 5


@needs(parts.REDIS)
def test_a_cluster_that_hangs_holds_up_a_crowd_no_longer_than_one_and_is_used_again_when_it_answers():
    with parts.a_cluster() as address:
        client = redis_client.redis_client(address, patient=False)
        client.set("{xp}:a", 1)
        nodes = [
            redis.Redis(port=int(one.rpartition(":")[2])).info("server")["process_id"] for one in address.split(",")
        ]
        for node in nodes:
            os.kill(node, signal.SIGSTOP)
        alone = seconds_of_asking(client, 1)
        assert seconds_of_asking(client, 12) < 3 * alone
        for node in nodes:
            os.kill(node, signal.SIGCONT)
        machines.wait_for(lambda: answers(client), 30)
        for node in nodes:
            os.kill(node, signal.SIGKILL)
        pipe = client.pipeline(transaction=False)
        pipe.get("{xp}:a")
        with pytest.raises(redis.ConnectionError):
            pipe.execute()


def answers(client):
    try:
        return client.get("{xp}:a") == b"1"
    except redis.RedisError:
        return False


def seconds_of_asking(client, threads):
    """How long it takes until that many, who ask at once, know that nobody answers."""
    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        assert not any(pool.map(lambda _: answers(client), range(threads)))
    return time.monotonic() - began


@needs(parts.REDIS)
def test_a_cluster_that_is_taken_for_one_server_is_refused_with_what_to_write(cluster):
    node = cluster.removeprefix("redis+cluster://").split(",")[0]
    client = redis_client.redis_client(f"redis://{node}", patient=False)
    with pytest.raises(redis.ResponseError) as refused:
        client.eval("return redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2])", 2, "xp:due", "xp:turns")
    assert "REDIS_URL must begin with redis+cluster://" in redis_client.refusal(refused.value)


@needs(parts.REDIS)
def test_a_cluster_that_is_away_is_away_and_holds_up_no_start():
    client = redis_client.redis_client("redis+cluster://127.0.0.1:1", patient=False)
    script = client.register_script("return 1")
    for attempt in (lambda: client.get("{xp}:due"), lambda: script(keys=["{xp}:due"])):
        with pytest.raises(redis.ConnectionError):
            attempt()


@needs(parts.REDIS, parts.SENTINEL)
def test_when_sentinels_choose_another_primary_every_invoice_arrives_once(tmp_path):
    with parts.sentinels() as watched:
        done = export(tmp_path, INVOICES, watched.primary.kill, REDIS_URL=watched.address)
    assert done.well, done


@needs(parts.PGBOUNCER, parts.POSTGRES)
def test_behind_pgbouncer_in_transaction_mode_every_invoice_arrives_once(tmp_path):
    with (
        parts.a_folder() as folder,
        parts.a_postgres_of(folder) as database,
        parts.a_pgbouncer(folder, database) as pooled,
    ):
        done = export(
            tmp_path, INVOICES, DATABASE_URL=f"{pooled}?prepare_threshold=0", MIGRATION_DATABASE_URL=database
        )
    assert done.well, done


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("redis+sentinel://127.0.0.1:26379", "names no service"),
        ("redis+cluster://", "names no host"),
        ("redis+other://127.0.0.1", r"redis, redis\+cluster or redis\+sentinel is known"),
    ],
)
def test_an_address_in_another_form_is_refused_with_a_sentence(address, why):
    with pytest.raises(ValueError, match=why):
        redis_client.redis_client(address)


@needs(parts.REDIS)
def test_with_an_account_of_few_rights_every_invoice_arrives_once(tmp_path):
    """The rights that the page of deployment names: our own keys, and no CONFIG, as hosted ones have it."""
    page = (Path(__file__).parents[2] / "docs/operations/deploy.md").read_text()
    rights = re.search(r"An account of Redis\*\* needs `(.+)`", page)[1]
    with (
        parts.a_folder() as folder,
        parts.a_redis(folder, "--user", "crewcard", "on", ">pw", *rights.split()) as (port, _),
    ):
        done = export(tmp_path, INVOICES, REDIS_URL=f"redis://crewcard:pw@127.0.0.1:{port}/0")
        client = redis_client.redis_client(f"redis://crewcard:pw@127.0.0.1:{port}/0", patient=False)
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("anything else", 1)
    assert done.well, done
