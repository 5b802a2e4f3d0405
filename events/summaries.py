"""The daily summary of a company: what was exported, failed and waits, whether its login ends; and its words."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import ClassVar, Self

from events.export import Notification
from events.help import Who, reader_of
from events.snapshot import Event, Id, Snapshot
from events.wording import spoken

MOST_CAUSES = 20
_READERS: dict[str, str] = {"admin": "an admin", "bookkeeper": "the bookkeeper", "clerk": "a clerk"}


class FailedCause(Snapshot):
    """Invoices that fail for one cause now; `title` is it in words, `who` mends it by these `steps`."""

    cause: str
    reason: str
    title: str
    invoices: int
    who: Who
    steps: tuple[str, ...] = ()
    link: str | None = None
    since: datetime

    @property
    def sentence(self) -> str:
        """How many, why, and the first step of whoever mends it."""
        reader = reader_of(self.steps[0], self.who) if self.steps else self.who
        step = f" For {_READERS.get(reader, reader)}: {self.steps[0]}" if self.steps else ""
        return f"{_count(self.invoices)} failed: {self.title}.{step}"


class WaitingSummary(Snapshot):
    """Invoices without an answer yet, and the sentence of why; `until` is when they go on, where that is known."""

    invoices: int
    cause: str = ""
    message: str
    who: str = ""
    until: datetime | None = None


class ConnectionNews(Snapshot):
    """What is wrong with the connection, or that its login ends in `ends_in_days` days unless somebody logs in."""

    message: str
    who: str = ""
    ends_at: datetime | None = None
    ends_in_days: int | None = None

    @classmethod
    def of_login(cls, ends_at: datetime, last: date, days: int) -> Self:
        """A login that was not renewed for long: it ends on that day, in so many days, unless somebody logs in."""
        soon = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
        said = f"The login to Xero ends {soon}, on {spoken(last)}, unless somebody logs in again."
        return cls(message=said, who="clerk", ends_at=ends_at, ends_in_days=days)


class CompanyDaySummarised(Event):
    """Out: once a day, at the hour that the company chose, what became of its exports; to be mailed as it is.

    `exported` invoices are those of `since` until `until`; what failed, waits and is wrong is as it was a minute
    later. `causes` are the 20 largest. `notification` says all of it, a sentence a line. `day` is that of the
    company's time zone.
    """

    TYPE: ClassVar[str] = "company.day_summarised"

    company: Id
    day: date
    time_zone: str
    since: datetime
    until: datetime
    exported: int
    failed: int
    causes: tuple[FailedCause, ...] = ()
    waiting: WaitingSummary | None = None
    connection: ConnectionNews | None = None
    notification: Notification = Notification(title="", message="")

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.exported or self.failed or self.waiting or self.connection)

    def in_words(self) -> Self:
        """The same with its notification: the figures as a title, then a sentence a line."""
        waiting = self.waiting.invoices if self.waiting else 0
        counts = ((self.exported, "exported"), (self.failed, "failed"), (waiting, "waiting"))
        figures = ", ".join(f"{count:,} {word}" for count, word in counts if count)
        title = f"Xero export: {figures or ('connection' if self.connection else 'nothing to report')}"
        words = Notification(title=title, message="\n".join(self._sentences()))
        return self.model_copy(update={"notification": words})

    def _sentences(self) -> Iterator[str]:
        if self.connection:
            yield self.connection.message
        was = "was" if self.exported == 1 else "were"
        yield f"{_count(self.exported)} {was} exported to Xero." if self.exported else "No invoice was exported."
        yield from (one.sentence for one in self.causes)
        if more := self.failed - sum(one.invoices for one in self.causes):
            yield f"{_count(more)} failed for other causes."
        if waiting := self.waiting:
            wait = "waits" if waiting.invoices == 1 else "wait"
            yield f"{_count(waiting.invoices)} {wait}: {waiting.message}"


def _count(invoices: int) -> str:
    return f"{invoices:,} invoice{'' if invoices == 1 else 's'}"
