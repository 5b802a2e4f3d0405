"""Pauses: who lets no new call begin, for one company or for all.

A batch is claimed under a shared lock that a pause takes alone: once a pause is committed, every batch that may
still be on its way is already counted.
"""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlmodel import col, select

from store import statements
from store.tables import Pause
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
    if not work.on_sqlite:
        statements.run(work, _HOLD_OFF)
    return of_company(work, company) is None


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
