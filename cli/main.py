"""The command itself. It imports what a command needs once that is called: all of them take seconds."""

import ast
import functools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command, get_group

from events import wording
from worker.version import VERSION, build_id

# Each command: the module of this room and what it is there, a function or `app`, a group of commands.
_COMMANDS = {
    "demo": "up.demo",
    "up": "up.up",
    "key": "up.key",
    "publish": "publish.publish",
    "listen": "developers.listen",
    "trigger": "developers.trigger",
    "preview": "preview.preview",
    "status": "show.status",
    "log": "show.log",
    "why": "show.why",
    "alerts": "failures.alerts",
    "cancel": "orders.cancel",
    "replay": "orders.replay",
    "raise-anew": "orders.raise_anew",
    "exclude": "orders.exclude",
    "include": "orders.include",
    "pause": "orders.pause",
    "resume": "orders.resume",
    "adopt": "orders.adopt",
    "migrate": "care.migrate",
    "doctor": "care.doctor",
    "restore-check": "care.restore_check",
    "rotate-keys": "care.rotate_keys",
    "connect": "connections.connect",
    "audit": "audit.app",
    "companies": "companies.app",
    "clients": "erasing.app",
    "connections": "connections.app",
    "contacts": "contacts.app",
    "attachments": "attachments.app",
    "failures": "failures.app",
    "dead-letters": "dead_letters.app",
    "users": "users.app",
    "keys": "keys.app",
    "webhooks": "webhooks.app",
    "sandbox": "developers.sandbox",
}
_HELP = ("-h", "--help")
_NEEDS_NO_PARTS: tuple[list[str], ...] = ([], ["--version"])


class CommandsByName(Mapping[str, Any]):
    """All commands of the first level; each is imported once somebody takes it."""

    def __getitem__(self, name: str) -> Any:
        if name not in _COMMANDS:
            raise KeyError(name)
        return _imported(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


@functools.cache
def _imported(name: str) -> Any:
    module, _, attribute = _COMMANDS[name].partition(".")
    found = getattr(import_module(f"cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        group = get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name=name)(found)
    return get_command(alone)


@functools.cache
def _first_words(module: str) -> Mapping[str, str]:
    """What a module's file says of each function, and of `app`, its group: read, not run."""
    found = {}
    for part in ast.parse((Path(__file__).parent / f"{module}.py").read_text("utf-8")).body:
        if isinstance(part, ast.FunctionDef):
            found[part.name] = ast.get_docstring(part) or ""
        elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
            helps = [ast.literal_eval(one.value) for one in part.value.keywords if one.arg == "help"]
            found |= {name.id: said for name in part.targets if isinstance(name, ast.Name) for said in helps}
    return found


def _summary(name: str) -> TyperCommand:
    """The command as the list of all shows it."""
    module, _, attribute = _COMMANDS[name].partition(".")
    return TyperCommand(name, help=_first_words(module)[attribute])


@contextmanager
def _plainly() -> Iterator[None]:
    """A wrong argument is repeated, so that it is seen, but commands no terminal."""
    try:
        yield
    except TyperException as wrong:
        if hasattr(wrong, "message"):
            wrong.message = wording.shown(wrong.message, lines=True)
        raise


class RootGroup(TyperGroup):
    """The command with all that is under it."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.commands = CommandsByName()  # type: ignore[assignment]  # nobody adds to it

    def make_context(self, *args: Any, **named: Any) -> Any:
        """What was typed, taken apart."""
        with _plainly():
            return super().make_context(*args, **named)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of all commands, none of which is imported for it."""
        listed = TyperGroup(name=self.name, commands=[_summary(name) for name in _COMMANDS], params=self.params)
        listed.help = self.help
        listed.format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Do it."""
        try:
            with _plainly():
                return super().invoke(ctx)
        except (TyperException, typer.Exit):
            raise
        except Exception:
            from cli import common  # which the list of all commands does without

            with common.refusals():
                raise


app = typer.Typer(
    cls=RootGroup,
    name="crewcard-xero",
    help="CrewCard → Xero invoice exporter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"crewcard-xero {VERSION}, build {build_id()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print version and build")
    ] = False,
) -> None:
    """CrewCard → Xero invoice exporter."""


def run() -> None:
    """The entry of `crewcard-xero`. Results go to standard output, so the log may only go to the other."""
    if sys.argv[1:2] in _NEEDS_NO_PARTS or sys.argv[-1] in _HELP:
        app()
        return
    from cli import embedded
    from worker import logs

    logs.set_up("WARNING")
    embedded.keep_private()
    if sys.argv[1:2] not in (["up"], ["demo"], ["sandbox"]):
        embedded.lead_to(embedded.DATA)
    app()


if __name__ == "__main__":
    run()
