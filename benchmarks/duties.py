"""Duties of the clock: what a sweep costs, how two processes share one, and how soon an emptied Redis rings again."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
import redis

from benchmarks import seed
from benchmarks.report import Report
from store import migrate, processes, reconciliations
from store.processes import shard_of
from tests import machines
from tests.builders import an_invoice
from tests.installation import Installation
from tests.machines import wait_for
from worker import logs, wiring
from worker.export import rescuer
from worker.pruner import Pruner
from worker.reconcile import reconciler, restore_check
from worker.reconcile.changed_invoices import InvoiceLooks
from worker.settings import Settings
from worker.tools import Tools

_CALL_SECONDS = 0.25
_PATIENCE_SECONDS = 300.0
# Companies that are connected, each with one invoice; of a lane at rest the next comparison is due in an hour.
_LANES = """
INSERT INTO companies (id, name, settings, created_at, target)
  SELECT 'lane-' || n, 'Lane ' || n, settings, created_at, target FROM companies, generate_series(1, {count}) n
  WHERE companies.id = '{like}';
INSERT INTO connections (company, tenant, organisation, short_code, base_currency, client_id, xero_user, state,
  connected_at, scopes, problem, xero_id)
  SELECT 'lane-' || n, 'tenant-' || n, organisation, short_code, base_currency, client_id, xero_user, state,
  connected_at, scopes, problem, xero_id FROM connections, generate_series(1, {count}) n WHERE company = '{like}';
INSERT INTO exports (company, tenant, invoice, number, client, state, priority, due_at, wanted_revision, wanted_hash,
  wanted, sent_revision, sent_hash, attempts, failures, crashes, alone, number_bound, excluded, cancelled,
  xero_invoice_id, created_at, touched_at, exported_at, live_since)
  SELECT 'lane-' || n, 'tenant-' || n, 'i', 'L-' || n, 'acme', '{state}', 1, now(), 1, 'h', '{{}}', 1, 'h', 1, 0, 0,
  false, true, false, false, 'l' || n, now(), now(), now(), now() FROM generate_series(1, {count}) n;
INSERT INTO reconciliations (company, tenant, since, page, ours_only, next_at)
  SELECT 'lane-' || n, 'tenant-' || n, now(), 1, true, now() + interval '1 hour' FROM generate_series(1, {count}) n;
INSERT INTO lanes (company, tenant, state, message, unknown_in_a_row, changed_at)
  SELECT 'lane-' || n, 'tenant-' || n, 'open', '', 0, now() FROM generate_series(1, {count}) n;
