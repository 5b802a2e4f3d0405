"""Companies and their Xero apps: `crewcard-xero companies …`. Secrets are typed or piped in, never arguments.

`crewcard-xero companies settings COMPANY`: what a company chose, what it may choose, and changing it.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli import common, company_file, contacts, erasing, output
from cli.common import AsJson, By
from cli.common import CompanyId as Company
from events.credentials import APP_WAYS, AppKeys, AppKind
from events.settings import CompanySettingsChanged, SettingsPatch
from events.unreadable import sentences
from store import companies
from worker.connections import apps, health, logging_in
from worker.connections.health import Health
from worker.contacts import changes, contact_answers, offers
from worker.decisions import addresses
from worker.decisions.rights import Effect
from worker.tools import Tools

app = typer.Typer(help="Companies and their Xero apps.")


@app.callback(invoke_without_command=True)
def list_companies(context: typer.Context, as_json: AsJson = False) -> None:
    """Companies, their Xero apps and organisations.

    Example:  crewcard-xero companies
    """
    if context.invoked_subcommand:
        return
    columns = {
        "company": "company",
        "name": "name",
        "exports to": "target",
        "Client ID": "client_id",
        "organisation": "organisation",
    }

    def document(one: Health) -> dict[str, object]:
        return {field: getattr(one, field) for field in columns.values()}

    output.listing(health.of_all(common.ready()), as_json=as_json, columns=columns, document=document)


@app.command()
def add(
    company: Company,
    name: Annotated[str, typer.Option(help="Its name")] = "",
    target: Annotated[str | None, typer.Option(help="The accounting system it exports to; at first xero")] = None,
    by: By = "",
) -> None:
    """Set a company up, or give it another name.

    Example:  crewcard-xero companies add harbour --name "Harbour Crew"
    """
    tools = common.ready()
    try:
        apps.add_company(tools, company, name or company, _giver(tools, by, company), target)
    except apps.UnknownTarget as known:
        output.fail(f"There is no accounting system “{target}” here. There is: {known}.", 1)
    except apps.StillConnected as at:
        first = f"crewcard-xero connections disconnect {company}"
        output.fail(f"{company} is connected to {at}, which is not in {target}. Disconnect it first: {first}", 1)
    output.say(f"{company} is set up. Next: crewcard-xero companies app {company} --client-id …")


app.command(name="import")(company_file.import_)
app.command()(erasing.remove)


@app.command(name="app")
def set_app(
    company: Company,
    client_id: Annotated[str, typer.Option(help="The Client ID of the company's own Xero app")],
    scopes: Annotated[str, typer.Option(help="granular, broad (older apps), or a list")] = "granular",
    callback: Annotated[str, typer.Option(help="Redirect address registered at Xero; empty: ours")] = "",
    pkce: Annotated[bool, typer.Option("--pkce", help="An app without a secret")] = False,
    custom: Annotated[bool, typer.Option("--custom", help="A custom connection: nobody logs in")] = False,
    by: By = "",
) -> None:
    """Keep the company's Xero app. Asks for the Client Secret; piped in works too. Connects a custom connection.

    Example:  crewcard-xero companies app harbour --client-id 0123ABCD < secret.txt
    """
    tools = common.ready()
    giver = _giver(tools, by, company)
    with tools.store.read() as work:
        common.must_exist(work, company)
    if callback and not addresses.return_allowed(callback, tools.settings.return_addresses):
        output.fail(f"{callback} is not on the list RETURN_ADDRESSES.", 1)
    kind: AppKind = "custom" if custom else "pkce" if pkce else "web"
    keys = AppKeys(client_id, (_secret(),) if APP_WAYS[kind].has_secret else (), kind)
    apps.set_app(tools, company, keys, scopes, callback, giver)
    if keys.way.has_login:
        output.say(f"Kept. Next: crewcard-xero connect {company}")
    else:
        output.say(f"Connected to {logging_in.connect_by_app(tools, company, giver).connected}. Nobody logs in.")


@app.command()
def secret(company: Company, by: By = "") -> None:
    """Give the app a new Client Secret; the former one stays good until `forget-secret`.

    Example:  crewcard-xero companies secret harbour < secret.txt
    """
    tools = common.ready()
    giver = _giver(tools, by, company)
    apps.rotate_secret(tools, company, _secret(), giver)
    output.say(f"Both secrets are good now. When Xero has only the new one: companies forget-secret {company}")


@app.command(name="forget-secret")
def forget_secret(company: Company, by: By = "") -> None:
    """End a rotation: only the newest Client Secret is kept.

    Example:  crewcard-xero companies forget-secret harbour
    """
    tools = common.ready()
    had = apps.forget_former_secret(tools, company, _giver(tools, by, company))
    output.say("Forgotten." if had else "There was only one secret.")


@app.command(name="webhook-key")
def webhook_key(company: Company, by: By = "") -> None:
    """Keep the webhook key of the company's Xero app; a former one stays good until `forget-webhook-key`.

    Example:  crewcard-xero companies webhook-key harbour < key.txt
    """
    tools = common.ready()
    giver = _giver(tools, by, company)
    apps.set_webhook_key(tools, company, _secret("Webhook key"), giver)
    address = f"{tools.settings.public_url.rstrip('/')}/xero/webhooks/{company}"
    output.say(f"Kept. Xero posts to {address}; its portal sends an “Intent to receive” there now.")


@app.command(name="forget-webhook-key")
def forget_webhook_key(
    company: Company,
    every: Annotated[
        bool, typer.Option("--all", help="Forget the newest as well: no webhook is taken any more")
    ] = False,
    by: By = "",
) -> None:
    """End a rotation: only the newest webhook key is kept.

    Example:  crewcard-xero companies forget-webhook-key harbour
    """
    tools = common.ready()
    had = apps.forget_webhook_key(tools, company, _giver(tools, by, company), former_only=not every)
    output.say("Forgotten." if had else "There was none to forget.")


@app.command()
def scopes(
    company: Company, wanted: Annotated[str, typer.Argument(help="granular, broad, or a list")], by: By = ""
) -> None:
    """Ask Xero for other permissions; that takes a new login.

    Example:  crewcard-xero companies scopes harbour broad
    """
    tools = common.ready()
    changed = apps.change_scopes(tools, company, wanted, _giver(tools, by, company))
    output.say(f"Changed. Next: crewcard-xero connect {company}" if changed else "These are asked for already.")


@app.command()
def disable(company: Company, by: By = "") -> None:
    """Switch the company's exports off; what is asked for waits.

    Example:  crewcard-xero companies disable harbour
    """
    tools = common.ready()
    apps.disable(tools, company, _giver(tools, by, company))
    output.say("Switched off. Nothing is lost; on again with: crewcard-xero companies enable " + company)


@app.command()
def enable(company: Company, by: By = "") -> None:
    """Switch the company's exports on again.

    Example:  crewcard-xero companies enable harbour
    """
    tools = common.ready()
    apps.enable(tools, company, _giver(tools, by, company))
    output.say("Switched on.")


def _giver(tools: Tools, by: str, company: str) -> str:
    return common.must_be_allowed(tools, by, Effect.COMPANIES, company)


def _secret(what: str = "Client Secret") -> str:
    """Typed at a terminal, unseen; or the first line of what is piped in."""
    if sys.stdin.isatty():
        typed: str = typer.prompt(what, hide_input=True, err=True).strip()
    else:
        typed = sys.stdin.readline().strip()
    if not typed:
        output.fail(f"A {what} is needed.", 1)
    return typed


_SETTABLE = (
    "name=value, empty: back to none. attachments, contact_ids_editable, default_account_code, default_tax_type, "
    "kinds.KIND.account_code, kinds.KIND.tax_type, invoice_status, due=day_of_next_month:20, number_prefix, "
    "tracking=Region:North, branding_theme, new_contacts=on_request or automatic, credit_notes, credit_note_status, "
    "credit_note_prefix, credit_note_account_code, sent_to_contact, "
    "daily_summary=7:Pacific/Auckland"
)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_DUE = "due is written like days_after_invoice:14, days_after_month_end:30, day_of_this_month:28, day_of_next_month:9"
_DAILY = "daily_summary is written like 7:Pacific/Auckland, or 7:Pacific/Auckland:always to be told of quiet days too"


@app.command()
def settings(
    company: Company,
    chosen: Annotated[list[str] | None, typer.Option("--set", help=_SETTABLE)] = None,
    choices: Annotated[bool, typer.Option("--choices", help="Show what the organisation offers")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it could be set")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Show a company's settings, or change them; what its Xero organisation does not have is refused.

    Example:  crewcard-xero companies settings harbour --set default_account_code=200 --set due=day_of_next_month:20
    """
    tools = common.ready_for(company)
    if choices:
        _offer(tools, company, as_json=as_json)
        return
    if chosen:
        _change(tools, company, _patch(chosen), by, check=check, as_json=as_json)
        return
    with tools.store.read() as work:
        kept = companies.settings_of(work, company)
    if as_json:
        output.print_json(kept.model_dump(mode="json"))
    else:
        _show(kept.model_dump(mode="json"))


