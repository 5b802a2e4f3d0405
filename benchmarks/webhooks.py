"""Webhooks: events a second to one endpoint that is far away, what idle endpoints cost, what a second clock gains."""

import multiprocessing
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from benchmarks.duties import spread
from benchmarks.report import Report
from store import endpoints, migrate, sinks
from tests import machines
from worker import logs, wiring
from worker.delivery.rounds import Webhooks
from worker.delivery.webhook_post import Poster
from worker.settings import Settings
from worker.tools import Tools

_SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
_COMPANY = "harbour"
_WAITS = (0.0, 0.05, 0.2)
_EACH, _FAR_SECONDS = 2, 4.0  # events of each company, posted side by side, to endpoints that take so long
_PATIENCE_SECONDS = 300.0


def run(*, short: bool) -> Report:
    """Events a second by how long the endpoint takes to answer, and with many idle endpoints of other companies."""
    count, idle = (500, 500) if short else (4_000, 10_000)
    report = Report("webhooks", f"{count} events of one company to its endpoint, one event in a POST")
    logs.set_up("WARNING")
    with machines.a_postgres() as server, machines.a_valkey() as redis_url:
        rates = {}
        for wait in _WAITS:
            rates[wait] = _measured(server, redis_url, count, wait, idle=0)
            floor = {"at_least": 300} if wait == _WAITS[-1] else {}
            report.add(f"events a second, an answer takes {wait * 1000:.0f} ms", rates[wait], "/s", **floor)
        many = _measured(server, redis_url, 5 * count, _WAITS[-1], idle=0, batch=100)
        report.add("the same, a hundred events in a POST", many, "/s", at_least=2_000)
        for more in (10, idle):
            slower = _measured(server, redis_url, count, _WAITS[1], idle=more) / rates[_WAITS[1]]
            report.add(f"with {more} idle endpoints ÷ without", slower, at_least=0.9)
        far = 64 if short else 256
        alone, together = (_by_clocks(server, redis_url, far, holders) for holders in (["1"], ["1", "2"]))
        about = f"{far} endpoints that take {_FAR_SECONDS:.0f} s, rate of two clocks ÷ of one"
        report.add(about, alone / together, at_least=1.8)
    return report


def _measured(server: str, redis_url: str, count: int, wait: float, *, idle: int, batch: int = 1) -> float:
    """Events a second until the endpoint has all of them."""
    address = machines.fresh_postgres_database(server, "webhooks")
    migrate.upgrade(address)
    with _endpoint(wait) as url:
        tools = _tools(address, redis_url)
        with tools.store.write() as work:
            made = endpoints.add_endpoint(work, tools.vault, _COMPANY, url, batch)
        webhooks = Webhooks(tools, "bench", Poster(private=True).post)
        webhooks.begin_rounds()
        _add_idle(address, idle)
        _publish(address, count)
        began = time.monotonic()
        while not _is_through(tools, endpoints.door_of(made.id), count):
            webhooks.begin_rounds()
            webhooks.wait(0.05)
        seconds = time.monotonic() - began
        webhooks.stop()
    return count / seconds


