"""Passwords as they are kept: argon2id, with bounded memory.

Small pools of threads for what strangers can ask for and what costs much: with a queue that has an end.
"""

import asyncio
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from worker.decisions.sign_in import LONGEST_PASSWORD

# 32 MiB, three passes, one lane: above OWASP's least (19 MiB, two passes); one lane keeps one hash on one core.
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether this is the password; where there is none it takes as long to say no."""
    try:
        _HASHER.verify(kept or _nobodys(), password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


T = TypeVar("T")


class Busy(Exception):
    """As many wait already as may; `seconds` is when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"busy; again in {seconds} s")
        self.seconds = seconds


class Pool:
    """So many `threads`, and so many that are in them or wait for one: whoever comes beyond is told so at once.

    `each` is how many of these are for one who asks, an address or a user, so that nobody fills it alone.
    """

    def __init__(self, name: str, threads: int, most: int, each: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most, self._each = most, each
        self._places: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, whose: str, story: Callable[..., T], *given: object) -> "Future[T]":
        """What the story will give, told in a thread of this pool, in a place of `whose`. Raises Busy."""
        with self._lock:
            if self._places.total() >= self._most or self._places[whose] >= self._each:
                raise Busy(2)
            self._places[whose] += 1
        try:
            begun = self._threads.submit(story, *given)
        except BaseException:
            self._leave(whose)
            raise
        begun.add_done_callback(lambda _: self._leave(whose))  # also when nobody waits for the answer any more
        return begun

    async def run(self, whose: str, story: Callable[..., T], *given: object) -> T:
        """What the story gives, as `begin` has it told. Raises Busy."""
        return await asyncio.wrap_future(self.begin(whose, story, *given))

    def _leave(self, whose: str) -> None:
        with self._lock:
            self._places[whose] -= 1
            self._places += Counter()  # who has no place any more is forgotten


# A password takes 32 MiB and some 50 ms: half of the cores, two at most, leave the others to everybody's events.
PASSWORDS = Pool("passwords", threads=max(1, min(2, (os.cpu_count() or 2) // 2)), most=16, each=2)
# Who is signed in, and gives a password once more or another one, waits for no stranger.
PROOFS = Pool("proofs", threads=1, most=16, each=2)
# Links are looked up, and nothing is hashed: whoever guesses at passwords keeps nobody from using one.
LINKS = Pool("links", threads=1, most=16, each=2)
# The provider of the single sign-on answers within seconds, or does not.
PROVIDER = Pool("provider", threads=2, most=16, each=6)
# Ids that knock at the doors: those of strangers take none of the threads that serve events.
KEYS = Pool("keys", threads=4, most=128, each=16)
