"""The command itself."""

import typer

from cli import adopting, care, demo, marks, orders, pause, publish, show, up, why

app = typer.Typer(
    name="crewcard-xero",
    help="CrewCard → Xero invoice exporter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo.demo,
    up.up,
    up.key,
    publish.publish,
    show.status,
    show.log,
    why.why,
    show.failures,
    show.dead_letters,
    orders.cancel,
    orders.replay,
    marks.exclude,
    marks.include,
    pause.pause,
    pause.resume,
    adopting.adopt,
    orders.audit,
    care.migrate,
    care.doctor,
):
    app.command()(command)


def run() -> None:
    """The entry of `crewcard-xero`."""
    app()
