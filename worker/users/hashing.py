"""Passwords as they are kept: argon2id, with bounded memory."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from worker.decisions.passwords import LONGEST

# 32 MiB, three passes, one lane: above OWASP's least (19 MiB, two passes); one lane keeps one hash on one core.
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether this is the password; where there is none it takes as long to say no."""
    try:
        _HASHER.verify(kept or _nobodys(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))
