"""Companies and what they chose.

What is known of organisations' settings, so that they need not be asked for each time.
What each organisation offers to choose from, as it was when last asked.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlmodel import col, select

from events.accounting_target import ChoiceKind, Lane, ListedChoice
from events.lane import DEFAULT_TARGET
from events.settings import Books, CompanySettings, NewContacts
from events.wording import folded_text, without_apostrophes
from store import statements, summaries
from store.tables import Company, CompanyConnection, Offer, OrganisationFacts, RefusedTax
from store.unit_of_work import Work

MOST_NAMED = 10_000


def set_up(work: Work, company: str, name: str, settings: CompanySettings, target: str | None = None) -> None:
    """Add the company, or give it another name and settings, and another accounting system where one is named."""
    text = settings.model_dump_json(exclude_none=True)
    known = work.session.get(Company, company)
    if known is None:
        known = Company(id=company, name=name, created_at=work.now)
        work.session.add(known)
    before = read_settings(known.settings or "{}").daily_summary
    known.name, known.settings, known.target = name, text, target or known.target
    work.session.flush()
    if settings.daily_summary != before:
        summaries.plan(work, company, settings.daily_summary)


def target_of(work: Work, company: str) -> str:
    """The name of the company's accounting system."""
    known = statements.look_up(work, Company, id=company)
    return known.target if known else DEFAULT_TARGET


def settings_of(work: Work, company: str) -> CompanySettings:
    """The company's settings; the defaults for a company without any."""
    known = statements.look_up(work, Company, id=company)
    return read_settings(known.settings) if known else CompanySettings()


class ConnectedCompany(NamedTuple):
    """What is kept of a company: its settings, its accounting system by name, and its connection, to be read only."""

    settings: CompanySettings
    target: str
    connection: CompanyConnection | None


def known(work: Work, ids: Collection[str]) -> Mapping[str, ConnectedCompany]:
    """Those of these companies that were set up and are not being removed, by id, in one look."""
    found = statements.rows(work, _known(on_sqlite=work.on_sqlite), ids=sorted(ids))
    return {
        row.id: ConnectedCompany(read_settings(row.settings), row.target, row if row.company is not None else None)
        for row in found
    }


@functools.cache
def _known(*, on_sqlite: bool) -> Any:
    connection = CompanyConnection.__table__  # type: ignore[attr-defined]
    asked = select(Company.id, Company.settings, Company.target, *connection.c)
    joined = asked.join_from(Company, connection, connection.c.company == col(Company.id), isouter=True)
    return joined.where(
        statements.among(col(Company.id), "ids", on_sqlite=on_sqlite), col(Company.closed_at).is_(None)
    )


def with_new_contacts(work: Work, how: NewContacts) -> Sequence[str]:
    """The companies whose setting for new contacts is this one."""
    said = col(Company.settings).contains(f'"new_contacts":"{how}"', autoescape=True)
    return work.session.exec(select(Company.id).where(said).order_by(col(Company.id))).all()


def name_of(work: Work, company: str) -> str:
    """The company's name; its id where it was never set up."""
    known = work.session.get(Company, company)
    return known.name if known else company


def exists(work: Work, company: str) -> bool:
    """Whether the company was set up, and is not being removed."""
    known = statements.look_up(work, Company, id=company)
    return known is not None and known.closed_at is None


def is_closed(work: Work, company: str) -> bool:
    """Whether the company is being removed."""
    known = statements.look_up(work, Company, id=company)
    return known is not None and known.closed_at is not None


def all_companies(work: Work) -> Sequence[Company]:
    """All companies by id."""
    return work.session.exec(select(Company).order_by(col(Company.id))).all()


def locked_settings(work: Work, company: str) -> CompanySettings:
    """The company's settings, locked until the transaction ends, so that no change of them is lost."""
    asked = select(Company).where(Company.id == company).with_for_update()
    known = work.session.exec(asked.execution_options(populate_existing=True)).first()
    return read_settings(known.settings) if known else CompanySettings()


def read_settings(text: str) -> CompanySettings:
    """Settings as they are kept by a company's row; what a later version added is left for that version."""
    kept = json.loads(text)
    return CompanySettings.model_validate({name: kept[name] for name in kept.keys() & CompanySettings.model_fields})


def names(work: Work, ids: Collection[str]) -> Mapping[str, str]:
    """The names of these companies, by id; those that were never set up are left out."""
    asked = select(Company.id, Company.name).where(col(Company.id).in_(sorted(ids)))
    return {row.id: row.name for row in statements.rows(work, asked)}


