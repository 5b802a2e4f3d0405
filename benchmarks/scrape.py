"""What one scrape of /metrics costs beside a log of a million and an open backlog: `python -m benchmarks.scrape`."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from sqlalchemy import event

from benchmarks import seed
from store import migrate
from store.unit_of_work import Store
from tests import machines
from worker import wiring
from worker.measuring import measuring
from worker.settings import Settings

_TIMES = 11
# 500 companies with 20 open requests each, 100 invoices pending in every fifth of them, 300 events to deliver.
_OPEN = """
INSERT INTO requests (company, id, tenant, mode, requested_by, source_event, parts, parts_received, total, exported,
  failed, unchanged, created_at)
  SELECT 'open-' || g % 500, 'o' || g, 't', 'bulk', 'anna', 's', 1, '1', 100, 20, 1, 0, now() FROM
  generate_series(1, 10000) AS g;
INSERT INTO exports (company, tenant, invoice, number, client, state, priority, due_at, wanted_revision, wanted_hash,
  wanted, sent_revision, sent_hash, attempts, failures, crashes, alone, number_bound, excluded, cancelled, live_since,
  created_at, touched_at)
  SELECT 'open-' || g % 500, 't', 'o' || g, 'O-' || g, 'acme', 'pending', 1, now(), 1, 'h', '{}', 1, 'h', 1, 0, 0,
  false, true, false, false, now(), now(), now() FROM generate_series(1, 100000) AS g;
INSERT INTO outbox (id, company, type, subject, body, created_at)
  SELECT 'fresh' || g, 'open-1', 'invoice.export.succeeded', 's', '{}', now() FROM generate_series(1, 300) AS g;
INSERT INTO lanes (company, tenant, state, message, unknown_in_a_row, answered_at, changed_at)
  SELECT 'open-' || g, 't', 'open', '', 0, now(), now() FROM generate_series(0, 499) AS g;
"""


@contextmanager
def _timed(store: Store) -> Iterator[dict[str, list[float]]]:
    """Milliseconds of every statement that runs meanwhile, by its text."""
    took: dict[str, list[float]] = {}
    began = [0.0]

    def before(*_: Any) -> None:
        began[0] = time.perf_counter()

    def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        took.setdefault(statement, []).append(1000 * (time.perf_counter() - began[0]))

    event.listen(store.engine, "before_cursor_execute", before)
    event.listen(store.engine, "after_cursor_execute", after)
    yield took


def main(rows: int) -> None:
    """Print the median of each statement and of the whole scrape, in milliseconds."""
    settings = Settings(_env_file=None, encryption_keys=(Fernet.generate_key().decode(),))  # type: ignore[call-arg]
    with machines.a_postgres() as server:
        url = machines.fresh_postgres_database(server, "scrape")
        migrate.upgrade(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_OPEN.encode())
        seed.fill(url, rows)
        tools = wiring.build(settings.model_copy(update={"database_url": url}))
        store = tools.store
        whole = []
        with _timed(store) as took:
            for _ in range(_TIMES):
                began = time.perf_counter()
                with store.read() as work:
                    count = len(list(measuring.business_readings(tools, work)))
                whole.append(1000 * (time.perf_counter() - began))
        store.engine.dispose()
    for statement, times in sorted(took.items(), key=lambda one: -median(one[1]))[:8]:
        print(f"{median(times):8.1f} ms  {' '.join(statement.split())[:100]}")
    print(f"{median(whole):8.1f} ms  all of it: {count} figures, {len(took)} statements, {rows:,} old invoices")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    sys.exit(main(parser.parse_args().rows))
