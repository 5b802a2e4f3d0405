"""What a person reads about a failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Who = Literal["clerk", "admin", "bookkeeper", "support", "nobody"]
_CLERKS = ("Export ", "Changed in CrewCard:")  # how a step begins that whoever sends invoices takes
Opens = Literal["", "contact", "invoice", "other_invoice", "crewcard"]


@dataclass(frozen=True)
class Help:
    """What a person reads: `message` in one or two sentences, `who` can mend it, `how`, a step per line.

    `by_itself` is true where the exporter sends the invoice again without anybody, once the cause is gone. `opens`
    is the page where it is mended: the contact or an invoice in Xero, or the invoice in CrewCard. `thing` names the
    facts that tell one cause from another: invoices that fail for one thing are one group. `command` does the same
    at the machine, a command per line; it stands in a terminal, never on a page.
    """

    title: str
    message: str
    who: Who
    how: str
    by_itself: bool = False
    opens: Opens = ""
    thing: tuple[str, ...] = ()
    command: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """What to do, one step after the other."""
        return tuple(self.how.splitlines())


def reader_of(step: str, who: Who) -> Who:
    """Who takes this step of a failure that `who` can mend: to export again is the clerk's, whoever mended it."""
    return "clerk" if step.startswith(_CLERKS) else who


class Catalogue(Enum):
    """What can be wrong, each with its help. Codes are stored and published: add, never rename."""

    _value_: Help

    @property
    def code(self) -> str:
        """The published code: `contact_archived`."""
        return self.name.lower()

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What a fact is called that nobody gave."""
        return {}

    def message(self, facts: Mapping[str, str]) -> str:
        """What happened, with the facts at hand in it."""
        return self.value.message.format_map({**self.unnamed, **facts})

    def remedy(self, facts: Mapping[str, str]) -> str:
        """What to do about it."""
        return self.value.how.format_map({**self.unnamed, **facts})

    def command(self, facts: Mapping[str, str]) -> str:
        """The command line that does it, for a terminal; empty where there is none."""
        return self.value.command.format_map({**self.unnamed, **facts})
