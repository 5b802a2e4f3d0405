"""Every setting: its name, what it means, its default."""

from typing import Any

from pydantic.fields import FieldInfo

from reference.markdown import code, page, table
from worker.settings import RENAMED, Settings

_ABOUT = """
Settings come from the environment, or from a file `.env` in the folder where a process starts. All processes of
an installation take the same. Times are seconds. `.env.example` holds this list too. Start-up names everything
that is missing or wrong at once.

These are new names. The old ones are taken until release 0.3.0, and a line of the log says so at start
(`settings.old_name_used`); where both are set and differ, nothing starts: {renamed}.
"""


def text() -> str:
    """The page."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    renamed = ", ".join(f"{code(now.upper())} was {code(old.upper())}" for old, now in RENAMED.items())
    return page("Settings", _ABOUT.format(renamed=renamed), table(("setting", "meaning", "default"), rows))


def example() -> str:
    """`.env.example`, the same for a file."""
    lines = ["# Every setting, its meaning and its default. Generated: make reference", ""]
    for name, field in Settings.model_fields.items():
        listed = field.default if isinstance(field.default, tuple) else (field.default,)
        default = "" if field.is_required() else ",".join(map(str, listed))
        mark = "" if field.is_required() else "# "
        lines += [f"# {field.description}", f"{mark}{name.upper()}={default}", ""]
    return "\n".join(lines)


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = "**none: must be set**" if field.is_required() else code(_shown(field.default))
    return code(name.upper()), f"{field.description}{_limits(field)}", default


def _shown(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _limits(field: FieldInfo) -> str:
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [
        f"{word} {getattr(one, name)}" for one in field.metadata for name, word in words.items() if hasattr(one, name)
    ]
    return f" ({', '.join(found)})" if found else ""
