"""What commands share: their options, the tools, who gives an order, the question before it, what is refused."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli import output
from events import wording

if TYPE_CHECKING:
    from events.snapshot import Incoming
    from store.unit_of_work import Store, Work
    from worker.decisions.rights import ConsoleUser, Effect, Operator
    from worker.tools import Tools

LONGEST_WAIT_SECONDS = 120.0
_NUMBER, _WHOLE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?"), re.compile(r"-?[0-9]{1,18}")
# What is refused in the middle of a command ends it: a sentence, and the code of its end. By name: to import all of
# them costs a second that no command needs, and what was raised has been imported.
REFUSALS: dict[str, tuple[Callable[[Any], str], int]] = {
    "events.codec.Unreadable": (lambda broken: "; ".join(broken.problems), 1),
    "worker.decisions.rights.NotAllowed": (str, 1),
    "worker.submission.orders.OrderRefused": (str, 2),
    "worker.erasing.erasure.ErasureRefused": (str, 1),
    "worker.connections.apps.BeingRemoved": (str, 1),
    "worker.users.accounts.UserRefused": (str, 2),
    "worker.delivery.endpoints.EndpointRefused": (str, 1),
    "worker.users.host_keys.KeyRefused": (str, 2),
    "worker.decisions.refusals.LoginRefused": (lambda refused: f"{refused} {refused.refusal.value.how}", 1),
    "worker.intake.dead_letters.NotOpen": ("There is no open dead letter {}.".format, 1),
    "worker.connections.apps.NoApp": (
        "{0} has no Xero app here. Enter it first: crewcard-xero companies app {0}".format,
        1,
    ),
    "store.connections.AnotherSecret": (
        lambda _: "Another company uses this app, with another secret. Rotate it there: companies secret",
        1,
    ),
    "store.connections.AnotherKind": (str, 1),
    "events.trouble.Trouble": (
        lambda away: f"Xero cannot be asked just now ({away.message}); nothing was changed. Try again later.",
        1,
    ),
    "store.vault.Unopenable": (
        "Stopped: {} Put the key back; crewcard-xero doctor says what does not open.".format,
        1,
    ),
}


def is_whole(text: str) -> bool:
    """Whether this is a whole number, 0 or more, in ASCII digits."""
    return text.isascii() and text.isdigit()


def whole(text: str | int) -> int:
    """A whole number, in ASCII digits: `1_0` and `١٢` are refused, not guessed at. Raises typer.BadParameter."""
    if not _WHOLE.fullmatch(str(text)):
        raise typer.BadParameter(f"“{text}” is no whole number: write it in digits, such as 30.")
    return int(text)


def between(least: float, most: float) -> Callable[[str | float], float]:
    """A reader of numbers from the one to the other; it raises typer.BadParameter."""

    def number(text: str | float) -> float:
        if not _NUMBER.fullmatch(str(text)) or not least <= float(text) <= most:
            raise typer.BadParameter(f"“{text}” is no number from {least:g} to {most:g}, such as 24 or 0.5.")
        return float(text)

    return number


Company = Annotated[str, typer.Option(help="Whose invoices")]
OfCompany = Annotated[str | None, typer.Option(help="Only this company")]
CompanyId = Annotated[str, typer.Argument(help="The company's id in CrewCard")]
Why = Annotated[str, typer.Option(help="Why; kept in the audit")]
By = Annotated[
    str,
    typer.Option(
        "--by", help="Who gives the order (a user of the console must be allowed it); else the user of this machine"
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
Most = Annotated[int, typer.Option("--most", "-n", parser=whole, metavar="NUMBER", help="How many, at most")]


class ListingGroup(TyperGroup):
    """A group that lists by itself: what is no command of it is for the list, or a number to `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What was typed, behind the command that it is for."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            shows = args and is_whole(args[0]) and "show" in self.commands
            args = ["show" if shows else "list", *args]
        return super().parse_args(ctx, args)


@contextmanager
def refusals() -> Iterator[None]:
    """What is refused ends the command, with a sentence that says why."""
    try:
        yield
    except Exception as broken:
        kinds = (f"{kind.__module__}.{kind.__name__}" for kind in type(broken).__mro__)
        if refused := next((REFUSALS[kind] for kind in kinds if kind in REFUSALS), None):
            sentence, code = refused
            output.fail(sentence(broken), getattr(broken, "code", code))
        if trouble := trouble_in_words(broken):
            output.fail(f"{trouble}. `crewcard-xero doctor` looks at every part.", 1)
        raise


def trouble_in_words(error: Exception) -> str:
    """What is the matter with the database or with Redis, of which this came; empty where neither is to blame."""
    import redis  # whatever broke had all of these

    from store.database_trouble import DATABASE_SAYS, trouble_of

    why = str(getattr(error, "orig", error)).strip().partition("\n")[0].rstrip(".")
    if trouble := trouble_of(error):
        return f"The database cannot be used, {DATABASE_SAYS[trouble]} (DATABASE_URL): {why}"
    return f"Redis cannot be used (REDIS_URL): {why}" if isinstance(error, redis.RedisError) else ""


def user() -> str:
    """The user of this machine, as an id."""
    name = re.sub(r"[^A-Za-z0-9._:-]", "-", getpass.getuser()).lstrip("-._:")
    return name[:100] or "somebody"


def person(tools: Tools, by: str) -> ConsoleUser | Operator:
    """Who gives an order. In the name of a user of the console no more can be done than that user may.

    Whoever else is at this machine, with its database and its secrets, may do all.
    """
    from store import users
    from worker.decisions.rights import ConsoleUser, Operator

    named = by.strip()
    if not named or named == user():
        return Operator(user())
    with tools.store.read() as work:
        known = users.find(work, named.casefold())
    if known is None:
        return Operator(named)
    return ConsoleUser(known.id, "" if known.disabled_at else known.role)


def must_be_allowed(tools: Tools, by: str, effect: Effect, company: str | None = None) -> str:
    """The id of who gives an order, once they may cause this. Raises NotAllowed."""
    from worker.decisions import rights

    giver = person(tools, by)
    wrong = rights.objection((giver,), effect, company)
    if wrong:
        raise rights.NotAllowed(wrong)
    return giver.id


def ready() -> Tools:
    """The tools, unless the database is not there yet."""
    from worker import settings, wiring

    chosen = settings.load()
    _must_be_migrated(chosen.database_url)
    return wiring.build(chosen)


def database() -> Store:
    """The database alone, unless it is not there yet: for what only shows what stands in it."""
    from worker import settings
    from worker.database import store_for

    chosen = settings.load()
    _must_be_migrated(chosen.database_url)
    return store_for(chosen, "command")


def _must_be_migrated(url: str) -> None:
    from store import migrate

    if migrate.current(url) is None:
        output.fail("The database is empty. Run: crewcard-xero migrate (or: crewcard-xero up)")


def ready_for(company: str) -> Tools:
    """The tools, for a company that there is."""
    tools = ready()
    with tools.store.read() as work:
        must_exist(work, company)
    return tools


def must_exist(work: Work, company: str) -> None:
    """End with what to do where there is no such company."""
    from store import companies

    if not companies.exists(work, company):
        output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so."""
    if not yes and not typer.confirm(wording.shown(question), err=True):
        output.fail("Nothing was done.", 1)


def count(number: int, thing: str = "invoice") -> str:
    """`1 invoice`, `12 invoices`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def wait(seconds: float) -> None:
    """Sit out a limit, and say so; what would take too long is left to the clock."""
    if seconds > LONGEST_WAIT_SECONDS:
        output.fail("Xero's limit of the day is reached. What was accepted is answered by itself.", 1)
    output.warn(f"Xero's limit is reached; going on in {seconds:.0f} s ...")
    time.sleep(seconds)


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; gives what to call with how far it is, and of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.errors, disable=quiet) as bars:
        task = bars.add_task(output.text(title), total=None)

        def shown(done: int, whole: int) -> None:
            bars.update(task, completed=done, total=whole)

        yield shown


def file_change(tools: Tools, model: type[Incoming], said: dict[str, Any], by: str) -> dict[str, Any]:
    """File a change and answer it; gives its state (updated, rejected, waiting) and what the answer says."""
    from worker.submission import change_submission, orders

    given = change_submission.GivenBy(person(tools, by), orders.COMMAND)
    return change_submission.file_change(tools, model, said, given, LONGEST_WAIT_SECONDS, wait)
