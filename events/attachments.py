"""Files that go to an invoice in the accounting system: as a host names them, and what became of them.

An attachment that fails never makes its invoice fail. Why one was not attached: codes are published, so add, never
rename. Each member's value is its help, see `events.help`; facts in braces come from the file at hand.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from events import written
from events.help import Catalogue, Help
from events.snapshot import Event, HostId, Id, ShortText, Snapshot

# What Xero takes of one invoice (facts §8), and what is carried for one.
MOST_FILES = 10
MOST_BYTES = 10_000_000
_MOST_NAMED = 100
_LONGEST_NAME, _LONGEST_ENDING = 200, 20
_UNFIT = re.compile(r"[^\w.()-]+")  # spaces among them: with one in a name Xero answers 404 or 500 (facts §8)

FileName = Annotated[str, BeforeValidator(written.one_line), Field(min_length=1, max_length=255)]


class NamedAttachment(Snapshot):
    """A file for the invoice: what it is called, and the signed address at which it is fetched once.

    `sha256` (hexadecimal) is compared with what comes from there, where it is given. `include_online`: the client
    sees the file with the online invoice.
    """

    name: FileName
    url: Annotated[str, Field(max_length=4000)]
    sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")] | None = None
    media_type: Annotated[ShortText, Field(max_length=100)] | None = None
    include_online: bool = False


Attachments = Annotated[tuple[NamedAttachment, ...], Field(max_length=_MOST_NAMED)]


def name_in_target(name: str) -> str:
    """The name under which a file is attached: what may not stand in one is a low line; the last part of a path."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name).strip())[-1]
    fit = _UNFIT.sub("_", last).strip("._")
    stem, dot, ending = fit.rpartition(".")
    if not stem or len(ending) > _LONGEST_ENDING:
        return fit[:_LONGEST_NAME] or "file"
    return f"{stem[: _LONGEST_NAME - len(ending) - 1]}{dot}{ending}"


