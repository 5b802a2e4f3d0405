"""Webhooks out: every endpoint at its own pace, in threads, so that one that hangs holds back no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

from worker import logs
from worker.delivery import delivery_round, endpoints
from worker.delivery.delivery_round import Post
from worker.delivery.webhook_post import PostTarget
from worker.tools import Tools

_ENDPOINTS_AT_ONCE = 32
_ROUNDS = 10
_log = logs.log("relay")


class Webhooks:
    """Begins a few rounds for each endpoint that has something to get; `wait` until it is worth looking again."""

    def __init__(self, tools: Tools, holder: str, post: Post) -> None:
        self._tools = tools
        self._holder = holder
        self._post = post
        self._threads = ThreadPoolExecutor(_ENDPOINTS_AT_ONCE, "webhooks")
        self._busy: set[str] = set()
        self._guard = threading.Lock()
        self._news = threading.Event()
        self._stopping = False

    def begin_rounds(self) -> int:
        """Begin for every endpoint with work that is not busy; gives how many."""
        self._news.clear()
        begun = 0
        for endpoint in endpoints.with_work(self._tools):
            with self._guard:
                if endpoint.door in self._busy or self._stopping:
                    continue
                self._busy.add(endpoint.door)
            self._threads.submit(self._serve, endpoint)
            begun += 1
        return begun

    def wait(self, seconds: float) -> None:
        """Until there is news, at most this long."""
        self._news.wait(seconds)

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    def stop(self) -> None:
        """End after the rounds at hand."""
        self._stopping = True
        self._news.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _serve(self, endpoint: PostTarget) -> None:
        more = False
        try:
            for _ in range(_ROUNDS):
                more = not self._stopping and delivery_round.deliver(self._tools, self._holder, endpoint, self._post)
                if not more:
                    break
            delivery_round.leave(self._tools, self._holder, endpoint)
        except Exception:
            more = False
            _log.exception("webhooks.failed", door=endpoint.door)
        with self._guard:
            self._busy.discard(endpoint.door)
        if more:
            self._news.set()
