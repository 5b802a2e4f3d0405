"""Which version of ours this is, and which build of it."""

import functools
import os
import subprocess
from importlib import metadata
from pathlib import Path

VERSION = metadata.version("crewcard-xero")
_ROOT = Path(__file__).parents[1]


@functools.cache
def build_id() -> str:
    """Which build of the version this is: BUILD_ID as the image has it, in a clone its commit, else “unknown”."""
    if baked := os.environ.get("BUILD_ID", "").strip():
        return baked
    if not (_ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(_ROOT), "rev-parse", "--short=10", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603  # all ours
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
