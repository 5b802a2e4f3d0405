"""The processes of a run: all real, all children of this one, so that they can be killed and come back."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from benchmarks.chaos import postgres, world
from benchmarks.chaos.content import CLIENT, MOVER, Json, contact_of
from benchmarks.chaos.plan import READS_LAG_SECONDS, TIMES, Database
from cli import embedded
from cli.up import SupervisedProcess, Supervisor, start_all, worker_command
from events.credentials import AppKeys
from events.settings import CompanySettings
from store import companies, contacts
from tests.connections.house import hidden_fields
from tests.connections.xero_pages import XeroPages
from tests.machines import a_free_port, wait_for
from worker import wiring
from worker.connections import apps, connecting, login_links
from worker.settings import Settings
from worker.tools import Tools

_STARTING_SECONDS = 60.0
# Lists lag; answers hold what nobody knows yet; and what Xero allows of `localhost` alone is an address of ours here.
_SWITCHES = {"reads_lag_seconds": READS_LAG_SECONDS, "redirects_to_127_0_0_1": True, "answers_of_later": True}
_MOUNT, _UMOUNT = shutil.which("mount") or "mount", shutil.which("umount") or "umount"
_PAGE = 4096
_WRITERS = ("up", "web-2", "clock-2", "worker-2")
_UP = Path(sys.executable).parent / "crewcard-xero"
_UNDER_UP = {"valkey": "valkey-server", "web-1": "web.main", "clock-1": "worker.scheduler", "worker-1": "worker.main"}


class Disk:
    """Where the database is. One of its own has little room, can be filled and freed again."""

    def __init__(self, folder: Path, room: int = 0) -> None:
        self.folder = folder
        self.room = room

    def mount(self) -> None:
        """A small file system in memory; where we may not, the folder is as any other."""
        self.folder.mkdir(mode=0o755, exist_ok=True)
        mounting = [_MOUNT, "-t", "tmpfs", "-o", f"size={self.room},mode=755", "tmpfs", self.folder]
        if self.room and subprocess.run(mounting, check=False).returncode:
            self.room = 0

    def unmount(self) -> None:
        """All that was on it is gone."""
        if self.room:
            subprocess.run([_UMOUNT, "--lazy", self.folder], check=False)

    def fill(self) -> None:
        """Take what room there is left; again each time, for others give some back, or were quicker."""
        with (self.folder / "ballast").open("ab") as ballast:
            piece = self.room
            while piece >= _PAGE:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), piece)
                except OSError:
                    piece //= 2

    def free(self) -> None:
        """There is room again."""
        (self.folder / "ballast").unlink()


class Machines:
    """One installation in a folder of its own, or two on the same parts, and the simulated Xero beside them."""

    def __init__(
        self, home: Path, database: Database, *, disk: Disk | None = None, durable: bool = False, **chosen: str
    ) -> None:
        self.home = home
        self.data = home / "var"
        self.disk = disk or Disk(home)
        self._durable = durable
        self._database = database
        xero, web = a_free_port(), a_free_port()
        self.xero_url = f"http://127.0.0.1:{xero}"
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **clean,
            "DATABASE_URL": _address(self.disk.folder, database),
            "REDIS_URL": embedded.redis_url(self.data),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "PUBLIC_URL": f"http://127.0.0.1:{web}",
            "WEB_PORT": str(web),
            "XERO_API_URL": self.xero_url,
            "XERO_IDENTITY_URL": self.xero_url,
            "XERO_LOGIN_URL": f"{self.xero_url}/identity",
            "WORKER_PROCESSES": "2",
            "WORKER_THREADS": "4",
            "LOG_FORMAT": "json",
            **TIMES,
            **chosen,
        }
        names = Settings.model_fields
        chosen_here = {key.lower(): text for key, text in self.environment.items() if key.lower() in names}
        self.settings = Settings(_env_file=None, **chosen_here)  # type: ignore[call-arg, arg-type]
        self.supervisor = Supervisor(self.environment, logs=home / "logs", told=lambda _line: None)
        self.xero = httpx.Client(base_url=f"{self.xero_url}/_simulator", timeout=120)
        self.tools: Tools = wiring.build(self.settings)
        self.companies: list[str] = []
        self._watching: threading.Thread | None = None

    def start_xero(self) -> None:
        """The simulator, which is never killed."""
        port = self.xero_url.rpartition(":")[2]
        self.supervisor.start("simulator", [sys.executable, "-m", "simulator", "--port", port], stop_last=True)
        wait_for(lambda: _answers(f"{self.xero_url}/_simulator/health"), _STARTING_SECONDS)
        self.xero.put("/clock", json={"minute": self.settings.minute_seconds}).raise_for_status()
        self.xero.put("/switches", json=_SWITCHES).raise_for_status()

    def start(self) -> None:
        """Everything but the simulator; returns when the door is open."""
        self.start_database()
        start_all(self.supervisor, self.data, self.settings, own_valkey=True)
        self._wait_until_ready(self.settings)

    def start_two(self) -> Settings:
        """An installation under `crewcard-xero up`, and a second one on its database and Valkey: worker, clock, web.

        The database runs already. Gives the settings of the second one, whose doors have an address of their own.
        """
        command = ["env", f"--chdir={self.home}", "--unset=REDIS_URL", "WORKER_PROCESSES=1", str(_UP), "up"]
        self.supervisor.start("up", [*command, f"--data={self.data}"])
        self._wait_until_ready(self.settings)
        port = a_free_port()
        address = f"http://127.0.0.1:{port}"
        second = self.settings.model_copy(update={"web_port": port, "public_url": address})
        own = ["env", f"WEB_PORT={port}", f"PUBLIC_URL={address}"]
        self.supervisor.start("web-2", [*own, sys.executable, "-m", "web.main"])
        self._wait_until_ready(second)
        self.supervisor.start("clock-2", [*own, sys.executable, "-m", "worker.scheduler"])
        self.supervisor.start("worker-2", [*own, *worker_command(second)])
        return second

    def start_database(self) -> None:
        """PostgreSQL; SQLite needs nothing."""
        if self._database == "postgresql":
            postgres.make(self.disk.folder)
            command = postgres.command(self.disk.folder, durable=self._durable, small=self.disk.room > 0)
            self.supervisor.start("postgres", command, stop_last=True)
            wait_for(lambda: postgres.answers(self.settings.database_url), _STARTING_SECONDS)

    def killed_migration(self, seconds: float) -> bool:
        """`crewcard-xero migrate`, killed after so long; False when it had ended by itself before."""
        with subprocess.Popen(
            [_UP, "migrate"],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as migrating:
            try:
                migrating.wait(seconds)
            except subprocess.TimeoutExpired:
                migrating.kill()
                return True
        if migrating.returncode:
            raise RuntimeError(f"migrate ended with {migrating.returncode}")
        return False

    @staticmethod
    def _wait_until_ready(settings: Settings) -> None:
        wait_for(lambda: is_ready(settings), _STARTING_SECONDS)

    def start_valkey(self) -> None:
        """Valkey alone, for the control."""
        self.supervisor.start("valkey", embedded.valkey_command(self.data), stop_last=True)
        embedded.wait_until_it_answers(self.data, self.process("valkey").child)

    def watch(self) -> None:
        """Start again what dies, from now on."""
        self._watching = threading.Thread(target=self.supervisor.watch, kwargs={"pause": 0.05}, daemon=True)
        self._watching.start()

    def set_up(self, companies_: Sequence[str], *, by_pages: bool = False) -> None:
        """Each company with its organisation, login and mapped clients; by Xero's login pages, as people do it."""
        self.companies = list(companies_)
        for company in companies_:
            self._set_up(company, by_pages=by_pages)

    def log_in(self, company: str) -> bool:
        """A person connects the company by a link, its page and those of Xero; whether it is connected now."""
        link = login_links.link(self.tools, company).url
        try:
            with httpx.Client(timeout=20) as browser:
                page = browser.get(link).raise_for_status()
                pressed = browser.post(link.partition("?")[0], data=hidden_fields(page.text))
                pages = XeroPages(self.xero_url)
                back = pages.answer(pressed.headers["location"], f"user-{company}", world.tenant_of(company))
                return browser.get(back).status_code == 200
        except (httpx.HTTPError, KeyError, IndexError):  # the web is dying, or just coming back
            return False

    def post_webhooks(self, company: str, address: str, *, twice: bool, losing: int) -> None:
        """Xero tells the company's app of changes, all `twice` or once; the first posts are lost on the way."""
        key = f"webhook-key-{company}"
        apps.set_webhook_key(self.tools, company, key, "chaos")
        app = {"client_id": f"app-{company}"}
        said = {**app, "url": f"{address}/xero/webhooks/{company}", "key": key}
        self.xero.put("/webhooks", json=said).raise_for_status()
        if self._tell("/webhooks/intent", app)["status"] != "ok":
            raise RuntimeError(f"{company} shows no intent to receive")
        self.xero.put("/webhooks", json={**app, "twice": twice, "losing": losing}).raise_for_status()

    def webhooks_posted(self) -> int:
        """How many posts Xero has made so far."""
        found: dict[str, Json] = self.xero.get("/webhooks").raise_for_status().json()
        return sum(one["sent"] for one in found.values())

    def trouble(self, seed: int, faults: Mapping[str, object]) -> None:
        """From now on the wire is bad."""
        self.xero.put("/faults", json={**faults, "seed": seed}).raise_for_status()

    def calm_down(self) -> dict[str, int]:
        """The wire is well again; gives how often each fault happened."""
        happened: dict[str, int] = self.xero.get("/faults").json()["happened"]
        self.xero.put("/faults", json={"latency": 0}).raise_for_status()
        return happened

    def process(self, name: str) -> SupervisedProcess:
        """A process by its name."""
        return next(process for process in self.supervisor.processes if process.name == name)

    def family(self, name: str) -> list[int]:
        """A process by its name, whoever started it, and all that it started in turn; empty while it is dead."""
        mine = next((process for process in self.supervisor.processes if process.name == name), None)
        if mine is not None:
            alive = [mine.child.pid] if mine.child and mine.child.poll() is None else []
        else:
            under_up = [child for up in self.family("up")[:1] for child in children_of(up)] if name != "up" else []
            alive = [child for child in under_up if _UNDER_UP[name] in command_of(child)][:1]
        return [*alive, *chain.from_iterable(map(_descendants, alive))]

    def fill_disk(self) -> None:
        """The database has no room left; where it has no disk of its own, no file of those that write may grow."""
        if self.disk.room:
            self.disk.fill()
        else:
            self._limit_files(0)

    def free_disk(self) -> None:
        """There is room again."""
        if self.disk.room:
            self.disk.free()
        else:
            self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        writers = ("postgres",) if self._database == "postgresql" else _WRITERS
        for pid in [pid for name in writers for pid in self.family(name)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def complaints(self) -> int:
        """How often PostgreSQL has said that there is no room left."""
        log = self.home / "logs" / "postgres.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        return said.count("No space left on device") + said.count("File too large")

    def forgive(self, name: str) -> None:
        """To be killed is no crash loop: the supervisor is not to slow down."""
        for process in self.supervisor.processes:
            if process.name == name:
                process.deaths = 0

    def kill(self) -> None:
        """End everything at once; all has been counted by now."""
        self.supervisor.stopping.set()
        if self._watching:
            self._watching.join()  # or it starts again what is killed here
        for pid in self.family("up"):  # what `up` started is in sessions of its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.supervisor.processes:
            number = signal.SIGQUIT if process.name == "postgres" else signal.SIGKILL
            if process.child is not None and process.child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.child.pid, number)
                process.child.wait()

    def login(self, company: str) -> Json:
        """An organisation, an app and a login to it in the simulated Xero; gives the token pair."""
        self._make_organisation(company)
        tenants = [world.tenant_of(company)]
        return self._tell("/grants", {"client_id": f"app-{company}", "user": f"user-{company}", "tenants": tenants})

    def _make_organisation(self, company: str) -> None:
        self._tell("/organisations", world.organisation(company))
        self._tell("/apps", {"client_id": f"app-{company}", "client_secret": f"secret-{company}"})

    def _tell(self, path: str, what: Json) -> Json:
        said: Json = self.xero.post(path, json=what).raise_for_status().json()
        return said

    def _set_up(self, company: str, *, by_pages: bool) -> None:
        with self.tools.store.write() as work:
            plain = CompanySettings(default_account_code="200", contact_ids_editable=True)
            companies.set_up(work, company, company.title(), world.settings_of(company) if by_pages else plain)
            for client in (CLIENT, MOVER):
                contacts.link(work, company, client, contact_of(company), said_by="chaos")
        if by_pages:
            self._make_organisation(company)
            keys = AppKeys(f"app-{company}", (f"secret-{company}",), "web")
            apps.set_app(self.tools, company, keys, "granular", "", "chaos")
            if not self.log_in(company):
                raise RuntimeError(f"{company} is not connected")
            return
        pair = self.login(company)
        app = connecting.App(f"app-{company}", f"secret-{company}")
        choice = connecting.ChosenOrganisation(
            world.tenant_of(company), company.title(), "!Chaos", "USD", f"user-{company}"
        )
        connecting.connect(self.tools, company, app, choice, pair)


