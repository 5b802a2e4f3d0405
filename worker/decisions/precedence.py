"""What a company's exports do now, and why they wait: one table of precedence that every face reads; pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["needs_person", "paused", "waiting", "sending", "idle"]
Cause = Literal["", "login", "pause", "worker", "redis", "limit", "offline", "trouble", "outcome", "restore"]

_LIMITS = {
    "minute": "Xero's minute limit",
    "day": "Xero's day limit",
    "concurrent": "Xero's limit of calls at once",
}
_OF_THE_APP = "the limit that Xero has for the app"
_BLOCKED: dict[str, str] = {
    "limit": "Waits for {limit} until {until}.",
    "offline": "The organisation is offline at Xero; tried again at {until}.",
    "trouble": "Xero does not answer properly; tried again at {until}.",
}
_OUR_BOOKS = "Waits for {limit} until {until} at the latest; Xero is asked in between."
_FOR_HOSTS: dict[str, str] = {
    "limit": "{limit} is reached; the export goes on by itself.",
    "offline": "The Xero organisation is offline for the moment; the export goes on by itself.",
    "trouble": "Xero does not answer properly at the moment; the export goes on by itself.",
}


@dataclass(frozen=True)
class Obstacle:
    """Something that only a person ends: its sentence, who that is, since when it is there."""

    sentence: str
    who: str
    since: datetime | None = None


@dataclass(frozen=True)
class Block:
    """Why nothing of a company is sent for a while, as its row says; `limit` is Xero's name of one."""

    cause: str
    until: datetime
    limit: str = ""
    since: datetime | None = None
    said: str = ""


@dataclass(frozen=True)
class StatusFacts:
    """All that decides about a company's status, read before. Seconds; 0 where our books still have a call.

    `pending`, `in_flight` and `uncertain` count its work; of what is `watched` Xero was asked, could not say,
    and is asked again at `next_look`. `login` is a problem of app, login or organisation, `pause`
    that of a person, `unread` since when Xero has to be read after a restore.
    `limit` is one that Xero named, for `limit_seconds`; `minute_frees` and `day_ends` say when our
    own books have a call again; `held_back`: nothing new goes before Xero was asked about unknown outcomes.
    `workers`: one takes work; `quiet`: those that are there were told to take none.
    """

    now: datetime
    pending: int = 0
    in_flight: int = 0
    uncertain: int = 0
    watched: int = 0
    next_look: datetime | None = None
    login: Obstacle | None = None
    pause: Obstacle | None = None
    unread: datetime | None = None
    block: Block | None = None
    books: Block | None = None
    limit: str = ""
    limit_seconds: float = 0
    minute_frees: float = 0
    day_ends: float = 0
    held_back: bool = False
    workers: bool = True
    quiet: bool = False
    redis: bool = True

    @property
    def work(self) -> int:
        """Invoices and calls that are not over."""
        return self.pending + self.in_flight + self.uncertain + self.watched


@dataclass(frozen=True)
class Status:
    """A company's state in a word and a sentence; `cause` is "" where nothing holds it back.

    `who` has to act, "" where it ends by itself; `until` is when it goes on, as far as that is known. Times of day in
    the sentence are UTC. `limit` is Xero's name of the limit that is waited for.
    """

    state: State
    sentence: str
    cause: Cause = ""
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: str = ""


def status(facts: StatusFacts) -> Status:
    """The first row of the table that holds."""
    return next(found for rule in PRECEDENCE if (found := rule(facts)))


def _login(facts: StatusFacts) -> Status | None:
    found = facts.login
    return Status("needs_person", found.sentence, "login", found.who, found.since) if found else None


def _pause(facts: StatusFacts) -> Status | None:
    found = facts.pause
    return Status("paused", found.sentence, "pause", found.who, found.since) if found else None


def _worker(facts: StatusFacts) -> Status | None:
    if facts.workers or not facts.work:
        return None
    wrong = "No worker is running. Start one; nothing is lost meanwhile."
    if facts.quiet:
        wrong = "Every worker was told to be quiet. Let one take work again; nothing is lost meanwhile."
    return Status("needs_person", wrong, "worker", "ops")


