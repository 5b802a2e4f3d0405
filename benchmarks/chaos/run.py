"""One run from beginning to end: set up, publish, kill, calm down, wait, look."""

import functools
import time
from collections.abc import Callable

from benchmarks.chaos import checks, evidence, world
from benchmarks.chaos.bookkeeper import Bookkeeper
from benchmarks.chaos.host import Listener, Publisher, beside
from benchmarks.chaos.killer import Killer
from benchmarks.chaos.machines import Machines, machines
from benchmarks.chaos.plan import FAULTS, LISTED, Plan
from benchmarks.chaos.result import DID_NOT_HAPPEN, Result
from benchmarks.chaos.world import World
from cli.publish import open_door


def run(plan: Plan, *, keep: bool = False, told: Callable[[str], None] = lambda _line: None) -> Result:
    """Run the exporter through a plan. `keep` leaves the folder with logs and database behind."""
    asked = world.of(plan)
    with machines(plan.database, keep=keep) as made:
        told(f"logs and data: {made.home}")
        made.start_xero()
        made.start()
        made.watch()
        made.set_up(asked.companies)
        return _under_fire(plan, asked, made, told)


def _under_fire(plan: Plan, asked: World, made: Machines, told: Callable[[str], None]) -> Result:
    begun = time.monotonic()
    listener = Listener(made.settings.redis_url)
    store = made.tools.store
    killer = Killer(plan, made, lambda: evidence.calls(store), listener.empty_redis)
    door = open_door(made.tools)
    publisher = Publisher(door, asked.deliveries, lambda: killer.share)
    people = Bookkeeper(door, made.xero, listener, lambda: killer.share)
    playing = functools.partial(people.run, asked.rounds, plan.patience)
    made.trouble(plan.seed, {**FAULTS, **LISTED})
    with beside(listener.run, listener.stop), beside(publisher.run), beside(playing):
        killer.run()
        struck = time.monotonic()
        told(f"{killer.struck.total()} blows in {struck - begun:.0f} s; waiting until all is answered")
    faults = made.calm_down()
    calm = plan.wait(lambda: evidence.finished(store, len({key[:2] for key in asked.answers})))
    listener.read()
    seen = evidence.gather(evidence.books(made.xero, asked.companies), people.ledgers, store, listener)
    return Result(
        findings={**checks.findings(asked, seen), DID_NOT_HAPPEN: plan.missing(killer.struck, faults)},
        counts=_counts(asked, seen) | {"published again": publisher.again, "said twice": publisher.repeated},
        blows=dict(killer.struck),
        faults=faults,
        happened=evidence.happened(store),
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
    }
