"""Keys of host applications: `crewcard-xero keys …`. A secret is shown once, when it is made."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli import common, output
from cli.common import AsJson
from events.credentials import Scope
from events.snapshot import Id
from store import api_keys, audit
from store.api_keys import Key, Listed
from store.unit_of_work import Work

app = typer.Typer(help="Keys of host applications to the doors.", no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(help="The key's id; it may be seen by anybody")]
By = Annotated[str, typer.Option("--by", help="Who does it, for the audit; else the user of this machine")]
Expires = Annotated[str, typer.Option("--expires", help="When it ends: 2027-03-31, 90d, or never")]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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
        "good until": lambda one: one.expires_at or "revoked",
        "state": lambda one: _state(one, soon),
    }

    def document(one: Listed) -> dict[str, Any]:
        return {**asdict(one), "state": _state(one, soon)}

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
    _must_be_id(key)
    tools = common.ready()
    with tools.store.write() as work:
        if api_keys.find(work, tools.vault, key):
            output.fail(f"There is a key “{key}” already. A new secret: crewcard-xero keys rotate {key}", 1)
        for named in company or ():
            common.must_exist(work, named)
        made = api_keys.make(work, tools.vault, key, company or None, scope or None, _moment(work, expires))
        note(work, by, "key made", made)
    _show(made, as_json=as_json)


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
    with tools.store.write() as work:
        try:
            made = api_keys.rotate(work, tools.vault, key, keep_hours * 3600)
        except LookupError:
            output.fail(f"There is no key “{key}”. All keys: crewcard-xero keys list", 1)
        note(work, by, "key rotated", made, {"keep_hours": keep_hours})
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
    with tools.store.write() as work:
        at, before = _moment(work, when), api_keys.without_secrets(work, key)
        if before is None or not api_keys.expire(work, key, at):
            output.fail(f"There is no key “{key}”. All keys: crewcard-xero keys list", 1)
        note(work, by, "key's end changed", before, {"expires": at.isoformat() if at else "never"})
    output.say(f"{key} is good until {at:%Y-%m-%d %H:%M} UTC." if at else f"{key} is good until it is revoked.")


@app.command()
def revoke(key: KeyId, by: By = "") -> None:
    """End a key, at once and for good; what it brought stays.

    Example:  crewcard-xero keys revoke crewcard
    """
    tools = common.ready()
    with tools.store.write() as work:
        found = api_keys.without_secrets(work, key)
        ended = api_keys.revoke(work, key)
        if found and ended:
            note(work, by, "key revoked", found)
    if found is None:
        output.fail(f"There is no key “{key}”. All keys: crewcard-xero keys list", 1)
    output.say(f"{key} opens nothing from now on." if ended else f"{key} was revoked before.")


def note(work: Work, by: str, what: str, key: Key | Listed, more: dict[str, Any] | None = None) -> None:
    """What was done with a key, in the audit; never its secret."""
    said = {
        "key": key.id,
        "companies": sorted(key.companies) if key.companies else "every company",
        "scopes": sorted(key.scopes) if key.scopes else "everything",
        "expires": key.expires_at.isoformat() if key.expires_at else None,
    }
    company = next(iter(key.companies)) if key.companies and len(key.companies) == 1 else ""
    audit.note(work, by or common.user(), what, company, {**said, **(more or {})}, 0, "")


def _moment(work: Work, text: str) -> datetime | None:
    """When a key ends: a day (its end, in UTC), so many days from now, or never."""
    if text == "never":
        return None
    at = None
    with suppress(ValueError, OverflowError):
        if text.endswith("d") and common.is_whole(text[:-1]):
            at = work.now + timedelta(days=int(text[:-1]))
        elif _DAY.fullmatch(text):
            at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    if at is None:
        output.fail(f"“{text}” is no day: write 2027-03-31, 90d (so many days from now), or never.")
    if at <= work.now:
        output.fail(f"{text} is over. To end a key now: crewcard-xero keys revoke KEY")
    return at


def _must_be_id(key: str) -> None:
    try:
        TypeAdapter(Id).validate_python(key)
    except ValidationError:
        output.fail("A key's id has letters, digits, “.”, “_”, “:” and “-”, at most 100.")


def _show(made: Key, *, as_json: bool) -> None:
    """The secret is the result, so that it can be piped to where it is kept."""
    if as_json:
        output.print_json({"id": made.id, "secret": made.secret})
        return
    output.say(made.secret)
    output.warn(f"The secret of “{made.id}”. It is not shown again: put it where the host keeps its secrets.")


def _state(one: Listed, soon: datetime) -> str:
    if one.revoked_at:
        return "revoked"
    if one.expired:
        return "expired"
    if one.expires_at and one.expires_at <= soon:
        return "good, expires soon"
    return "good, an old secret too" if one.former_until else "good"