def _redis(facts: StatusFacts) -> Status | None:
    if facts.redis or not facts.work:
        return None
    sentence = "Redis does not answer: workers are not woken. Nothing is lost; it goes on once Redis is back."
    return Status("needs_person", sentence, "redis", "ops")


def _restored(facts: StatusFacts) -> Status | None:
    if facts.unread is None:
        return None
    sentence = "Being checked after a restore: what Xero has since the backup is read first; it goes on by itself."
    return Status("waiting", sentence, "restore", since=facts.unread)


def _blocked(facts: StatusFacts) -> Status | None:
    return _of_block(facts.block, facts.now) if facts.block else None


def _idle(facts: StatusFacts) -> Status | None:
    return None if facts.work else Status("idle", "Up to date.")


def _limited(facts: StatusFacts) -> Status | None:
    """Bulk sends wait for a limit, by Xero's word or by our own count of calls; a person's own may still go."""
    if not facts.pending:
        return None
    for limit, seconds in ((facts.limit or "other", facts.limit_seconds), ("day", facts.day_ends)):
        if seconds > 0:
            by_count = limit == "day" and not facts.limit_seconds
            return _of_block(Block("limit", facts.now + timedelta(seconds=seconds), limit), facts.now, by_count)
    if facts.books and facts.books.until > facts.now:
        return _of_block(facts.books, facts.now, facts.books.limit == "day")
    if facts.minute_frees > 0:
        until = facts.now + timedelta(seconds=facts.minute_frees)
        return _of_block(Block("limit", until, "minute"), facts.now)
    return None


def _outcome(facts: StatusFacts) -> Status | None:
    if facts.held_back:
        sentence = "Sends nothing new until Xero was asked what became of the calls it did not answer."
        return Status("waiting", sentence, "outcome")
    if facts.pending or facts.in_flight:
        return None
    if facts.uncertain:
        return Status("waiting", "Checking with Xero whether the last batch arrived. Nothing to do.", "outcome")
    return Status("waiting", _watched(facts), "outcome", until=facts.next_look)


def _sending(facts: StatusFacts) -> Status | None:
    return Status("sending", f"Sending. {_watched(facts)}" if facts.watched else "Sending.")


def _watched(facts: StatusFacts) -> str:
    """What may be in Xero and is not shown there as ours; it holds nothing else back."""
    calls = "one call" if facts.watched == 1 else f"{facts.watched} calls"
    coming = facts.next_look and facts.next_look > facts.now
    again = f"at {facts.next_look:%H:%M:%S} UTC" if coming else "soon"
    return f"What became of {calls} Xero could not say yet; it is asked again {again}."


# What a person must end comes first; then what ends by itself, the longest-lasting first.
PRECEDENCE: tuple[Callable[[StatusFacts], Status | None], ...] = (
    _login,
    _pause,
    _worker,
    _redis,
    _restored,
    _blocked,
    _idle,
    _limited,
    _outcome,
    _sending,
)


def _of_block(block: Block, now: datetime, by_count: bool = False) -> Status | None:
    if block.until <= now:
        return None
    cause: Cause = "limit" if block.cause == "limit" else "offline" if block.cause == "offline" else "trouble"
    words = (_OUR_BOOKS if by_count else _BLOCKED[cause]).replace("{limit}", limit_in_words(block.limit))
    sentence = words.replace("{until}", f"{block.until:%H:%M:%S} UTC")
    if cause == "trouble" and block.said:
        sentence = f"{sentence} Last heard: {block.said}."
    return Status("waiting", sentence, cause, "", block.since, block.until, block.limit)


def limit_in_words(name: str) -> str:
    """One of Xero's limits, as people call it."""
    return _LIMITS.get(name) or (_OF_THE_APP if name.startswith("app") else "a limit of Xero's")


def deferred_in_words(cause: str, limit: str) -> str:
    """The sentence of `invoice.export.deferred`: what a host's people read while an export waits by itself."""
    named = limit_in_words(limit)
    return _FOR_HOSTS.get(cause, _FOR_HOSTS["trouble"]).replace("{limit}", named[0].upper() + named[1:])
