"""What is sent beside plain invoices: credit notes, files, clients without a contact, payments in Xero; pure.

Each company has a story of its own about them, beside the one about changes.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from benchmarks.chaos.content import (
    CLIENT,
    TAXED,
    Content,
    Json,
    Line,
    cents,
    contact_of,
    event,
    mixed,
    number_of,
    snapshot,
)
from benchmarks.chaos.rounds import HandedFile, Round

Kind = Literal["credited", "overcredited", "twice", "refund", "filed", "handed", "paid", "parts", "fresh"]
Way = Literal["automatic", "on_request"]
Key = tuple[str, str]  # company and invoice, or client
SENT_AGAIN = "sent again"  # the request of what goes again by itself, whatever it is called
SIMILAR = "Newcomer"  # is in Xero already: nothing is created for the client of this name
_KINDS: tuple[Kind, ...] = (
    "credited",
    "overcredited",
    "twice",
    "refund",
    "filed",
    "handed",
    "paid",
    "parts",
    "fresh",
)
_NAMED = ("invoice.pdf", "photo of the job.jpg", "photo of the job.jpg")  # two of one name are two files
_SHORTEST, _LONGEST = 200, 20_000  # bytes of a file


@dataclass
class Promised:
    """What is owed beside answers, by company and invoice (or client).

    `allocations`: which invoice a credit note credits, and with how much. `files`: what is to be attached, by hash.
    `completions`: how often the host hears that the files of an invoice are through. `clients`: the name of the
    contact that is created. `wishes` are the events that ask for one. `dues`: what is told to be due, in order.
    `bodies` is what CrewCard's file server has at each path.
    """

    allocations: dict[Key, tuple[str, Decimal]] = field(default_factory=dict)
    files: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    completions: dict[Key, int] = field(default_factory=dict)
    clients: dict[Key, str] = field(default_factory=dict)
    wishes: set[str] = field(default_factory=set)
    dues: dict[Key, tuple[Decimal, ...]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def take(self, other: "Promised") -> None:
        """What another company is owed as well."""
        self.wishes |= other.wishes
        for name in ("allocations", "files", "completions", "clients", "dues", "bodies"):
            getattr(self, name).update(getattr(other, name))

    @property
    def news(self) -> set[tuple[str, str]]:
        """What the host must have heard in the end, by company and as `host.news_of` calls it."""
        credited = {(company, f"allocated {id_}") for company, id_ in self.allocations}
        filed = {(company, f"files {id_} {times}") for (company, id_), times in self.completions.items()}
        made = {(company, f"client {client}") for company, client in self.clients}
        return credited | filed | made | {(one[0], f"due {one[1]} {dues[-1]:.2f}") for one, dues in self.dues.items()}


def way_of(company: str) -> Way:
    """Whether a contact is created by itself, or when somebody asks for it."""
    return "automatic" if int(company.rpartition("-")[2]) % 2 else "on_request"


@dataclass
class OfKinds:
    """A company's story: its rounds, what it is owed, and what Xero holds of what went again by itself."""

    rounds: Sequence[Round]
    promised: Promised
    again: Mapping[str, Content]


def following(dice: random.Random, company: str, each: int, files_at: str) -> OfKinds:
    """A company's story, `each` invoices of every kind; CrewCard's files are at that address."""
    return _Story(dice, company, each, files_at).told()


