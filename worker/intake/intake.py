"""Intake: one transaction files events, their requests and a row per invoice; accepted means committed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.accounting_target import AccountingTarget, Lane
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested
from events.orders import InvoiceExportRaiseAnewRequested, InvoiceExportReplayRequested
from events.preview import InvoiceExportPreviewRequested
from events.settings import CompanySettings
from events.snapshot import Incoming
from store import audit, companies, connections, inbox, pauses
from store.database_trouble import trouble_of
from store.inbox import FiledEvent
from store.requests import Key
from store.tables import CompanyConnection
from store.unit_of_work import Work
from worker import logs
from worker.commands import registry, replay
from worker.decisions import merge_rules, turns
from worker.decisions.merge_rules import Load, Receipt, TooMuch
from worker.decisions.rights import OURSELVES, Actor
from worker.intake import parsed_event, request_writer
from worker.intake.parsed_event import Brought, Coming, InvoiceContent, OnFiled
from worker.intake.request_plan import Filing
from worker.tools import Tools
from worker.waiting import login_block, pausing
from worker.waiting.login_block import Waits

Verdict = Receipt | Exception
_LOCK_SECONDS = 0.1  # of an event that another one's lock has held up already
_MOST_LOCKED = 3
_log = logs.log("intake")


@dataclass(frozen=True)
class KnownCompanies:
    """Settings, connections and accounting systems by company; one that was never set up is in none of them.

    `taken` counts the invoices that nobody objected to.
    """

    settings: Mapping[str, CompanySettings]
    connections: Mapping[str, CompanyConnection]
    targets: Mapping[str, AccountingTarget | None]
    taken: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(cls, work: Work, tools: Tools, ids: Collection[str]) -> "KnownCompanies":
        """Those of these companies that are known."""
        known = companies.known(work, ids)
        return cls(
            settings={id_: one.settings for id_, one in known.items()},
            connections={id_: one.connection for id_, one in known.items() if one.connection},
            targets={id_: tools.targets.get(one.target) for id_, one in known.items()},
        )

    def lane(self, company: str) -> Lane:
        """Where the company's exports go; no organisation yet before its first login."""
        connection = self.connections.get(company)
        return Lane(company, connection.tenant if connection else connections.NOT_YET)

    def objection(self, work: Work, tools: Tools, asked: Incoming) -> Unreadable | TooMuch | None:
        """Why this is not filed at all, or None."""
        if asked.company not in self.settings:
            return Unreadable(f"data.company: there is no company “{asked.company}” here")
        if isinstance(asked, InvoiceExportRequested):
            return self._too_much(work, tools, asked)
        return None

    def _too_much(self, work: Work, tools: Tools, asked: InvoiceExportRequested) -> TooMuch | None:
        most, taken = tools.settings.most_pending, self.taken[asked.company]
        too_much = tools.room.objection(work, asked, most, tools.elapsed(), taken=taken)
        if too_much is None:
            self.taken[asked.company] += len(asked.invoices)
        return too_much

    def filing(
        self,
        envelope: Envelope,
        asked: InvoiceExportRequested,
        contents: Mapping[str, InvoiceContent] | None = None,
        caused_by: str | None = None,
        *,
        raising: bool = False,
    ) -> Filing:
        """A request of one of these companies, on its way into the tables."""
        lane, target = self.lane(asked.company), self.targets[asked.company]
        own, contents = self.settings[asked.company], contents or {}
        chosen = {"raising": raising, "attaches": own.attachments}
        return Filing(asked, envelope, lane, target, own, caused_by, contents=contents, **chosen)

    def waits(self, work: Work, filings: Sequence[Filing]) -> Mapping[Key, Waits | None]:
        """What the requests wait for whose company is not connected. Who waits, for that or a pause, is told so."""
        held = pauses.holding(work, sorted({one.asked.company for one in filings}))
        for company, request in (one.key for one in filings if one.asked.company in held):
            pausing.tell_newcomer(work, company, request)
        return {
            one.key: login_block.at_intake(work, self.connections.get(one.asked.company), *one.key) for one in filings
        }


