"""What nobody saw once is told at every face, the same, within half a minute: ready, doctor, metric, alarm, console.

Each row is a state of the installation. The alarm is tried with the very figures that are measured in that state:
half a minute after they are first seen Prometheus has to say it.
"""

import json
import re
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import NamedTuple

import httpx
import pytest
import structlog
import yaml
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from benchmarks.chaos.machines import Disk
from cli import care
from cli.main import app
from store import endpoints, migrate, processes
from store.database_trouble import trouble_of
from tests import machines
from tests.builders import COMPANY, an_invoice, invoices
from tests.console.visiting import Person
from tests.operations.test_alarms import PROMTOOL, RULES
from tests.operations.test_canary import at_work
from tests.operations.test_health import of_redis, read_only
from tests.operations.test_physical_backup import a_server, folder, run  # noqa: F401
from tests.security.test_tls import AS_NOBODY, POSTGRES
from web import health, main
from worker import parts
from worker.delivery import rounds, webhooks
from worker.delivery.webhook_post import Poster
from worker.doorbells import Doorbells
from worker.heartbeat import Heartbeat
from worker.measuring import measuring


class Said(NamedTuple):
    """What every face says of a state: nothing is what they say while all is well."""

    ready: str = ""  # in the 503 of /readyz; empty: it is 200
    doctor: tuple[str, str] | None = None  # the check that fails, and what it says
    metric: str = ""  # as Prometheus has it, with its labels
    value: float = 0
    alarm: str = ""
    row: str = ""  # on the console's first page
    also: tuple[str, ...] = ()  # checks of the doctor that fail because of it


