"""Pauses: who lets no new call begin, for one company or for all.

A batch is claimed under a shared lock that a pause takes alone: once a pause is committed, every batch that may
still be on its way is already counted.

Invoices marked “never send”: who marked them and why, in whatever organisation they end up.
"""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, text
from sqlmodel import col, delete, select, update

from store import statements
from store.tables import Exclusion, Export, Pause
from store.unit_of_work import Work

EVERYBODY = "*"
_LOCK = 7_270_002
_HOLD_OFF = text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")


def pause(work: Work, scope: str, by: str, why: str) -> bool:
    """Pause a company or everybody; False when that was so before."""
    if not work.on_sqlite:  # there every write is alone
        work.connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if work.session.get(Pause, scope) is not None:
        return False
    work.session.add(Pause(scope=scope, by=by, why=why, at=work.now))
    work.session.flush()
    return True


def resume(work: Work, scope: str) -> bool:
    """End a pause; False when there was none."""
    found = work.session.get(Pause, scope)
    if found is None:
        return False
    work.session.delete(found)
    work.session.flush()
    return True


def may_begin(work: Work, company: str) -> bool:
    """Whether a new batch of this company may be taken; holds off a pause until the transaction ends."""
    hold_off(work)
    return of_company(work, company) is None


def hold_off(work: Work) -> None:
    """No pause begins until the transaction ends; whether there is one already is asked after this."""
    if not work.on_sqlite:
        statements.run(work, _HOLD_OFF)


def is_held(company: Any) -> Any:
    """Whether a pause holds the company of this parameter, as a part of a statement."""
    return exists().where(col(Pause.scope).in_((company, EVERYBODY)))


def of_company(work: Work, company: str) -> Pause | None:
    """The pause that holds this company: its own, else everybody's."""
    return next(iter(statements.rows(work, _of_company(), company=company)), None)


def holding(work: Work, companies: Collection[str]) -> set[str]:
    """Which of these companies a pause holds: their own, or everybody's."""
    scopes = {row.scope for row in statements.find(work, Pause, [{"scope": one} for one in (*companies, EVERYBODY)])}
    return set(companies) if EVERYBODY in scopes else scopes


@functools.cache
def _of_company() -> Any:
    mine = (col(Pause.scope) == bindparam("company")) | (col(Pause.scope) == EVERYBODY)
    return select(Pause).where(mine).order_by(col(Pause.scope).desc())


def of_everybody(work: Work) -> Pause | None:
    """The pause that holds everybody."""
    return work.session.get(Pause, EVERYBODY)


def active(work: Work) -> Sequence[Pause]:
    """All pauses, everybody's first."""
    return work.session.exec(select(Pause).order_by(col(Pause.scope))).all()


def exclude(work: Work, company: str, invoices: Collection[str], by: str, why: str) -> set[str]:
    """Mark these invoices; give those that were not marked before."""
    known = {"company": company, "by": by, "why": why, "at": work.now}
    rows = [{**known, "invoice": invoice} for invoice in sorted(invoices)]
    new = statements.insert_new(work, Exclusion, rows, returning="invoice")
    _flag(work, company, invoices, excluded=True)
    return new


def include(work: Work, company: str, invoices: Collection[str]) -> set[str]:
    """Take the mark off these invoices; give those that had it."""
    gone = delete(Exclusion).where(col(Exclusion.company) == company, col(Exclusion.invoice).in_(sorted(invoices)))
    had = set(work.session.exec(gone.returning(col(Exclusion.invoice))).scalars())
    _flag(work, company, invoices, excluded=False)
    return had


def excluded(work: Work, company: str, invoices: Collection[str]) -> set[str]:
    """Which of these invoices are marked."""
    return {invoice for _, invoice in excluded_ones(work, [(company, invoice) for invoice in invoices])}


def excluded_ones(work: Work, invoices: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these invoices, each with its company, are marked."""
    keys = [{"company": company, "invoice": invoice} for company, invoice in sorted(invoices)]
    return {(row.company, row.invoice) for row in statements.find(work, Exclusion, keys)}


def exclusion_of(work: Work, company: str, invoice: str) -> Exclusion | None:
    """The mark of one invoice."""
    return work.session.get(Exclusion, (company, invoice))


def _flag(work: Work, company: str, invoices: Collection[str], *, excluded: bool) -> None:
    mine = update(Export).where(col(Export.company) == company, col(Export.invoice).in_(sorted(invoices)))
    work.session.exec(mine.values(excluded=excluded))
