"""Users of the console: `crewcard-xero users …`."""

from operator import itemgetter
from typing import Annotated

import typer

from cli import common, output
from cli.common import AsJson, By
from worker.decisions.rights import Effect
from worker.tools import Tools
from worker.users import accounts, factors

app = typer.Typer(help="Users of the console.")
_COLUMNS = {"user": "user", "name": "name", "role": "role", "disabled": "disabled", "second factor": "second_factor"}
_COLUMNS |= {"single sign-on": "single_sign_on", "last signed in": "seen"}
User = Annotated[str, typer.Argument(help="The user's id, such as anna@crewcard.example")]
Hours = Annotated[
    float,
    typer.Option(parser=common.between(0.1, 72), metavar="NUMBER", help="How long it is good, in hours"),
]


@app.callback(invoke_without_command=True)
def list_users(context: typer.Context, as_json: AsJson = False) -> None:
    """Users and their roles.

    Example:  crewcard-xero users
    """
    if context.invoked_subcommand:
        return
    rows = [
        {
            "user": one.id,
            "name": one.name,
            "role": one.role,
            "disabled": bool(one.disabled_at),
            "second_factor": one.factor_at is not None,
            "single_sign_on": one.subject is not None,
            "seen": one.seen_at,
        }
        for one in accounts.everyone(common.ready())
    ]
    output.listing(rows, as_json=as_json, columns={title: itemgetter(name) for title, name in _COLUMNS.items()})


@app.command()
def add(
    user: User,
    role: Annotated[str, typer.Option(help="read, setup, support, ops or admin")] = "read",
    name: Annotated[str, typer.Option(help="Their name")] = "",
    by: By = "",
) -> None:
    """Make a user and print the link that signs them in once.

    Example:  crewcard-xero users add anna@crewcard.example --role support --name "Anna Berg"
    """
    tools = common.ready()
    made = accounts.add(tools, _giver(tools, by), user, name, role)
    link(made.id, by=by)


@app.command()
def link(
    user: User,
    hours: Hours = 24,
    by: By = "",
) -> None:
    """Print a link that signs the user in once; they set a password and a second factor then.

    Whom the single sign-on signs in gets past it by this: for when it is away, and nobody else can be asked.

    Example:  crewcard-xero users link anna@crewcard.example
    """
    tools = common.ready()
    address, ends_at = accounts.link(tools, _giver(tools, by), user, hours * 3600, emergency=True)
    if any(one.id == user and one.subject for one in accounts.everyone(tools)) and tools.settings.oidc_issuer:
        output.warn(f"{user} signs in with {tools.settings.oidc_name}: this link leads past it, for an emergency.")
    output.warn(f"Signs {user} in once, until {ends_at:%Y-%m-%d %H:%M} UTC:")
    output.echo(address)


@app.command()
def role(
    user: User, to: Annotated[str, typer.Argument(help="read, setup, support, ops or admin")], by: By = ""
) -> None:
    """Give a user another role; they have to sign in again.

    Example:  crewcard-xero users role anna@crewcard.example ops
    """
    _change(user, by, role=to)
    output.say(f"{user} has the role {to} now.")


@app.command()
def disable(user: User, by: By = "") -> None:
    """Shut a user out at once.

    Example:  crewcard-xero users disable anna@crewcard.example
    """
    _change(user, by, disabled=True)
    output.say(f"{user} is blocked. To restore access: crewcard-xero users enable {user}")


@app.command()
def enable(user: User, by: By = "") -> None:
    """Let a user in again.

    Example:  crewcard-xero users enable anna@crewcard.example
    """
    _change(user, by, disabled=False)
    output.say(f"{user} may sign in again.")


@app.command("reset-factor")
def reset_factor(user: User, by: By = "") -> None:
    """Take a user's authenticator app and recovery codes away, when both are lost; they set up another.

    Example:  crewcard-xero users reset-factor anna@crewcard.example
    """
    tools = common.ready()
    factors.reset(tools, _giver(tools, by), user)
    output.say(f"{user} is signed out, and sets up another authenticator app at the next sign-in.")


def _change(user: str, by: str, role: str | None = None, *, disabled: bool | None = None) -> None:
    tools = common.ready()
    accounts.change(tools, _giver(tools, by), user, role, disabled=disabled)


def _giver(tools: Tools, by: str) -> str:
    return common.must_be_allowed(tools, by, Effect.USERS)
