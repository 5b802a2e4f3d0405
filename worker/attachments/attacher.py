"""Files of many companies at a time, a thread for each: one whose files come slowly holds back no other."""

import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from store import attachments
from store.attachments import ClaimedFile
from worker import logs
from worker.attachments.attaching import attach_next, expire, renew
from worker.attachments.fetching import Fetcher
from worker.tools import Tools

_AT_ONCE, _SLOW_AT_ONCE = 8, 16  # companies; the slow ones have threads of their own
_SLOW_SECONDS = 5.0
_FILES_PER_ROUND = 50
_EXPIRY_PASS_SECONDS = 600.0
_AFTER_TROUBLE_SECONDS = 15.0
_log = logs.log("attachments")


class Attacher:
    """Begins a round of files for each company that has some, a few companies at a time, in turn.

    A company whose file is in hand for some seconds counts as slow: it takes the place of no other.
    """

    def __init__(self, tools: Tools, fetcher: Fetcher | None = None) -> None:
        self._tools = tools
        self._fetcher = fetcher or Fetcher(private=tools.settings.webhook_private_addresses)
        self._threads = ThreadPoolExecutor(_AT_ONCE + _SLOW_AT_ONCE, thread_name_prefix="attachments")
        self._busy: dict[str, Future[None]] = {}
        self._since: dict[str, float] = {}  # when the file in hand was begun
        self._served: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._in_hand: dict[str, ClaimedFile] = {}
        self._renewed_at = self._expired_at = float("-inf")
        self._is_stopping = False
        self._news = threading.Event()

    def begin_rounds(self, but: Collection[str] = ()) -> Sequence[str]:
        """Begin with the companies that have files to attach and are not at work or at rest; gives which."""
        self._news.clear()
        now = self._tools.elapsed()
        if now - self._renewed_at > attachments.RENEWED_SECONDS:
            renew(self._tools, list(self._in_hand.values()))
            self._renewed_at = now
        if now - self._expired_at > _EXPIRY_PASS_SECONDS:
            expire(self._tools)
            self._expired_at = now
        with self._tools.store.read() as work:
            due = attachments.companies_due(work)
        self._busy = {company: round_ for company, round_ in self._busy.items() if not round_.done()}
        free = [one for one in due if one not in self._busy and one not in but and self._rests.get(one, now) <= now]
        free.sort(key=lambda one: self._served.get(one, 0.0))
        begun = free[: self._room(now)]
        for company in begun:
            self._served[company] = self._since[company] = now
            self._busy[company] = self._threads.submit(self._work_for, company)
        return begun

    def wait(self, seconds: float) -> None:
        """Until a round ended, at most this long."""
        self._news.wait(seconds)

    def work_off(self) -> None:
        """A round for each company that has files, to its end."""
        served: set[str] = set()
        while begun := self.begin_rounds(served):
            served.update(begun)
            wait(list(self._busy.values()))

    def stop(self) -> None:
        """End after the calls in hand; a file that is being fetched is fetched another time."""
        self._is_stopping = True
        self._fetcher.stop()
        self._threads.shutdown(cancel_futures=True)

    def _room(self, now: float) -> int:
        """For how many companies there is room now."""
        slow = sum(now - self._since.get(company, now) > _SLOW_SECONDS for company in self._busy)
        return max(0, _AT_ONCE + min(slow, _SLOW_AT_ONCE) - len(self._busy))

    def _work_for(self, company: str) -> None:
        try:
            for _ in range(_FILES_PER_ROUND):
                self._since[company] = began = self._tools.elapsed()
                rest = None if self._is_stopping else attach_next(self._tools, self._fetcher, company, self._in_hand)
                if rest:
                    self._rests[company] = self._tools.elapsed() + rest
                if rest is None or rest or self._tools.elapsed() - began > _SLOW_SECONDS:
                    return
        except Exception:  # what nobody foresaw in one company's files holds back no other company
            _log.exception("attachments.failed_round", company=company)
            self._rests[company] = self._tools.elapsed() + _AFTER_TROUBLE_SECONDS
        finally:
            self._news.set()
