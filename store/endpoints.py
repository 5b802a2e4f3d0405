"""Companies' own endpoints for webhooks: an address that may be seen, a signing secret that is sealed."""

import base64
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import col, select

from store import sinks
from store.tables import Endpoint
from store.unit_of_work import Work
from store.vault import Vault


@dataclass(frozen=True)
class New:
    """An endpoint as it was made; its secret is shown this once."""

    id: str
    company: str
    url: str
    secret: str = field(repr=False)


def door_of(endpoint_id: str) -> str:
    """The name of the way out that leads to this endpoint."""
    return f"webhook/{endpoint_id}"


def add(work: Work, vault: Vault, company: str, url: str) -> New:
    """A new endpoint of the company, or the one it has at this address; it gets what comes from now on."""
    known = work.session.exec(select(Endpoint).where(Endpoint.company == company, Endpoint.url == url)).first()
    if known:
        return New(known.id, company, url, vault.open(known.secret))
    made = New(uuid.uuid4().hex[:12], company, url, _new_secret())
    row = Endpoint(id=made.id, company=company, url=url, secret=vault.seal(made.secret), created_at=work.now)
    work.session.add(row)
    work.session.flush()
    sinks.move_on(work, door_of(made.id), sinks.newest(work))
    return made


def rotate(work: Work, vault: Vault, endpoint_id: str) -> New | None:
    """The endpoint with a new secret; the one before signs beside it until the next time. None: no such endpoint."""
    asked = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update()
    known = work.session.exec(asked).first()
    if known is None:
        return None
    made = New(endpoint_id, known.company, known.url, _new_secret())
    known.former_secret, known.secret = known.secret, vault.seal(made.secret)
    work.session.flush()
    return made


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def all_endpoints(work: Work) -> Sequence[Endpoint]:
    """All endpoints, by company."""
    return work.session.exec(select(Endpoint).order_by(col(Endpoint.company), col(Endpoint.created_at))).all()


def remove(work: Work, endpoint_id: str) -> Endpoint | None:
    """Drop the endpoint and what waits for it; None where there is none."""
    known = work.session.get(Endpoint, endpoint_id)
    if known is None:
        return None
    work.session.delete(known)
    sinks.forget(work, door_of(endpoint_id))
    return known
