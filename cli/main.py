"""The command itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli import (
    audit,
    care,
    common,
    companies,
    connections,
    contacts,
    dead_letters,
    embedded,
    failures,
    keys,
    orders,
    output,
    preview,
    publish,
    show,
    up,
    users,
    webhooks,
)
from events import wording
from store.vault import Unopenable
from worker import logs
from worker.heartbeat import VERSION, build_id


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

    def make_context(self, *args: Any, **named: Any) -> Any:
        """What was typed, taken apart."""
        with _plainly():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Do it."""
        with _plainly(), common.refusals():
            return super().invoke(ctx)


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


for command in (
    up.demo,
    up.up,
    up.key,
    publish.publish,
    preview.preview,
    show.status,
    show.log,
    show.why,
    failures.alerts,
    orders.cancel,
    orders.replay,
    orders.raise_anew,
    orders.exclude,
    orders.include,
    orders.pause,
    orders.resume,
    orders.adopt,
    care.migrate,
    care.doctor,
    care.restore_check,
    care.rotate_keys,
    connections.connect,
):
    app.command()(command)
app.add_typer(audit.app, name="audit")
app.add_typer(companies.app, name="companies")
companies.app.command(name="settings")(companies.settings)
app.add_typer(connections.app, name="connections")
app.add_typer(contacts.app, name="contacts")
app.add_typer(failures.app, name="failures")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")


def run() -> None:
    """The entry of `crewcard-xero`. Results go to standard output, so the log may only go to the other."""
    logs.set_up("WARNING")
    embedded.keep_private()
    if sys.argv[1:2] not in (["up"], ["demo"]):
        embedded.lead_to(up.DATA)
    try:
        app()
    except Unopenable as lost:
        output.warn(f"Stopped: {lost} Put the key back; crewcard-xero doctor says what does not open.")
        sys.exit(1)
