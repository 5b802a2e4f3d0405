"""The tutorial, executed as it stands, from a clean clone."""

import os
import shutil
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
    return "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + text.replace(
        "crewcard-xero connect harbour\n", LOG_IN
    )


@pytest.mark.ci
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("live")
def test_a_newcomer_gets_from_a_clone_to_the_first_invoice(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        command = ["bash", "-c", script()]
        environment = {**environment, "COLUMNS": "200"}
        bash = subprocess.Popen(command, cwd=clone, env=environment, stdout=output, stderr=output)
        try:
            code = bash.wait(timeout=400)
        finally:
            bash.terminate()
            bash.wait()
    shutil.rmtree(clone)
    text = said.read_text()
    assert code == 0, text
    assert '"InvoiceNumber":"T-1"' in text
    assert "nothing changes in Xero" in text
    assert "not linked to a contact" in text
    assert "Traceback" not in text
