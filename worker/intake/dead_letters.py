"""Dead letters: read again as they came or as somebody mended them, or discarded; never deleted.

A letter has the rights of the key that brought it, as far as that key has them still, and of the person who has it
read: both must be allowed what it asks for.
"""

import json
from typing import Any

from events import codec
from events.codec import MOST_BYTES, Unreadable
from store import api_keys, audit, inbox
from store.inbox import OtherBody
from store.tables import DeadLetter
from store.unit_of_work import Work
from worker.decisions import mending, rights
from worker.decisions.merge_rules import Receipt, TooMuch
from worker.decisions.rights import Actor, ConsoleUser, Effect, HostKey, Nobody, NotAllowed, Operator, StreamHost
from worker.intake import intake
from worker.tools import Tools

Person = ConsoleUser | Operator
HTTP, STREAM = "http", "stream"
_USED = (
    "id: this event id was used before with another body: it was sent again since; discard this one, or give it "
    "another id"
)
_CUT = "body: is too long to be an event, so that only its beginning was kept; its sender has to send it anew"
MOST_MENDED = 1_000_000  # bytes that a person edits


class NotOpen(Exception):
    """There is no such dead letter, or it was replayed or discarded before."""


def replay(tools: Tools, number: int, by: Person, mended: bytes | None = None) -> Receipt:
    """Accept the letter as it came, or as `mended`, as if its sender had sent it now, and close it; one transaction.

    Raises NotOpen, also when somebody else was first, NotAllowed, and Unreadable with the problems that are left.
    """
    letter = _open(tools, number, by)
    document = _document(letter, mended, by)
    with tools.store.read() as work:
        sender = brought_by(work, tools, letter)
    changed = mended if mended is not None and mended != letter.body else None

    def closed(work: Work, receipt: Receipt) -> None:
        how = {"state": "replayed", "closed_by": by.id, "event": receipt.event, "mended": changed}
        if not inbox.close(work, number, **how):
            raise NotOpen(number)
        what = "dead letter mended" if changed else "dead letter replayed"
        chosen = {"dead_letter": number, "key": letter.key, "event": document["type"]}
        audit.note(work, by.id, what, receipt.company, chosen, receipt.invoices, "")

    try:
        return intake.accept(tools, document, (sender, by), closed)
    except OtherBody:
        _open(tools, number, by)  # or somebody mended it otherwise meanwhile, under the same id
        raise Unreadable(_USED) from None
    except TooMuch as too_much:
        raise Unreadable(str(too_much)) from None


def discard(tools: Tools, number: int, by: Person, why: str) -> None:
    """Nothing comes of it; the letter is kept, with the reason. Raises NotOpen, NotAllowed."""
    _open(tools, number, by)
    with tools.store.write() as work:
        if not inbox.close(work, number, state="discarded", closed_by=by.id, why=why):
            raise NotOpen(number)
        audit.note(work, by.id, "dead letter discarded", "", {"dead_letter": number}, 0, why)


def brought_by(work: Work, tools: Tools, letter: DeadLetter) -> Actor:
    """Who answers for the letter: its key with what it may now and might then, or whoever else uses its door."""
    if letter.door == STREAM:
        return StreamHost()
    if letter.door != HTTP:
        return Operator("file")
    if not letter.key:
        return Nobody("event: nobody knows whose key brought it; its sender has to send it anew")
    key = api_keys.find(work, tools.vault, letter.key)
    if key is None or (key.made_at and key.made_at > letter.received_at):
        return Nobody(f"event: the key “{letter.key}” that brought it was revoked; its sender has to send it anew")
    if key.expired:
        return Nobody(f"event: the key “{letter.key}” that brought it has expired; prolong the key first")
    then = HostKey(letter.key, api_keys.named(letter.companies), api_keys.named(letter.scopes))
    return rights.narrowed(HostKey(key.id, key.companies, key.scopes), then)


def _document(letter: DeadLetter, mended: bytes | None, by: Person) -> Any:
    """The event to be read. Raises Unreadable for what is none, and for what was changed and may not be."""
    if letter.size > len(letter.body):
        raise Unreadable(_CUT)
    document = codec.parse(mended if mended is not None else letter.body, most=MOST_BYTES)
    if isinstance(document, list):
        raise Unreadable("event: must be one event; this is an array of them")
    if mended is not None:
        changed = mending.objections(letter.body, mended, json.loads(letter.problems), by.id)
        if changed:
            codec.parse_event(document)  # what is still wrong is said first
            raise Unreadable(*changed)
    return document


def _open(tools: Tools, number: int, by: Person) -> DeadLetter:
    wrong = rights.objection((by,), Effect.DEAD_LETTERS)
    if wrong:
        raise NotAllowed(wrong)
    with tools.store.read() as work:
        letter = inbox.dead_letter(work, number)
    if letter is None or letter.state != "open":
        raise NotOpen(number)
    return letter
