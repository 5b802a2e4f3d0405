"""Care of an installation: `migrate` and `doctor`."""

from collections.abc import Callable
from typing import Annotated

import httpx
import typer

from cli import output
from store import migrate as migrations
from store import overview
from worker import settings, wiring
from worker.settings import Settings
from worker.tools import Tools


def migrate() -> None:
    """Bring the database to the newest schema; safe to run again.

    Example:  DATABASE_URL=postgresql://crewcard@db/crewcard crewcard-xero migrate
    """
    chosen = settings.load()
    output.say(f"The database is at revision {migrations.upgrade(chosen.database_url)}.")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Check every part this installation stands on; ends with 1 when something is wrong.

    Example:  crewcard-xero doctor
    """
    chosen = settings.load()
    tools = wiring.build(chosen)
    found = {name: _checked(check, tools, chosen) for name, check in _CHECKS.items()}
    if as_json:
        output.print_json({name: {"ok": ok, "says": says} for name, (ok, says) in found.items()})
    else:
        for name, (ok, says) in found.items():
            output.results.print(f"{'[green]✔[/]' if ok else '[red]✘[/]'} {name}: {output.text(says)}")
    raise typer.Exit(0 if all(ok for ok, _ in found.values()) else 1)


def _checked(check: Callable[[Tools, Settings], str], tools: Tools, chosen: Settings) -> tuple[bool, str]:
    try:
        return True, check(tools, chosen)
    except Exception as wrong:  # whatever is wrong, the doctor says so and goes on
        return False, str(wrong) or type(wrong).__name__


def _database(tools: Tools, chosen: Settings) -> str:
    at, newest = migrations.current(chosen.database_url), migrations.newest()
    if at != newest:
        raise RuntimeError(f"at revision {at}, this version needs {newest}: run crewcard-xero migrate")
    return f"{tools.store.engine.dialect.name}, revision {at}"


def _redis(tools: Tools, _chosen: Settings) -> str:
    tools.redis.ping()
    policy = tools.redis.config_get("maxmemory-policy").get("maxmemory-policy", "")
    if policy != "noeviction":
        raise RuntimeError(f"maxmemory-policy is {policy}: set it to noeviction, or doorbells may vanish")
    return "answers, noeviction"


def _web(_tools: Tools, chosen: Settings) -> str:
    try:
        reply = httpx.get(f"{chosen.public_url}/readyz", timeout=5)
    except httpx.HTTPError as lost:
        raise RuntimeError(f"{chosen.public_url} does not answer ({type(lost).__name__})") from None
    if reply.status_code != 200:
        raise RuntimeError(f"not ready: {reply.text[:200]}")
    return f"{chosen.public_url} is ready"


def _companies(tools: Tools, _chosen: Settings) -> str:
    with tools.store.read() as work:
        seen = overview.overview(work)
    stopped = [company.id for company, _, lane, _ in seen.companies if lane and lane.state != "open"]
    if stopped:
        raise RuntimeError(f"stopped until somebody acts: {', '.join(stopped)}")
    connected = sum(connection is not None for _, connection, _, _ in seen.companies)
    return f"{len(seen.companies)} set up, {connected} connected"


_CHECKS: dict[str, Callable[[Tools, Settings], str]] = {
    "database": _database,
    "redis": _redis,
    "web": _web,
    "companies": _companies,
}
