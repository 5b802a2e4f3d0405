"""Companies and what they chose."""

import json
from collections.abc import Collection, Mapping, Sequence

from sqlmodel import col, select

from events.lane import DEFAULT_TARGET
from events.settings import CompanySettings
from store import statements
from store.tables import Company
from store.unit_of_work import Work


def set_up(work: Work, company: str, name: str, settings: CompanySettings, target: str | None = None) -> None:
    """Add the company, or give it another name and settings, and another accounting system where one is named."""
    text = settings.model_dump_json(exclude_none=True)
    known = work.session.get(Company, company)
    if known is None:
        known = Company(id=company, name=name, created_at=work.now)
        work.session.add(known)
    known.name, known.settings, known.target = name, text, target or known.target
    work.session.flush()


def target_of(work: Work, company: str) -> str:
    """The name of the company's accounting system."""
    known = statements.look_up(work, Company, id=company)
    return known.target if known else DEFAULT_TARGET


def settings_of(work: Work, company: str) -> CompanySettings:
    """The company's settings; the defaults for a company without any."""
    known = statements.look_up(work, Company, id=company)
    return _settings_of(known.settings) if known else CompanySettings()


def known(work: Work, ids: Collection[str]) -> Mapping[str, tuple[CompanySettings, str]]:
    """Settings, and accounting system by name, of those of these companies that were set up, by id."""
    found = statements.find(work, Company, [{"id": id_} for id_ in sorted(ids)])
    return {row.id: (_settings_of(row.settings), row.target) for row in found}


def name_of(work: Work, company: str) -> str:
    """The company's name; its id where it was never set up."""
    known = work.session.get(Company, company)
    return known.name if known else company


def exists(work: Work, company: str) -> bool:
    """Whether the company was set up."""
    return statements.look_up(work, Company, id=company) is not None


def all_companies(work: Work) -> Sequence[Company]:
    """All companies by id."""
    return work.session.exec(select(Company).order_by(col(Company.id))).all()


def locked_settings(work: Work, company: str) -> CompanySettings:
    """The company's settings, locked until the transaction ends, so that no change of them is lost."""
    asked = select(Company).where(Company.id == company).with_for_update()
    known = work.session.exec(asked.execution_options(populate_existing=True)).first()
    return _settings_of(known.settings) if known else CompanySettings()


def _settings_of(text: str) -> CompanySettings:
    """Settings as they are kept; what a later version added is left for that version."""
    kept = json.loads(text)
    return CompanySettings.model_validate({name: kept[name] for name in kept.keys() & CompanySettings.model_fields})


def names(work: Work, ids: Collection[str]) -> Mapping[str, str]:
    """The names of these companies, by id; those that were never set up are left out."""
    asked = select(Company.id, Company.name).where(col(Company.id).in_(sorted(ids)))
    return {row.id: row.name for row in statements.rows(work, asked)}