def names_in_target(called: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The names in the target of the files that a host calls so, each once, in order.

    `known` has the names that files of the invoice have already, and what the host calls each; "" where nobody wrote
    that down. A file keeps its name; one whose name another file has, in whatever case, gets a number. What a host
    calls a file is its first line; those behind it tell files of one name apart.
    """
    mine = {one: name for name, one in known.items() if one}
    used, given = {name.casefold(): one for name, one in known.items()}, []
    for one in called:
        stem, dot, ending = name_in_target(one.partition("\n")[0]).rpartition(".")
        wished = (f"{stem or ending}{number}{dot}{ending if stem else ''}" for number in _numbers())
        name = mine.get(one) or next(name for name in wished if _is_free(name, one, known, used))
        used[name.casefold()] = one
        given.append(name)
    return given


def _is_free(name: str, called: str, known: Mapping[str, str], used: Mapping[str, str]) -> bool:
    whose = used.get(name.casefold())
    return whose in (None, called) or (whose == "" and name in known)


def _numbers() -> Iterator[str]:
    return itertools.chain([""], (f"-{number}" for number in itertools.count(2)))


class AttachmentProblem(Catalogue):
    """Why a file was not attached to its invoice."""

    LINK_REFUSED = Help(
        "Link does not work",
        "“{name}” could not be fetched: {said}.",
        "clerk",
        "Export the invoice again in CrewCard, which makes a new link.",
    )
    NOT_FETCHED = Help(
        "Could not be fetched",
        "“{name}” could not be fetched, though it was tried for hours: {said}.",
        "support",
        "See that CrewCard can be reached from here, then try again.",
    )
    LINK_NOT_ALLOWED = Help(
        "Link leads nowhere allowed",
        "“{name}” was not fetched: its link {said}.",
        "support",
        "Have CrewCard name a link that begins with https:// and leads to a server on the internet.",
    )
    OTHER_CONTENT = Help(
        "Another file than announced",
        "What was fetched for “{name}” is not the file that CrewCard announced (its SHA-256 differs).",
        "clerk",
        "Export the invoice again in CrewCard.",
    )
    TOO_LARGE = Help(
        "File too large",
        "“{name}” is too large: the files of one invoice may have 10 MB together.",
        "clerk",
        "Make the file smaller, or leave one out, and export the invoice again in CrewCard.",
    )
    EMPTY = Help(
        "File is empty",
        "“{name}” has nothing in it.",
        "clerk",
        "Replace the file in CrewCard and export the invoice again.",
    )
    TOO_MANY = Help(
        "Too many files",
        "“{name}” is one file too many: Xero takes 10 files for an invoice.",
        "clerk",
        "Leave a file out, or take one off the invoice in Xero, and export the invoice again in CrewCard.",
    )
    CREDIT_NOTE = Help(
        "File of a credit note",
        "“{name}” was not attached: {number} is a credit note in Xero, and files go to invoices alone.",
        "bookkeeper",
        "Attach it to the credit note in Xero by hand, if it is needed there.",
    )
    REFUSED = Help(
        "Xero refused the file",
        "Xero did not take “{name}”: {said}.",
        "bookkeeper",
        "Look at the invoice in Xero, mend what Xero says, then try again.",
    )
    PERMISSION_MISSING = Help(
        "Login may not attach files",
        "“{name}” was not attached: the login to Xero was made before attachments were switched on.",
        "clerk",
        "Ask for a login link in CrewCard and log in to Xero again, because Xero gives the permission to attach "
        "files only at a login; the file is attached by itself then.",
        by_itself=True,
    )
    SWITCHED_OFF = Help(
        "Attachments are switched off",
        "“{name}” was not attached: the company's setting “attachments” was switched off while it waited.",
        "admin",
        "Switch “attachments” on in the company's settings, if the files are wanted.\n"
        "Export the invoice again in CrewCard.",
    )
    AT_EARLIER_INVOICE = Help(
        "Is at the earlier invoice",
        "“{name}” is attached to the invoice that this one replaces, and could not be taken over from there: {said}.",
        "clerk",
        "Export the invoice again in CrewCard with its files.",
    )
    EXPIRED = Help(
        "Waited too long",
        "“{name}” waited for two weeks and could not be attached: {said}.",
        "clerk",
        "See that the invoice is exported, then export it again in CrewCard with its files.",
    )
    OUTCOME_UNKNOWN = Help(
        "Outcome unknown",
        "“{name}” was sent, and Xero could not be asked for two weeks whether it arrived.",
        "bookkeeper",
        "Look at the files of the invoice in Xero; if it is missing, try again.",
    )
    BROKE_OFF = Help(
        "Could not be handled",
        "“{name}” broke off the program that attaches files several times, so it is left out.",
        "support",
        "Look into the log, then try again.",
    )

    @classmethod
    def by_code(cls, code: str) -> "AttachmentProblem":
        """The problem with this code; of one that is not known here, that Xero refused it."""
        return cls.__members__.get(code.upper(), cls.REFUSED)

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What a fact is called that nobody gave."""
        return {"name": "the file", "number": "the document", "said": "no reason was given"}


class AttachmentOutcome(Snapshot):
    """What became of one file; `size` in bytes, as far as it is known. A failed one has its reason in plain words."""

    name: str
    state: Literal["attached", "failed"]
    size: int | None = None
    sha256: str | None = None
    reason: str | None = None
    message: str | None = None
    who: str | None = None
    how: str | None = None


class InvoiceAttachmentsCompleted(Event):
    """Out: each file of an exported invoice was attached or has failed; the invoice itself stays exported.

    It comes again when files were named anew or tried again: `change` counts it, from 1, for one invoice.
    """

    TYPE: ClassVar[str] = "invoice.attachments.completed"

    company: Id
    invoice: HostId
    number: str | None = None
    xero_invoice_id: str | None = None
    deep_link: str | None = None
    change: int
    attached: int
    failed: int
    files: tuple[AttachmentOutcome, ...]
    completed_at: datetime
