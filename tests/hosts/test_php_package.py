"""The Composer package of a PHP host, `hosts/php`: its own tests on three databases, its tables behind a bad line."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from store import api_keys
from tests import machines
from tests.builders import COMPANY, an_invoice
from tests.examples.hosts import PHP, Host
from tests.hosts import callback
from tests.hosts.conftest import deliver
from tests.hosts.test_php_journey import Trouble, deliver_some, ours
from tests.platforms import parts
from web import main
from worker.delivery.webhook_post import Poster
from worker.delivery.webhooks import endpoint_health

ANSWERS = ("invoice.export.succeeded", "invoice.export.failed")
PACKAGE = Path(__file__).parents[2] / "hosts" / "php"
PHPUNIT = shutil.which("phpunit")
PHPSTAN, PHPCS, COMPOSER = shutil.which("phpstan"), shutil.which("phpcs"), shutil.which("composer")
_MODULES = subprocess.run([PHP, "-m"], capture_output=True, text=True, check=False).stdout.split() if PHP else []
_MESSAGES = Path("/usr/share/php/Nyholm/Psr7/autoload.php")
INVOICES, _FAILING = 120, 10

pytestmark = [
    pytest.mark.ci,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (PHP and PHPUNIT and _MESSAGES.exists()),
        reason="no PHP with PHPUnit and PSR-7 here (apt: php-cli phpunit php-nyholm-psr7 php-psr-http-client)",
    ),
]


@contextmanager
def a_database(kind, folder):
    """An empty database of a host's: its address for PDO and the user; skipped where this machine lacks it."""
    if f"pdo_{kind}" not in _MODULES:
        pytest.skip(f"no PHP with pdo_{kind} here (apt: php-sqlite3 php-pgsql php-mysql)")
    if kind == "sqlite":
        yield f"sqlite:{folder}/host.sqlite"
    elif kind == "pgsql":
        if not parts.POSTGRES:
            pytest.skip("no PostgreSQL of Debian's here (apt: postgresql-15)")
        with parts.a_postgres_of(folder) as address:
            at = urlsplit(address)
            yield f"pgsql:host={at.hostname};port={at.port};dbname=crewcard"
    else:
        if not parts.MARIADB:
            pytest.skip("no MariaDB here (apt: mariadb-server)")
        with parts.a_mariadb(folder) as there:
            yield f"mysql:unix_socket={there};dbname=crewcard;charset=utf8mb4"


@pytest.fixture(params=["sqlite", "pgsql", "mysql"])
def dsn(request):
    with parts.a_folder() as folder, a_database(request.param, folder) as made:
        yield made


def test_the_package_does_what_it_says_on_each_database(dsn):
    environment = {"CREWCARD_XERO_TEST_DSN": dsn, "CREWCARD_XERO_TEST_USER": "crewcard", "PATH": "/usr/bin:/bin"}
    command = [PHP, PHPUNIT, "-c", PACKAGE / "phpunit.xml.dist"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"OK \(\d\d tests", done.stdout), done.stdout


def test_every_file_in_php_is_php():
    places = (PACKAGE, PACKAGE.parents[1] / "examples")
    files = [PACKAGE / "bin/crewcard-xero-host", *(file for place in places for file in sorted(place.rglob("*.php")))]
    said = [subprocess.run([PHP, "-l", file], capture_output=True, text=True, check=False) for file in files]
    assert len(files) > 30
    assert [one.stdout for one in said if one.returncode] == []


