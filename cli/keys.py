"""Keys of host applications: `crewcard-xero keys …`. A secret is shown once, when it is made."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson
from events.credentials import Scope
from store import api_keys
from store.api_keys import Key, Listed
from worker.decisions.rights import Effect
from worker.users import host_keys

app = typer.Typer(help="Keys of host applications to the doors.", no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(help="The key's id; it may be seen by anybody")]
By = Annotated[str, typer.Option("--by", help="Who does it, for the audit; else the user of this machine")]
Expires = Annotated[str, typer.Option("--expires", help="When it ends: 2027-03-31, 90d, or never")]


@app.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """Keys, what they open and when they were last used; never their secrets.

    Example:  crewcard-xero keys list
    """
    tools = common.ready()
    with tools.store.read() as work:
        found, soon = api_keys.all_keys(work), work.after(tools.settings.key_warning_days * 86_400)
    columns: dict[str, str | Callable[[Listed], Any]] = {
        "key": "id",
        "companies": lambda one: ", ".join(one.companies) or "every company",
        "scopes": lambda one: ", ".join(one.scopes) or "everything",
        "last used": lambda one: one.last_used_at or "never",
        "good until": lambda one: one.expires_at or "no end",
        "state": lambda one: host_keys.state(one, soon),
    }

    def document(one: Listed) -> dict[str, Any]:
        return {**asdict(one), "state": host_keys.state(one, soon)}

    output.listing(found, as_json=as_json, columns=columns, document=document)


@app.command()
def make(
    key: KeyId,
    company: Annotated[list[str] | None, typer.Option(help="A company it speaks for; again for more")] = None,
    every_company: Annotated[bool, typer.Option("--every-company", help="It speaks for all, later ones too")] = False,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; again for more; else all")] = None,
    expires: Expires = "never",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and show its secret, this once.

    Examples:
      crewcard-xero keys make crewcard --every-company

      crewcard-xero keys make harbour-pages --company harbour --scope reads --scope feed

      crewcard-xero keys make trial --company harbour --scope exports --expires 90d

    """
    if bool(company) == every_company:
        output.fail("Name the companies it speaks for: --company ID, again for more; or --every-company.")
    tools = common.ready()
    giver = common.must_be_allowed(tools, by, Effect.KEYS)
    _show(host_keys.make(tools, giver, key, company or None, scope or None, expires), as_json=as_json)


@app.command()
def rotate(
    key: KeyId,
    keep_hours: Annotated[
        float,
        typer.Option(parser=common.between(0, 720), metavar="NUMBER", help="How long the old secret stays good"),
    ] = 24,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and show it, this once; the old one stays good for a while.

    Example:  crewcard-xero keys rotate crewcard --keep-hours 2
    """
    tools = common.ready()
    made = host_keys.rotate(tools, common.must_be_allowed(tools, by, Effect.KEYS), key, keep_hours)
    _show(made, as_json=as_json)
    output.warn(f"The old secret is good for {keep_hours:g} hours more." if made.former else "The old one is void.")


@app.command()
def expire(
    key: KeyId, when: Annotated[str, typer.Argument(help="When it ends: 2027-03-31, 90d, or never")], by: By = ""
) -> None:
    """Say until when a key is good, or that it is good until it is revoked; one that has ended is good again.

    Examples:
      crewcard-xero keys expire crewcard 2027-03-31

      crewcard-xero keys expire crewcard never

    """
    tools = common.ready()
    at = host_keys.expire(tools, common.must_be_allowed(tools, by, Effect.KEYS), key, when)
    output.say(f"{key} is good until {at:%Y-%m-%d %H:%M} UTC." if at else f"{key} is good until it is revoked.")


@app.command()
def revoke(key: KeyId, by: By = "") -> None:
    """End a key, at once and for good; what it brought stays.

    Example:  crewcard-xero keys revoke crewcard
    """
    tools = common.ready()
    ended = host_keys.revoke(tools, common.must_be_allowed(tools, by, Effect.KEYS), key)
    output.say(f"{key} opens nothing from now on." if ended else f"{key} was revoked before.")


def _show(made: Key, *, as_json: bool) -> None:
    """The secret is the result, so that it can be piped to where it is kept."""
    if as_json:
        output.print_json({"id": made.id, "secret": made.secret})
        return
    output.say(made.secret)
    output.warn(f"The secret of “{made.id}”. It is not shown again: put it where the host keeps its secrets.")
