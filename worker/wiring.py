"""The only composition root: called by the worker, web and clock processes and the command, after any fork."""

import functools
import gc
import sys
from collections.abc import Callable
from typing import Any

import redis

from events.accounting_target import AccountingTarget
from events.lane import DEFAULT_TARGET
from store.tokens import DatabaseTokenBox
from store.unit_of_work import Store
from store.vault import Vault
from worker import broker as queue
from worker.database import name_of, store_for
from worker.doorbells import Doorbells
from worker.redis_client import prefix_of, redis_client
from worker.settings import Settings
from worker.tools import Tools
from xero_adapter.auth import Auth, TokenService
from xero_adapter.client import XeroClient
from xero_adapter.credit_notes import XeroCreditNotes
from xero_adapter.login import XeroLogin
from xero_adapter.pace import CallLimits, Pace
from xero_adapter.target import XeroTarget

_OBJECTS_OF_A_TURN = 100_000


def build(settings: Settings, kind: str = "command", *, at_the_doors: bool = False) -> Tools:
    """Everything a process needs. Nothing waits for a Redis that is away: calls stop, accepting goes on.

    Who stands at the doors is told soon that the database is not to be had, for whatever reason.
    """
    if not settings.redis_url:
        sys.exit("REDIS_URL is needed: the address of a Redis or Valkey (see .env.example).")
    name = name_of(kind)
    client = redis_client(settings.redis_url, patient=False, name=name)
    waiting = redis_client(settings.redis_url, name=name)
    tools = assemble(settings, store_for(settings, kind, at_the_doors=at_the_doors), client, waiting)
    gc.collect()
    gc.freeze()  # what start-up made stays, and need not be looked through again and again
    gc.set_threshold(_OBJECTS_OF_A_TURN)  # they end with their turn: to look through them meanwhile finds nothing
    return tools


def assemble(
    settings: Settings, store: Store, client: redis.Redis, waiting: redis.Redis | None = None, **others: Any
) -> Tools:
    """Tools around a store and Redis clients, one of them for blocking waits; `others` replace tools in tests."""
    vault = Vault(settings.encryption_keys)
    made: dict[str, Any] = {
        "settings": settings,
        "store": store,
        "redis": client,
        "vault": vault,
        "targets": _targets(settings, store, vault, client),
        "bells": _doorbells(settings, client, waiting),
    }
    return Tools(**{**made, **others})


def _targets(settings: Settings, store: Store, vault: Vault, client: redis.Redis) -> dict[str, AccountingTarget]:
    """The registry of accounting systems, by the name that companies give."""
    return {DEFAULT_TARGET: _xero(settings, store, vault, client)}


def _xero(settings: Settings, store: Store, vault: Vault, client: redis.Redis) -> XeroTarget:
    tokens = TokenService(settings.xero_identity_url)
    auth = Auth(DatabaseTokenBox(store, vault), tokens)
    login = XeroLogin(settings.xero_login_url, settings.xero_api_url, tokens, auth)
    calls = XeroClient(
        settings.xero_api_url, connect=settings.connect_timeout_seconds, read=settings.read_timeout_seconds
    )
    parts = calls, login, Pace(client, limits(settings), prefix_of(client)), settings.link_base
    xero = XeroTarget(*parts)
    xero.documents = {"invoice": xero, "credit_note": XeroCreditNotes(*parts)}
    return xero


def _doorbells(settings: Settings, client: redis.Redis, waiting: redis.Redis | None) -> Doorbells:
    """A turn that died with its worker frees its lane in time for the next sweep to be within one lease."""
    held = max(settings.lease_seconds - settings.sweep_seconds, settings.lease_seconds / 2)
    push = queue.build(client).push
    return Doorbells(
        client, push, prefix=prefix_of(client), waiting=waiting, bell_seconds=min(30, held), turn_seconds=held
    )


def limits(settings: Settings) -> CallLimits:
    """Xero's limits as set."""
    return CallLimits(
        per_minute=settings.calls_per_minute,
        at_once=settings.calls_at_once,
        per_day=settings.calls_per_day,
        minute=settings.minute_seconds,
        margin=min(0.5, settings.minute_seconds / 60),
        deadline=settings.call_deadline + 5,
        settle=settings.settle_seconds,
        reserve=settings.day_reserve,
        looks=settings.preview_share,
    )


def later(settings: Settings, kind: str) -> Callable[[], Tools]:
    """Tools that are made at the first call, once per process."""
    return functools.cache(functools.partial(build, settings, kind))  # settings hold a dict: they are no key