def _patch(chosen: Sequence[str]) -> dict[str, Any]:
    try:
        said = _typed(chosen)
        SettingsPatch.model_validate(said)
    except ValueError as broken:
        output.fail("; ".join(sentences(broken)) if isinstance(broken, ValidationError) else str(broken))
    return said


def _change(tools: Tools, company: str, said: dict[str, Any], by: str, *, check: bool, as_json: bool) -> None:
    if check:
        told = _checked(tools, company, said)
    else:
        told = common.file_change(tools, CompanySettingsChanged, {"company": company, "settings": said}, by)
    if as_json:
        output.print_json(told)
    elif told["state"] == "rejected":
        for problem in told["problems"]:
            output.warn(problem)
    elif told["state"] == "waiting":
        output.say("Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can.")
    else:
        output.say("Could be set." if check else "Set. What was sent before stays as it was sent.")
        if told.get("login_due"):
            output.say(f"Contacts can be created once somebody has logged in again: crewcard-xero connect {company}")
    raise typer.Exit(1 if told["state"] == "rejected" else 0)


def _checked(tools: Tools, company: str, said: dict[str, Any]) -> dict[str, Any]:
    with tools.store.read() as work:
        organisation = contact_answers.organisation_of(work, tools, company)
    patch = SettingsPatch.model_validate(said)
    _, problems = changes.judge_settings(tools, organisation, patch, common.wait)
    return {"state": "rejected" if problems else "usable", "problems": list(problems)}


