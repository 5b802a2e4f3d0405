"""Causes that are gone, written down with what removed them; what failed for them is sent again from here."""

from collections.abc import Collection, Sequence

from sqlmodel import col, select

from store.tables import Mending
from store.unit_of_work import Work


def note(
    work: Work,
    company: str,
    causes: Collection[str],
    by: str,
    why: str,
    *,
    tenant: str | None = None,
    event: str | None = None,
) -> None:
    """These causes are gone, who saw to it and how; `tenant` limits it to what was meant for that organisation."""
    if not causes:
        return
    told = "\n".join(sorted(causes))
    work.session.add(
        Mending(company=company, causes=told, tenant=tenant, by=by, why=why[:255], event=event, at=work.now)
    )
    work.session.flush()


def open_ones(work: Work, most: int = 100) -> Sequence[Mending]:
    """What has not been acted upon, oldest first."""
    asked = select(Mending).where(col(Mending.done_at).is_(None)).order_by(col(Mending.id)).limit(most)
    return work.session.exec(asked).all()


def done(work: Work, mending: Mending, invoices: int) -> None:
    """It was acted upon: so many invoices were sent again."""
    row = work.session.get(Mending, mending.id)
    if row is not None and row.done_at is None:
        row.done_at, row.invoices = work.now, invoices
        work.session.flush()