def accept(
    tools: Tools, document: Any, actors: Sequence[Actor] = (OURSELVES,), on_filed: OnFiled | None = None
) -> Receipt:
    """File one parsed CloudEvent for which these answer; `on_filed` is done in the same transaction.

    Raises Unreadable, rights.NotAllowed, inbox.OtherBody for a used id with another body, backpressure.TooMuch, and
    what `on_filed` raises: then nothing is filed.
    """
    (verdict,) = file_each(tools, [Brought(document, actors, on_filed)])
    if isinstance(verdict, Exception):
        raise verdict
    return verdict


def accept_each(tools: Tools, documents: Sequence[Any], actors: Sequence[Actor] = (OURSELVES,)) -> list[Verdict]:
    """File parsed CloudEvents for which the same answer; each has its receipt, or what `accept` would raise."""
    return file_each(tools, [Brought(document, actors) for document in documents])


def file_each(tools: Tools, brought: Sequence[Brought]) -> list[Verdict]:
    """File events, as if one after the other; each has its receipt, or what `accept` would raise."""
    read = [_parse(one) for one in brought]
    readable = [one for one in read if isinstance(one, Coming)]
    filed: list[Verdict] = []
    for places in merge_rules.rounds([_load(one) for one in readable]):
        filed += _together(tools, [readable[place] for place in places])
    verdicts = iter(filed)
    return [next(verdicts) if isinstance(one, Coming) else one for one in read]


def _parse(brought: Brought) -> Coming | Exception:
    try:
        return parsed_event.read_event(brought)
    except Exception as broken:  # Unreadable or NotAllowed, mostly
        return broken


def _load(one: Coming) -> Load:
    asked = one.asked
    if not isinstance(asked, InvoiceExportRequested):
        return merge_rules.ALONE
    named = [invoice.id for invoice in asked.invoices]
    return merge_rules.load_of_request((one.seen.source, one.seen.id), asked.company, asked.request, named)


def _together(tools: Tools, some: Sequence[Coming]) -> Sequence[Verdict]:
    """In one transaction; where that does not work, each in its own, so that one event's trouble is its own.

    The database's trouble is everybody's. A lock may be about one event alone, so the others are tried, but not for
    long: where several wait for locks, all of them do.
    """
    try:
        return _file(tools, some)
    except Exception as failed:
        trouble = trouble_of(failed)
        if len(some) == 1 or trouble not in (None, "locked"):
            return [failed] * len(some)
        _log.exception("intake.split", count=len(some))
    verdicts: list[Verdict] = []
    locked: list[Exception] = []
    for one in some:
        if len(locked) == _MOST_LOCKED:
            verdicts.append(locked[0])
            continue
        try:
            verdicts += _file(tools, [one], _LOCK_SECONDS if trouble else None)
        except Exception as failed:
            verdicts.append(failed)
            locked += [failed] if trouble_of(failed) else []
    return verdicts


def _file(tools: Tools, some: Sequence[Coming], lock_seconds: float | None = None) -> Sequence[Verdict]:
    with tools.store.write(lock_seconds) as work:
        companies = KnownCompanies.load(work, tools, {one.asked.company for one in some})
        known = inbox.answered_before(work, [one.seen for one in some])
        verdicts: dict[FiledEvent, Verdict] = {seen: _again(answer) for seen, answer in known.items()}
        for one in some:
            objection = None if one.seen in verdicts else companies.objection(work, tools, one.asked)
            if objection:
                verdicts[one.seen] = objection
        new = [one for one in some if one.seen not in verdicts]
        if _is_an_order(new) and not inbox.claim(work, new[0].seen):  # it was filed at this very moment
            answers = inbox.answered_before(work, [new.pop().seen])
            verdicts |= {seen: _again(answer) for seen, answer in answers.items()}
        receipts = {one.seen: receipt for one, receipt in zip(new, _obey(work, tools, companies, new), strict=True)}
        inbox.file(work, {seen: receipt.__dict__ for seen, receipt in receipts.items()})
        found = [(verdicts | receipts)[one.seen] for one in some]
        for one, verdict in zip(some, found, strict=True):
            if one.on_filed and isinstance(verdict, Receipt):
                one.on_filed(work, verdict)
    _wake(tools, companies, new, told=work.told)
    return found