class _Story:
    def __init__(self, dice: random.Random, company: str, each: int, files_at: str) -> None:
        self._company, self._dice, self._files_at = company, dice, files_at
        self._promised = Promised()
        self._ids = {kind: [f"{company}-{kind}-{number}" for number in range(1, each + 1)] for kind in _KINDS}
        self._contents = {id_: self._invented(kind, id_) for kind, ids in self._ids.items() for id_ in ids}
        self._credits: dict[str, str] = {}

    def told(self) -> OfKinds:
        first, second, third = (Round(self._company, story="kinds") for _ in range(3))
        small = self._credit_notes("credited", 1, Decimal(4)) + self._credit_notes("twice", 2, Decimal(5))
        large = self._credit_notes("overcredited", 1, Decimal(1))
        for id_ in [*self._ids["filed"], *self._ids["handed"]]:
            self._hand_in(first, id_)
        settled = [id_ for kind in ("credited", "twice", "paid", "parts", "handed") for id_ in self._ids[kind]]
        self._ask(first, "kinds", [*settled, *self._ids["filed"], *self._ids["overcredited"], *large])
        self._ask(first, "refunds", self._ids["refund"])
        for id_ in self._ids["fresh"]:
            self._ask_without_contact(first, id_)
        self._pay(second)
        self._change_refunds()
        self._ask(second, "refunds-changed", self._ids["refund"], revision=1)
        self._ask(second, "credits", small)
        self._wish(second)
        self._ask(third, "filed-again", self._ids["filed"], signature="renewed")
        for id_ in self._ids["filed"]:
            second.awaited.add(f"files {id_} 1")
            self._promised.completions[self._company, id_] = 2
        self._pay_the_rest(third)
        again = {id_: self._contents[id_] for id_ in self._ids["fresh"]}
        return OfKinds((first, second, third), self._promised, again)

    def _invented(self, kind: Kind, id_: str) -> Content:
        usual = contact_of(self._company)
        if kind == "refund":
            return self._a_credit(
                id_, (("Paid too much", Decimal(2), Decimal(self._dice.randrange(1, 99)), Decimal(0)),)
            )
        return mixed(self._dice, number_of(id_), self._name_of(id_) if kind == "fresh" else usual)

    def _a_credit(self, id_: str, lines: tuple[Line, ...], **other: str) -> Content:
        number, usual = number_of(id_), contact_of(self._company)
        return Content(number, (usual,), "", lines, document="credit_note", **other)

    def _credit_notes(self, kind: Kind, times: int, share: Decimal) -> list[str]:
        """Credit notes of a share of each invoice; with tax on top the whole of one is more than is due of it."""
        made = []
        for invoice in self._ids[kind]:
            billed, dues = self._contents[invoice], []
            due = billed.total
            for place in range(1, times + 1):
                id_ = f"{invoice}-credit-{place}"
                lines = (("Credited", Decimal(1), cents(billed.total / share), Decimal(0)),)
                taxed = {"tax_type": TAXED} if share == 1 else {}
                self._contents[id_] = self._a_credit(id_, lines, currency=billed.currency, **taxed)
                self._credits[id_] = invoice
                amount = min(due, self._contents[id_].total)
                self._promised.allocations[self._company, id_] = (invoice, amount)
                due -= amount
                dues.append(due)
                made.append(id_)
            self._promised.dues[self._company, invoice] = tuple(dues)
        return made

    def _hand_in(self, one: Round, id_: str) -> None:
        """By the door: of one that has addresses, too, a file more."""
        files = ["sheet.pdf"] if "-filed-" in id_ else ["sheet 1.pdf", "sheet 2.csv"]
        bodies = [self._body() for _ in files]
        handed = [HandedFile(self._company, id_, *both) for both in zip(files, bodies, strict=True)]
        one.files += [*handed, handed[0]]  # said twice
        named = [self._body() for _ in _NAMED] if "-filed-" in id_ else []
        self._promised.bodies |= {f"/{id_}/{place}": body for place, body in enumerate(named)}
        hashes = [hashlib.sha256(body).hexdigest() for body in (*bodies, *named)]
        self._promised.files[self._company, id_] = tuple(sorted(hashes))
        self._promised.completions[self._company, id_] = 1

    def _body(self) -> bytes:
        return self._dice.randbytes(self._dice.randrange(_SHORTEST, _LONGEST))

    def _change_refunds(self) -> None:
        for id_ in self._ids["refund"]:
            before = self._contents[id_]
            (text, quantity, price, discount), *_ = before.lines
            self._contents[id_] = replace(before, lines=((text, quantity, price + 1, discount),))

    def _ask(self, one: Round, name: str, ids: Sequence[str], revision: int = 0, signature: str = "first") -> None:
        request = f"{name}-{self._company}"
        invoices = [self._snapshot(id_, revision, signature) for id_ in ids]
        self._request(one, request, invoices, "bulk")
        for id_ in ids:
            one.wanted[request, id_] = self._contents[id_]
            one.said[request, id_] = "succeeded"

    def _ask_without_contact(self, one: Round, id_: str) -> None:
        """It fails, a contact is created for its client, and it goes again by itself."""
        client = {"id": f"client-{id_}", "name": self._name_of(id_), "email": f"{id_}@client.example"}
        self._request(
            one, f"click-{id_}", [snapshot(id_, CLIENT, self._contents[id_]) | {"client": client}], "single"
        )
        one.said[f"click-{id_}", id_] = "failed"
        self._promised.clients[self._company, f"client-{id_}"] = self._name_of(id_)

    def _request(self, one: Round, request: str, invoices: Sequence[Json], mode: str) -> None:
        asked = {"request": request, "requested_by": {"id": "anna"}, "mode": mode, "invoices": list(invoices)}
        one.events.append(event("invoice.export.requested", request, company=self._company, **asked))

    def _snapshot(self, id_: str, revision: int, signature: str) -> Json:
        content, more = self._contents[id_], {}
        if id_ in self._credits:
            more = {"document": "credit_note", "credits": self._credits[id_]}
        elif content.document == "credit_note":  # one that is below zero needs no mark
            lines = tuple((text, quantity, -price, discount) for text, quantity, price, discount in content.lines)
            content = replace(content, lines=lines)
        elif "-filed-" in id_:
            at = [f"{self._files_at}/{id_}/{place}?signature={signature}" for place in range(len(_NAMED))]
            more = {"attachments": [{"name": name, "url": url} for name, url in zip(_NAMED, at, strict=True)]}
        return snapshot(id_, CLIENT, content, revision, **more)

    def _wish(self, one: Round) -> None:
        """Two admins ask for each; a company that creates them by itself needs nobody."""
        if way_of(self._company) == "automatic":
            return
        for id_ in self._ids["fresh"]:
            for by in ("anna", "bert"):
                said = {"client": f"client-{id_}", "requested_by": {"id": by, "role": "admin"}}
                wish = f"wish-{id_}-{by}"
                kind = "client.xero_contact.create_requested"
                one.events += [event(kind, wish, company=self._company, **said)] * 2
                self._promised.wishes.add(wish)

    def _pay(self, one: Round) -> None:
        for id_ in self._ids["paid"]:
            one.payments[number_of(id_)] = self._contents[id_].total
            self._promised.dues[self._company, id_] = (Decimal(0),)
        for id_ in self._ids["parts"]:
            part = cents(self._contents[id_].total / 3)
            left = self._contents[id_].total - part
            one.payments[number_of(id_)] = part
            one.awaited.add(f"due {id_} {left:.2f}")
            self._promised.dues[self._company, id_] = (left, Decimal(0))

    def _pay_the_rest(self, one: Round) -> None:
        for id_ in self._ids["parts"]:
            one.payments[number_of(id_)] = self._promised.dues[self._company, id_][0]

    def _name_of(self, id_: str) -> str:
        """What a client without a contact is called: as nobody in Xero is."""
        digest = hashlib.sha256(id_.encode()).hexdigest()
        return f"{digest[:8]} {digest[8:16]}"
