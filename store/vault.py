"""Secrets at rest: encrypted with the newest key, readable with every key still listed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


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
