"""Dead letters: read again as they came or as somebody mended them, or discarded; never deleted."""

from events import codec
from events.codec import Unreadable
from store import audit, inbox
from store.inbox import OtherBody
from store.tables import DeadLetter
from worker.accepting import intake
from worker.decisions.backpressure import TooMuch
from worker.decisions.receipts import Receipt
from worker.tools import Tools

_USED = (
    "id: this event id was used before with another body: it was sent again since; discard this one, or give it "
    "another id"
)
MOST_MENDED = 1_000_000  # bytes that a person edits


class NotOpen(Exception):
    """There is no such dead letter, or it was replayed or discarded before."""


def replay(tools: Tools, number: int, by: str, mended: bytes | None = None) -> Receipt:
    """Accept the letter as it came, or as `mended`, as if a host had sent it now; then it is closed.

    Raises NotOpen, and Unreadable with the problems that are left. Killed before it is closed, the same again
    changes nothing but that.
    """
    letter = _open(tools, number)
    body = mended if mended is not None else letter.body
    document = codec.parse(body)
    if isinstance(document, list):
        raise Unreadable("event: must be one event; this is an array of them")
    try:
        receipt = intake.accept(tools, document)
    except OtherBody:
        raise Unreadable(_USED) from None
    except TooMuch as too_much:
        raise Unreadable(str(too_much)) from None
    changed = body if body != letter.body else None
    with tools.store.write() as work:
        how = {"state": "replayed", "closed_by": by, "event": receipt.event, "mended": changed}
        if inbox.close(work, number, **how):
            what = "dead letter mended" if changed else "dead letter replayed"
            audit.note(work, by, what, receipt.company, {"dead_letter": number}, receipt.invoices, "")
    return receipt


def discard(tools: Tools, number: int, by: str, why: str) -> None:
    """Nothing comes of it; the letter is kept, with the reason. Raises NotOpen."""
    with tools.store.write() as work:
        if not inbox.close(work, number, state="discarded", closed_by=by, why=why):
            raise NotOpen(number)
        audit.note(work, by, "dead letter discarded", "", {"dead_letter": number}, 0, why)


def _open(tools: Tools, number: int) -> DeadLetter:
    with tools.store.read() as work:
        letter = inbox.dead_letter(work, number)
    if letter is None or letter.state != "open":
        raise NotOpen(number)
    return letter
