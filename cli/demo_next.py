"""What a newcomer may do with the demo that runs: commands to try, and the console, signed in by a link."""

import sys
from collections.abc import Mapping
from pathlib import Path

from cli import output
from worker.tools import Tools
from worker.users import accounts

_USER, _SECONDS = "demo", 8 * 3600.0
_NAMES = ("DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", "PUBLIC_URL", "XERO_API_URL", "XERO_IDENTITY_URL")


def keep_environment(path: Path, environment: Mapping[str, str]) -> None:
    """A file for a shell to read, so that other commands find the demo."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}='{environment[name]}'\n" for name in _NAMES))


def print_next_steps(tools: Tools, home: Path) -> None:
    """Commands first; the console's address last, where nobody overlooks it."""
    command = Path(sys.argv[0]).resolve()
    output.say(
        "\nAll of it keeps running until Ctrl-C. In another terminal try:\n"
        f"  . {home / 'env'}\n"
        f"  {command} status\n"
        f"  {command} failures\n"
        f"  {command} why BAD-09\n"
        f"  {command} log --failed\n"
        f"Its logs are in {home / 'logs'}.\n\n"
        "The console, in a browser: see what failed and why, set a contact, send it again. Signs you in once:"
    )
    output.say(f"  {_link(tools)}")


def _link(tools: Tools) -> str:
    """Signs an admin in once; the demo begins with an empty database, so that there is no such user yet."""
    made = accounts.add(tools, "demo", _USER, "Demo", "admin")
    return accounts.link(tools, "demo", made.id, _SECONDS)[0]
