"""`crewcard-xero up` brings its own Valkey, and commands beside it find that (run: `security/test_files.py`)."""

import os
from pathlib import Path

from cli import embedded


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
