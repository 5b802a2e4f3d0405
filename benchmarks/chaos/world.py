"""What is asked for, made from the seed: companies, invoices, requests in parts, repeats; pure."""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos import kinds, rounds
from benchmarks.chaos.content import (
    CLIENT,
    CURRENCIES,
    NEWCOMER,
    NO_ACCOUNT,
    PER_CENT,
    TAXED,
    UNTAXED,
    Content,
    Json,
    contact_of,
    event,
    mixed,
    number_of,
    plain,
    snapshot,
)
from benchmarks.chaos.kinds import SENT_AGAIN, SIMILAR, OfKinds, Promised
from benchmarks.chaos.plan import Plan
from benchmarks.chaos.rounds import Round
from events.settings import CompanySettings

Invoice = tuple[str, str]  # company, invoice id
Asked = tuple[str, str, str]  # company, request, invoice id
_FEWEST_OF_A_KIND, _ONE_IN_FOLLOWED, _ONE_IN_OF_KINDS = 2, 50, 60
_FILES_AT = "http://files.example"
_SMALLEST_PART, _PARTS = 10, 500
_ONE_IN_DUPLICATED, _ONE_IN_ASKED_AGAIN, _ONE_IN_UNMAPPED = 5, 10, 60
_ONE_IN_REFUSED = 30
CALLS_PER_DAY = 50_000  # ten of Xero's: a slot of the reconciler's is 3.5 s then, and a lost webhook no long tail
_LOCKED_UNTIL, _IN_LOCKED_PERIOD = "2026-06-30", "2026-06-15"


@dataclass(frozen=True)
class World:
    """`deliveries` holds some events twice; `rounds` is what follows; `answers` how each is answered.

    `wanted` is what Xero must hold in the end, and nothing else; `meant` what each request of the rounds wanted.
    `promised` is what is owed beside answers.
    """

    companies: Sequence[str]
    deliveries: Sequence[Json]
    wanted: Mapping[Invoice, Content]
    answers: Mapping[Asked, str]
    rounds: Sequence[Round] = ()
    meant: Mapping[Asked, Content] = field(default_factory=dict)
    promised: Promised = field(default_factory=Promised)

    @property
    def requests(self) -> set[tuple[str, str]]:
        """The requests that the host hears the end of, with their companies."""
        return {(company, request) for company, request, _ in self.answers if request != SENT_AGAIN}

    @property
    def news(self) -> set[tuple[str, str]]:
        """Everything that the host must have heard in the end, as `host.news_of` calls it."""
        return self.requests | self.promised.news


@dataclass
class _Making:
    dice: random.Random
    invented: Callable[..., Content]
    events: list[Json] = field(default_factory=list)
    wanted: dict[Invoice, Content] = field(default_factory=dict)
    answers: dict[Asked, str] = field(default_factory=dict)


