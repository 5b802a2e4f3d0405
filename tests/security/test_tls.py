"""TLS to PostgreSQL and Redis: real servers that take nothing else, a certificate that fits, and others."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis
import trustme
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from store import migrate
from tests.builders import an_invoice
from tests.installation import Installation
from tests.machines import a_free_port, wait_for
from worker import redis_client

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))), None)
REDIS = shutil.which("redis-server")
AS_NOBODY = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}  # PostgreSQL refuses to run as root
pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not (POSTGRES and REDIS), reason="no PostgreSQL or Redis with TLS here (.ci/run brings them)"),
]


@pytest.fixture(scope="module")
def folder():
    """A folder that the servers' account may read; with the certificates of two authorities for localhost."""
    path = Path(tempfile.mkdtemp(prefix="xp-tls-"))
    for name in ("ours", "foreign"):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(path / f"{name}.pem")
        if name == "ours":
            issued = authority.issue_cert("localhost")
            issued.private_key_pem.write_to_path(path / "server.key")
            issued.cert_chain_pems[0].write_to_path(path / "server.crt")
    (path / "server.key").chmod(0o600)
    for one in [path, *path.iterdir()]:
        if AS_NOBODY:
            shutil.chown(one, AS_NOBODY["user"])
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **AS_NOBODY
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def database(folder):
    """A PostgreSQL that takes TLS connections with a password alone; gives its address without any TLS setting."""
    data, port = folder / "data", a_free_port()
    (folder / "password").write_text("secret")
    (folder / "password").chmod(0o644)
    initdb = [POSTGRES.parent / "initdb", "-D", data, "-U", "crewcard", "--auth=scram-sha-256"]
    subprocess.run(
        [*map(str, initdb), f"--pwfile={folder / 'password'}"], check=True, capture_output=True, **AS_NOBODY
    )
    (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
    tls = [f"ssl_{name}_file={folder / file}" for name, file in (("cert", "server.crt"), ("key", "server.key"))]
    settings = ["ssl=on", *tls, "fsync=off", f"unix_socket_directories={folder}", "listen_addresses=localhost"]
    words = [word for one in settings for word in ("-c", one)]
    with running(POSTGRES, "-D", data, "-p", port, *words):
        url = f"postgresql://crewcard:secret@localhost:{port}/postgres"
        wait_for(lambda: _answers(f"{url}?sslmode=require"))
        yield url


def _answers(url):
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def redis_address(folder):
    """A Redis that takes TLS connections with a password alone; gives its address without any TLS setting."""
    port = a_free_port()
    tls = ["--tls-port", port, "--tls-cert-file", folder / "server.crt", "--tls-key-file", folder / "server.key"]
    rest = ["--tls-ca-cert-file", folder / "ours.pem", "--tls-auth-clients", "no", "--requirepass", "secret"]
    with running(REDIS, "--port", "0", *tls, *rest, "--save", "", "--dir", folder):
        url = f"rediss://:secret@localhost:{port}/0"
        trusted = f"{url}?ssl_ca_certs={folder / 'ours.pem'}"
        wait_for(lambda: _pings(trusted))
        yield url


def _pings(url):
    try:
        return redis_client.redis_client(url, patient=False).ping()
    except redis.ConnectionError:
        return False


def test_an_invoice_is_exported_with_every_connection_over_verified_tls(
    folder, database, redis_address, simulated_xero
):
    url = f"{database}?sslmode=verify-full&sslrootcert={folder / 'ours.pem'}"
    migrate.upgrade(url)
    installation = Installation(url, f"{redis_address}?ssl_ca_certs={folder / 'ours.pem'}", *simulated_xero)
    installation.company()
    installation.ask(an_invoice("i1"))
    installation.settle_down(1)
    assert installation.markers() == {"i1": "exported"}
    with psycopg.connect(url) as connection:
        asked = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN "
        with_tls, without = connection.execute(
            f"{asked} pg_stat_activity USING (pid) WHERE usename = 'crewcard'"
        ).fetchone()
    assert (with_tls > 1, without) == (True, 0)
    installation.store.engine.dispose()


@pytest.mark.parametrize(
    "asked", ["sslmode=verify-full&sslrootcert={folder}/foreign.pem", "sslmode=disable"], ids=["foreign", "plain"]
)
def test_a_database_whose_certificate_is_not_trusted_or_that_is_asked_without_tls_is_not_used(
    folder, database, asked
):
    with pytest.raises(OperationalError):
        migrate.current(f"{database}?{asked.format(folder=folder)}")


def test_a_certificate_for_another_name_is_not_taken(folder, database):
    other = make_url(database).set(host="127.0.0.1").render_as_string(hide_password=False)
    with pytest.raises(OperationalError, match="does not match host name"):
        migrate.current(f"{other}?sslmode=verify-full&sslrootcert={folder / 'ours.pem'}")


@pytest.mark.parametrize(
    "change",
    [
        lambda url, folder: f"{url}?ssl_ca_certs={folder / 'foreign.pem'}",
        lambda url, _folder: url,  # the authorities of this machine do not know it
        lambda url, _folder: url.replace("rediss:", "redis:"),
        lambda url, folder: f"{url.replace('localhost', '127.0.0.1')}?ssl_ca_certs={folder / 'ours.pem'}",
    ],
    ids=["foreign", "unknown", "plain", "another name"],
)
def test_a_redis_whose_certificate_is_not_trusted_or_that_is_asked_without_tls_is_not_used(
    folder, redis_address, change
):
    with pytest.raises((redis.ConnectionError, redis.TimeoutError)):
        redis_client.redis_client(change(redis_address, folder), patient=False).ping()
