"""What became of attempts: an answer of Xero, or a definite failure; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from events.accounting_target import Answer, Posted
from events.drift import DriftFound
from events.failures import Failure
from events.invoice import Invoice
from store.batches import Carried
from store.tables import Attempt, Export
from worker.decisions.proof import Proof
from worker.export import export_content
from worker.export.answering import Outcome


@dataclass(frozen=True)
class Sent:
    """What one call carries: its attempts by export id, what its invoices say, by hash, and the frozen body.

    `mixed` when people's own sends and a backlog's travel together.
    """

    kind: str
    attempts: Mapping[int, Carried]
    contents: Mapping[str, Invoice]
    body: bytes
    mixed: bool = False


@dataclass(frozen=True)
class Result:
    """What became of one attempt; `content` is what it carried, `body` its batch's, where they are still at hand."""

    export: Export
    attempt: Attempt | Carried
    answer: Answer
    outcome: Outcome = "created"
    content: Invoice | None = None
    body: bytes | None = None

    @property
    def sent(self) -> Invoice | None:
        """What it carried, as far as that is kept."""
        return self.content or export_content.of_attempt(self.export, self.attempt)


@dataclass(frozen=True)
class Looked:
    """An invoice in Xero to which nothing is sent: what it shows now, and what is different from what is wanted.

    `as_wanted` when newer content, or another contact, was wanted and Xero has that already; `arrived` when an update
    of ours put it there, of which no answer came.
    """

    export: Export
    content: Invoice
    posted: Posted
    proof: Proof
    found: DriftFound | None = None
    as_wanted: bool = False
    arrived: bool = False


class NotShownYet(Exception):
    """Xero took the invoice, or its last change, a moment ago and does not show it; or it cannot be read as shown."""


@dataclass(frozen=True)
class ExportRefusal:
    """A definite failure of an export; of the content `attempt` carried, or of the newest when it has none."""

    export: Export
    failure: Failure
    attempt: Attempt | Carried | None = None

    @property
    def content(self) -> Invoice:
        """What was refused, as far as it is kept."""
        carried = self.attempt and export_content.of_attempt(self.export, self.attempt)
        return carried or export_content.newest(self.export)

    @property
    def is_of_newest(self) -> bool:
        """Whether no newer content waits behind what was refused."""
        return self.attempt is None or self.attempt.content_hash == self.export.wanted_hash
