"""Host applications made of the examples, beside a live installation."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.machines import a_free_port, wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"
PHP = shutil.which("php")
WEBHOOK_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def _has_sqlite() -> bool:
    said = subprocess.run([PHP, "-m"], capture_output=True, text=True, check=False) if PHP else None
    return said is not None and "pdo_sqlite" in said.stdout


needs_php = pytest.mark.skipif(not _has_sqlite(), reason="no php with pdo_sqlite here (apt: php-cli php-sqlite3)")


class Host:
    """An application's settings, its database, and what it is told to run."""

    def __init__(self, home: Path, url: str, key, webhook_secret: str = WEBHOOK_SECRET) -> None:
        self.home = home
        self.database = home / "host.sqlite"
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            "HOST_COMPANIES": "harbour-crew",
            **clean,
            "CREWCARD_XERO_URL": url,
            "CREWCARD_XERO_KEY": key.id,
            "CREWCARD_XERO_SECRET": key.secret,
            "CREWCARD_XERO_WEBHOOK_SECRET": webhook_secret,
            "HOST_DATABASE": str(self.database),
            "HOST_INVOICES": str(EXAMPLES / "invoices.json"),
            "PYTHONPATH": str(EXAMPLES.parent),
            "PHP_CLI_SERVER_WORKERS": "4",
        }

    def run(self, *command, code=0, folder=EXAMPLES, **given):
        """Run a command as this host; gives what it printed."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **given,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def php(self, script, *words, code=0):
        return self.run(PHP, EXAMPLES / "php" / script, *words, code=code)

    def python(self, script, *words, code=0):
        return self.run(sys.executable, EXAMPLES / "python" / script, *words, code=code)

    def rows(self, asked, *given):
        """What its own database says; nothing before it is there."""
        if not self.database.exists():
            return []
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as found:
            try:
                return found.execute(asked, given).fetchall()
            except sqlite3.OperationalError:
                return []

    def markers(self):
        return dict(self.rows("SELECT invoice, marker FROM markers"))

    @contextmanager
    def serving(self, command, port, output=subprocess.DEVNULL):
        """A server of this host's on a port, in the background."""
        process = subprocess.Popen(
            [str(word) for word in command],
            env=self.environment,
            cwd=self.home,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_for(lambda: _listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # PHP's own workers outlive it otherwise
            process.wait(10)

    def serving_php(self, port=None):
        port = port or a_free_port()
        return self.serving([PHP, "-S", f"127.0.0.1:{port}", "-t", EXAMPLES / "php"], port)


def _listens(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=5).status_code
    except httpx.HTTPError:
        return None
