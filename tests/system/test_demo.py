"""`make demo`, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import demo, demo_world

COMMAND = Path(sys.executable).parent / "crewcard-xero"


@pytest.mark.xdist_group("live")
def test_the_demo_shows_real_orders_and_each_failure_and_ends_by_itself(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DEMO_EXIT": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [COMMAND, "demo"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    orders = 830 if demo.NORTHWIND.exists() else 120
    assert f"{orders} invoices from" in done.stdout
    assert f"In the simulated Xero: {orders + 1} invoices" in done.stdout
    assert done.stdout.count("✘ failed") == len(demo_world.REASONS)
    assert "not linked to a contact" in done.stdout
    assert not any((tmp_path / "var/demo").glob("*.pid"))
