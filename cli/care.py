"""Care of an installation: `migrate`, `doctor`, `rotate-keys`, `restore-check`."""

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import redis
import typer

from cli import common, connections, output
from cli.common import AsJson, By, Why
from store import api_keys, audit, metrics_rows, processes, restores, roles, vault
from store import migrate as migrations
from worker import settings, wiring
from worker.connections import health
from worker.decisions.rights import Effect
from worker.delivery import webhooks
from worker.reconcile import restore_check as restoring
from worker.settings import Settings
from worker.tools import Tools

_ROLES_PAGE = "docs/operations/security.md"


def migrate() -> None:
    """Bring the database to the newest schema; safe to run again.

    With MIGRATION_DATABASE_URL the tables belong to that account, and the account of DATABASE_URL gets the rights
    that running needs: it can use the tables, but neither change them nor a line of the audit.

    Example:  DATABASE_URL=postgresql://crewcard@db/crewcard crewcard-xero migrate
    """
    chosen = settings.load()
    owner = chosen.migration_database_url or chosen.database_url
    at = migrations.upgrade(owner, held=functools.cache(_say_that_a_table_is_held))
    output.say(f"The database is at revision {at}.")
    if migrations.is_newer(at):
        output.say(f"A later version made it; this one ({migrations.newest()}) works on it. Nothing was changed.")
        return
    granted = roles.grant(owner, chosen.database_url)
    if granted:
        output.say(f"The account “{granted}” may use the tables, and only add lines to the audit.")


def _say_that_a_table_is_held() -> None:
    output.warn("A process at work holds a table that has to change. Trying again until it is free ...")


def rotate_keys() -> None:
    """Seal every stored secret with the newest of ENCRYPTION_KEYS, while everything runs.

    First put the new key behind the old one everywhere, then in front, then run this, then drop the old one.

    Example:  ENCRYPTION_KEYS=$NEW,$OLD crewcard-xero rotate-keys
    """
    tools = wiring.build(settings.load())
    done, lost = vault.reseal(tools.store, tools.vault)
    output.say(f"{done} secrets were sealed with the newest key.")
    if lost:
        output.fail(f"{lost} secrets do not open with any key in ENCRYPTION_KEYS: add the key they need.", 1)
    with tools.store.read() as work:
        left = vault.left_to_reseal(work, tools.vault)
    output.say("None needs an older key." if not left else f"{left} still need an older key: run this again.")


def _moment(text: str) -> datetime:
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no moment: write it like 2026-11-28T03:00:00Z.") from None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def restore_check(
    begin: Annotated[bool, typer.Option("--begin", help="A backup was restored: check what Xero has since")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="MOMENT", help="When the backup was taken; else what it knows itself"),
    ] = None,
    why: Why = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """After a restore: send nothing until what Xero has since the backup is known here. Ends with 1 until it is.

    With --begin, before any process is started on the restored (or promoted) database; then start them: the clock
    reads, company by company, and each goes on by itself. Without it, how far that is.

    Examples:
      crewcard-xero restore-check --begin --why "disk lost, backup of 03:00"

      crewcard-xero restore-check --json

    """
    tools = common.ready()
    if begin:
        giver = common.must_be_allowed(tools, by, Effect.PAUSE, None)
        try:
            found = restoring.begin(tools, since, giver, why)
        except restoring.StillAtWork:
            output.fail(
                "Processes of ours run on this database: stop them first, or name the moment with --since.", 1
            )
        output.warn(f"Nothing is sent until what changed in Xero since {found:%Y-%m-%d %H:%M:%S} UTC was read.")
    elif since:
        output.fail("--since goes with --begin.")
    with tools.store.write() as work:
        rows, restore = restores.checks(work), restores.newest(work)
        shown = [{**one.model_dump(), "may_send": one.ended_at is not None} for one in rows]
    if as_json:
        output.print_json({"restored_at": restore.at if restore else None, "companies": shown})
    elif restore is None:
        output.say("No restore check was begun: nothing is held back.")
    else:
        columns = ("company", "may_send", "seen", "known", "taken_over", "unread", "twice", "trouble")
        table = output.table("", *columns)
        for one in shown:
            table.add_row(*(output.text(one[name]) for name in columns))
        output.results.print(table)
    raise typer.Exit(0 if all(one["may_send"] for one in shown) else 1)


def doctor(as_json: AsJson = False) -> None:
    """Check every part this installation stands on; ends with 1 when something is wrong.

    Example:  crewcard-xero doctor
    """
    chosen = settings.load()
    tools = wiring.build(chosen)
    found = {name: _checked(check, tools, chosen) for name, check in _CHECKS.items()}
    each = connections.of_all(tools) if found["database"][0] else []
    if as_json:
        shown: dict[str, object] = {name: {"ok": ok, "says": says} for name, (ok, says) in found.items()}
        output.print_json({**shown, "connections": [connections.document(one) for one in each]})
    else:
        for name, (ok, says) in found.items():
            output.results.print(f"{'[green]✔[/]' if ok else '[red]✘[/]'} {name}: {output.text(says)}")
        connections.show(each)
    raise typer.Exit(0 if all(ok for ok, _ in found.values()) else 1)


