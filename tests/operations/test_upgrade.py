"""An upgrade without a pause, and the way back: two versions behind HAProxy, as docs/operations/upgrade.md says.

The newer version is made of this one: a copy of its rooms with one more migration, whose columns it writes and reads.
"""

import contextlib
import csv
import functools
import itertools
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.posting import Line, signed
from store import api_keys, migrate, processes
from tests import machines
from tests.builders import a_request, an_invoice
from tests.installation import KEY
from tests.machines import a_free_port, wait_for

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations/upgrade.md").read_text()
HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
PROCFILE = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
ROOMS = ("events", "store", "xero_adapter", "worker", "web", "cli")
COUNTS = {"web": 2, "worker": 2, "clock": 1}
PER_SECOND, HOSTS = 20, 8
PATIENCE = 90.0
pytestmark = [
    pytest.mark.ci,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(not HAPROXY, reason="no HAProxy here (.ci/run brings it)"),
]

# What a release may do to a schema beside the version before: add.
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{new}", "{old}", None, None


def upgrade() -> None:
    op.create_table("novelties", sa.Column("id", sa.Integer(), primary_key=True))
    for table in ("requests", "attempts"):
        op.add_column(table, sa.Column("made_by", sa.String(), server_default="", nullable=False))
"""
COLUMN = 'made_by: str = Field(default="new", sa_column_kwargs={"server_default": "", "default": "new"})'


def a_newer_version(folder: Path) -> Path:
    """This version with one more migration; its web fills `requests.made_by`, its workers `attempts.made_by`."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    old = migrate.newest()
    new = f"{int(old) + 1:04d}"
    (folder / f"store/migrations/versions/{new}_novelties.py").write_text(MIGRATION.format(new=new, old=old))
    tables = folder / "store/tables/exports.py"
    text = tables.read_text()
    for name in ("requests", "attempts"):
        line = f'    __tablename__ = "{name}"\n'
        assert line in text
        text = text.replace(line, f"{line}    {COLUMN}\n")
    tables.write_text(text)
    return folder


class Proxy:
    """HAProxy with the lines of the page, four times as quick, and without a second try."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        port = a_free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._stats = folder / "stats.sock"
        lines = re.search(r"^```haproxy\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
        servers = "".join(f"    server {name} 127.0.0.1:{port}\n" for name, port in ports.items())
        for written, here in (
            (r"bind .+", f"bind 127.0.0.1:{port}"),
            (r"inter 2s", "inter 500ms"),
            (r"mode http\n", "mode http\n    retries 0\n"),
            (r"( +server \S+ \S+\n)+", servers),
        ):
            lines, count = re.subn(written, here, lines)
            assert count == 1, written
        path = folder / "haproxy.cfg"
        path.write_text(f"global\n    stats socket {self._stats}\n{lines}")
        subprocess.run([HAPROXY, "-c", "-q", "-f", path], check=True, timeout=30)
        self.process = subprocess.Popen(
            [HAPROXY, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._stats.exists, PATIENCE)

    def uses(self) -> set[str]:
        """The servers that it sends requests to."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self._stats))
            asked.sendall(b"show stat\n")
            told = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        rows = csv.DictReader(told.removeprefix("# ").splitlines())
        return {row["svname"] for row in rows if row["status"].startswith("UP")} - {"BACKEND"}


