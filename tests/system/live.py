"""A live installation: the real processes under the real supervisor, on loopback, in a folder of its own."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
from click.testing import Result
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from cli.main import app
from cli.up import Supervisor, environment_for, start_all
from demo import run as demo
from demo import world
from tests.machines import a_free_port, wait_for
from worker import wiring
from worker.settings import Settings

COMMAND = Path(sys.executable).parent / "crewcard-xero"


class Live:
    """Started by `start`; `command` runs the real command against it."""

    def __init__(self, home: Path, **chosen: str) -> None:
        xero = a_free_port()
        self.home = home
        self.xero_url = f"http://127.0.0.1:{xero}"
        web = a_free_port()
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **environment_for(home, clean),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "PUBLIC_URL": f"http://127.0.0.1:{web}",
            "WEB_PORT": str(web),
            "XERO_API_URL": self.xero_url,
            "XERO_IDENTITY_URL": self.xero_url,
            "WORKER_PROCESSES": "1",
            "WORKER_THREADS": "2",
            "LOG_FORMAT": "json",
            **chosen,
        }
        names = Settings.model_fields
        self.settings = Settings(
            _env_file=None, **{k.lower(): v for k, v in self.environment.items() if k.lower() in names}
        )
        self.supervisor = Supervisor(self.environment, logs=home / "logs", told=lambda _line: None)
        self.xero = httpx.Client(base_url=f"{self.xero_url}/_simulator", timeout=30)
        self._port, self._chosen = xero, chosen

    def start(self, orders) -> None:
        command = [sys.executable, "-m", "simulator", "--port", str(self._port)]
        self.supervisor.start("simulator", command, stop_last=True)
        start_all(self.supervisor, self.home, self.settings, own_valkey="REDIS_URL" not in self._chosen)
        for url in (f"{self.xero_url}/_simulator/health", f"{self.settings.public_url}/readyz"):
            wait_for(lambda url=url: self._answers(url))
        self._watch = threading.Thread(target=self.supervisor.watch)
        self._watch.start()
        self.tools = wiring.build(self.settings)
        demo.set_up(self.tools, world.clients_in(orders))

    def stop(self) -> None:
        self.supervisor.stopping.set()
        self._watch.join()
        self.supervisor.stop()

    def command(self, *words: str, code: int = 0) -> Result:
        """A command in this process, with the installation's environment: to start one costs two seconds."""
        with contextlib.chdir(self.home):
            done = CliRunner().invoke(app, list(words), env={**self.environment})
        assert done.exit_code == code, done.output
        return done

    def process_of(self, *words: str, code: int = 0) -> subprocess.CompletedProcess:
        """The command as a process of its own, for what is said before it begins or by its end."""
        done = subprocess.run(
            [COMMAND, *words],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def read(self, *words: str, code: int = 0):
        return json.loads(self.command(*words, "--json", code=code).stdout)

    def books(self):
        organisation = self.xero.get("/ledger").json()["organisations"][world.TENANT]
        return [invoice for invoice in organisation["invoices"] if invoice["InvoiceNumber"] != "HC-77"]

    def calls(self, method=None):
        return [call for call in self.xero.get("/calls").json()["calls"] if method in (None, call["method"])]

    def process(self, name):
        return next(process for process in self.supervisor.processes if process.name == name)

    @staticmethod
    def _answers(url):
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