def _checked(check: Callable[[Tools, Settings], str], tools: Tools, chosen: Settings) -> tuple[bool, str]:
    try:
        return True, check(tools, chosen)
    except Exception as wrong:  # whatever is wrong, the doctor says so and goes on
        return False, str(wrong) or type(wrong).__name__


def _database(tools: Tools, chosen: Settings) -> str:
    found = tools.parts.conditions(tools.store, tools.redis)["database"]
    if not found.works:
        raise RuntimeError(found.says)
    at, newest = migrations.current(chosen.database_url), migrations.newest()
    if not migrations.is_served(at):
        raise RuntimeError(f"at revision {at}, this version needs {newest}: run crewcard-xero migrate")
    later = f", of a later version than this one ({newest})" if migrations.is_newer(at) else ""
    return f"{tools.store.engine.dialect.name}, revision {at}{later}"


def _redis(tools: Tools, _chosen: Settings) -> str:
    found = tools.parts.conditions(tools.store, tools.redis)["redis"]
    if not found.works:
        raise RuntimeError(found.says)
    try:
        memory: Any = tools.redis.info("memory")
        policy = memory["maxmemory_policy"]
    except (redis.ResponseError, KeyError):
        return "takes what is written; its maxmemory-policy cannot be seen from here, and has to be noeviction"
    if policy != "noeviction":
        raise RuntimeError(f"maxmemory-policy is {policy}: set it to noeviction, or doorbells may vanish")
    return "takes what is written, noeviction"


def _at_work(tools: Tools, _chosen: Settings) -> str:
    """Raises RuntimeError where something waits and nobody is there for it."""
    with tools.store.read() as work:
        missing = [kind for kind in ("worker", "clock") if not processes.is_any_at_work(work, kind)]
        waiting = sum(one.invoices for one in metrics_rows.waiting(work))
        untold = metrics_rows.unstamped(work).count
    if not missing:
        return "workers and clock, as they said within the last minute"
    nobody = f"no {' and no '.join(missing)} at work"
    if waiting or untold:
        raise RuntimeError(f"{nobody}, and {waiting:,} invoices and {untold:,} events wait: start it")
    return f"{nobody}; nothing waits"


def _web(_tools: Tools, chosen: Settings) -> str:
    try:
        reply = httpx.get(f"{chosen.public_url}/readyz", timeout=5)
    except httpx.HTTPError as lost:
        raise RuntimeError(f"{chosen.public_url} does not answer ({type(lost).__name__})") from None
    if reply.status_code != 200:
        raise RuntimeError(f"not ready: {reply.text[:200]}")
    return f"{chosen.public_url} is ready"


def _companies(tools: Tools, _chosen: Settings) -> str:
    found = health.of_all(tools)
    waiting = [one.company for one in found if not one.well]
    if waiting:
        raise RuntimeError(f"somebody has to act for: {', '.join(waiting)}")
    return f"{len(found)} set up, all connected"


def _webhooks(tools: Tools, _chosen: Settings) -> str:
    found = webhooks.endpoint_health(tools)
    troubled = [one for one in found if one.given_up or one.failures]
    if troubled:
        said = ", ".join(f"{one.id} ({one.trouble or f'{one.given_up} given up'})" for one in troubled)
        raise RuntimeError(f"not everything gets through: {said}; see crewcard-xero webhooks")
    return f"{len(found)} endpoints, everything gets through" if found else "no endpoints"


def _secrets(tools: Tools, _chosen: Settings) -> str:
    with tools.store.read() as work:
        left, lost = vault.left_to_reseal(work, tools.vault), vault.lost_secrets(work, tools.vault)
    if lost:
        raise RuntimeError(f"{lost} open with no key in ENCRYPTION_KEYS: add the key they were sealed with")
    return f"{left} sealed with an older key: run crewcard-xero rotate-keys" if left else "sealed with the newest key"


def _audit(tools: Tools, _chosen: Settings) -> str:
    with tools.store.read() as work:
        last = audit.newest_check(work)
        account = roles.account(work)
    if last and last.problems != "[]":
        raise RuntimeError(f"{'; '.join(json.loads(last.problems))}: see crewcard-xero audit verify")
    checked = f"as it was written on {last.day}, up to line {last.line}" if last else "not checked yet"
    if account.may_change_audit:
        return f"{checked}; but the account “{account.name}” could switch its protection off ({_ROLES_PAGE})"
    return checked


def _keys(tools: Tools, chosen: Settings) -> str:
    with tools.store.read() as work:
        good = [one for one in api_keys.all_keys(work) if not one.revoked_at]
        soon = work.after(chosen.key_warning_days * 86_400)
    ending = [one for one in good if one.expires_at and one.expires_at <= soon]
    if ending:
        said = ", ".join(
            f"{one.id} {'expired' if one.expired else 'expires'} {one.expires_at:%Y-%m-%d}" for one in ending
        )
        raise RuntimeError(f"{said}: prolong it (crewcard-xero keys expire) or revoke it")
    return f"{len(good)}, none of them ends soon"


_CHECKS: dict[str, Callable[[Tools, Settings], str]] = {
    "database": _database,
    "redis": _redis,
    "at_work": _at_work,
    "web": _web,
    "secrets": _secrets,
    "audit": _audit,
    "keys": _keys,
    "companies": _companies,
    "webhooks": _webhooks,
}
