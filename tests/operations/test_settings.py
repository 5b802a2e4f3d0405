"""Settings name their unit; names of before are taken for one release, and every process that starts says so."""

import json
import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from worker import settings
from worker.settings import RENAMED, Settings

KEY = Fernet.generate_key().decode()
OTHER = {"login_care_seconds": 200.0}  # at most ten minutes; the others have to outlast a call


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where settings may stand: the environment, `.env`, and a folder of credentials."""
    for name, now in RENAMED.items():
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(now.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENCRYPTION_KEYS", KEY)
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return {
        "environment": lambda name, value: monkeypatch.setenv(name.upper(), value),
        ".env": lambda name, value: (tmp_path / ".env").write_text(f"{name.upper()}={value}\n"),
        "credentials": lambda name, value: (folder / name).write_text(f"{value}\n"),
    }


@pytest.mark.parametrize("place", ["environment", ".env", "credentials"])
def test_each_old_name_is_taken_wherever_settings_stand_and_is_said(places, place):
    for old, now in RENAMED.items():
        wanted = OTHER.get(now, Settings.model_fields[now].default * 1.5 if "timeout" not in now else 3.0)
        places[place](old, str(wanted))
        chosen = settings.load()
        assert getattr(chosen, now) == wanted, old
        assert old in chosen.old_names


def test_a_new_name_is_no_old_one(places):
    for now in RENAMED.values():
        places["environment"](now, str(Settings.model_fields[now].default))
    assert settings.load().old_names == ()


@pytest.mark.parametrize("place", ["environment", ".env", "credentials"])
def test_an_old_name_that_says_otherwise_than_the_new_one_ends_the_start(places, place):
    for old, now in RENAMED.items():
        places["environment"](now, str(Settings.model_fields[now].default))
        places[place](old, str(Settings.model_fields[now].default - 1))
        with pytest.raises(
            SystemExit, match=f"{old.upper()} is the old name of {now.upper()}: both are set, and differ"
        ):
            settings.load()
        places[place](old, str(float(Settings.model_fields[now].default)))
        assert getattr(settings.load(), now) == Settings.model_fields[now].default


def test_what_is_wrong_by_an_old_name_is_told_in_the_new_one(places):
    places["environment"]("settle", "20")
    with pytest.raises(SystemExit, match="SETTLE_SECONDS must be longer than CONNECT_TIMEOUT_SECONDS and"):
        settings.load()


@pytest.mark.parametrize(
    "start", ["worker.main as it; it.start", "worker.scheduler as it; it.main", "web.main as it; it.main"]
)
def test_every_process_that_starts_says_each_old_name_once(tmp_path, start):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ENCRYPTION_KEYS": KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite",
        "SWEEP": "20",
        "SETTLE_SECONDS": "120",
    }
    run = subprocess.run(
        [sys.executable, "-c", f"import {start}()"],
        env=environment,
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    said = [line["reason"] for line in lines if line["event"] == "settings.old_name_used"]
    assert said == ["SWEEP is called SWEEP_SECONDS now; the old name is taken until release 0.3.0"], run.stderr
