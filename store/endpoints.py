"""Companies' own endpoints for webhooks: an address that may be seen, a signing secret that is sealed.

And which of them have events before them.
"""

import base64
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, literal, update
from sqlalchemy import select as pick
from sqlmodel import col, select

from store import sinks, statements
from store.tables import DoorOut, Endpoint, OutboxEvent
from store.unit_of_work import Work
from store.vault import Vault

_DOORS = "webhook/"
_DOOR: Any = literal(_DOORS) + col(Endpoint.id)


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint as it was made; its secret is shown this once."""

    id: str
    company: str
    url: str
    secret: str = field(repr=False)


def door_of(endpoint_id: str) -> str:
    """The name of the way out that leads to this endpoint."""
    return f"{_DOORS}{endpoint_id}"


def add_endpoint(work: Work, vault: Vault, company: str, url: str, batch: int = 1) -> NewEndpoint:
    """A new endpoint of the company, or the one it has at this address; it gets what comes from now on.

    So many events go there in one POST from now on.
    """
    known = work.session.exec(select(Endpoint).where(Endpoint.company == company, Endpoint.url == url)).first()
    if known:
        known.batch = batch
        work.session.flush()
        return NewEndpoint(known.id, company, url, vault.open(known.secret))
    made = NewEndpoint(uuid.uuid4().hex[:12], company, url, _new_secret())
    row = Endpoint(
        id=made.id, company=company, url=url, secret=vault.seal(made.secret), created_at=work.now, batch=batch
    )
    work.session.add(row)
    work.session.flush()
    sinks.move_on(work, door_of(made.id), sinks.newest(work))
    return made


def rotate_endpoint(work: Work, vault: Vault, endpoint_id: str) -> NewEndpoint | None:
    """The endpoint with a new secret; the one before signs beside it until the next time. None: no such endpoint."""
    asked = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()
    known = work.session.exec(asked).first()
    if known is None:
        return None
    made = NewEndpoint(endpoint_id, known.company, known.url, _new_secret())
    known.former_secret, known.secret = known.secret, vault.seal(made.secret)
    work.session.flush()
    return made


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def change_endpoint(
    work: Work, endpoint_id: str, *, url: str | None = None, off: bool | None = None, batch: int | None = None
) -> Any:
    """The endpoint with another address, switched off or on, or with so many events in one POST.

    None: there is no such endpoint, False: the company has another one at this address.
    """
    known = work.session.exec(select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()).first()
    if known is None:
        return None
    others = select(Endpoint.id).where(Endpoint.company == known.company, Endpoint.url == (url or known.url))
    if url and work.session.exec(others.where(Endpoint.id != endpoint_id)).first():
        return False
    known.url = url or known.url
    if off is not None:
        known.disabled_at = (known.disabled_at or work.now) if off else None
    known.batch = batch or known.batch
    work.session.flush()
    return known


def all_endpoints(work: Work, within: Collection[str] | None = None) -> Sequence[Any]:
    """All endpoints, by company, as plain rows; or those of these doors."""
    asked = pick(*Endpoint.__table__.c).order_by(col(Endpoint.company), col(Endpoint.created_at))  # type: ignore[attr-defined]
    return statements.rows(work, _those(asked, within))


def _those(endpoints: Any, within: Collection[str] | None) -> Any:
    """Of these endpoints those with these doors; None: all."""
    if within is None:
        return endpoints
    return endpoints.where(col(Endpoint.id).in_([door.removeprefix(_DOORS) for door in within]))


def remove_endpoint(work: Work, endpoint_id: str) -> Endpoint | None:
    """Drop the endpoint and what waits for it; None where there is none."""
    known = work.session.get(Endpoint, endpoint_id)
    if known is None:
        return None
    work.session.delete(known)
    sinks.forget(work, door_of(endpoint_id))
    return known


def doors_behind(work: Work, within: Collection[str] | None = None) -> set[str]:
    """Doors of companies' endpoints that have not taken up all events of their company; of `within`, or any."""
    last, come = _last_and_come()
    asked = pick(col(Endpoint.id)).select_from(Endpoint).outerjoin(DoorOut, col(DoorOut.door) == _DOOR)
    return {door_of(row.id) for row in statements.rows(work, _those(asked.where(last > come), within))}


def _last_and_come() -> tuple[Any, Any]:
    """The last position of the endpoint's company, and how far its door has come."""
    last = pick(func.max(OutboxEvent.position)).where(col(OutboxEvent.company) == col(Endpoint.company))
    last = last.where(col(OutboxEvent.position).is_not(None)).correlate(Endpoint)
    return func.coalesce(last.scalar_subquery(), 0), func.coalesce(col(DoorOut.position), 0)


def doors_with_news(work: Work, after: int, to: int) -> set[str]:
    """Doors of the companies that have events behind `after`, up to `to`."""
    is_new = (col(OutboxEvent.position) > after, col(OutboxEvent.position) <= to)
    named = pick(col(OutboxEvent.company)).where(*is_new)
    asked = pick(col(Endpoint.id)).where(col(Endpoint.company).in_(named))
    return {door_of(row.id) for row in statements.rows(work, asked)}


def pass_over(work: Work) -> int:
    """Take every company's endpoint that has nothing before it to the feed's end; gives how many were moved.

    A round finds the next event of a company however far away it is; but what a door has not passed is not pruned.
    """
    end = sinks.newest(work)
    last, come = _last_and_come()
    has_nothing = pick(_DOOR).select_from(Endpoint).join(DoorOut, col(DoorOut.door) == _DOOR).where(last <= come)
    idle = update(DoorOut).where(col(DoorOut.door).in_(has_nothing.correlate(None)), col(DoorOut.position) < end)
    return statements.run(work, idle.values(position=end)).rowcount
