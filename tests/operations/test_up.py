"""`crewcard-xero up` with nothing but a key: it brings its own Valkey, and commands beside it find that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from cli import embedded
from tests.machines import a_free_port, wait_for

COMMAND = Path(sys.executable).parent / "crewcard-xero"


def answers(url):
    try:
        return httpx.get(url, timeout=2).json() == {"database": "ok", "redis": "ok"}
    except httpx.HTTPError:
        return False


@pytest.mark.xdist_group("live")
def test_a_machine_of_its_own_needs_only_a_key(tmp_path):
    port = str(a_free_port())
    environment = {
        "PATH": os.environ["PATH"],
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "WEB_PORT": port,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WORKER_PROCESSES": "1",
    }
    with (tmp_path / "up.log").open("w") as log:
        running = subprocess.Popen([COMMAND, "up"], env=environment, cwd=tmp_path, stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=60)
            subprocess.run([COMMAND, "doctor"], env=environment, cwd=tmp_path, check=True)
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(90) == 0


def test_an_address_that_is_set_goes_before_the_embedded_one(tmp_path, monkeypatch):
    (tmp_path / "var/valkey").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "given back at the end")
    monkeypatch.delenv("REDIS_URL")
    (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere:6379/0\n")
    embedded.lead_to(Path("var"))
    assert "REDIS_URL" not in os.environ
    (tmp_path / ".env").unlink()
    embedded.lead_to(Path("var"))
    assert os.environ["REDIS_URL"] == embedded.redis_url(tmp_path / "var")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    embedded.lead_to(Path("var"))
    assert os.environ["REDIS_URL"] == "redis://elsewhere:6379/0"
