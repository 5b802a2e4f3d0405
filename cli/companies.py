"""Companies and their Xero apps: `crewcard-xero companies …`. Secrets are typed or piped in, never arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import common, company_settings, erasing, output
from cli.common import AsJson, By
from cli.common import CompanyId as Company

if TYPE_CHECKING:
    from events.credentials import AppKind
    from worker.connections.health import Health
    from worker.tools import Tools

app = typer.Typer(help="Companies and their Xero apps.")


@app.callback(invoke_without_command=True)
def list_companies(context: typer.Context, as_json: AsJson = False) -> None:
    """Companies, their Xero apps and organisations.

    Example:  crewcard-xero companies
    """
    if context.invoked_subcommand:
        return
    from worker.connections import health

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
    from worker.connections import apps

    tools = common.ready()
    try:
        apps.add_company(tools, company, name or company, _giver(tools, by, company), target)
    except apps.UnknownTarget as known:
        output.fail(f"There is no accounting system “{target}” here. There is: {known}.", 1)
    except apps.StillConnected as at:
        first = f"crewcard-xero connections disconnect {company}"
        output.fail(f"{company} is connected to {at}, which is not in {target}. Disconnect it first: {first}", 1)
    output.say(f"{company} is set up. Next: crewcard-xero companies app {company} --client-id …")


@app.command(name="import")
def import_companies(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, or JSON lines: company, name, target, client_id, client_secret, scopes",
            exists=True,
            dir_okay=False,
        ),
    ],
    by: By = "",
    yes: common.Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set up the companies in a file, with their Xero apps; says first what is left to do, and asks.

    The same file again changes nothing; broken off, it goes on where it was. What would end a login is not done, and
    told with its line. Ends with 1 when a line had a mistake. The file has secrets: delete it afterwards.

    Examples:
      crewcard-xero companies import companies.csv

      crewcard-xero companies import companies.jsonl --yes --json

    """
    from cli import company_file

    company_file.import_(file, by, yes=yes, as_json=as_json)


app.command(name="settings")(company_settings.settings)
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
    from events.credentials import APP_WAYS, AppKeys
    from worker.connections import apps, logging_in
    from worker.decisions import addresses

    tools = common.ready()
    giver = _giver(tools, by, company)
    with tools.store.read() as work:
        common.must_exist(work, company)
    if callback and not addresses.return_allowed(callback, tools.settings.return_addresses):
        output.fail(f"{callback} is not on the list RETURN_ADDRESSES.", 1)
    kind: AppKind = "custom" if custom else "pkce" if pkce else "web"
    keys = AppKeys(client_id, (_secret(),) if APP_WAYS[kind].has_secret else (), kind)
    if not keys.way.has_login and not apps.is_accepted(tools, company, keys):
        output.fail(apps.REFUSED, 1)
    apps.set_app(tools, company, keys, scopes, callback, giver)
    if keys.way.has_login:
        output.say(f"Kept. Next: crewcard-xero connect {company}")
    else:
        output.say(f"Connected to {logging_in.connect_by_app(tools, company, giver).connected}. Nobody logs in.")


@app.command()
def secret(company: Company, by: By = "") -> None:
    """Give the app a new Client Secret, once Xero knows it; the former one stays good until `forget-secret`.

    Where Xero cannot be asked it is kept unchecked, and that is said. Ends with 1 when Xero does not know it.

    Example:  crewcard-xero companies secret harbour < secret.txt
    """
    from worker.connections import apps

    tools = common.ready()
    giver = _giver(tools, by, company)
    typed = _secret()
    problem = apps.objection_to_secret(tools, company, typed)
    if problem:
        output.fail(problem, 1)
    apps.rotate_secret(tools, company, typed, giver)
    output.say(apps.NOT_ASKED if problem is None else "Xero knows it.")
    output.say(f"Both secrets are good now. When Xero has only the new one: companies forget-secret {company}")


@app.command(name="forget-secret")
def forget_secret(company: Company, by: By = "") -> None:
    """End a rotation: only the newest Client Secret is kept.

    Example:  crewcard-xero companies forget-secret harbour
    """
    from worker.connections import apps

    tools = common.ready()
    had = apps.forget_former_secret(tools, company, _giver(tools, by, company))
    output.say("Forgotten." if had else "There was only one secret.")


@app.command(name="webhook-key")
def webhook_key(company: Company, by: By = "") -> None:
    """Keep the webhook key of the company's Xero app; a former one stays good until `forget-webhook-key`.

    Example:  crewcard-xero companies webhook-key harbour < key.txt
    """
    from worker.connections import apps

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
    from worker.connections import apps

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
    from worker.connections import apps

    tools = common.ready()
    changed = apps.change_scopes(tools, company, wanted, _giver(tools, by, company))
    output.say(f"Changed. Next: crewcard-xero connect {company}" if changed else "These are asked for already.")


@app.command()
def disable(company: Company, by: By = "") -> None:
    """Switch the company's exports off; what is asked for waits.

    Example:  crewcard-xero companies disable harbour
    """
    from worker.connections import apps

    tools = common.ready()
    apps.disable(tools, company, _giver(tools, by, company))
    output.say("Switched off. Nothing is lost; on again with: crewcard-xero companies enable " + company)


@app.command()
def enable(company: Company, by: By = "") -> None:
    """Switch the company's exports on again.

    Example:  crewcard-xero companies enable harbour
    """
    from worker.connections import apps

    tools = common.ready()
    apps.enable(tools, company, _giver(tools, by, company))
    output.say("Switched on.")


def _giver(tools: Tools, by: str, company: str) -> str:
    from worker.decisions.rights import Effect

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
