"""Files that only their owner reads: databases, queues, logs and keys of an installation on one machine."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cli import output

_OTHERS = 0o077
# What an installation writes into its folder; anything else there belongs to somebody else and is left alone.
_OURS = ("crewcard-xero.sqlite", "valkey", "logs", "up.lock", "env", "demo")


def from_now_on() -> None:
    """What this process and its children make, nobody else of this machine reads."""
    os.umask(_OTHERS)


def folder(path: Path) -> None:
    """The folder and what we keep in it is for its owner alone; what was open to others is closed, and said."""
    from_now_on()
    path.mkdir(parents=True, exist_ok=True)
    inside = list(path.iterdir())
    ours = [one for one in inside if one.name.startswith(_OURS)]
    wanted = [*([path] if len(ours) == len(inside) else []), *(each for one in ours for each in _all_of(one))]
    _close([one for one in wanted if _is_open(one)], path)


def is_owners_alone(path: Path) -> bool:
    """Whether it is a folder, ours, and closed to others: where everybody may write, others may have made it."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & _OTHERS


def _all_of(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for one in path.iterdir():
            yield from _all_of(one)


def _is_open(path: Path) -> bool:
    return not path.is_symlink() and bool(path.stat().st_mode & _OTHERS)


def _close(found: list[Path], at: Path) -> None:
    failed = []
    for one in found:
        try:
            one.chmod(stat.S_IMODE(one.stat().st_mode) & ~_OTHERS)
        except OSError:
            failed.append(str(one))
    if len(found) > len(failed):
        count = len(found) - len(failed)
        output.warn(f"{count} files and folders in {at} were open to others of this machine; now only you read them.")
    if failed:
        named = ", ".join(failed)
        output.fail(f"Others of this machine can read {named}, which is not yours to change: see who owns it.", 1)
