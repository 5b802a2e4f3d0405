"""One run from beginning to end: set up, publish, kill, calm down, wait, look."""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.chaos import books, checks, evidence, world
from benchmarks.chaos.balancer import Balancer
from benchmarks.chaos.bookkeeper import Bookkeeper
from benchmarks.chaos.file_server import FileServer
from benchmarks.chaos.host import PAYMENTS, FileDoor, Listener, Publisher, beside
from benchmarks.chaos.killer import Killer
from benchmarks.chaos.machines import Machines, machines
from benchmarks.chaos.plan import FAULTS, LISTED, ROOM, Plan
from benchmarks.chaos.readers import Readers
from benchmarks.chaos.result import DID_NOT_HAPPEN, Result
from benchmarks.chaos.world import World
from cli.publish import open_door
from events.credentials import Scope
from store import api_keys
from worker.settings import Settings

_RECONCILE_SHARE = "0.5"  # a webhook of Xero's that met nobody is made good within minutes
_LOST = 2  # posts of Xero's to some companies, in the long form
_MOMENTS = 5
_FIRST_SECONDS, _LATER = 0.6, 1.25


def run(plan: Plan, *, keep: bool = False, told: Callable[[str], None] = lambda _line: None) -> Result:
    """Run the exporter through a plan. `keep` leaves the folder with logs and database behind."""
    files = FileServer()
    asked = world.of(plan, files.address)
    files.bodies = asked.promised.bodies
    readers = Readers()
    calls = {"RECONCILE_SHARE": _RECONCILE_SHARE, "CALLS_PER_DAY": str(world.CALLS_PER_DAY)}
    chosen = {**calls, **readers.settings}
    room = ROOM if plan.is_long else 0
    with files, Balancer() as balancer, machines(plan.database, room=room, keep=keep, **chosen) as made:
        told(f"logs and data: {made.home}")
        files.begin()
        made.start_xero()
        made.xero.put("/switches", json={"same_name_replaces": False}).raise_for_status()  # so that twice shows
        made.start_database()
        migrated = killed_migrations(made) if plan.blows.get("migrate", 0) > 1 else 0
        second = made.start_two()
        readers.start(made, [made.settings, second])
        made.set_up(asked.companies, by_pages=True)
        balancer.begin([made.settings.public_url, second.public_url])
        for place, company in enumerate(asked.companies):
            lost = _LOST if room and place % 3 == 1 else 0
            made.post_webhooks(company, balancer.address, twice=place % 3 == 0, losing=lost)
        readers.add_endpoint(made, asked.companies[-1])
        made.watch()
        result = _under_fire(plan, asked, made, second, readers, files, told)
        result.happened |= {"migrations of an empty database killed": migrated}
        return result


def killed_migrations(made: Machines) -> int:
    """How many were killed, each a quarter later than the one before, until one had done all that there is to do."""
    killed, seconds = 0, _FIRST_SECONDS
    while made.killed_migration(seconds):
        killed, seconds = killed + 1, seconds * _LATER
    return killed


def _under_fire(
    plan: Plan,
    asked: World,
    made: Machines,
    second: Settings,
    readers: Readers,
    files: FileServer,
    told: Callable[[str], None],
) -> Result:
    begun = time.monotonic()
    listener = Listener(made.settings.redis_url)
    store = made.tools.store
    killer = Killer(plan, made, lambda: evidence.calls(store), listener.empty_redis, listener.lose_redis)
    doors = [open_door(made.tools), open_door(replace(made.tools, settings=second))]
    publisher = Publisher(doors, asked.deliveries, lambda: killer.share)
    people = Bookkeeper(doors, _file_door(made, second), made.xero, listener, lambda: killer.share)
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
    files.is_troubled = False

    def is_heard() -> bool:
        listener.read()
        return asked.news <= listener.heard

    calm = plan.wait(lambda: evidence.finished(store, is_heard, readers.has))
    seen = _gathered(asked, made, people, listener, readers)
    took = struck - begun + calm
    return Result(
        findings={
            **checks.findings(asked, seen),
            "never heard by the host": sorted("/".join(one) for one in asked.news - listener.heard),
            DID_NOT_HAPPEN: plan.missing(killer.struck, faults, deliveries),
        },
        counts=_counts(asked, seen)
        | {"published again": publisher.again, "said twice": publisher.repeated}
        | {"webhooks of Xero": made.webhooks_posted()}
        | {"milliseconds per document": round(1000 * took / len(asked.wanted))},
        blows=dict(killer.struck),
        faults=faults,
        deliveries=deliveries,
        happened=evidence.happened(store)
        | {"orphans of a killed up": killer.orphans}
        | {f"fetches of files {trouble}": times for trouble, times in files.troubles.items()},
        seconds={"under fire": struck - begun, "until all was answered": calm},
    )


def _gathered(
    asked: World, made: Machines, people: Bookkeeper, listener: Listener, readers: Readers
) -> evidence.Evidence:
    """The evidence at one moment: Xero is looked at now and then, and what is told of that must have gone out."""
    credit_notes = [key for key, one in asked.wanted.items() if one.document == "credit_note"]
    for _ in range(_MOMENTS):
        taken = readers.taken()
        listener.read()
        held = books.everything(made.xero, asked.companies, credit_notes)
        seen = evidence.gather(held, people.ledgers, made.tools.store, listener, taken)
        if len(seen.outbox) == len(taken.feed):
            break
    return seen


def _file_door(made: Machines, second: Settings) -> FileDoor:
    with made.tools.store.write() as work:
        key = api_keys.make(work, made.tools.vault, "files", scopes=[Scope.EXPORTS])
    return FileDoor([made.settings.public_url, second.public_url], key)


def _counts(asked: World, seen: evidence.Evidence) -> dict[str, int]:
    return {
        "documents wanted in Xero": len(asked.wanted),
        "documents in Xero": sum(book.alive for book in seen.books),
        "credit notes in Xero": sum(book.document == "credit_note" for book in seen.books),
        "allocations in Xero": sum(len(book.given) for book in seen.books),
        "cents allocated": int(100 * sum(amount for book in seen.books for _, amount in book.given)),
        "files in Xero": sum(len(book.files) for book in seen.books),
        "contacts created in Xero": len(seen.contacts),
        "payments and credits told": sum(json.loads(body)["type"] in PAYMENTS for body in seen.outbox.values()),
        "raised anew": sum(book.generation > 1 for book in seen.books),
        "answers that say verified": sum(told.verified for told in seen.told),
        "answers owed": len(asked.answers),
        "answers given": len(seen.told),
        "deliveries": len(asked.deliveries),
        "webhooks taken": sum(map(len, seen.taken.received.values())),
        "events read from the feed": len(seen.taken.feed),
    }
