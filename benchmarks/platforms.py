"""The platforms of docs/operations/platforms.md: `python -m benchmarks.platforms [--short]`; 1 unless all is well.

On each, 2,000 invoices (200 with --short) are published by the door, and a worker is killed -9 in the middle: each
invoice must be in Xero once, and Redis must not have refused anything.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from tests import machines
from tests.platforms import parts
from tests.platforms.exporting import Exported, export

Setting = tuple[Mapping[str, str], Callable[[], object] | None]


@contextmanager
def a_redis_of(binary: object, *options: object, user: str = "") -> Iterator[Setting]:
    with parts.a_folder() as folder, parts.a_redis(folder, *options, binary=binary) as (port, _):
        yield {"REDIS_URL": f"redis://{user}127.0.0.1:{port}/0"}, None


@contextmanager
def a_cluster_of(binary: object) -> Iterator[Setting]:
    with parts.a_cluster(binary) as address:
        yield {"REDIS_URL": address}, None


@contextmanager
def behind_sentinels() -> Iterator[Setting]:
    with parts.sentinels() as watched:
        yield {"REDIS_URL": watched.address}, watched.primary.kill


@contextmanager
def redis_with_tls() -> Iterator[Setting]:
    with parts.a_folder() as folder:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(folder / "ours.pem")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        for one in folder.glob("*.pem"):
            one.chmod(0o644)
        tls = machines.a_free_port()
        files = ("--tls-cert-file", folder / "cert.pem", "--tls-key-file", folder / "key.pem")
        options = ("--tls-port", tls, *files, "--tls-ca-cert-file", folder / "ours.pem", "--tls-auth-clients", "no")
        with parts.a_redis(folder, *options):
            yield {"REDIS_URL": f"rediss://127.0.0.1:{tls}/0?ssl_ca_certs={folder}/ours.pem"}, None


@contextmanager
def postgresql_15() -> Iterator[Setting]:
    with parts.a_folder() as folder, parts.a_postgres_of(folder) as address:
        yield {"DATABASE_URL": address}, None


@contextmanager
def postgresql_of(version: int) -> Iterator[Setting]:
    with parts.a_folder() as folder:
        binary = parts.a_packed_postgres(folder, version)
        with parts.a_postgres_of(folder, binary) as address:
            yield {"DATABASE_URL": address}, None


@contextmanager
def postgresql_18() -> Iterator[Setting]:
    with machines.a_postgres() as server:
        yield {"DATABASE_URL": machines.fresh_postgres_database(server, "platform")}, None


@contextmanager
def pgbouncer() -> Iterator[Setting]:
    with ExitStack() as stack:
        folder = stack.enter_context(parts.a_folder())
        database = stack.enter_context(parts.a_postgres_of(folder))
        pooled = stack.enter_context(parts.a_pgbouncer(folder, database))
        yield {"DATABASE_URL": f"{pooled}?prepare_threshold=0", "MIGRATION_DATABASE_URL": database}, None


_RIGHTS = "on >pw ~xp:* ~crewcard.invoice-export.* &* +@all -@admin -@dangerous +info +script"
PLATFORMS: dict[str, Callable[[], object]] = {
    "SQLite, Valkey 9": lambda: a_redis_of(parts.VALKEY),
    "SQLite, Redis 7": lambda: a_redis_of(parts.REDIS),
    "Redis 7, an account of few rights, no CONFIG": lambda: a_redis_of(
        parts.REDIS, "--user", "crewcard", *_RIGHTS.split(), user="crewcard:pw@"
    ),
    "Redis 7, TLS": redis_with_tls,
    "Redis 7, three Sentinels, the primary killed": behind_sentinels,
    "Redis 7, a cluster of three": lambda: a_cluster_of(parts.REDIS),
    "Valkey 9, a cluster of three": lambda: a_cluster_of(parts.VALKEY),
    "PostgreSQL 15": postgresql_15,
    "PostgreSQL 16": lambda: postgresql_of(16),
    "PostgreSQL 17": lambda: postgresql_of(17),
    "PostgreSQL 18": postgresql_18,
    "PostgreSQL 15 behind PgBouncer, by transaction": pgbouncer,
}


def tried(platform: Callable[[], object], invoices: int) -> tuple[Exported, float]:
    """What came of it on this platform, and in how many seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xp-platform-") as home, platform() as (chosen, in_the_middle):  # type: ignore[attr-defined]
        done = export(Path(home), invoices, in_the_middle, **chosen)
    return done, time.monotonic() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--short", action="store_true", help="200 invoices each instead of 2,000")
    invoices = 200 if asked.parse_args().short else 2000
    ill = []
    heads = ("wanted", "in Xero", "twice", "lost", "failed", "deaths", "refused", "s")
    print(f"{'platform':48}", *(f"{head:>7}" for head in heads))
    for name, platform in PLATFORMS.items():
        one, seconds = tried(platform, invoices)
        figures = (one.wanted, one.in_xero, one.twice, one.lost, one.failed, one.deaths, one.refusals)
        print(f"{name:48}", *(f"{figure:7}" for figure in figures), f"{seconds:7.1f}", flush=True)
        ill += [] if one.well else [name]
    print(
        f"all well on {len(PLATFORMS) - len(ill)} of {len(PLATFORMS)}",
        *(f"NOT WELL: {name}" for name in ill),
        sep="\n",
    )
    sys.exit(bool(ill))


if __name__ == "__main__":
    main()
