"""Every command: what it does, its arguments and options, examples."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from cli.main import app
from reference.markdown import code, page, table

_ABOUT = """
`--help` behind any command says the same. Whatever reads has `--json`. A command ends with 0 when all is well, with 1 when something it was asked about
is not, with 2 when it could not begin.
"""


def text() -> str:
    """The page."""
    root = typer.main.get_command(app)
    return page("Commands", _ABOUT, *(_section(name, command) for name, command in _all("crewcard-xero", root)))


def _all(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", {})
    if name != "crewcard-xero":
        yield name, command
    for word in sorted(inner):
        if not inner[word].hidden:
            yield from _all(f"{name} {word}", inner[word])


def _section(name: str, command: Any) -> str:
    said, _, examples = _help(command).partition("Example")
    parts = [f"## {name}", said.strip()]
    if examples:
        lines = [line.strip() for line in examples.partition(":")[2].splitlines() if line.strip()]
        parts.append("\n".join(["```sh", *lines, "```"]))
    rows = [_row(one) for one in command.params if one.name != "help"]
    if rows:
        parts.append(table(("", "meaning", "default"), rows))
    return "\n\n".join(part for part in parts if part)


def _help(command: Any) -> str:
    return inspect.cleandoc((command.help or "").replace("\f", ""))


def _row(parameter: Any) -> tuple[str, str, str]:
    shown = (
        parameter.default if parameter.default not in (None, False, ()) and not callable(parameter.default) else ""
    )
    if parameter.param_type_name == "argument":
        return code(parameter.name.upper()), getattr(parameter, "help", "") or "", code(shown)
    names = ", ".join(map(code, parameter.opts))
    needed = "**must be given**" if parameter.required else code(shown)
    return names, getattr(parameter, "help", "") or "", needed