@dataclass
class Versions:
    """The processes of both versions, each by its name: kind, number, version."""

    environment: dict[str, str]
    homes: dict[str, Path]
    ports: dict[str, int]
    logs: Path
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    def migrate(self, version: str) -> None:
        """Its `migrate`, which ends with 0."""
        done = subprocess.run(**self._command("release", version), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self, name: str) -> None:
        kind, _, version = name.split("-")
        chosen = {"WEB_PORT": str(self.ports[name])} if kind == "web" else {}
        with (self.logs / f"{name}.log").open("ab") as log:
            told = {"stdout": log, "stderr": subprocess.STDOUT}
            self.running[name] = subprocess.Popen(**self._command(kind, version, **chosen), **told)

    def stop(self, name: str) -> None:
        """SIGTERM, and all the time it takes; it ends with 0."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, (self.logs / f"{name}.log").read_text()[-2000:]

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def _command(self, kind: str, version: str, **chosen: str) -> dict:
        program, *words = shlex.split(PROCFILE[kind])
        module = ["-c", "from cli.main import run; run()"] if program == "crewcard-xero" else []
        home = self.homes[version]
        environment = {**self.environment, "PYTHONPATH": str(home), "BUILD_ID": version, **chosen}
        return {"args": [sys.executable, *module, *words], "cwd": home, "env": environment}


class Hosts:
    """They post one invoice each time, so many a second, over kept connections; what is answered is written down."""

    def __init__(self, url: str, key: api_keys.Key) -> None:
        self.answers: dict[int, tuple[int, int]] = {}
        self._url, self._key = url, key
        self._numbers = itertools.count()
        self._stopping = threading.Event()

    @contextlib.contextmanager
    def posting(self):
        """As long as this lasts."""
        begun = time.monotonic()
        threads = [threading.Thread(target=self._post, args=(begun,), daemon=True) for _ in range(HOSTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join(PATIENCE)

    def post_more(self, count: int) -> None:
        """Return when so many more are answered."""
        enough = len(self.answers) + count
        wait_for(lambda: len(self.answers) >= enough, PATIENCE + count / PER_SECOND)

    def refused(self) -> dict[int, tuple[int, int]]:
        """What was not taken at once: the status, and how often it was sent again because the connection ended."""
        return {number: said for number, said in self.answers.items() if said != (202, 0)}

    def _post(self, begun: float) -> None:
        line = Line(self._url)
        while not self._stopping.is_set():
            number = next(self._numbers)
            self._stopping.wait(max(0, begun + number / PER_SECOND - time.monotonic()))
            event = a_request(an_invoice(f"i{number}"), request=f"r{number}")
            self.answers[number] = line.ask(signed(self._key, event, f"m{number}"))


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="xp-up-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def installation(make_installation, postgres):
    made = make_installation(machines.copy_of_template(postgres, f"upgrade_{a_free_port()}"))
    made.company()
    yield made
    made.store.engine.dispose()


@pytest.fixture
def versions(installation, folder):
    """Nothing runs yet. The old version is this one."""
    chosen = installation.settings
    made = Versions(
        {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "DATABASE_URL": chosen.database_url,
            "REDIS_URL": chosen.redis_url,
            "ENCRYPTION_KEYS": KEY,
            "PUBLIC_URL": "http://127.0.0.1",
            "TRUSTED_PROXIES": "127.0.0.1",
            "XERO_API_URL": chosen.xero_api_url,
            "XERO_IDENTITY_URL": chosen.xero_identity_url,
            "MINUTE_SECONDS": "10",
            "DRAIN_SECONDS": "4",
            "LOG_FORMAT": "json",
        },
        {"old": ROOT, "new": folder / "new"},
        {f"web-{number}-{version}": a_free_port() for version in ("old", "new") for number in range(COUNTS["web"])},
        folder,
    )
    yield made
    made.kill()


@pytest.fixture
def proxy(versions, folder):
    made = Proxy(folder, versions.ports)
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def hosts(installation, proxy):
    with installation.store.write() as work:
        key = api_keys.make(work, installation.tools.vault, "host")
    return Hosts(proxy.url, key)


def at_work(installation):
    """How many processes of each kind and version are there."""
    with installation.store.read() as work:
        seen = processes.everyone(work)
    return Counter((one.kind, one.version.rpartition("+")[2]) for one in seen)


def count_of(installation, question):
    with installation.store.read() as work:
        return work.connection.exec_driver_sql(question).scalar()


def begin(installation, versions, proxy):
    """All of the old version is at work, and the proxy has seen it."""
    for kind, count in COUNTS.items():
        for number in range(count):
            versions.start(f"{kind}-{number}-old")
    everyone = {(kind, "old"): count for kind, count in COUNTS.items()}
    wait_for(lambda: at_work(installation) == everyone, PATIENCE)
    wait_for(lambda: proxy.uses() == {"web-0-old", "web-1-old"}, PATIENCE)


def renew(kind, to, installation, versions, proxy, hosts):
    """One after the other: one of the other version in, both at work for a while, one of this version out."""
    former = {"old": "new", "new": "old"}[to]

    def is_in(number):
        name = f"{kind}-{number}-{to}"
        return at_work(installation)[kind, to] == number + 1 and (kind != "web" or name in proxy.uses())

    for number in range(COUNTS[kind]):
        versions.start(f"{kind}-{number}-{to}")
        wait_for(functools.partial(is_in, number), PATIENCE)
        hosts.post_more(PER_SECOND)
        assert at_work(installation)[kind, former] == COUNTS[kind] - number
        versions.stop(f"{kind}-{number}-{former}")


def nothing_is_lost_or_doubled(installation, hosts):
    """Each invoice that was posted has one answer, and is in Xero once."""
    posted = {f"r{number}": f"i{number}" for number in hosts.answers}
    left = "SELECT count(*) FROM requests WHERE completed_at IS NULL"
    wait_for(lambda: count_of(installation, left) == 0, 2 * PATIENCE, every=0.5)
    ends = Counter()
    for event in installation.events():
        if event["type"] in ("invoice.export.succeeded", "invoice.export.failed"):
            ends[event["data"]["request"], event["data"]["invoice"], event["type"].rpartition(".")[2]] += 1
    assert ends == {(request, invoice, "succeeded"): 1 for request, invoice in posted.items()}
    books = Counter(book["InvoiceNumber"] for book in installation.books())
    assert books == {f"N-{invoice}": 1 for invoice in posted.values()}


@pytest.mark.parametrize(
    "there", [("worker", "clock", "web"), pytest.param(("web", "worker", "clock"), marks=pytest.mark.thorough)]
)
def test_an_upgrade_and_the_way_back_lose_and_double_nothing(there, installation, versions, proxy, hosts, folder):
    """As the page says: there workers first; back web first. In the long form web is first both times."""
    a_newer_version(folder / "new")
    begin(installation, versions, proxy)
    with hosts.posting():
        hosts.post_more(PER_SECOND)
        versions.migrate("new")
        assert migrate.is_newer(migrate.current(versions.environment["DATABASE_URL"]))
        hosts.post_more(PER_SECOND)
        for kind in there:
            renew(kind, "new", installation, versions, proxy, hosts)
        assert at_work(installation) == {(kind, "new"): count for kind, count in COUNTS.items()}
        hosts.post_more(PER_SECOND)
        renew("web", "old", installation, versions, proxy, hosts)
        versions.migrate("old")
        assert migrate.is_newer(migrate.current(versions.environment["DATABASE_URL"]))
        for kind in ("worker", "clock"):
            renew(kind, "old", installation, versions, proxy, hosts)
        assert at_work(installation) == {(kind, "old"): count for kind, count in COUNTS.items()}
        hosts.post_more(PER_SECOND)
    assert hosts.refused() == {}
    nothing_is_lost_or_doubled(installation, hosts)
    for table in ("requests", "attempts"):
        makers = f"SELECT count(DISTINCT made_by) FROM {table}"  # two names of ours
        assert count_of(installation, makers) == 2


@pytest.mark.parametrize("posts", [400, pytest.param(2_000, marks=pytest.mark.thorough)])
def test_webs_that_are_restarted_again_and_again_refuse_nothing(posts, installation, versions, proxy, hosts):
    """In their places, one after the other, each as soon as the proxy uses the one before again."""
    begin(installation, versions, proxy)
    places = {"web-0-old", "web-1-old"}
    restarts = 0
    with hosts.posting():
        while len(hosts.answers) < posts:
            name = f"web-{restarts % 2}-old"
            versions.stop(name)
            assert proxy.uses() == places - {name}
            versions.start(name)
            wait_for(lambda: proxy.uses() == places, PATIENCE)
            restarts += 1
    assert hosts.refused() == {}
    assert restarts >= posts / PER_SECOND / 20
    nothing_is_lost_or_doubled(installation, hosts)
