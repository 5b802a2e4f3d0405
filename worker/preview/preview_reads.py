"""Looking into Xero for a preview: only reads, a permit for each call, and what could not be seen is said."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from events.accounting_target import AccountingTarget, ListedContact, Organisation, Posted, Trouble
from events.invoice import Document, folded
from events.settings import PARTS, Books, Part
from store import bulk_orders, companies
from worker.preview import preview_plan
from worker.preview.preview_plan import KnownCompany, Plan
from worker.tools import Tools

GOOD_SECONDS = 600.0  # so long settings are believed; what would fail is looked at afresh
_ALWAYS: tuple[Part, ...] = ("organisation", "actions", "accounts", "tax_rates", "currencies")
_OF_ALL = frozenset({"needs_login", "refused", "limited", "offline"})
_WHY = {
    "minute": "the rest of Xero's minute is kept for exports",
    "previews": "today's share of Xero's calls for previews is used up",
}
Wait = Callable[[float], bool]  # sits a wait out, or says no
T = TypeVar("T")


@dataclass
class PreviewCalls:
    """The calls of one preview, begun at a moment: how many there were, and what they could not see.

    They are counted for the `key` that asked for it.
    """

    tools: Tools
    target: AccountingTarget
    organisation: Organisation
    wait: Wait
    began: datetime
    key: str = ""
    calls: int = 0
    missed: dict[str, str] = field(default_factory=dict)
    over: bool = False

    def ask(self, what: str, call: Callable[[], T]) -> T | None:
        """One call; None when it may not be made or went wrong. Raises redis.RedisError."""
        while not self.over:
            permit = self.target.pace.ask_to_look(self.organisation, self.key)
            if permit.wait:
                self._sit_out(what, permit.wait, _WHY.get(permit.limit, f"Xero's {permit.limit} limit is reached"))
                continue
            try:
                self.calls += 1
                return call()
            except Trouble as trouble:
                if trouble.effect == "limited" and trouble.wait:
                    self._sit_out(what, trouble.wait, trouble.message)
                    continue
                self.missed[what] = trouble.message
                self.over = trouble.effect in _OF_ALL and trouble.problem != "scope_missing"
                return None
            finally:
                self.target.pace.done(permit)
        self.missed.setdefault(what, next(iter(self.missed.values()), "not asked"))
        return None

    def _sit_out(self, what: str, seconds: float, why: str) -> None:
        if not self.wait(seconds):
            self.missed[what] = why
            self.over = True


@dataclass(frozen=True)
class SeenInXero:
    """What Xero shows. `contacts` and `numbers` hold what was looked for; what nobody could look for is not there."""

    contacts: Mapping[str, ListedContact | None]
    numbers: Mapping[str, Sequence[Posted]]
    copies: Mapping[str, Posted | None]


def settings(look: PreviewCalls, known: KnownCompany, extra: Collection[str], *, fresh: bool) -> Books:
    """The organisation's settings, of which only those parts are asked for that are not known well enough."""
    books = known.books
    with look.tools.store.read() as work:
        now = work.now
    young = now - timedelta(seconds=GOOD_SECONDS)
    wanted: list[Part] = [part for part in PARTS if part in _ALWAYS or part in extra]
    for part in wanted:
        if fresh or books.read.get(part, young) <= young:
            found = look.ask(f"its {part.replace('_', ' ')}", _reader(look, part))
            books = books.with_part(part, found, now) if found is not None else books
    if books != known.books:
        with look.tools.store.write() as work:
            companies.save_facts(work, known.lane, books)
    return books


def _reader(look: PreviewCalls, part: Part) -> Callable[[], Books]:
    return lambda: look.target.part(look.organisation, part)


def at(look: PreviewCalls, known: KnownCompany, plans: Sequence[Plan]) -> SeenInXero:
    """Contacts, numbers and copies of what would be sent, each kind of document by calls of its own."""
    seen = SeenInXero({}, {}, {})
    for document in sorted({plan.document for plan in plans if plan.sent}):
        found = _of_document(look, known, document, [plan for plan in plans if plan.document == document])
        seen = SeenInXero(
            {**seen.contacts, **found.contacts}, {**seen.numbers, **found.numbers}, {**seen.copies, **found.copies}
        )
    return seen


def _of_document(look: PreviewCalls, known: KnownCompany, document: Document, plans: Sequence[Plan]) -> SeenInXero:
    """What is raised anew gets its number by its present copy."""
    sent = [plan for plan in plans if plan.sent]
    ids = [plan.row.xero_invoice_id for plan in sent if plan.row and plan.row.xero_invoice_id]
    target, where = look.target.documents[document], look.organisation
    copies = _by_chunks(
        look,
        "the copies in Xero",
        bulk_orders.in_chunks(ids, target.sizes.ids),
        lambda some: target.fetch(where, some),
    )
    if any(copy and copy.unreadable for copy in copies.values()):
        look.missed.setdefault("the copies in Xero", "a value in Xero's answer cannot be read")
        copies = {id_: copy for id_, copy in copies.items() if not (copy and copy.unreadable)}
    for plan in sent:
        id_ = plan.row.xero_invoice_id if plan.row else None
        if plan.begins_again and (id_ is None or id_ in copies):
            preview_plan.raise_anew(look.target, known, plan, copies.get(id_ or ""), look.began)
    sent = [plan for plan in sent if plan.sent]
    clients = sorted({plan.posting.contact_id for plan in sent if plan.posting})
    contacts = _by_chunks(
        look,
        "contacts",
        bulk_orders.in_chunks(clients, target.sizes.contacts),
        lambda some: target.contacts(where, some),
    )
    numbers = _by_chunks(
        look, "numbers", target.in_calls(_asked(sent, copies)), lambda some: target.find(where, some), folded
    )
    return SeenInXero(contacts, {number: found or () for number, found in numbers.items()}, copies)


def _asked(sent: Sequence[Plan], copies: Mapping[str, Posted | None]) -> list[str]:
    """The numbers that must be free: of new invoices, and of those that get another number."""
    asked = []
    for plan in sent:
        copy = copies.get(plan.row.xero_invoice_id or "") if plan.row else None
        if plan.number and (copy is None or folded(copy.number) != folded(plan.number)):
            asked.append(plan.number)
    return asked


def _by_chunks(
    look: PreviewCalls,
    what: str,
    chunks: Iterable[Sequence[str]],
    call: Callable[[Sequence[str]], Mapping[str, T]],
    key: Callable[[str], str] = str,
) -> dict[str, T | None]:
    """What each call shows by key; None for what was looked for and is not there."""
    shown: dict[str, T | None] = {}
    for some in chunks:
        found = look.ask(what, lambda some=some: call(some))  # type: ignore[misc]  # each lambda its own chunk
        if found is not None:
            shown |= {key(one): found.get(key(one)) for one in some}
    return shown
