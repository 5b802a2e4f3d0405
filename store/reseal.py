"""Rotation of ENCRYPTION_KEYS: every stored secret is sealed again with the newest key while everything runs."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, select, update

from store.tables import ApiKey, Endpoint, Login, Token, User, XeroApp
from store.unit_of_work import Store, Work
from store.vault import Vault

SECRETS: tuple[tuple[Any, str], ...] = (
    (XeroApp, "secret"),
    (XeroApp, "former_secret"),
    (Token, "pair"),
    (ApiKey, "secret"),
    (ApiKey, "former_secret"),
    (Endpoint, "secret"),
    (Endpoint, "former_secret"),
    (Login, "verifier"),
    (User, "factor"),
)


def left(work: Work, vault: Vault) -> int:
    """How many stored secrets the newest key does not open."""
    return sum(1 for _ in _old(work, vault))


def lost(work: Work, vault: Vault) -> int:
    """How many stored secrets open with no listed key."""
    return sum(1 for *_, sealed in _old(work, vault) if not vault.opens(sealed))


def reseal(store: Store, vault: Vault) -> tuple[int, int]:
    """Seal what is sealed with an older key again; gives how many were, and how many open with no key we have.

    Row by row and compare-and-set: a pair that is refreshed meanwhile is sealed with the newest key already.
    """
    with store.read() as work:
        found = list(_old(work, vault))
    readable = [row for row in found if vault.opens(row[-1])]
    for table, column, key, sealed in readable:
        again = vault.seal(vault.open(sealed))
        with store.write() as work:
            same = [own == value for own, value in zip(table.primary_key, key, strict=True)]
            work.session.connection().execute(update(table).where(*same, column == sealed).values({column: again}))
    return len(readable), len(found) - len(readable)


def _old(work: Work, vault: Vault) -> Iterator[tuple[Any, Column[Any], tuple[Any, ...], bytes]]:
    for model, name in SECRETS:
        table = model.__table__
        column = table.c[name]
        rows = work.session.connection().execute(select(*table.primary_key, column).where(column.is_not(None)))
        for *key, sealed in rows:
            if not vault.opens_with_newest(sealed):
                yield table, column, tuple(key), sealed