ANALYZE;
"""


def run(*, short: bool) -> Report:
    """Sweeps over 2,000 lanes, a pass by one process and by two, and 10,000 lanes that Redis forgot."""
    lanes, each, forgotten = (500, 2, 2_000) if short else (2_000, 8, 10_000)
    report = Report("duties", f"{lanes:,} connected companies, a hundred thousand invoices at rest")
    logs.set_up("ERROR")
    with parts() as (server, redis_url, simulator, xero_url):

        def installed(name: str) -> Installation:
            address = machines.fresh_postgres_database(server, name)
            migrate.upgrade(address)
            return Installation(address, redis_url, simulator, xero_url, read_timeout_seconds=30, settle_seconds=60)

        for name, seconds in _at_rest(installed("at_rest"), lanes).items():
            report.add(f"{name}, nothing due in {lanes:,} lanes", seconds, "s", at_most=1)
        made = installed("shared")
        names = spread(each)
        _export_one_each(made, names)
        alone, together = (_pass(made, holders) for holders in (["host/1"], ["host/1", "host/2"]))
        about = f"{len(names)} comparisons of {_CALL_SECONDS} s, rate of two processes ÷ of one"
        report.add(about, alone / together, at_least=1.8)
        report.add(
            f"lanes compared a second by one process, a call takes {_CALL_SECONDS} s", len(names) / alone, "/s"
        )
        made = installed("forgotten")
        swept, again = _forgotten(made, forgotten)
        pruned = _rate_of_the_pruner(made, 100 * forgotten // 20)
        report.add(
            "invoices a second that the pruner takes ÷ that intake takes", pruned / _rate_of_intake(made), at_least=3
        )
        report.add("invoices a second that the pruner takes", pruned, "/s")
        report.add(f"a sweep that finds {forgotten:,} forgotten lanes", swept, "s")
        report.add(f"Redis emptied → all of {forgotten:,} lanes ring again", again, "s", at_most=10)
    return report


@contextlib.contextmanager
def parts() -> Iterator[Any]:
    with machines.a_postgres() as server, machines.a_valkey() as redis_url, machines.a_simulator() as (made, url):
        yield server, redis_url, made, url


def _seed(made: Installation, lanes: int, state: str) -> str:
    made.company("harbour")
    address = made.settings.database_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_LANES.format(count=lanes, like="harbour", state=state).encode())
    return address


def _at_rest(made: Installation, lanes: int) -> dict[str, float]:
    """Seconds of a second sweep of each duty: the first one takes its shards."""
    seed.fill(_seed(made, lanes, "exported"), 100_000)
    looks = InvoiceLooks(made.tools, "host/1")
    sweeps = {
        "rescuer": lambda: rescuer.sweep(made.tools, "host/1"),
        "reconciler": lambda: reconciler.reconcile(made.tools, "host/1"),
        "check after a restore": lambda: restore_check.check_restored(made.tools, "host/1"),
        "looks at changed invoices": looks.look_at_due,
    }
    return {name: min(_timed(sweep) for _ in range(4)) for name, sweep in sweeps.items()}


def _timed(sweep: Any) -> float:
    began = time.monotonic()
    sweep()
    return time.monotonic() - began


def spread(each: int, id_of: Callable[[str], str] = str) -> Sequence[str]:
    """Names of companies, so many in each shard: with thousands of them they would be spread as evenly.

    `id_of` is what goes into shards of each.
    """
    shards = Settings.model_fields["duty_shards"].default
    found: dict[int, list[str]] = {shard: [] for shard in range(shards)}
    for number in count():
        mine = found[shard_of(id_of(f"company-{number}"), shards)]
        if len(mine) < each:
            mine.append(f"company-{number}")
        if all(len(names) == each for names in found.values()):
            return [name for names in found.values() for name in names]
    raise AssertionError


def _export_one_each(made: Installation, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        made.company(name, f"{number:08d}-2222-4333-8444-555555555555")
        made.ask(an_invoice(), company=name, request=f"r-{name}")
    made.run(most=10 * len(names))


def _pass(made: Installation, holders: Sequence[str]) -> float:
    """Seconds in which these processes compare every company once."""
    with made.store.write() as work:
        processes.leave_shards(work, "host/1")
    for holder in (*holders, *holders):
        with made.store.write() as work:
            made.tools.take_shards(work, reconciler.DUTY, holder, _PATIENCE_SECONDS)
    made.simulator.state.faults.latency = _CALL_SECONDS
    made.tools.redis.flushall()
    context = multiprocessing.get_context("spawn")
    begin, chosen = context.Event(), made.settings.model_dump()
    said = context.Queue()
    children = [
        context.Process(target=_compare, args=(chosen, holder, begin, said), daemon=True) for holder in holders
    ]
    for child in children:
        child.start()
    for _ in children:
        said.get(timeout=_PATIENCE_SECONDS)
    with psycopg.connect(made.settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DELETE FROM reconciliations")
    began = time.monotonic()
    begin.set()
    seconds = max(said.get(timeout=_PATIENCE_SECONDS) for _ in children) - began
    for child in children:
        child.join()
    made.simulator.state.faults.latency = 0.0
    return seconds


def _compare(chosen: dict[str, Any], holder: str, begin: Any, said: Any) -> None:
    """One process's pass; says when it is ready and when it is through."""
    logs.set_up("ERROR")
    tools: Tools = wiring.build(Settings(_env_file=None, **chosen), "clock")
    said.put(time.monotonic())
    begin.wait(_PATIENCE_SECONDS)
    while _due(tools, holder):
        reconciler.reconcile(tools, holder)
    said.put(time.monotonic())


