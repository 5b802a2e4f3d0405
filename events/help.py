"""What a person reads about a failure."""

from dataclasses import dataclass
from typing import Literal

Who = Literal["clerk", "admin", "bookkeeper", "support", "nobody"]
Opens = Literal["", "contact", "invoice", "other_invoice", "crewcard"]


@dataclass(frozen=True)
class Help:
    """What a person reads: `message` in one or two sentences, `who` can mend it, `how`, a step per line.

    `by_itself` is true where the exporter sends the invoice again without anybody, once the cause is gone. `opens`
    is the page where it is mended: the contact or an invoice in Xero, or the invoice in CrewCard. `thing` names the
    facts that tell one cause from another: invoices that fail for one thing are one group.
    """

    title: str
    message: str
    who: Who
    how: str
    by_itself: bool = False
    opens: Opens = ""
    thing: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, one step after the other."""
        return tuple(self.how.splitlines())
