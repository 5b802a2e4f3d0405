"""What follows a first export, in rounds: changes, other contacts, clicks, voiding and raising anew; pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from benchmarks.chaos.content import (
    CLIENT,
    LATER,
    MOVER,
    Content,
    Json,
    contact_of,
    event,
    mixed,
    number_of,
    snapshot,
)

Kind = Literal["changed", "moved", "clicked", "alive", "voided", "deleted"]
_KINDS: tuple[Kind, ...] = ("changed", "moved", "clicked", "alive", "voided", "deleted")
_MORE = ("Van, per mile", Decimal(12), Decimal("0.45"), Decimal(0))


@dataclass(frozen=True)
class HandedFile:
    """A file that the host hands in at the door for an invoice."""

    company: str
    invoice: str
    name: str
    body: bytes


@dataclass
class Round:
    """One company's next events, sent when all answers to its round before are there.

    `by_hand` is done in Xero before: number → status; `payments` too: number → amount. `files` are handed in before,
    too. `wanted` is what each request wants in Xero of its invoices, `said` how it is answered. `awaited` is what the
    host must have heard besides before the next round of the same `story` begins.
    """

    company: str
    story: str = "changes"
    by_hand: dict[str, str] = field(default_factory=dict)
    payments: dict[str, Decimal] = field(default_factory=dict)
    files: list[HandedFile] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    wanted: dict[tuple[str, str], Content] = field(default_factory=dict)
    said: dict[tuple[str, str], str] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)

    @property
    def requests(self) -> frozenset[str]:
        """The requests whose completion ends the round."""
        return frozenset(request for request, _ in self.said)


def following(dice: random.Random, company: str, each: int) -> list[Round]:
    """A company's rounds, about `each` invoices of every kind."""
    return _Story(dice, company, each).rounds()


class _Story:
    def __init__(self, dice: random.Random, company: str, each: int) -> None:
        self._company = company
        self._ids = {kind: [f"{company}-{kind}-{number}" for number in range(1, each + 1)] for kind in _KINDS}
        self._usual, self._other = contact_of(company), contact_of(company, "other")
        self._contents: dict[str, Content] = {}
        self._revisions: dict[str, int] = {}
        for kind, ids in self._ids.items():
            contacts = (self._usual, self._other) if kind == "moved" else (self._usual,)
            for id_ in ids:
                self._contents[id_] = mixed(dice, number_of(id_), *contacts)

    def rounds(self) -> list[Round]:
        first, second, third, fourth, fifth = (Round(self._company) for _ in range(5))
        self._bulk(first, "begun", *self._contents)
        self._link(first, self._other)

        self._change("changed")
        self._bulk(second, "changed", *self._ids["changed"])
        self._moved_to(self._other)
        self._bulk(second, "moved", *self._ids["moved"])
        self._click(second, "clicked")

        # At once: lists do not show the changes before yet.
        self._change("changed")
        self._bulk(third, "changed-again", *self._ids["changed"])
        self._click(third, "moved", "click-at-once")

        self._end(fourth, "voided", "VOIDED", "-2")
        self._end(fourth, "deleted", "DELETED", "")
        self._raise(fourth, "raised", [*self._ids["voided"], *self._ids["deleted"]], "succeeded")
        self._raise(fourth, "alive", self._ids["alive"], "failed")
        self._link(fourth, self._usual)

        self._end(fifth, "voided", "VOIDED", "-3")
        self._raise(fifth, "raised-again", self._ids["voided"], "succeeded")
        self._change("deleted")
        self._bulk(fifth, "deleted-changed", *self._ids["deleted"])
        self._moved_to(self._usual)
        for kind in ("moved", "alive", "changed"):
            self._click(fifth, kind)
        return [first, second, third, fourth, fifth]

    def _change(self, kind: Kind) -> None:
        for id_ in self._ids[kind]:
            before = self._contents[id_]
            (text, quantity, price, discount), *_ = before.lines
            lines = ((f"{text}, as agreed", quantity, price + 5, discount), _MORE)
            self._contents[id_] = replace(before, lines=lines, due_date=LATER)
            self._revisions[id_] = self._revisions.get(id_, 0) + 1

    def _moved_to(self, contact: str) -> None:
        for id_ in self._ids["moved"]:
            self._contents[id_] = replace(self._contents[id_], contacts=(contact,))

    def _link(self, one: Round, contact: str) -> None:
        one.awaited.add(contact)
        said: Json = {"client": MOVER, "client_name": "Mover", "xero_contact": contact}
        said["requested_by"] = {"id": "anna", "role": "admin"}
        kind = "client.xero_contact.update_requested"
        one.events.append(event(kind, f"link-{self._company}-{contact}", company=self._company, **said))

    def _end(self, one: Round, kind: Kind, status: str, behind: str) -> None:
        """By hand in Xero; the next one has the number with this behind it."""
        for id_ in self._ids[kind]:
            before = self._contents[id_]
            one.by_hand[before.number] = status
            number = f"{number_of(id_)}{behind}"
            self._contents[id_] = replace(before, number=number, generation=before.generation + 1)

    def _raise(self, one: Round, name: str, ids: Sequence[str], said: str) -> None:
        request = f"{name}-{self._company}"
        self._note(one, request, ids, said)
        order = {"invoices": list(ids), "as_request": request, "requested_by": {"id": "olga"}, "why": "ended in Xero"}
        kind = "invoice.export.raise_anew_requested"
        one.events.append(event(kind, f"order-{request}", company=self._company, **order))

    def _click(self, one: Round, kind: Kind, name: str = "click") -> None:
        for id_ in self._ids[kind]:
            self._ask(one, f"{name}-{id_}", [id_], "single")

    def _bulk(self, one: Round, name: str, *ids: str) -> None:
        self._ask(one, f"{name}-{self._company}", ids, "bulk")

    def _ask(self, one: Round, request: str, ids: Sequence[str], mode: str) -> None:
        self._note(one, request, ids, "succeeded")
        invoices = [
            snapshot(id_, MOVER if "-moved-" in id_ else CLIENT, self._contents[id_], self._revisions.get(id_, 0))
            for id_ in ids
        ]
        asked = {"request": request, "requested_by": {"id": "anna"}, "mode": mode, "invoices": invoices}
        one.events.append(event("invoice.export.requested", request, company=self._company, **asked))

    def _note(self, one: Round, request: str, ids: Sequence[str], said: str) -> None:
        for id_ in ids:
            one.wanted[request, id_] = self._contents[id_]
            one.said[request, id_] = said


def last_wanted(rounds: Sequence[Round]) -> Mapping[tuple[str, str], Content]:
    """What Xero must hold when all rounds are over, by company and invoice."""
    return {(one.company, id_): content for one in rounds for (_, id_), content in one.wanted.items()}