def _is_an_order(new: Sequence[Coming]) -> bool:
    """Whether it comes alone; a request is known by its own keys, however many bring it at once."""
    return len(new) == 1 and not isinstance(new[0].asked, InvoiceExportRequested)


def _again(answer: Mapping[str, Any] | inbox.OtherBody) -> Verdict:
    return answer if isinstance(answer, inbox.OtherBody) else Receipt(**{**answer, "repeated": True})


def _obey(work: Work, tools: Tools, companies: KnownCompanies, new: Sequence[Coming]) -> Sequence[Receipt]:
    """Requests go together, anything else comes alone."""
    if len(new) == 1 and (order := _ORDERS.get(new[0].envelope.type)):
        return [order(work, tools, new[0].envelope, new[0].asked, companies, new[0].key)]
    return _request(work, tools, companies, new)


def _request(work: Work, tools: Tools, companies: KnownCompanies, new: Sequence[Coming]) -> Sequence[Receipt]:
    filings = [
        companies.filing(one.envelope, one.asked, one.said)
        for one in new
        if isinstance(one.asked, InvoiceExportRequested)
    ]
    filed = request_writer.file(work, tools, filings)
    waits = companies.waits(work, filings)
    return [
        Receipt(one.envelope.id, *one.key, done.new, connection=waits.get(one.key))
        for one, done in zip(filings, filed, strict=True)
    ]


def _replay(
    work: Work,
    tools: Tools,
    envelope: Envelope,
    order: InvoiceExportReplayRequested,
    companies: KnownCompanies,
    _key: str,
) -> Receipt:
    found = replay.prepare(work, envelope, order)
    filings = [companies.filing(envelope, part, caused_by=found.caused_by) for part in found.parts]
    new = sum(request_writer.file(work, tools, [filing])[0].new for filing in filings)
    audit.note(work, order.requested_by.id, "replay", order.company, order.chosen(), new, order.why)
    return Receipt(envelope.id, order.company, found.request, new, left_out=found.left_out)


def _raise_anew(
    work: Work,
    tools: Tools,
    envelope: Envelope,
    order: InvoiceExportRaiseAnewRequested,
    companies: KnownCompanies,
    _key: str,
) -> Receipt:
    found = replay.prepare_anew(work, envelope, order)
    new = 0
    for part in found.parts:
        filing = companies.filing(envelope, part, caused_by=envelope.id, raising=True)
        (filed,) = request_writer.file(work, tools, [filing])
        replay.note_anew(work, order, filed.plan.started())
        new += filed.new
    chosen = {**order.chosen(), **({"number": order.number} if order.number else {})}
    audit.note(work, order.requested_by.id, "raise anew", order.company, chosen, new, order.why)
    return Receipt(envelope.id, order.company, found.request, new, left_out=found.left_out)


_ORDERS = registry.handlers({registry.REPLAY: _replay, registry.RAISE_ANEW: _raise_anew})


def _wake(tools: Tools, companies: KnownCompanies, new: Sequence[Coming], *, told: bool) -> None:
    """Ring each lane once, and whoever else has something to do now."""
    clicked = {one.asked.company for one in new if getattr(one.asked, "mode", None) == "single"}
    for company in sorted({one.asked.company for one in new}):
        tools.bells.ring(companies.lane(company).key, most=turns.MOST if company in clicked else 1)
    if told:
        tools.bells.wake_relay()
    types = {one.envelope.type for one in new}
    if InvoiceExportPreviewRequested.TYPE in types:
        tools.bells.wake_previews()
    if types & registry.CHANGES:
        tools.bells.wake_changes()