@pytest.mark.skipif(not COMPOSER, reason="no Composer here (apt: composer)")
def test_composer_takes_the_package_as_its_readme_says(tmp_path):
    """Without Packagist: what the package and the host require of it is said to be there."""
    (said,) = re.findall(r"```json\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    wanted = json.loads(said.replace("path/to/hosts/php", str(PACKAGE)))
    named = ("psr/http-client 1.0.3", "psr/http-factory 1.0.2", "psr/http-message 2.0", "nyholm/psr7 1.8.1")
    parts = [dict(zip(("name", "version"), one.split(), strict=True), type="metapackage") for one in named]
    wanted["repositories"] += [{"type": "package", "package": parts}, {"packagist.org": False}]
    (tmp_path / "composer.json").write_text(json.dumps(wanted))
    command = [COMPOSER, "install", "--no-interaction", "--no-plugins", "--no-progress"]
    home = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "COMPOSER_ALLOW_SUPERUSER": "1",
        "COMPOSER_CACHE_DIR": "/dev/null",
    }
    done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    shown = [PHP, "-r", "require 'vendor/autoload.php'; echo CrewCard\\Xero\\ButtonId::make();"]
    said = subprocess.run(shown, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout.startswith("click-"), said
    assert (tmp_path / "vendor/bin/crewcard-xero-host").exists()


@pytest.mark.skipif(not PHPCS, reason="no PHP_CodeSniffer here (apt: php-codesniffer)")
def test_the_package_is_written_as_psr_12_has_it():
    command = [PHPCS, "--standard=PSR12", "-n", PACKAGE / "src", PACKAGE / "tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not PHPSTAN, reason="no PHPStan here: it is on Packagist alone, which this machine does not reach"
)
def test_phpstan_has_nothing_to_say_at_its_highest_level():
    command = [PHPSTAN, "analyse", "--no-progress", "-c", PACKAGE / "phpstan.neon.dist"]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


HOST = """<?php
require '{package}/tests/bootstrap.php';
return CrewCard\\Xero\\Xero::fromEnvironment(new PDO('{dsn}', 'crewcard'), new Nyholm\\Psr7\\Factory\\Psr17Factory());
"""
SCRIPTS = {
    "xero_webhook.php": "(require __DIR__ . '/host.php')->webhook()->answer();",
    "publish.php": """[, $company, $button, $file] = $argv;
        $invoices = json_decode(file_get_contents($file), true);
        $new = (require 'host.php')->export($company, $button, new CrewCard\\Xero\\Person('anna'), $invoices);
        echo $new ? 'new' : 'known';""",
    "rows.php": """$tables = (require 'host.php')->tables;
        echo json_encode($tables->database->query($argv[1])->fetchAll(PDO::FETCH_NUM));""",
}


class PackagedHost(Host):
    """An application of a few lines on the package."""

    def __init__(self, home, url, key, dsn):
        super().__init__(home, url, key, callback.SECRET)
        (home / "host.php").write_text(HOST.format(package=PACKAGE, dsn=dsn))
        for name, script in SCRIPTS.items():
            (home / name).write_text(f"<?php\n{script}\n")
        self.run(PHP, PACKAGE / "bin/crewcard-xero-host", "migrate", home / "host.php")

    def publish(self, button, invoices):
        file = self.home / f"{button}.json"
        file.write_text(json.dumps(invoices))
        return self.run(PHP, "publish.php", COMPANY, button, file, folder=self.home)

    def table(self, asked):
        return [tuple(row) for row in json.loads(self.run(PHP, "rows.php", asked, folder=self.home))]

    def serving_php(self, port=None):
        port = port or machines.a_free_port()
        return self.serving([PHP, "-S", f"127.0.0.1:{port}", "-t", self.home], port)


@pytest.fixture
def world(make_installation, sqlite_url, endpoint, tmp_path, dsn):
    """An installation, and a PHP host on the package behind a bad line."""
    made = make_installation(
        sqlite_url, webhook_url=endpoint.url, webhook_secret=(callback.SECRET,), webhook_private_addresses=True
    )
    made.company()
    with made.store.write() as work:
        key = api_keys.make(work, made.tools.vault, "crewcard")
    with machines.served(uvicorn.Config(main.build(made.tools), log_level="critical", lifespan="off")) as url:
        host = PackagedHost(tmp_path, url, key, dsn)
        with host.serving_php() as php:
            yield made, host, Trouble(endpoint, f"{php}/xero_webhook.php")


def invoices(count, revision=1):
    return [
        an_invoice(f"i{n:04d}", revision=revision, job=f"job {revision}", currency="EUR" if n < _FAILING else "USD")
        for n in range(count)
    ]


def test_a_host_on_the_package_behind_a_bad_line_ends_with_our_markers_on_each_database(world):
    installation, host, trouble = world
    assert [host.publish("bulk", invoices(INVOICES)) for _ in range(2)] == ["new", "known"]
    assert host.table("SELECT DISTINCT marker FROM xero_markers") == [("queued",)]
    assert host.table("SELECT count(*) FROM xero_outbox") == [(0,)]
    trouble.down = True
    installation.run()
    deliver_some(installation)
    assert host.table("SELECT count(*) FROM xero_inbox") == [(0,)]
    trouble.down = False
    installation.later(400)
    deliver_some(installation, rounds=20)
    assert host.publish("again", invoices(30, revision=2)) == "new"
    installation.settle_down(2)
    while True:
        deliver_some(installation)
        (endpoint,) = endpoint_health(installation.tools)
        if not endpoint.behind + endpoint.waiting:
            break
        installation.later(2000)
    assert endpoint.given_up == 0
    its_tables_are_ours(installation, host)
    assert Counter(marker for marker, _ in ours(installation).values()) == {
        "exported": INVOICES - _FAILING,
        "failed": _FAILING,
    }
    assert host.table("SELECT count(*) FROM xero_log") == [(INVOICES + 30,)]
    assert host.table("SELECT request, total, exported, failed, state FROM xero_requests ORDER BY request") == [
        ("again", 30, 30 - _FAILING, _FAILING, "complete"),
        ("bulk", INVOICES, INVOICES - _FAILING, _FAILING, "complete"),
    ]


def test_a_body_that_never_ends_is_refused_and_takes_no_memory(world):
    _, host, line = world
    before = host.table("SELECT count(*) FROM xero_inbox")
    answer = httpx.post(line.url, content=b" " * 30_000_000, headers={"content-type": "application/json"}, timeout=60)
    assert (answer.status_code, answer.text) == (413, "")
    assert host.table("SELECT count(*) FROM xero_inbox") == before


def theirs(host):
    shown = host.table("SELECT invoice, marker, sequence FROM xero_markers")
    return {invoice: (marker, int(sequence)) for invoice, marker, sequence in shown}


def its_tables_are_ours(installation, host):
    assert theirs(host) == ours(installation)
    told = {event["id"]: event["type"] for event in installation.events()}
    assert dict(host.table("SELECT event_id, type FROM xero_inbox")) == told
    answers = [id_ for id_, type_ in told.items() if type_ in ANSWERS]
    assert sorted(id_ for (id_,) in host.table("SELECT event_id FROM xero_log")) == sorted(answers)
    assert host.table("SELECT DISTINCT state FROM xero_requests") == [("complete",)]


class Line(Trouble):
    """A line with one trouble of its own: each event of the first request meets it at its first try."""

    def __init__(self, other, kind):
        super().__init__(other.endpoint, other.url)
        self.kind, self.seen = kind, set()
        self.poster = Poster(private=True, seconds=1 if kind == "too late" else 30)

    def answer(self, handler):
        self.request = json.loads(handler.body)["data"].get("request")
        super().answer(handler)

    def _next(self, event_id):
        is_first = event_id not in self.seen and self.request == "first"
        self.seen.add(event_id)
        return self.kind if is_first else "well"


@pytest.mark.parametrize("kind", ["500", "500 afterwards", "down", "twice", "too late"])
def test_whatever_befalls_each_event_first_the_hosts_tables_end_as_ours(world, kind):
    """What is posted again is overtaken by the answers of a second request about the same invoices."""
    installation, host, trouble = world
    line = Line(trouble, kind)
    host.publish("first", invoices(_FAILING + 2))
    installation.run()
    deliver(installation, line.poster.post, most=1)
    host.publish("second", invoices(_FAILING + 2, revision=2))
    installation.settle_down(2)
    behind = 1
    while behind:
        deliver(installation, line.poster.post)
        (endpoint,) = endpoint_health(installation.tools)
        behind = endpoint.behind + endpoint.waiting
        installation.later(20)
    assert line.met[kind]
    its_tables_are_ours(installation, host)


def until_right(installation, host, line, step, most):
    """How many seconds, by the clock that is handed in, until the host shows what we have."""
    for seconds in range(0, most + 1, step):
        deliver(installation, line.poster.post)
        if theirs(host) == ours(installation):
            return seconds
        installation.later(step)
    pytest.fail(f"after {most} s the host shows something else")


@pytest.mark.parametrize(
    ("outage", "step", "most"),
    [(12, 1, 20), pytest.param(300, 10, 300, marks=pytest.mark.thorough)],
)
def test_after_an_outage_the_host_soon_shows_what_is_so(world, outage, step, most):
    installation, host, trouble = world
    line = Line(trouble, "well")
    host.publish("bulk", invoices(_FAILING + 20))
    line.down = True
    installation.run()
    for _ in range(0, outage, step):
        deliver(installation, line.poster.post)
        installation.later(step)
    assert {marker for marker, _ in theirs(host).values()} == {"queued"}
    line.down = False
    until_right(installation, host, line, step, most)
    deliver(installation, line.poster.post)
    its_tables_are_ours(installation, host)