class Faces:
    """An installation with everything at work, and what each face says of it."""

    def __init__(self, installation, stack, monkeypatch):
        self.installation = installation
        self.heartbeats = {}
        application = main.build(installation.tools)
        self.heartbeats["web"] = application.state.heartbeat
        for kind in ("worker", "clock"):
            self.heartbeats[kind] = Heartbeat(installation.store, kind, installation.tools.redis)
        self.url = stack.enter_context(machines.served(main.serving(application, installation.settings)))
        for name, value in {
            "DATABASE_URL": installation.settings.database_url,
            "ENCRYPTION_KEYS": ",".join(installation.settings.encryption_keys),
            "PUBLIC_URL": self.url,
        }.items():
            monkeypatch.setenv(name, value)
        stack.enter_context(at_work(installation, "worker", "clock"))
        self.person = Person(installation, self.url, "read")
        self.person.sign_in()
        self.beat()

    def beat(self, *but, ago=0):
        """Every process but these says that it is there, or said so some seconds ago."""
        self.installation.offset = -timedelta(seconds=ago)
        for kind, heartbeat in self.heartbeats.items():
            if kind not in but:
                heartbeat.beat()
        self.installation.offset = timedelta()

    def ready(self):
        return httpx.get(f"{self.url}/readyz", timeout=8)

    def doctor(self):
        with structlog.testing.capture_logs():  # the doors are in this process too
            ended = CliRunner().invoke(app, ["doctor", "--json"])
        return ended.exit_code, json.loads(ended.stdout)

    def measured(self):
        """Every figure but histograms, by name and labels as Prometheus writes them."""
        lines = health.render(measuring.measure(self.installation.tools)).decode().splitlines()
        return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[0] != "#")}

    def alarms(self, tmp_path):
        """The alarms that fire half a minute after these figures were first seen; None where nobody can say."""
        if not PROMTOOL:
            return None
        series = [{"series": name, "values": f"{value:f}x12"} for name, value in self.measured().items()]
        names = [rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]]
        rules = [{"alertname": one, "eval_time": "30s", "exp_alerts": []} for one in names]
        asked = {"interval": "5s", "input_series": series, "alert_rule_test": rules}
        file = tmp_path / "now.yml"
        file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "5s", "tests": [asked]}))
        done = subprocess.run([PROMTOOL, "test", "rules", str(file)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "got:" in said or done.returncode == 0, said
        return set(re.findall(r'alertname="(\w+)"', said))

    def rows(self):
        """What needs a person on the first page, and the runbooks of it; or what is said where there is no page."""
        page = self.person.browser.get("/console?problems=all").text
        cards = re.findall(r'<article class="card bad">.*?</article>', page, re.DOTALL)
        alone = re.findall(r'<p role="alert">(.*?)</p>', page, re.DOTALL)
        self.refusal = next(iter(alone), "")
        said = [re.sub(r"<[^>]+>|\s+", " ", one) for one in cards]
        return said + alone, re.findall(r'href="(/console/runbooks/\w+)"', "".join(cards))


def on_a_redis_of_its_own(installation, url):
    """Everything of the installation asks this one, the doorbells too."""
    client = of_redis(installation, url)
    bells = Doorbells(client, lambda lane, token: installation.rings.append((lane, token)))
    object.__setattr__(installation.tools, "bells", bells)


@pytest.fixture
def faces_of(monkeypatch, valkey):
    """The faces of an installation."""
    monkeypatch.setattr(parts, "REMEMBERED_SECONDS", 0)
    monkeypatch.setattr(parts, "ROOM_REMEMBERED_SECONDS", 0)
    url, ruler = valkey
    ruler.flushall()
    monkeypatch.setenv("REDIS_URL", url)
    with ExitStack() as stack:

        def made(installation):
            on_a_redis_of_its_own(installation, url)
            found = Faces(installation, stack, monkeypatch)
            found.ruler, found.monkeypatch = ruler, monkeypatch
            return found

        yield made


@pytest.fixture
def faces(installation, faces_of):
    return faces_of(installation)


def a_redis_that(refuses):
    """It answers, and takes nothing that is written to it."""

    @contextmanager
    def state(faces):
        faces.beat()
        faces.monkeypatch.setattr(care, "CANARY_SECONDS", 1.0)
        refuses(faces.ruler)
        yield

    return state


@contextmanager
def a_redis_that_is_away(faces):
    faces.beat()
    faces.monkeypatch.setattr(care, "CANARY_SECONDS", 1.0)
    faces.monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    on_a_redis_of_its_own(faces.installation, "redis://127.0.0.1:1/0")
    yield


@contextmanager
def a_database_that_is_read_only(faces):
    if faces.installation.store.engine.dialect.name == "sqlite":
        pytest.skip("a file is read-only or not; nobody but its owner makes it so")
    faces.beat()
    with read_only(faces.installation):
        yield


@contextmanager
def a_wrong_time_of_web(faces):
    faces.heartbeats["web"]._clock = lambda: time.time() - 400
    faces.beat()
    yield


def killed(*kinds):
    """These were killed a little more than twenty seconds ago; an invoice waits, and its event."""

    @contextmanager
    def state(faces):
        faces.beat(*{"web", "worker", "clock"}.difference(kinds), ago=processes.SILENT_SECONDS + 1)
        faces.installation.ask(an_invoice())
        yield

    return state


def an_endpoint_that(refuses):
    """A company's endpoint fails, and the clock has tried it once; the time of a call is short here."""

    @contextmanager
    def state(faces):
        installation = faces.installation
        with socket.create_server(("127.0.0.1", 0)) as hanging:
            address = f"http://127.0.0.1:{1 if refuses else hanging.getsockname()[1]}/hook?token=secret"
            with installation.store.write() as work:
                endpoints.add_endpoint(work, installation.tools.vault, COMPANY, address)
            installation.ask(an_invoice())
            installation.run()
            installation.relay()
            post = Poster(private=True, seconds=0.2).post
            (endpoint,) = webhooks.with_work(installation.tools)
            for ago in (16, 0):
                faces.installation.offset = -timedelta(seconds=ago)
                rounds.deliver(installation.tools, "test", endpoint, post)
            faces.beat()
            yield

    return state


_DOOR = "door_failing_seconds"

STATES = [
    pytest.param(lambda _faces: ExitStack(), Said(), id="all is well"),
    pytest.param(
        a_wrong_time_of_web,
        Said(
            ready="is 400 s behind: what hosts sign is refused",
            doctor=("time", "is 400 s behind"),
            metric='clock_skew_seconds{kind="web"}',
            value=400,
            alarm="ClockSkew",
            row="The time of a machine is wrong",
        ),
        id="the time of web is wrong",
    ),
    pytest.param(
        killed("worker"),
        Said(
            doctor=("at_work", "no worker at work, and 1 invoices"),
            metric='processes{kind="worker",state="running"}',
            alarm="NobodyAtWork",
            row="No worker is running",
        ),
        id="no worker",
    ),
    pytest.param(
        killed("clock"),
        Said(
            doctor=("at_work", "no clock at work, and 1 invoices"),
            metric='processes{kind="clock",state="running"}',
            alarm="NobodyAtWork",
            row="No clock is running",
        ),
        id="no clock",
    ),
    pytest.param(
        an_endpoint_that(refuses=False),
        Said(
            doctor=("webhooks", "has taken nothing since"),
            metric=_DOOR,
            value=16,
            alarm="EndpointTakesNothing",
            row="at 127.0.0.1 has taken nothing since",
        ),
        id="an endpoint hangs",
    ),
    pytest.param(
        an_endpoint_that(refuses=True),
        Said(
            doctor=("webhooks", "(cannot be reached); 3 events wait"),
            metric=_DOOR,
            value=16,
            alarm="EndpointTakesNothing",
            row="(cannot be reached); 3 events wait",
        ),
        id="an endpoint refuses",
    ),
    *(
        pytest.param(
            a_redis_that(refuses),
            Said(
                ready=f"takes nothing new: {why}",
                doctor=("redis", why),
                metric='up{part="redis"}',
                alarm="PartAway",
                row="Redis takes nothing new",
                also=also,
            ),
            id=f"redis {why}",
        )
        for refuses, why, also in (
            (lambda ruler: ruler.replicaof("127.0.0.1", 1), "it is a read-only replica", ("canary",)),
            (lambda ruler: ruler.config_set("maxmemory", 1), "it is out of memory", ()),  # scripts go on for a while
        )
    ),
    pytest.param(
        a_redis_that_is_away,
        Said(
            doctor=("redis", "not reachable"),
            metric='up{part="redis"}',
            alarm="PartAway",
            row="Redis does not answer",
            also=("canary",),
        ),
        id="redis is away",
    ),
    pytest.param(
        a_database_that_is_read_only,
        Said(
            ready="takes nothing new: it is read-only",
            doctor=("database", "it is read-only"),
            metric='up{part="database"}',
            alarm="PartAway",
            row="it is read-only",
            also=("canary",),
        ),
        id="the database is read-only",
    ),
    pytest.param(
        killed("worker", "clock"),
        Said(
            doctor=("at_work", "no worker and no clock at work, and 1 invoices"),
            metric='processes{kind="clock",state="running"}',
            alarm="NobodyAtWork",
            row="is running",
        ),
        id="nobody is at work",
    ),
]


@pytest.mark.parametrize(("state", "said"), STATES)
def test_every_face_tells_it(faces, tmp_path, state, said):
    with state(faces):
        every_face_tells(faces, tmp_path, said)


def every_face_tells(faces, tmp_path, said):
    assert httpx.get(f"{faces.url}/healthz").json() == {"status": "ok"}, "it is alive all the same"
    ready = faces.ready()
    assert (ready.status_code, said.ready in ready.text) == (503 if said.ready else 200, True), ready.text
    ended, found = faces.doctor()
    wrong = {name: one["says"] for name, one in found.items() if name != "connections" and not one["ok"]}
    wrong.pop("web", None)  # it says what /readyz says
    if said.doctor:
        assert said.doctor[1] in wrong.pop(said.doctor[0])
    assert [check for check in said.also if not wrong.pop(check, "")] == []
    assert (ended, wrong) == (1 if said.doctor or said.ready else 0, {})
    if said.metric:
        (figure,) = [value for name, value in faces.measured().items() if said.metric in name]
        assert figure == pytest.approx(said.value, abs=5)
    alarms = faces.alarms(tmp_path)
    assert alarms in (None, {said.alarm} if said.alarm else set())
    rows, runbooks = faces.rows()
    assert {said.row in one for one in rows} == ({True} if said.row else set()), rows
    assert [one for one in runbooks if faces.person.browser.get(one).status_code != 200] == []
    assert len(runbooks) == len([one for one in rows if one != faces.refusal])


@pytest.fixture
def mounted(folder):  # noqa: F811
    """A small disk that can be filled and freed again."""
    disk = Disk(folder / "disk", room=192_000_000)
    disk.mount()
    if not disk.room:
        pytest.skip("no small disk can be mounted here: that takes the rights of root")
    yield disk
    disk.unmount()


@pytest.fixture
def small_disk(mounted, folder):  # noqa: F811
    """A PostgreSQL of Debian's on it, with its address."""
    if AS_NOBODY:
        shutil.chown(mounted.folder, AS_NOBODY["user"])
    data = mounted.folder / "data"
    run(f"initdb -D {data} -U crewcard --auth=trust --encoding UTF8 --wal-segsize=1 >/dev/null", folder)
    with a_server(folder, data, "max_wal_size=32MB") as url:
        run("createdb crewcard", folder)
        migrate.upgrade(url)
        yield mounted, url


NO_ROOM = Said(
    ready="takes nothing new: it has no room left",
    doctor=("database", "it has no room left"),
    metric='up{part="database"}',
    alarm="PartAway",
    row="it has no room left",
)


def test_every_face_tells_that_the_disk_is_full_though_sqlite_writes_into_pages_that_are_there(
    mounted, make_installation, faces_of, tmp_path
):
    url = f"sqlite:///{mounted.folder}/crewcard.db"
    migrate.upgrade(url)
    installation = make_installation(url)
    installation.company()
    faces = faces_of(installation)
    faces.beat()
    assert faces.ready().status_code == 200
    with installation.store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)")  # its log begins again, in pages that are there
    mounted.fill()
    with installation.store.write() as work:
        processes.try_to_write(work)
    every_face_tells(faces, tmp_path, NO_ROOM)
    mounted.free()
    assert faces.ready().status_code == 200


@pytest.mark.ci
@pytest.mark.timeout(300)
@pytest.mark.skipif(not POSTGRES, reason="no PostgreSQL of Debian's here (.ci/run brings it)")
def test_every_face_tells_that_the_disk_is_full_though_a_row_still_fits(
    small_disk, make_installation, faces_of, tmp_path
):
    """PostgreSQL writes into pages that are there: only what makes a table grow finds that there is no room."""
    disk, url = small_disk
    installation = make_installation(url)
    installation.company()
    faces = faces_of(installation)
    faces.beat()
    assert faces.ready().status_code == 200
    disk.fill()
    with pytest.raises(OperationalError) as refused:
        installation.ask(*invoices(500))
    assert trouble_of(refused.value) == "full"
    with installation.store.write() as work:
        processes.try_to_write(work)  # a row fits
    every_face_tells(
        faces,
        tmp_path,
        NO_ROOM._replace(also=("canary",)),  # its table has no page yet
    )
    disk.free()
    assert faces.ready().status_code == 200
    installation.ask(*invoices(500))
    installation.store.engine.dispose()