def _offer(tools: Tools, company: str, *, as_json: bool) -> None:
    organisation = contacts.connected(tools, company)
    found = offers.offered(tools, organisation, offers.KINDS, common.wait, at_most_old=60)
    usable = {kind: [one for one in some if one.usable] for kind, some in found.items()}
    if as_json:
        output.print_json({kind: [asdict(one) for one in some] for kind, some in usable.items()})
        return
    for kind, some in usable.items():
        output.say(f"{kind.replace('_', ' ').capitalize()} of {organisation.name}:")
        for one in sorted(some, key=lambda one: (not one.first, one.code)):
            options = f": {', '.join(one.options)}" if one.options else ""
            output.say(
                f"  {one.name}{options}" if kind in ("tracking", "branding_themes") else f"  {one.code}  {one.name}"
            )


def _show(kept: dict[str, Any]) -> None:
    columns = {"setting": itemgetter(0), "value": itemgetter(1)}
    output.listing(list(_as_typed(kept)), as_json=False, columns=columns)


def _typed(chosen: Sequence[str]) -> dict[str, Any]:
    """The settings that these name, as an event says them. Raises ValueError in a sentence."""
    said: dict[str, Any] = {}
    for one in chosen:
        name, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise ValueError(f"{one}: settings are written as name=value")
        if name.startswith("kinds."):
            _of_kind(said, name, value)
        else:
            said[name] = _parsed(name, value)
    return said


def _as_typed(kept: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting with its value, in the words in which it is typed."""
    for name, value in kept.items():
        if name == "days_until_due" and value is None:
            continue
        if name == "kinds" and value:
            for kind, defaults in value.items():
                yield from ((f"kinds.{kind}.{which}", code) for which, code in defaults.items() if code)
        else:
            yield name, _written(name, value)


def _of_kind(said: dict[str, Any], name: str, value: str) -> None:
    """`kinds.hire.account_code`; without the last part the kind is forgotten."""
    _, _, rest = name.partition(".")
    kind, dot, which = rest.rpartition(".")
    kinds = said.setdefault("kinds", {})
    if dot and which in ("account_code", "tax_type"):
        kinds[kind] = {**(kinds.get(kind) or {}), which: value or None}
    elif value:
        raise ValueError(f"{name}: a kind has kinds.{rest}.account_code and kinds.{rest}.tax_type")
    else:
        kinds[rest] = None


def _parsed(name: str, value: str) -> Any:
    if name in ("attachments", "contact_ids_editable", "credit_notes", "sent_to_contact"):
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{name} is true or false")
        return value.lower() in _TRUE
    if not value:
        return None
    if name in ("invoice_status", "credit_note_status"):
        return value.upper()
    if name in ("due", "daily_summary"):
        return _due(value) if name == "due" else _daily(value)
    if name == "tracking":
        pairs = (one.partition(":") for one in value.split(";") if one.strip())
        return [{"category": category.strip(), "option": option.strip()} for category, _, option in pairs]
    return value


def _due(value: str) -> dict[str, Any]:
    kind, _, days = value.partition(":")
    if not common.is_whole(days):
        raise ValueError(_DUE)
    return {"kind": kind, "days": int(days)}


def _daily(value: str) -> dict[str, Any]:
    hour, _, rest = value.partition(":")
    zone, _, always = rest.partition(":")
    if not common.is_whole(hour) or always not in ("", "always"):
        raise ValueError(_DAILY)
    return {"hour": int(hour), "time_zone": zone, "always": bool(always)}


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if name == "due":
        return f"{value['kind']}:{value['days']}"
    if name == "daily_summary":
        return f"{value['hour']}:{value['time_zone']}{':always' if value['always'] else ''}"
    if name == "tracking":
        return "; ".join(f"{one['category']}:{one['option']}" for one in value)
    return str(value["name"]) if name == "branding_theme" else str(value)
