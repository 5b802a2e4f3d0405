"""The tutorial, executed as it stands, from a clean clone."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.machines import a_free_port
from tests.operations.spoken import blocks

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial.md"
LOG_IN = 'python -m tests.operations.log_in "$(crewcard-xero connect harbour)"\n'


def script():
    """Every block, on ports that are free; in the place of the person with the browser stands one of ours."""
    text = "".join(blocks(TUTORIAL.read_text(), "sh"))
    for port in ("8790", "8700"):
        text = text.replace(port, str(a_free_port()))
    assert text.count("crewcard-xero connect harbour\n") == 1
    return "set -euo pipefail\n" + text.replace("crewcard-xero connect harbour\n", LOG_IN)


@pytest.mark.ci
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("live")
def test_a_newcomer_gets_from_a_clone_to_the_first_invoice(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    bash = subprocess.Popen(
        ["bash", "-c", script()],
        cwd=clone,
        env={**environment, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = bash.communicate(timeout=500)
    finally:
        if bash.poll() is None:
            os.killpg(bash.pid, signal.SIGKILL)
        shutil.rmtree(clone, ignore_errors=True)
    assert bash.returncode == 0, said
    assert re.search(r'"InvoiceNumber": ?"T-1"', said)
    assert "nothing changes in Xero" in said
    assert "not linked to a contact" in said
    assert "Traceback" not in said
