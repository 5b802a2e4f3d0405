"""Why a company's invoices do not move, in a sentence a person understands; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

State = Literal["needs_person", "paused", "waiting", "sending", "idle"]
_LIMITS = {
    "minute": "Xero's minute limit",
    "day": "Xero's day limit",
    "concurrent": "Xero's limit of calls at once",
}
_OF_THE_APP = "the limit that Xero has for the app"
_BLOCKED = {
    "limit": "Waits for {limit} until {until}.",
    "offline": "The organisation is offline at Xero; tried again at {until}.",
    "trouble": "Xero does not answer properly; tried again at {until}.",
}
_OUR_BOOKS = "Waits for {limit} until {until} at the latest; Xero is asked in between."


@dataclass(frozen=True)
class Lane:
    """What is known of a company. Seconds; `wrong` is what a person has to mend, `stopped` why the lane is.

    `paused` is the sentence of a pause; `limit` is the one that Xero named, for `limit_seconds`; `minute_frees` and
    `day_ends` say when our own books have a call again, 0 while they have one.
    """

    pending: int = 0
    in_flight: int = 0
    uncertain: int = 0
    wrong: str = ""
    stopped: str = ""
    paused: str = ""
    blocked_until: datetime | None = None
    cause: str = ""
    limit: str = ""
    limit_seconds: float = 0
    minute_frees: float = 0
    day_ends: float = 0
    holds_back: bool = False


class Held(Protocol):
    """What a lane waits for: `until` None while a person has to act; `limit` is Xero's name of one."""

    @property
    def cause(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def limit(self) -> str: ...


@dataclass(frozen=True)
class Why:
    """The state of a company in a word and a sentence, and when it goes on by itself, if that is known."""

    state: State
    sentence: str
    until: datetime | None = None


def why(lane: Lane, now: datetime) -> Why:
    """What holds the company back, what a person has to mend first; times of day are UTC."""
    if lane.wrong or lane.stopped:
        return Why("needs_person", lane.wrong or lane.stopped)
    if lane.paused:
        return Why("paused", lane.paused)
    if lane.blocked_until and lane.blocked_until > now:
        words = _BLOCKED.get(lane.cause, _BLOCKED["trouble"])
        return _until(words.replace("{limit}", limit(lane.limit)), lane.blocked_until)
    if not lane.pending + lane.in_flight + lane.uncertain:
        return Why("idle", "Nothing waits.")
    return _at_work(lane, now)


def waits(held: Held) -> str:
    """The sentence of what the database knows a lane to wait for."""
    if held.until is None:
        return held.message
    words = _BLOCKED.get(held.cause, _BLOCKED["trouble"])
    sentence = _until(words.replace("{limit}", limit(held.limit)), held.until).sentence
    return f"{sentence} Last heard: {held.message}." if held.cause == "trouble" and held.message else sentence


def limit(name: str) -> str:
    """One of Xero's limits, as people call it."""
    return _LIMITS.get(name) or (_OF_THE_APP if name.startswith("app") else "a limit of Xero's")


def _at_work(lane: Lane, now: datetime) -> Why:
    waits = (("", lane.limit_seconds), ("day", lane.day_ends), ("minute", lane.minute_frees))
    for name, seconds in waits if lane.pending else ():
        if seconds > 0:
            words = _OUR_BOOKS if name == "day" else _BLOCKED["limit"]
            words = words.replace("{limit}", limit(name or lane.limit))
            return _until(words, now + timedelta(seconds=seconds))
    if lane.holds_back:
        return Why("waiting", "Sends nothing new until Xero was asked what became of the calls it did not answer.")
    if not lane.pending and not lane.in_flight:
        return Why("waiting", "Soon asks Xero what became of a call it did not answer.")
    return Why("sending", "Sending.")


def _until(words: str, until: datetime) -> Why:
    return Why("waiting", words.replace("{until}", f"{until:%H:%M:%S} UTC"), until)
