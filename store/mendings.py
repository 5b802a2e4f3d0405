"""Causes that are gone, written down with what removed them; what failed for them is sent again from here."""

from collections.abc import Collection, Mapping, Sequence

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


def due(work: Work, later_seconds: float, most: int = 100) -> Sequence[Mending]:
    """What is to be acted upon now: new, or acted upon once and noted so long ago; oldest first."""
    waits = col(Mending.acted_at).is_(None) | (col(Mending.at) <= work.after(-later_seconds))
    asked = select(Mending).where(col(Mending.done_at).is_(None), waits)
    return work.session.exec(asked.order_by(col(Mending.id)).limit(most)).all()


def acted(work: Work, sent: Mapping[int, int], later_seconds: float) -> None:
    """These were acted upon: so many invoices were sent again for each. The second time it is done."""
    for row in work.session.exec(select(Mending).where(col(Mending.id).in_(sorted(sent)))):
        row.acted_at, row.invoices = work.now, row.invoices + sent[row.id or 0]
        row.done_at = work.now if row.at <= work.after(-later_seconds) else None
    work.session.flush()
