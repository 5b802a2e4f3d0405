"""Changes given at the command line: filed as any host's would be, then answered at once where Xero can be asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import order_submission, output
from events.accounting_target import Trouble
from events.codec import Unreadable
from events.snapshot import Incoming
from worker.decisions.rights import NotAllowed
from worker.submission import change_submission
from worker.submission.change_submission import GivenBy
from worker.tools import Tools

SOURCE = "crewcard-xero/command"
_LONGEST_WAIT_SECONDS = 120.0
Said = dict[str, Any]


def file_change(tools: Tools, model: type[Incoming], said: Said, by: str) -> Said:
    """File a change and answer it; gives its state (updated, rejected, waiting) and what the answer says."""
    given = GivenBy(order_submission.person(tools, by), SOURCE)
    with refusals():
        return change_submission.file_change(tools, model, said, given, _LONGEST_WAIT_SECONDS, wait)


@contextmanager
def refusals() -> Iterator[None]:
    """What is refused ends the command, with its reasons."""
    try:
        yield
    except Unreadable as refused:
        output.fail("; ".join(refused.problems), 1)
    except NotAllowed as refused:
        output.fail(str(refused), 1)


def print_answer(told: Said) -> None:
    """The answer to a change of a contact, for a person."""
    if told["state"] == "waiting":
        output.say("Accepted. Xero cannot be asked just now; it is checked, and answered, as soon as it can.")
    elif told["state"] == "rejected":
        output.warn(f"{told['message']} {told['how']}")
    elif told.get("contact"):
        output.say(
            f"{told['client']} is billed as “{told['contact']['name']}” ({told['contact']['xero_contact_id']})."
        )
        for warning in told.get("warnings", ()):
            output.say(f"  {warning}")
        if told.get("sent_again"):
            output.say(f"  {order_submission.count(told['sent_again'])} that had failed for it go again.")
    else:
        output.say(f"{told['client']} is not linked to a Xero contact any more.")


def wait(seconds: float) -> None:
    """Sit out a limit, and say so; what would take too long is left to the clock."""
    if seconds > _LONGEST_WAIT_SECONDS:
        output.fail("Xero's limit of the day is reached. What was accepted is answered by itself.", 1)
    output.warn(f"Xero's limit is reached; going on in {seconds:.0f} s ...")
    time.sleep(seconds)


def away(trouble: Trouble) -> NoReturn:
    """Xero cannot be asked."""
    output.fail(f"Xero cannot be asked just now ({trouble.message}); nothing was changed. Try again later.", 1)


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; gives what to call with how far it is, and of how many."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.errors, disable=quiet) as bars:
        task = bars.add_task(output.text(title), total=None)

        def shown(done: int, whole: int) -> None:
            bars.update(task, completed=done, total=whole)

        yield shown