def _by_clocks(server: str, redis_url: str, count: int, holders: Sequence[str]) -> float:
    """Seconds in which these clocks bring so many endpoints their events, each clock with as many endpoints."""
    address = machines.fresh_postgres_database(server, "webhooks")
    migrate.upgrade(address)
    with _endpoint(_FAR_SECONDS) as url, psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as seen:
        tools = _tools(address, redis_url)
        chosen = tools.settings
        with tools.store.write() as work:
            endpoints.add_endpoint(work, tools.vault, _COMPANY, url)
        names = spread(count // chosen.duty_shards, endpoints.door_of)
        asked = (
            "INSERT INTO endpoints (id, company, url, secret, created_at) "
            "SELECT name, name, url, secret, created_at FROM endpoints, unnest(%s::text[]) name"
        )
        seen.execute(asked, (names,))
        context = multiprocessing.get_context("spawn")
        ended, values = context.Event(), chosen.model_dump()
        clocks = [context.Process(target=_clock, args=(values, holder, ended), daemon=True) for holder in holders]
        for clock in clocks:
            clock.start()
        share = "SELECT min(n), count(*) FROM (SELECT count(*) n FROM duty_shards WHERE part NOT LIKE '@%' "
        share += "AND holder <> '' GROUP BY holder) each"
        shares = (chosen.duty_shards // len(holders), len(holders))
        machines.wait_for(lambda: seen.execute(share).fetchone() == shares, _PATIENCE_SECONDS)
        _publish_to(seen, names)
        began = time.monotonic()
        taken = "SELECT count(*) FROM deliveries WHERE trouble = ''"
        wanted = (len(names) * _EACH,)
        machines.wait_for(lambda: seen.execute(taken).fetchone() == wanted, _PATIENCE_SECONDS, every=0.05)
        seconds = time.monotonic() - began
        ended.set()
        for clock in clocks:
            clock.join()
    return seconds


def _clock(values: dict[str, Any], holder: str, ended: Any) -> None:
    """What a clock process does for webhooks, until it is told to end."""
    logs.set_up("ERROR")
    webhooks = Webhooks(_tools_of(Settings(_env_file=None, **values)), holder, Poster(private=True).post)
    while not ended.is_set():
        webhooks.begin_rounds()
        webhooks.wait(0.05)
    webhooks.stop()


def _publish_to(seen: psycopg.Connection, names: Sequence[str]) -> None:
    """So many events of each company, as the relay has stamped them, all at once."""
    asked = (
        "INSERT INTO outbox (id, company, type, subject, body, created_at, position) "
        "SELECT name || '-' || n, name, 'invoice.export.started', '', "
        "jsonb_build_object('type', 'invoice.export.started', 'data', jsonb_build_object('company', name))::text, "
        "now(), row_number() OVER () FROM unnest(%s::text[]) name, generate_series(1, %s) n"
    )
    seen.execute(asked, (list(names), _EACH))


def _tools(address: str, redis_url: str) -> Tools:
    chosen: dict[str, Any] = {"database_url": address, "redis_url": redis_url, "webhook_private_addresses": True}
    keys = {"encryption_keys": (Fernet.generate_key().decode(),)}
    return _tools_of(Settings(_env_file=None, public_url="http://127.0.0.1", **keys, **chosen))


def _tools_of(chosen: Settings) -> Tools:
    return wiring.build(chosen, "clock")


def _add_idle(address: str, count: int) -> None:
    """Endpoints of so many other companies, none of which has an event."""
    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        asked = (
            "INSERT INTO endpoints (id, company, url, secret, created_at) "
            "SELECT 'idle-' || n, 'idle-' || n, url, secret, created_at FROM endpoints, generate_series(1, %s) n"
        )
        connection.execute(asked, (count,))


def _publish(address: str, count: int) -> None:
    """Events as the relay has stamped them."""
    body = '{"type":"invoice.export.started","data":{"company":"harbour","invoice":"%s"},"about":"' + "x" * 700 + '"}'
    rows = [(str(uuid.uuid4()), _COMPANY, body % number, number + 1) for number in range(count)]
    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        asked = (
            "INSERT INTO outbox (id, company, type, subject, body, created_at, position) "
            "VALUES (%s, %s, 'invoice.export.started', '', %s, now(), %s)"
        )
        connection.cursor().executemany(asked, rows)


def _is_through(tools: Tools, door: str, count: int) -> bool:
    with tools.store.read() as work:
        return sinks.position(work, door) >= count


@contextmanager
def _endpoint(wait: float) -> Iterator[str]:
    """An endpoint in a process of its own, which takes so many seconds for each answer."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(wait, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{mine.recv()}/xero_webhook.php"
    finally:
        process.terminate()
        process.join()


def _serve(wait: float, ready: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            threading.Event().wait(wait)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        def log_message(self, *args: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()
