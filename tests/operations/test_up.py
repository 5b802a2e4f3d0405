"""`crewcard-xero up` brings its own Valkey, and commands beside it find that (run: `security/test_files.py`)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import redis
from cryptography.fernet import Fernet

from cli import embedded
from tests.machines import a_free_port, wait_for

COMMAND = Path(sys.executable).parent / "crewcard-xero"


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


@pytest.mark.xdist_group("live")
def test_up_that_was_killed_and_begins_again_opens_its_doors_first_and_has_a_valkey_that_it_watches(tmp_path):
    """Where a killed `up` leaves its Valkey behind (on Linux it does not), the next one takes its place."""
    data, port = tmp_path / "var", str(a_free_port())
    chosen = {
        "PATH": os.environ["PATH"],
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": port,
        "WORKER_PROCESSES": "1",
    }

    def valkey():
        with redis.Redis.from_url(embedded.redis_url(data), retry=None) as client:
            return client.info("server")["process_id"]

    def ready():
        try:
            return httpx.get(f"{chosen['PUBLIC_URL']}/readyz", timeout=2).json() == {"database": "ok", "redis": "ok"}
        except httpx.HTTPError:
            return False

    def all_began(log):
        text = Path(log).read_text()
        return text if all(f"{kind}.started" in text for kind in ("web", "worker", "clock")) else ""

    data.mkdir()
    left = subprocess.Popen(embedded.valkey_command(data), stdout=subprocess.DEVNULL)
    embedded.wait_until_it_answers(data, left)
    for _ in range(2):
        with (tmp_path / "log").open("a") as log:
            up = subprocess.Popen([COMMAND, "up"], env=chosen, cwd=tmp_path, stdout=log, stderr=log)
        try:
            assert left.wait(30) == 0
            wait_for(ready, seconds=90)
            assert valkey() != left.pid
            began = re.findall(r"(web|worker|clock)\.started", wait_for(lambda: all_began(log.name)))
            assert began[0] == "web"
            children = Path(f"/proc/{up.pid}/task/{up.pid}/children")
            assert not children.exists() or str(valkey()) in children.read_text().split()
        finally:
            up.kill()
            up.wait()
        wait_for(lambda: not ready())


def test_only_migrating_reads_alembic_and_starting_again_does_not(tmp_path):
    """It is a third of a second of each process at its start."""
    code = "import sys, web.main, cli.up; from store import migrate; migrate.upgrade('sqlite:///made.sqlite'); "
    code += "print('alembic' in sys.modules)"
    said = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]
