"""A process with many threads that call Xero for many companies: `python -m tests.connections.callers …`."""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import redis

from events.accounting_target import Lane, Trouble
from store import connections
from store.unit_of_work import Store, engine_for
from worker import wiring
from worker.settings import Settings
from worker.tools import Tools

THREADS = 16


def tools_for(database: str, redis_url: str, xero: str, key: str) -> Tools:
    settings = Settings(
        _env_file=None,
        database_url=database,
        redis_url=redis_url,
        encryption_keys=(key,),
        xero_api_url=xero,
        xero_identity_url=xero,
        xero_login_url=xero,
        read_timeout_seconds=30,
    )
    return wiring.assemble(settings, Store(engine_for(database, pool_size=8)), redis.Redis.from_url(redis_url))


def call(tools: Tools, calls: int) -> int:
    """Call for one company after another, in a different order in every thread; gives how many were answered."""
    with tools.store.read() as work:
        lanes = [Lane(one.company, one.tenant) for one in connections.all_connections(work)]
    left, lock = iter(range(calls)), threading.Lock()

    def work_off(number: int) -> int:
        dice, answered = random.Random(number), 0
        while True:
            with lock:
                if next(left, None) is None:
                    return answered
            with tools.store.read() as work:
                organisation = connections.organisation(work, dice.choice(lanes))
            answered += _asked(tools, organisation)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(work_off, range(THREADS)))


def _asked(tools, organisation) -> int:
    """One look-up; one cut off on a connection that the other side had just closed is asked again."""
    for _ in range(5):
        try:
            tools.targets["xero"].find(organisation, ["N-1"])
        except Trouble as trouble:
            if trouble.effect in ("not_sent", "needs_login", "refused"):
                return 0
            if trouble.effect != "unknown":
                raise
        else:
            return 1
    return 0


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)  # threads take turns all the time: what they share is mixed up at once
    print(call(tools_for(*sys.argv[1:5]), int(sys.argv[5])))  # noqa: T201
