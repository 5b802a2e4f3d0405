"""Secrets at rest: encrypted with the newest key, readable with every key still listed."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unopenable(Exception):
    """A secret cannot be opened with any key in ENCRYPTION_KEYS."""


class Vault:
    """Seals and opens text. `keys` newest first, each as `Fernet.generate_key()` makes them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

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
