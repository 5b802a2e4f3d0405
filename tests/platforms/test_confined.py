"""As in a container: an account without rights, on a root where only the folder of the data can be written to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platforms import parts

ROOT = Path(__file__).parents[2]
PACKAGES = Path(next(path for path in sys.path if path.endswith("site-packages")))
CONFINED = """
set -e
mount --make-rprivate /
mkdir "$1/python" "$1/project" "$1/packages"
for pair in "$2:$1/python" "$3:$1/project" "$4:$1/packages" "$5:$5"; do mount --bind "${pair%%:*}" "${pair#*:}"; done
for place in "$1/python" "$1/project" "$1/packages" /; do mount -o remount,bind,ro "$place"; done
cd "$1/project"
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env -i PATH="$PATH" HOME="$5" TMPDIR="$5" \
  LD_LIBRARY_PATH="$1/python/lib" PYTHONPATH="$1/packages:$1/project" PYTHONDONTWRITEBYTECODE=1 \
  "$1/python/bin/$6" -c "$7" "$5"
"""
EXPORT = """
import dataclasses, json, os, pathlib, sys
from tests.platforms.exporting import export

def writes(path):
    try:
        (path / "x").write_text("")
    except OSError:
        return False
    return True

home = pathlib.Path(sys.argv[1])
places = (pathlib.Path.cwd(), pathlib.Path("/var/tmp"))
found = {"account": os.getuid(), "writes": [str(place) for place in places if writes(place)]}
kept = {name: os.environ[name] for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR")}
print(json.dumps({**found, **dataclasses.asdict(export(home, 60, **kept))}))
"""


@pytest.mark.ci
@pytest.mark.xdist_group("live")
@pytest.mark.skipif(
    bool(os.geteuid() or not shutil.which("setpriv")), reason="only root can become somebody else and mount"
)
def test_the_whole_exports_without_rights_on_a_read_only_root():
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    with parts.a_folder() as code, parts.a_folder() as home:
        python = f"python3.{sys.version_info.minor}"
        words = [CONFINED, "sh", code, sys.base_prefix, ROOT, PACKAGES, home, python, EXPORT]
        command = ["unshare", "--mount", "sh", "-c", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said == {
        "account": 65534,
        "writes": [],
        "wanted": 60,
        "in_xero": 60,
        "twice": 0,
        "failed": 0,
        "deaths": 1,
        "refusals": 0,
    }
