"""The organisation each company exports to, and the app and login that open it."""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from events.lane import DEFAULT_TARGET, Lane, Organisation
from store import statements
from store.tables import Company, CompanyApp, CompanyConnection, Export, RefusedTax
from store.tables.columns import word
from store.unit_of_work import Work

NOT_YET = ""  # the tenant of work that was accepted before its company's first login


class Taken(Exception):
    """Another company holds the organisation."""


def connect(work: Work, connection: CompanyConnection) -> None:
    """Choose the organisation a company exports to. Raises Taken when another company holds it."""
    _make_free(work, connection)
    try:
        with work.session.begin_nested():
            work.session.merge(connection)
            work.session.flush()
    except IntegrityError:  # another login ended at this very moment: the other company's, or an own one
        _make_free(work, connection)
        work.session.merge(connection)
        work.session.flush()


def _make_free(work: Work, connection: CompanyConnection) -> None:
    """What a company that parted leaves of the organisation goes. Raises Taken."""
    asked = select(CompanyConnection).where(
        CompanyConnection.tenant == connection.tenant, CompanyConnection.company != connection.company
    )
    holder = work.session.exec(asked.with_for_update()).first()
    if holder and holder.state != "disconnected":
        raise Taken(connection.tenant)
    if holder:
        work.session.delete(holder)
        work.session.flush()


def of_company(work: Work, company: str) -> CompanyConnection | None:
    """The company's connection, or None before its first login."""
    return work.session.get(CompanyConnection, company)


def of_each(work: Work, companies: Collection[str]) -> Mapping[str, CompanyConnection]:
    """The connections of these companies, by company, to be read only; none before a first login."""
    found = statements.find(work, CompanyConnection, [{"company": company} for company in sorted(companies)])
    return {row.company: row for row in found}


def organisation(work: Work, lane: Lane) -> Organisation | None:
    """The lane's organisation, or None when the company is connected to none or to another."""
    found = work.connection.execute(_organisation(), {"company": lane.company}).first()
    if found is None or found.tenant != lane.tenant or found.state == "disconnected":
        return None
    return Organisation(
        lane=lane,
        name=found.organisation,
        short_code=found.short_code,
        base_currency=found.base_currency,
        client_id=found.client_id,
        xero_user=found.xero_user,
        since=found.connected_at,
        refused_taxes=found.refused_taxes,
        target=found.target or DEFAULT_TARGET,
    )


@functools.cache
def _organisation() -> Any:
    """A company's connection, the accounting system it names, and whether a tax rate was refused there: each turn
    asks, and hardly ever needs which.
    """
    connection, company = CompanyConnection.__table__, Company.__table__  # type: ignore[attr-defined]
    of_company = col(RefusedTax.company) == connection.c.company
    refused = exists().where(of_company, col(RefusedTax.tenant) == connection.c.tenant)
    joined = connection.outerjoin(company, company.c.id == connection.c.company)
    asked = select(connection, company.c.target, refused.label("refused_taxes")).select_from(joined)
    return asked.where(connection.c.company == bindparam("company"))


def set_state(work: Work, connection: CompanyConnection, state: str, problem: str = "") -> bool:
    """Note how the connection is; True when this is news."""
    news = (connection.state, connection.problem) != (state, problem)
    if news:
        connection.state, connection.problem = state, problem
        connection.problem_at = work.now if problem else None
        work.session.flush()
    return news


def locked(work: Work, company: str) -> CompanyConnection | None:
    """The company's connection, locked until the transaction ends."""
    asked = select(CompanyConnection).where(CompanyConnection.company == company)
    return work.session.exec(asked.with_for_update().execution_options(populate_existing=True)).first()


def taken(work: Work, tenants: Collection[str], company: str) -> set[str]:
    """Which of these organisations other companies hold."""
    asked = select(CompanyConnection.tenant).where(
        col(CompanyConnection.tenant).in_(sorted(tenants)),
        CompanyConnection.company != company,
        CompanyConnection.state != "disconnected",
    )
    return set(work.session.exec(asked))


def using(work: Work, client_id: str, xero_user: str | None = None) -> Sequence[CompanyConnection]:
    """The connections that one app, or one login, opens."""
    asked = select(CompanyConnection).where(CompanyConnection.client_id == client_id)
    if xero_user is not None:
        asked = asked.where(CompanyConnection.xero_user == xero_user)
    return work.session.exec(asked.order_by(col(CompanyConnection.company))).all()


def keep_day_calls(work: Work, calls: Mapping[str, int]) -> None:
    """Keep how many calls of a day Xero allows these organisations (tenants)."""
    for tenant, most in sorted(calls.items()):
        work.session.exec(
            update(CompanyConnection).where(col(CompanyConnection.tenant) == tenant).values(day_calls=most)
        )


def work_elsewhere(work: Work, company: str, tenant: str) -> Mapping[str, int]:
    """Invoices that wait for other organisations than this one, by tenant; those of no organisation yet included."""
    asked = (
        select(Export.tenant, func.count())
        .where(Export.company == company, Export.tenant != tenant, Export.state == word("pending"))
        .group_by(col(Export.tenant))
    )
    return dict(work.session.exec(asked).all())


def waiting(work: Work, company: str) -> int:
    """Invoices of the company that have no answer yet."""
    live = ("pending", "exporting", "uncertain")
    asked = select(func.count()).select_from(Export)
    return work.session.exec(asked.where(Export.company == company, col(Export.state).in_(live))).one()


def enabled(work: Work, company: str) -> bool:
    """Whether the company's app is set up and not switched off."""
    used = work.session.get(CompanyApp, company)
    return used is not None and used.state == "enabled"


def all_connections(work: Work, target: str | None = None) -> Sequence[CompanyConnection]:
    """All connections by company; or those to this accounting system."""
    asked = select(CompanyConnection).order_by(col(CompanyConnection.company))
    if target is not None:
        asked = asked.join(Company, col(Company.id) == col(CompanyConnection.company)).where(Company.target == target)
    return work.session.exec(asked).all()
