"""Care of an installation: `migrate`, `doctor`, `rotate-keys`, `restore-check`."""

import contextlib
import functools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import redis
import typer
from sqlalchemy.exc import SQLAlchemyError

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
from worker.watching import canary

_ROLES_PAGE = "docs/operations/security.md"


def migrate(
    wait: Annotated[float, typer.Option(help="Seconds to wait for a PostgreSQL that is about to start.", min=0)] = 60,
) -> None:
    """Bring the database to the newest schema; safe to run again.

    With MIGRATION_DATABASE_URL the tables belong to that account, and the account of DATABASE_URL gets the rights
    that running needs: it can use the tables, but neither change them nor a line of the audit.

    Example:  DATABASE_URL=postgresql://crewcard@db/crewcard crewcard-xero migrate
    """
    chosen = settings.load()
    owner = chosen.migration_database_url or chosen.database_url
    migrations.wait_for_server(owner, wait, lambda why: output.warn(f"Waiting for the database, {wait:g} s: {why}"))
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

    Where worker and clock are at work a canary goes the way of an invoice through all of it, within ten seconds.
    Nothing of it reaches Xero or a host, and nothing of it stays: run this each minute if you like.

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
        return False, common.trouble_in_words(wrong) or str(wrong) or type(wrong).__name__


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
        workers = [one for one in processes.everyone(work) if one.kind == "worker"]
        quiet = not missing and not any(processes.takes_work(work, one) for one in workers)
        waiting = sum(one.invoices for one in metrics_rows.waiting(work))
        untold = metrics_rows.unstamped(work).count
    if quiet and waiting:
        raise RuntimeError(f"every worker was told to be quiet, and {waiting:,} invoices wait: see the page Workers")
    if not missing:
        return f"workers and clock, as they said within the last {processes.SILENT_SECONDS:.0f} s"
    nobody = f"no {' and no '.join(missing)} at work"
    if waiting or untold:
        raise RuntimeError(f"{nobody}, and {waiting:,} invoices and {untold:,} events wait: start it")
    return f"{nobody}; nothing waits"


def _time(tools: Tools, _chosen: Settings) -> str:
    """Raises RuntimeError where a process at work has a wrong time."""
    with tools.store.read() as work:
        there = [one for one in processes.everyone(work) if not processes.is_silent(work, one)]
        wrong = processes.with_wrong_time(work, there)
    if wrong:
        said = "; ".join(
            f"{one.kind} on {one.host} (pid {one.pid}) is {processes.skew_in_words(one.skew_seconds)}"
            for one in wrong
        )
        raise RuntimeError(f"{said}: set that machine's clock, or the database's where all are off alike")
    unseen = sum(one.skew_seconds is None for one in there)
    if unseen:
        why = "of an earlier version, or on SQLite without a Redis to compare with"
        return f"right as far as seen; {unseen} of {len(there)} processes were not compared ({why})"
    return f"{len(there)} processes have the right time" if there else "no process is at work"


def _restore(tools: Tools, _chosen: Settings) -> str:
    with tools.store.read() as work:
        last, held = restores.newest(work), restores.held(work)
    if last is None:
        return "none"
    at = f"{last.at:%Y-%m-%d %H:%M} UTC"
    if held:
        raise RuntimeError(f"{common.count(len(held), 'lane')} of {at} not read yet: see crewcard-xero restore-check")
    return f"the last one, of {at}, is checked"


CANARY_SECONDS = 10.0
_STEPS = {"worker": "no worker took it", "relay": "the relay did not come to it"}


def _canary(tools: Tools, chosen: Settings) -> str:
    """Send a canary through every part. Raises RuntimeError with the step at which it stopped."""
    with tools.store.read() as work:
        there = processes.everyone(work)
        missing = [kind for kind in ("worker", "clock") if not processes.is_any_at_work(work, kind)]
        quiet = not any(one.kind == "worker" and processes.takes_work(work, one) for one in there)
    if missing or quiet:
        return f"not sent: {'no ' + ' and no '.join(missing) + ' at work' if missing else 'every worker is quiet'}"
    began, one = time.monotonic(), canary.new_id()
    try:
        without = _hand_in(tools, chosen, one)
        steps = canary.steps(tools, one)
        while "relay" not in steps and time.monotonic() - began < CANARY_SECONDS:
            time.sleep(0.05)
            steps = canary.steps(tools, one)
        missed = next((says for step, says in _STEPS.items() if step not in steps), "")
        if not (missed or without):
            _at_the_door("GET", tools, chosen, one)
    except Exception as stopped:
        missed = str(stopped) or type(stopped).__name__
    finally:
        with contextlib.suppress(SQLAlchemyError):
            canary.forget(tools, one)
    took = time.monotonic() - began
    if missed:
        raise RuntimeError(f"stopped after {took:.1f} s: {missed}")
    return f"{without or 'door'}, inbox, wake-up, worker, relay and feed within {took:.2f} s"


def _hand_in(tools: Tools, chosen: Settings, one: str) -> str:
    """At the door, or in this process where there is none that knows it: gives why. Raises RuntimeError."""
    try:
        if _at_the_door("POST", tools, chosen, one):
            return ""
        why = f"{chosen.public_url} is of an earlier version"
    except httpx.ConnectError:
        why = f"nobody answers at {chosen.public_url}"
    canary.accept(tools, one)
    return f"without the door ({why})"


def _at_the_door(method: str, tools: Tools, chosen: Settings, one: str) -> bool:
    """Whether the door knows it. Raises RuntimeError where it says no, and httpx.ConnectError where there is none."""
    sealed = {"authorization": f"Bearer {canary.ticket(tools, one)}"}
    try:
        reply = httpx.request(method, f"{chosen.public_url}/canary", headers=sealed, timeout=CANARY_SECONDS / 2)
    except httpx.ConnectError:
        raise
    except httpx.HTTPError as lost:
        raise RuntimeError(f"the door does not answer ({type(lost).__name__})") from None
    if reply.status_code in (404, 405):
        return False
    if not reply.is_success:
        raise RuntimeError(f"the door answered {reply.status_code}: {reply.text[:200]}")
    return True


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
    troubled = [one for one in found if one.given_up or (one.failures and not one.off_since)]
    if troubled:
        said = ", ".join(
            one.takes_nothing if one.failures else f"{one.id} ({one.given_up} given up)" for one in troubled
        )
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
    "time": _time,
    "restore": _restore,
    "web": _web,
    "canary": _canary,
    "secrets": _secrets,
    "audit": _audit,
    "keys": _keys,
    "companies": _companies,
    "webhooks": _webhooks,
}