def containing(work: Work, text: str) -> Sequence[Any]:
    """Id and name, as plain rows by id, of the companies whose name holds the text or whose id begins so.

    Capitals, accents and apostrophes do not matter, on either database; at most `MOST_NAMED` companies are looked at.
    """
    rows = statements.rows(work, select(Company.id, Company.name).order_by(col(Company.id)).limit(MOST_NAMED))
    key = sought(text)
    if text and not key:
        return []  # apostrophes alone are in every name once they are left out
    return [row for row in rows if key in sought(row.name) or sought(row.id).startswith(key)]


def called(work: Work, text: str) -> Sequence[Any]:
    """Id and name, as plain rows, of the companies that are meant: of this id, else this name, else a part of it."""
    if exact := statements.rows(work, select(Company.id, Company.name).where(Company.id == text)):
        return exact
    some, key = containing(work, text), sought(text)
    return [row for row in some if key in (sought(row.id), sought(row.name))] or some


def sought(text: str) -> str:
    """A name as it is searched by: without capitals, accents and apostrophes."""
    return without_apostrophes(folded_text(text))


def known_facts(work: Work, lane: Lane) -> Books:
    """The settings as they were last read, with the moment each part was read; nothing where nobody ever did."""
    row = work.session.get(OrganisationFacts, (lane.company, lane.tenant))
    books = Books.model_validate_json(row.books) if row else Books()
    by_account: dict[str, set[str]] = defaultdict(set)
    for account, tax in refused_taxes(work, lane):
        by_account[account].add(tax)
    return books.model_copy(update={"refused": {code: frozenset(taxes) for code, taxes in by_account.items()}})


def refused_taxes(work: Work, lane: Lane) -> set[tuple[str, str]]:
    """Accounts and tax rates that did not go together when an invoice was sent."""
    asked = select(RefusedTax.account, RefusedTax.tax).where(
        col(RefusedTax.company) == lane.company, col(RefusedTax.tenant) == lane.tenant
    )
    return set(work.session.exec(asked).all())


def note_refused_tax(work: Work, lane: Lane, pairs: Collection[tuple[str, str]]) -> None:
    """Remember accounts and tax rates that Xero refuses together."""
    whose = {"company": lane.company, "tenant": lane.tenant, "seen_at": work.now}
    rows = [{**whose, "account": account, "tax": tax} for account, tax in sorted(pairs)]
    statements.upsert(work, RefusedTax, rows, {"seen_at": "excluded"}, returning=["account"])


def forget_refused_tax(work: Work, lane: Lane, pairs: Collection[tuple[str, str]]) -> None:
    """Xero takes these together after all: its settings have been changed."""
    for account, tax in sorted(pairs):
        work.session.exec(
            delete(RefusedTax).where(
                col(RefusedTax.company) == lane.company,
                col(RefusedTax.tenant) == lane.tenant,
                col(RefusedTax.account) == account,
                col(RefusedTax.tax) == tax,
            )
        )


def save_facts(work: Work, lane: Lane, books: Books) -> None:
    """Remember these settings."""
    row = {
        "company": lane.company,
        "tenant": lane.tenant,
        "books": books.model_dump_json(exclude_none=True, exclude={"refused"}),
        "fetched_at": work.now,
    }
    changes = dict.fromkeys(("books", "fetched_at"), "excluded")
    statements.upsert(work, OrganisationFacts, [row], changes, returning=["tenant"])


@dataclass(frozen=True)
class OfferedChoices:
    """The choices of one kind and when they were fetched."""

    choices: Sequence[ListedChoice]
    fetched_at: datetime


def save_choices(work: Work, lane: Lane, kind: ChoiceKind, choices: Sequence[ListedChoice]) -> OfferedChoices:
    """Remember what the organisation offers now."""
    row = {
        "company": lane.company,
        "tenant": lane.tenant,
        "kind": kind,
        "choices": json.dumps([asdict(one) for one in choices], ensure_ascii=False),
        "fetched_at": work.now,
    }
    statements.upsert(work, Offer, [row], dict.fromkeys(("choices", "fetched_at"), "excluded"), ["kind"])
    return OfferedChoices(choices, work.now)


def choices_of_lane(work: Work, lane: Lane) -> Mapping[str, OfferedChoices]:
    """What is remembered of the lane's organisation, by kind."""
    asked = select(Offer).where(Offer.company == lane.company, Offer.tenant == lane.tenant)
    return {row.kind: OfferedChoices(_parsed(row.choices), row.fetched_at) for row in work.session.exec(asked)}


def _parsed(text: str) -> list[ListedChoice]:
    return [ListedChoice(**{**one, "options": tuple(one["options"])}) for one in json.loads(text)]
