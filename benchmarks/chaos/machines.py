"""The processes of a run: all real, all children of this one, so that they can be killed and come back."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from benchmarks.chaos import postgres, world
from benchmarks.chaos.content import CLIENT, MOVER, Json, contact_of
from benchmarks.chaos.plan import READS_LAG_SECONDS, TIMES, Database
from cli import embedded
from cli.up import SupervisedProcess, Supervisor, start_all
from events.settings import CompanySettings
from store import companies, contacts
from tests.machines import a_free_port, wait_for
from worker import wiring
from worker.connections import connecting
from worker.settings import Settings
from worker.tools import Tools

_STARTING_SECONDS = 60.0


class Machines:
    """One installation in a folder of its own, and the simulated Xero beside it."""

    def __init__(self, home: Path, database: Database, *, durable: bool = False, **chosen: str) -> None:
        self.home = home
        self._durable = durable
        self._database = database
        xero, web = a_free_port(), a_free_port()
        self.xero_url = f"http://127.0.0.1:{xero}"
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **clean,
            "DATABASE_URL": _address(home, database),
            "REDIS_URL": embedded.redis_url(home),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "PUBLIC_URL": f"http://127.0.0.1:{web}",
            "WEB_PORT": str(web),
            "XERO_API_URL": self.xero_url,
            "XERO_IDENTITY_URL": self.xero_url,
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
        self._watching: threading.Thread | None = None

    def start_xero(self) -> None:
        """The simulator, which is never killed."""
        port = self.xero_url.rpartition(":")[2]
        self.supervisor.start("simulator", [sys.executable, "-m", "simulator", "--port", port], stop_last=True)
        wait_for(lambda: _answers(f"{self.xero_url}/_simulator/health"), _STARTING_SECONDS)
        self.xero.put("/clock", json={"minute": self.settings.minute_seconds}).raise_for_status()
        self.xero.put("/switches", json={"reads_lag_seconds": READS_LAG_SECONDS}).raise_for_status()

    def start(self) -> None:
        """Everything but the simulator; returns when the door is open."""
        if self._database == "postgresql":
            postgres.make(self.home)
            self.supervisor.start("postgres", postgres.command(self.home, durable=self._durable), stop_last=True)
            wait_for(lambda: postgres.answers(self.settings.database_url), _STARTING_SECONDS)
        start_all(self.supervisor, self.home, self.settings, own_valkey=True)
        wait_for(lambda: _answers(f"{self.settings.public_url}/readyz"), _STARTING_SECONDS)

    def start_valkey(self) -> None:
        """Valkey alone, for the control."""
        self.supervisor.start("valkey", embedded.valkey_command(self.home), stop_last=True)
        embedded.wait_until_it_answers(self.home, self.process("valkey").child)

    def watch(self) -> None:
        """Start again what dies, from now on."""
        self._watching = threading.Thread(target=self.supervisor.watch, kwargs={"pause": 0.05}, daemon=True)
        self._watching.start()

    def set_up(self, companies_: Sequence[str]) -> None:
        """Each company with its organisation, login and mapped clients."""
        for company in companies_:
            self._set_up(company)

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

    def kill(self) -> None:
        """End everything at once; all has been counted by now."""
        self.supervisor.stopping.set()
        if self._watching:
            self._watching.join()  # or it starts again what is killed here
        for process in self.supervisor.processes:
            number = signal.SIGQUIT if process.name == "postgres" else signal.SIGKILL
            if process.child is not None and process.child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.child.pid, number)
                process.child.wait()

    def login(self, company: str) -> Json:
        """An organisation, an app and a login to it in the simulated Xero; gives the token pair."""
        self._tell("/organisations", world.organisation(company))
        self._tell("/apps", {"client_id": f"app-{company}", "client_secret": f"secret-{company}"})
        tenants = [world.tenant_of(company)]
        return self._tell("/grants", {"client_id": f"app-{company}", "user": f"user-{company}", "tenants": tenants})

    def _tell(self, path: str, what: Json) -> Json:
        said: Json = self.xero.post(path, json=what).raise_for_status().json()
        return said

    def _set_up(self, company: str) -> None:
        pair = self.login(company)
        app = connecting.App(f"app-{company}", f"secret-{company}")
        choice = connecting.ChosenOrganisation(
            world.tenant_of(company), company.title(), "!Chaos", "USD", f"user-{company}"
        )
        with self.tools.store.write() as work:
            companies.set_up(
                work, company, company.title(), CompanySettings(default_account_code="200", contact_ids_editable=True)
            )
            for client in (CLIENT, MOVER):
                contacts.link(work, company, client, contact_of(company), said_by="chaos")
        connecting.connect(self.tools, company, app, choice, pair)


@contextlib.contextmanager
def machines(database: Database, *, keep: bool = False, durable: bool = False, **chosen: str) -> Iterator[Machines]:
    """Machines in a temporary folder, killed at the end; the folder stays if it is to be looked at.

    A `durable` PostgreSQL waits for its disk at every commit, as in production.
    """
    home = Path(tempfile.mkdtemp(prefix="xp-chaos-"))
    home.chmod(0o755)
    made = Machines(home, database, durable=durable, **chosen)
    try:
        yield made
    finally:
        made.kill()
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _address(home: Path, database: Database) -> str:
    return f"sqlite:///{home}/route.sqlite" if database == "sqlite" else postgres.address(home)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