def _due(tools: Tools, holder: str) -> int:
    """How many comparisons the process has before it: a pass ends after a minute."""
    with tools.store.write() as work:
        held = tools.take_shards(work, reconciler.DUTY, holder, _PATIENCE_SECONDS)
        return sum(held.has(row.company) for row in reconciliations.due(work))


def _forgotten(made: Installation, lanes: int) -> tuple[float, float]:
    """Seconds of a sweep that rings them all, and of a clock process from an emptied Redis until all are rung."""
    _seed(made, lanes, "pending")
    client = made.tools.redis
    client.flushall()
    swept = _timed(lambda: rescuer.sweep(made.tools, "host/1"))
    with made.store.write() as work:
        processes.leave_shards(work, "host/1")
    client.flushall()
    chosen = made.settings
    environment = {
        "DATABASE_URL": chosen.database_url,
        "REDIS_URL": chosen.redis_url,
        "ENCRYPTION_KEYS": ",".join(chosen.encryption_keys),
        "PUBLIC_URL": "http://127.0.0.1",
        "XERO_API_URL": chosen.xero_api_url,
        "LOG_LEVEL": "ERROR",
    }
    clock = subprocess.Popen([sys.executable, "-m", "worker.scheduler"], env={**os.environ, **environment})
    try:
        wait_for(lambda: _rung(client) >= lanes, _PATIENCE_SECONDS)
        client.flushall()
        began = time.monotonic()
        wait_for(lambda: _rung(client) >= lanes, _PATIENCE_SECONDS, every=0.05)
        return swept, time.monotonic() - began
    finally:
        clock.kill()  # it would first look at the settings of all of them
        clock.wait()


# What is kept of invoices for a while only: of each an event and an attempt, of fifty a call.
_OLD = """
CREATE TEMP TABLE n AS SELECT g, now() - interval '500 days' AS at FROM generate_series(1, {count}) g;
INSERT INTO outbox (id, company, type, subject, body, created_at, position)
  SELECT 'old-' || g, 'harbour', 'invoice.export.succeeded', 'i' || g, repeat('x', 800), at, g FROM n;
INSERT INTO outbox (id, company, type, subject, body, created_at, position)
  VALUES ('newest', 'harbour', 'invoice.export.succeeded', 'i', '{{}}', now(), {count} + 1);
INSERT INTO batches (id, company, tenant, state, token, kind, lease_until, size, key, created_at, look_ups, body)
  SELECT 'old-' || g, 'harbour', 't', 'settled', 't', 'create', at, 50, 'k', at, 0, '{{}}' FROM n WHERE g % 50 = 0;
INSERT INTO attempts (batch_id, export_id, number, revision, content_hash, outcome, at)
  SELECT 'old-' || (g - 1) / 50 * 50 + 50, g, 'N', 1, 'h', 'posted', at FROM n;
ANALYZE;
"""


def _rate_of_the_pruner(made: Installation, invoices: int) -> float:
    """Invoices a second of which all goes that is kept for a while."""
    with psycopg.connect(made.settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_OLD.format(count=invoices).encode())
    pruning = Pruner(made.tools, "host/1")
    began = time.monotonic()
    while pruning.prune():
        pass
    return invoices / (time.monotonic() - began)


def _rate_of_intake(made: Installation) -> float:
    """Invoices a second that one process takes in, 500 in an event."""
    began = time.monotonic()
    for part in range(20):
        wanted = [an_invoice(f"intake-{part}-{number}") for number in range(500)]
        made.ask(*wanted, request=f"intake-{part}")
    return 20 * 500 / (time.monotonic() - began)


def _rung(client: redis.Redis) -> int:
    """Lanes with a doorbell, or that the tickers ring next."""
    return int(client.zcard("xp:due")) + int(client.zcard("xp:turns"))
