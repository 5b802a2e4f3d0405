"""Companies and their Xero apps: `crewcard-xero companies …`. Secrets are typed or piped in, never arguments."""

import sys
from typing import Annotated, NoReturn

import typer

from cli import order_submission, output
from cli.order_submission import By
from events.credentials import AppKeys
from store import companies
from store.apps import AnotherSecret
from worker import settings, wiring
from worker.connections import apps, health
from worker.decisions import return_addresses
from worker.decisions.rights import Effect
from worker.tools import Tools

app = typer.Typer(help="Companies and their Xero apps.")
Company = Annotated[str, typer.Argument(help="The company's id in CrewCard")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.callback(invoke_without_command=True)
def list_companies(context: typer.Context, as_json: AsJson = False) -> None:
    """Companies, their Xero apps and organisations.

    Example:  crewcard-xero companies
    """
    if context.invoked_subcommand:
        return
    found = health.of_all(_tools())
    if as_json:
        rows = [
            {"company": one.company, "name": one.name, "client_id": one.client_id, "organisation": one.organisation}
            for one in found
        ]
        output.print_json(rows)
        return
    table = output.table("", "company", "name", "Client ID", "organisation")
    for one in found:
        table.add_row(*(output.text(v) for v in (one.company, one.name, one.client_id, one.organisation)))
    output.results.print(table)


@app.command()
def add(company: Company, name: Annotated[str, typer.Option(help="Its name")] = "", by: By = "") -> None:
    """Set a company up, or give it another name.

    Example:  crewcard-xero companies add harbour --name "Harbour Crew"
    """
    tools = _tools()
    apps.add_company(tools, company, name or company, _giver(tools, by, company))
    output.say(f"{company} is set up. Next: crewcard-xero companies app {company} --client-id …")


@app.command(name="app")
def set_app(
    company: Company,
    client_id: Annotated[str, typer.Option(help="The Client ID of the company's own Xero app")],
    scopes: Annotated[str, typer.Option(help="granular, broad (older apps), or a list")] = "granular",
    callback: Annotated[str, typer.Option(help="Redirect address registered at Xero; empty: ours")] = "",
    pkce: Annotated[bool, typer.Option("--pkce", help="An app without a secret")] = False,
    by: By = "",
) -> None:
    """Keep the company's Xero app. Asks for the Client Secret; piped in works too.

    Example:  crewcard-xero companies app harbour --client-id 0123ABCD < secret.txt
    """
    tools = _tools()
    giver = _giver(tools, by, company)
    with tools.store.read() as work:
        if not companies.exists(work, company):
            output.fail(f"There is no company “{company}”. Set it up: crewcard-xero companies add {company}", 1)
    if callback and not return_addresses.allowed(callback, tools.settings.return_addresses):
        output.fail(f"{callback} is not on the list RETURN_ADDRESSES.", 1)
    keys = AppKeys(client_id, () if pkce else (_secret(),), "pkce" if pkce else "web")
    try:
        apps.set_app(tools, company, keys, scopes, callback, giver)
    except AnotherSecret:
        output.fail("Another company uses this app, with another secret. Rotate it there: companies secret", 1)
    output.say(f"Kept. Next: crewcard-xero connect {company}")


@app.command()
def secret(company: Company, by: By = "") -> None:
    """Give the app a new Client Secret; the former one stays good until `forget-secret`.

    Example:  crewcard-xero companies secret harbour < secret.txt
    """
    tools = _tools()
    giver = _giver(tools, by, company)
    try:
        apps.rotate_secret(tools, company, _secret(), giver)
    except apps.NoApp:
        _no_app(company)
    output.say(f"Both secrets are good now. When Xero has only the new one: companies forget-secret {company}")


@app.command(name="forget-secret")
def forget_secret(company: Company, by: By = "") -> None:
    """End a rotation: only the newest Client Secret is kept.

    Example:  crewcard-xero companies forget-secret harbour
    """
    tools = _tools()
    try:
        had = apps.forget_former_secret(tools, company, _giver(tools, by, company))
    except apps.NoApp:
        _no_app(company)
    output.say("Forgotten." if had else "There was only one secret.")


@app.command()
def scopes(
    company: Company, wanted: Annotated[str, typer.Argument(help="granular, broad, or a list")], by: By = ""
) -> None:
    """Ask Xero for other permissions; that takes a new login.

    Example:  crewcard-xero companies scopes harbour broad
    """
    tools = _tools()
    try:
        changed = apps.change_scopes(tools, company, wanted, _giver(tools, by, company))
    except apps.NoApp:
        _no_app(company)
    output.say(f"Changed. Next: crewcard-xero connect {company}" if changed else "These are asked for already.")


@app.command()
def disable(company: Company, by: By = "") -> None:
    """Switch the company's exports off; what is asked for waits.

    Example:  crewcard-xero companies disable harbour
    """
    tools = _tools()
    try:
        apps.disable(tools, company, _giver(tools, by, company))
    except apps.NoApp:
        _no_app(company)
    output.say("Switched off. Nothing is lost; on again with: crewcard-xero companies enable " + company)


@app.command()
def enable(company: Company, by: By = "") -> None:
    """Switch the company's exports on again.

    Example:  crewcard-xero companies enable harbour
    """
    tools = _tools()
    try:
        apps.enable(tools, company, _giver(tools, by, company))
    except apps.NoApp:
        _no_app(company)
    output.say("Switched on.")


def _giver(tools: Tools, by: str, company: str) -> str:
    return order_submission.must_be_allowed(tools, by, Effect.COMPANIES, company)


def _tools() -> Tools:
    return wiring.build(settings.load())


def _secret() -> str:
    """Typed at a terminal, unseen; or the first line of what is piped in."""
    if sys.stdin.isatty():
        typed: str = typer.prompt("Client Secret", hide_input=True, err=True).strip()
    else:
        typed = sys.stdin.readline().strip()
    if not typed:
        output.fail("A Client Secret is needed.", 1)
    return typed


def _no_app(company: str) -> NoReturn:
    output.fail(f"{company} has no Xero app here. Enter it first: crewcard-xero companies app {company}", 1)
