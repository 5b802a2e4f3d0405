"""What an installation writes on a machine, no other user of the machine reads."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from cli import embedded
from cli.main import app
from store import migrate
from tests.machines import a_free_port, wait_for

COMMAND = Path(sys.executable).parent / "crewcard-xero"


def environment(**more):
    port = str(a_free_port())
    return {
        "PATH": os.environ["PATH"],
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "WEB_PORT": port,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WORKER_PROCESSES": "1",
        **more,
    }


def open_to_others(*places):
    """Everything under these places that somebody else may read, write or enter."""
    everything = [one for place in places for one in [place, *place.rglob("*")] if not one.is_symlink()]
    modes = {one: stat.S_IMODE(one.lstat().st_mode) for one in everything}
    return [f"{one} {mode:o}" for one, mode in modes.items() if mode & 0o077]


@contextmanager
def running(folder, *command, umask=0o022, **more):
    said = folder.parent / f"{folder.name}.log"
    with said.open("w") as log:
        chosen = environment(**more)
        process = subprocess.Popen([COMMAND, *command], env=chosen, cwd=folder, stdout=log, stderr=log, umask=umask)
        try:
            wait_for(lambda: ready(chosen["PUBLIC_URL"]), seconds=90)
            yield said, chosen
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(90) == 0


def ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=2).json() == {"database": "ok", "redis": "ok"}
    except httpx.HTTPError:
        return False


@pytest.mark.xdist_group("live")
def test_up_needs_only_a_key_makes_nothing_that_others_read_and_closes_what_was_open(tmp_path):
    home = tmp_path / "home"
    (home / "var/valkey/appendonlydir").mkdir(parents=True)
    (home / "var/logs").mkdir()
    for name in ("crewcard-xero.sqlite", "valkey/valkey.conf", "logs/web.log"):
        (home / "var" / name).touch(mode=0o644)
    assert open_to_others(home / "var")
    with running(home, "up", umask=0) as (said, chosen):
        subprocess.run([COMMAND, "doctor"], env=chosen, cwd=home, check=True)
        assert open_to_others(home / "var", embedded.socket_path(home / "var").parent) == []
        written = {one.name for one in (home / "var").rglob("*")}
        assert {"crewcard-xero.sqlite", "crewcard-xero.sqlite-wal", "valkey.conf", "appendonlydir"} <= written
        assert "were open to others of this machine; now only you read them" in " ".join(said.read_text().split())
    assert open_to_others(home / "var") == []


@contextmanager
def masked(umask):
    """This process makes files as one with that umask does."""
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_database_is_its_owners_whoever_makes_it(tmp_path):
    at = tmp_path / "two/deep/crewcard.sqlite"
    chosen = environment(DATABASE_URL=f"sqlite:///{at}", REDIS_URL="redis://127.0.0.1:9/0")
    subprocess.run([COMMAND, "migrate"], env=chosen, cwd=tmp_path, check=True, capture_output=True, umask=0)
    assert open_to_others(tmp_path / "two") == []
    plain = tmp_path / "plain.sqlite"
    with masked(0):
        migrate.upgrade(f"sqlite:///{plain}")
    assert stat.S_IMODE(plain.stat().st_mode) == 0o600


def test_files_of_others_in_the_same_folder_are_left_alone(tmp_path):

    mine, ours = tmp_path / "photos.txt", tmp_path / "crewcard-xero.sqlite"
    for one in (mine, ours):
        one.touch()
        one.chmod(0o644)
    tmp_path.chmod(0o755)
    with masked(0o022):
        embedded.private_folder(tmp_path)
    assert stat.S_IMODE(mine.stat().st_mode) == 0o644
    assert stat.S_IMODE(ours.stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("how", ["open", "link"])
def test_a_folder_that_somebody_put_where_the_queue_listens_is_not_used(tmp_path, monkeypatch, how):
    """In /tmp anybody may make a folder first, and would then be our Redis."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = tmp_path / "home"
    home.mkdir()
    place = embedded.socket_path(home).parent
    place.rmdir()
    if how == "open":
        place.mkdir()
        place.chmod(0o777)
    else:
        (tmp_path / "theirs").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "theirs")
    chosen = environment(TMPDIR=str(tmp_path))
    said = CliRunner().invoke(app, ["up", "--data", str(home)], env=chosen)
    assert said.exit_code == 1
    assert "open to others of this machine" in " ".join(said.stderr.split())


def test_the_socket_of_the_queue_is_behind_a_closed_folder(tmp_path):
    assert stat.S_IMODE(embedded.socket_path(tmp_path).parent.stat().st_mode) == 0o700