def of(plan: Plan, files_at: str = _FILES_AT) -> World:
    """The world of a plan: the first company has half of all invoices. CrewCard's file server is at `files_at`."""
    making = _Making(random.Random(f"{plan.seed}/world"), plain if plan.control else mixed)
    companies = [f"crew-{number:02d}" for number in range(1, plan.companies + 1)]
    for company, count in zip(companies, _shares(plan), strict=True):
        invoices = [_invoice(making, company, number) for number in range(1, count + 1)]
        _ask(making, company, f"bulk-{company}", invoices, max(_SMALLEST_PART, plan.invoices // _PARTS))
    deliveries = [one for one in making.events for _ in range(1 + _one_in(making, _ONE_IN_DUPLICATED))]
    making.dice.shuffle(deliveries)
    # The control knows first exports alone.
    after = [] if plan.control else [one for company in companies for one in _following(plan, company)]
    promised = Promised()
    for company in () if plan.control else companies:
        of_kinds = _of_kinds(plan, company, files_at)
        after += of_kinds.rounds
        promised.take(of_kinds.promised)
        making.wanted |= {(company, id_): content for id_, content in of_kinds.again.items()}
        making.answers |= {(company, SENT_AGAIN, id_): "succeeded" for id_ in of_kinds.again}
    return World(
        companies,
        deliveries,
        {**making.wanted, **rounds.last_wanted(after)},
        {**making.answers, **{(one.company, *asked): said for one in after for asked, said in one.said.items()}},
        after,
        {(one.company, *asked): content for one in after for asked, content in one.wanted.items()},
        promised,
    )


def _following(plan: Plan, company: str) -> list[Round]:
    each = max(_FEWEST_OF_A_KIND, plan.invoices // (plan.companies * _ONE_IN_FOLLOWED))
    return rounds.following(random.Random(f"{plan.seed}/rounds/{company}"), company, each)


def _of_kinds(plan: Plan, company: str, files_at: str) -> OfKinds:
    each = max(1, plan.invoices // (plan.companies * _ONE_IN_OF_KINDS))
    return kinds.following(random.Random(f"{plan.seed}/kinds/{company}"), company, each, files_at)


def settings_of(company: str) -> CompanySettings:
    """A company of the run: it credits, attaches, and creates contacts by itself or when it is asked to."""
    way = kinds.way_of(company)
    base = CompanySettings(default_account_code="200", contact_ids_editable=True)
    return base.model_copy(update={"credit_notes": True, "attachments": True, "new_contacts": way})


def tenant_of(company: str) -> str:
    """The Xero organisation of a company."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chaos/tenant/{company}"))


def organisation(company: str) -> Json:
    """The organisation as the simulator's control face wants it."""
    return {
        "tenant": tenant_of(company),
        "name": company.title(),
        "contacts": [
            {"id": contact_of(company), "name": "ACME Ltd"},
            {"id": contact_of(company, "other"), "name": "ACME Group"},
            {"id": contact_of(company, "similar"), "name": SIMILAR},
        ],
        "accounts": [{"code": "200", "tax_type": UNTAXED}],
        "tax_rates": [{"code": UNTAXED, "rate": "0"}, {"code": TAXED, "rate": str(PER_CENT)}],
        "base_currency": CURRENCIES[0],
        "currencies": list(CURRENCIES),
        "period_lock": _LOCKED_UNTIL,
        "calls_per_day": CALLS_PER_DAY,
    }


def _shares(plan: Plan) -> Iterator[int]:
    big, others = plan.invoices - plan.invoices // 2, plan.companies - 1
    yield big if others else plan.invoices
    for number in range(others):
        yield (plan.invoices // 2 + number) // others


def _one_in(making: _Making, times: int) -> bool:
    return making.dice.randrange(times) == 0


def _invoice(making: _Making, company: str, number: int) -> Json:
    client = NEWCOMER if _one_in(making, _ONE_IN_UNMAPPED) else CLIENT
    id_ = f"{company}-{number:05d}"
    content = making.invented(making.dice, number_of(id_), contact_of(company))
    invoice = snapshot(id_, client, content)
    if making.invented is mixed and _one_in(making, _ONE_IN_REFUSED):
        _spoil(making, invoice)
    elif client == CLIENT:
        making.wanted[company, id_] = content
    return invoice


def _spoil(making: _Making, invoice: Json) -> None:
    """Make Xero refuse it, alone of its batch: an account that is not there, or a period that is locked."""
    if making.dice.random() < 0.5:  # half of them
        invoice["lines"][-1]["account_code"] = NO_ACCOUNT
    else:
        invoice["date"] = _IN_LOCKED_PERIOD


def _ask(making: _Making, company: str, request: str, invoices: Sequence[Json], size: int) -> None:
    """A send in parts; some of the parts are asked for once more by a request of their own, as a person's click."""
    parts = [invoices[start : start + size] for start in range(0, len(invoices), size)]
    for number, part in enumerate(parts, start=1):
        making.events.append(_event(making, company, request, part, (number, len(parts))))
        if _one_in(making, _ONE_IN_ASKED_AGAIN):
            making.events.append(_event(making, company, f"again-{company}-{number}", part, (1, 1)))


def _event(making: _Making, company: str, request: str, invoices: Sequence[Json], part: tuple[int, int]) -> Json:
    for invoice in invoices:
        known = (company, invoice["id"]) in making.wanted
        making.answers[company, request, invoice["id"]] = "succeeded" if known else "failed"
    return event(
        "invoice.export.requested",
        f"{request}-{part[0]}",
        company=company,
        request=request,
        part=part[0],
        parts=part[1],
        requested_by={"id": "anna"},
        mode="single" if request.startswith("again") else "bulk",
        invoices=list(invoices),
    )