@contextlib.contextmanager
def machines(
    database: Database, *, room: int = 0, keep: bool = False, durable: bool = False, **chosen: str
) -> Iterator[Machines]:
    """Machines in a temporary folder, killed at the end; the folder stays if it is to be looked at.

    A `durable` PostgreSQL waits for its disk at every commit, as in production. With `room` (bytes) the database has
    a small disk of its own, in memory, where we may mount one; it is gone at the end.
    """
    home = Path(tempfile.mkdtemp(prefix="xp-chaos-"))
    home.chmod(0o755)
    disk = Disk(home / "disk" if room else home, room)
    disk.mount()
    made = Machines(home, database, disk=disk, durable=durable, **chosen)
    try:
        yield made
    finally:
        made.kill()
        disk.unmount()
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that are still its own."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in text_of(task).split()]


def _descendants(pid: int) -> list[int]:
    return list(chain.from_iterable([child, *_descendants(child)] for child in children_of(pid)))


def command_of(pid: int) -> str:
    """What the process was started with."""
    return text_of(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def is_running(pid: int) -> bool:
    """Whether the process is there, and not only its last word to a parent."""
    return text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[:1] not in ([], ["Z"])


def text_of(path: Path) -> str:
    """What a file of /proc says; nothing when its process is gone."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _address(home: Path, database: Database) -> str:
    return f"sqlite:///{home}/route.sqlite" if database == "sqlite" else postgres.address(home)


def is_ready(settings: Settings) -> bool:
    """Whether its doors say that they can take something."""
    return _answers(f"{settings.public_url}/readyz")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
