"""The database as the settings say: how long it is waited for, and what a process is called there."""

from store.unit_of_work import Patience, Store, engine_for
from worker.settings import Settings


def name_of(kind: str) -> str:
    """What a process of this kind (web, worker, clock or command) is called in the lists of PostgreSQL and Redis."""
    return f"crewcard-xero-{kind}"


def patience(settings: Settings, *, at_the_doors: bool) -> Patience:
    """How long the database is waited for, as set."""
    statement = settings.statement_timeout_seconds
    if at_the_doors:
        wait = settings.door_wait_seconds
        return Patience(lock=wait, statement=statement, connection=wait)
    return Patience(lock=settings.lock_timeout_seconds, statement=statement)


def store_for(settings: Settings, kind: str, *, at_the_doors: bool = False) -> Store:
    """The database, for a process of this kind."""
    awaited = patience(settings, at_the_doors=at_the_doors)
    return Store(engine_for(settings.database_url, patience=awaited, name=name_of(kind)))
