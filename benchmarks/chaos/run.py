"""One run from beginning to end: set up, publish, kill, calm down, wait, look."""

import functools
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.chaos import checks, evidence, world
from benchmarks.chaos.bookkeeper import Bookkeeper
from benchmarks.chaos.host import Listener, Publisher, beside
from benchmarks.chaos.killer import Killer
from benchmarks.chaos.machines import Machines, machines
from benchmarks.chaos.plan import FAULTS, LISTED, ROOM, Plan
from benchmarks.chaos.readers import Readers
from benchmarks.chaos.result import DID_NOT_HAPPEN, Result
from benchmarks.chaos.world import World
from cli.publish import open_door
from worker.settings import Settings

_FIRST_SECONDS, _LATER = 0.6, 1.25


def run(plan: Plan, *, keep: bool = False, told: Callable[[str], None] = lambda _line: None) -> Result:
    """Run the exporter through a plan. `keep` leaves the folder with logs and database behind."""
    asked = world.of(plan)
    readers = Readers()
    with machines(plan.database, room=ROOM if plan.blows.get("full") else 0, keep=keep, **readers.settings) as made:
        told(f"logs and data: {made.home}")
        made.start_xero()
        made.start_database()
        migrated = killed_migrations(made) if plan.blows.get("migrate", 0) > 1 else 0
        second = made.start_two()
        readers.start(made, [made.settings, second])
        made.set_up(asked.companies, by_pages=True)
        readers.add_endpoint(made, asked.companies[-1])
        made.watch()
        result = _under_fire(plan, asked, made, second, readers, told)
        result.happened |= {"migrations of an empty database killed": migrated}
        return result


def killed_migrations(made: Machines) -> int:
    """How many were killed, each a quarter later than the one before, until one had done all that there is to do."""
    killed, seconds = 0, _FIRST_SECONDS
    while made.killed_migration(seconds):
        killed, seconds = killed + 1, seconds * _LATER
    return killed


def _under_fire(
    plan: Plan, asked: World, made: Machines, second: Settings, readers: Readers, told: Callable[[str], None]
) -> Result:
    begun = time.monotonic()
    listener = Listener(made.settings.redis_url)
    store = made.tools.store
    killer = Killer(plan, made, lambda: evidence.calls(store), listener.empty_redis, listener.lose_redis)
    doors = [open_door(made.tools), open_door(replace(made.tools, settings=second))]
    publisher = Publisher(doors, asked.deliveries, lambda: killer.share)
    people = Bookkeeper(doors, made.xero, listener, lambda: killer.share)
    playing = functools.partial(people.run, asked.rounds)
    made.trouble(plan.seed, {**FAULTS, **LISTED})
    with beside(listener.run, listener.stop), beside(publisher.run), beside(playing):
        try:
            killer.run()
        except BaseException:
            publisher.stop()
            people.stop()
            raise
        struck = time.monotonic()
        people.lose_patience(plan.patience)
        told(f"{killer.struck.total()} blows in {struck - begun:.0f} s; waiting until all is answered")
    faults, deliveries = made.calm_down(), readers.calm_down()
    calm = plan.wait(lambda: evidence.finished(store, len({key[:2] for key in asked.answers}), readers.has))
    listener.read()
    held, taken = evidence.books(made.xero, asked.companies), readers.taken()
    seen = evidence.gather(held, people.ledgers, store, listener, taken)
    return Result(
        findings={**checks.findings(asked, seen), DID_NOT_HAPPEN: plan.missing(killer.struck, faults, deliveries)},
        counts=_counts(asked, seen) | {"published again": publisher.again, "said twice": publisher.repeated},
        blows=dict(killer.struck),
        faults=faults,
        deliveries=deliveries,
        happened=evidence.happened(store) | {"orphans of a killed up": killer.orphans},
        seconds={"under fire": struck - begun, "until all was answered": calm},
    )


def _counts(asked: World, seen: evidence.Evidence) -> dict[str, int]:
    return {
        "invoices wanted in Xero": len(asked.wanted),
        "invoices in Xero": sum(book.alive for book in seen.books),
        "raised anew": sum(book.generation > 1 for book in seen.books),
        "answers that say verified": sum(told.verified for told in seen.told),
        "answers owed": len(asked.answers),
        "answers given": len(seen.told),
        "deliveries": len(asked.deliveries),
        "webhooks taken": sum(map(len, seen.taken.received.values())),
        "events read from the feed": len(seen.taken.feed),
    }
