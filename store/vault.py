"""Secrets at rest: encrypted with the newest key, readable with every key still listed.

Rotation of ENCRYPTION_KEYS: every stored secret is sealed again with the newest key while everything runs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, select, update

from store.tables import ApiKey, Endpoint, Login, Token, User, XeroApp
from store.unit_of_work import Store, Work


class Unopenable(Exception):
    """A secret cannot be opened with any key in ENCRYPTION_KEYS."""


class Vault:
    """Seals and opens text. `keys` newest first, each as `Fernet.generate_key()` makes them."""

    def __init__(self, keys: Sequence[str]) -> None:
        fernets = [Fernet(key) for key in keys]
        self._fernet, self._newest = MultiFernet(fernets), fernets[0]

    def seal(self, secret: str) -> bytes:
        """The secret, encrypted."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret in the clear. Raises Unopenable."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Unopenable(
                "a stored secret does not open with ENCRYPTION_KEYS: is the key it was sealed with missing?"
            ) from None

    def seal_document(self, purpose: str, document: Mapping[str, Any]) -> str:
        """A document that somebody keeps for us and brings back, for this purpose alone."""
        return self.seal(json.dumps([purpose, document])).decode()

    def open_document(self, purpose: str, sealed: str) -> dict[str, Any]:
        """The document. Raises Unopenable for whatever we did not seal for this purpose."""
        try:
            found, document = json.loads(self.open(sealed.encode()))
        except (ValueError, TypeError):
            found, document = None, None
        if found != purpose or not isinstance(document, dict):
            raise Unopenable(f"this was not sealed as {purpose}")
        return document

    def opens(self, sealed: bytes) -> bool:
        """Whether any listed key opens this."""
        try:
            self._fernet.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def opens_with_newest(self, sealed: bytes) -> bool:
        """Whether the newest key alone opens this."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True


SECRETS: tuple[tuple[Any, str], ...] = (
    (XeroApp, "secret"),
    (XeroApp, "former_secret"),
    (XeroApp, "webhook_key"),
    (XeroApp, "former_webhook_key"),
    (Token, "pair"),
    (ApiKey, "secret"),
    (ApiKey, "former_secret"),
    (Endpoint, "secret"),
    (Endpoint, "former_secret"),
    (Login, "verifier"),
    (User, "factor"),
)


def left_to_reseal(work: Work, vault: Vault) -> int:
    """How many stored secrets the newest key does not open."""
    return sum(1 for _ in _old(work, vault))


def lost_secrets(work: Work, vault: Vault) -> int:
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
