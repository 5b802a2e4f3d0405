"""What every order at the command line shares: who gives it, the question before it, the event it becomes."""

import getpass
import re
import uuid
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from cli import output
from events import plain_text
from events.codec import Unreadable
from events.orders import Order
from events.unreadable import sentences
from store import migrate, users
from worker import settings, wiring
from worker.decisions import rights
from worker.decisions.receipts import Receipt
from worker.decisions.rights import ConsoleUser, Effect, NotAllowed, Operator
from worker.intake import intake
from worker.tools import Tools

Given = TypeVar("Given", bound=Order)
SOURCE = "crewcard-xero/command"
Company = Annotated[str, typer.Option(help="Whose invoices")]
Why = Annotated[str, typer.Option(help="Why; kept in the audit")]
By = Annotated[
    str,
    typer.Option(
        "--by", help="Who gives the order (a user of the console must be allowed it); else the user of this machine"
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


def user() -> str:
    """The user of this machine, as an id."""
    name = re.sub(r"[^A-Za-z0-9._:-]", "-", getpass.getuser()).lstrip("-._:")
    return name[:100] or "somebody"


def person(tools: Tools, by: str) -> ConsoleUser | Operator:
    """Who gives an order. In the name of a user of the console no more can be done than that user may.

    Whoever else is at this machine, with its database and its secrets, may do all.
    """
    named = by.strip()
    if not named or named == user():
        return Operator(user())
    with tools.store.read() as work:
        known = users.find(work, named.casefold())
    if known is None:
        return Operator(named)
    return ConsoleUser(known.id, "" if known.disabled_at else known.role)


def must_be_allowed(tools: Tools, by: str, effect: Effect, company: str | None = None) -> str:
    """The id of who gives an order, once they may cause this; ends with the refusal."""
    giver = person(tools, by)
    wrong = rights.objection((giver,), effect, company)
    if wrong:
        output.fail(wrong.sentence, 1)
    return giver.id


def ready() -> Tools:
    """The tools, unless the database is not there yet."""
    chosen = settings.load()
    if migrate.current(chosen.database_url) is None:
        output.fail("The database is empty. Run: crewcard-xero migrate (or: crewcard-xero up)")
    return wiring.build(chosen)


def order(model: type[Given], by: str, **said: Any) -> Given:
    """The order, or an end that says what is wrong with it."""
    try:
        return model.model_validate({"requested_by": {"id": by or user(), "role": "command"}, **said})
    except ValidationError as broken:
        output.fail("; ".join(sentences(broken)))


def sure(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so."""
    if not yes and not typer.confirm(plain_text.shown(question), err=True):
        output.fail("Nothing was done.", 1)


def file_order(tools: Tools, given: Order) -> Receipt:
    """Hand the order in, as any host would; ends with its refusal."""
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": SOURCE,
        "type": given.TYPE,
        "data": given.model_dump(mode="json", exclude_none=True),
    }
    try:
        return intake.accept(tools, event, (person(tools, given.requested_by.id),))
    except Unreadable as refused:
        output.fail("; ".join(refused.problems), 1)
    except NotAllowed as refused:
        output.fail(str(refused), 1)


def count(number: int, thing: str = "invoice") -> str:
    """`1 invoice`, `12 invoices`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
