"""Small pools of threads for what strangers can ask for and what costs much: with a queue that has an end."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Busy(Exception):
    """As many wait already as may; `seconds` is when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"busy; again in {seconds} s")
        self.seconds = seconds


class Pool:
    """So many `threads`, and so many that are in them or wait for one: whoever comes beyond is told so at once."""

    def __init__(self, name: str, threads: int, most: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(most)

    async def run(self, story: Callable[..., T], *given: object) -> T:
        """What the story gives, told in a thread of this pool. Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy(2)
        try:
            begun = self._threads.submit(story, *given)
        except BaseException:
            self._places.release()
            raise
        begun.add_done_callback(lambda _: self._places.release())  # also when nobody waits for the answer any more
        return await asyncio.wrap_future(begun)


# A password takes 32 MiB and some 50 ms: two at a time leave a core and the memory to everybody's events.
PASSWORDS = Pool("passwords", threads=2, most=16)
# The provider of the single sign-on answers within seconds, or does not.
PROVIDER = Pool("provider", threads=2, most=16)
