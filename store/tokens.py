"""Token pairs at rest, by (app, Xero user): tokens belong to these, not to an organisation (facts §7.2)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select, update

from events.accounting_target import Trouble
from events.credentials import AppKeys, Doubt, TokenPair
from store import connections, statements
from store.tables import CompanyApp, CompanyConnection, Token, XeroApp
from store.unit_of_work import Store, Work
from store.vault import Unopenable, Vault

_WITHOUT_KEY_SECONDS = 60.0


@dataclass(frozen=True)
class KeptTokens:
    """A pair as it is kept. Times are seconds from now, by the database's clock; `problem` ends its use.

    `refusals` says how often the token service refused it since it was given.
    """

    pair: TokenPair
    version: int
    seconds_left: float
    resting: float
    problem: str
    refusals: int = 0


class DatabaseTokenBox:
    """The box `xero_adapter.auth` takes tokens from and puts them back into."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def load(self, client_id: str, xero_user: str) -> KeptTokens | None:
        """The pair of this login; None before the first one. Raises Trouble when its key is missing."""
        with _told_as_trouble(), self._store.read() as work:
            row = statements.look_up(work, Token, client_id=client_id, xero_user=xero_user)
            if row is None:
                return None
            left = (row.expires_at - work.now).total_seconds()
            resting = (row.resting_until - work.now).total_seconds() if row.resting_until else 0.0
            pair = TokenPair.from_answer(json.loads(self._vault.open(row.pair)))
            return KeptTokens(pair, row.version, left, max(0.0, resting), row.problem, row.refusals)

    def app(self, client_id: str) -> AppKeys | None:
        """The app with its secrets; None when it is not known. Raises Trouble when its key is missing."""
        with _told_as_trouble(), self._store.read() as work:
            return connections.app_keys(work, self._vault, client_id)

    def note_secret(self, client_id: str, *, newest_works: bool) -> None:
        """Remember whether Xero took the app's newest secret, so that a mistyped one is seen before it matters."""
        with self._store.write() as work:
            moment = None if newest_works else work.now
            mine = update(XeroApp).where(col(XeroApp.client_id) == client_id)
            work.session.exec(mine.values(secret_refused_at=moment))

    def lease(self, client_id: str, xero_user: str, holder: str, seconds: float) -> bool:
        """Take the right to refresh this pair, for everybody, for a while."""
        with self._store.write() as work:
            free = or_(col(Token.lease_until).is_(None), col(Token.lease_until) < work.now)
            took = update(Token).where(*_token_row(client_id, xero_user), free)
            result = work.session.exec(took.values(lease=holder, lease_until=work.after(seconds)))
            return bool(result.rowcount)

    def save(self, client_id: str, xero_user: str, pair: TokenPair, *, version: int, holder: str) -> bool:
        """Keep a new pair if nobody saved one since `version` nor took the lease; ends the lease."""
        with self._store.write() as work:
            changes = _fresh(work, self._vault, pair) | {"version": version + 1}
            return self._set(work, client_id, xero_user, version, holder, changes)

    def refuse(self, client_id: str, xero_user: str, problem: str, *, version: int, holder: str) -> bool:
        """Xero refused the pair for good: it is not used again; False when another pair was saved meanwhile."""
        with self._store.write() as work:
            return self._set(work, client_id, xero_user, version, holder, {"problem": problem})

    def doubt(self, client_id: str, xero_user: str, *, version: int, holder: str) -> Doubt | None:
        """The token service refused the pair once more; None when another pair was saved meanwhile."""
        with self._store.write() as work:
            asked = select(Token).where(
                *_token_row(client_id, xero_user), Token.version == version, Token.lease == holder
            )
            mine = work.session.exec(asked.with_for_update()).first()
            if mine is None:
                return None
            mine.refusals, since = mine.refusals + 1, mine.refused_since or work.now
            mine.refused_since = since
            work.session.flush()
            others = _in_use(work, ~and_(*_token_row(client_id, xero_user)))
            return Doubt(
                refusals=mine.refusals,
                seconds=(work.now - since).total_seconds(),
                others_renewed=any(one.refreshed_at > since for one in others),
                others_refused=sum(one.refusals > 0 for one in others),
                witness=next(((one.client_id, one.xero_user) for one in others if not one.refusals), None),
            )

    def rest(self, client_id: str, xero_user: str, seconds: float, *, version: int, holder: str) -> None:
        """Xero's token service did not answer: nobody asks it about this pair for a while."""
        with self._store.write() as work:
            changes = {"resting_until": work.after(seconds)}
            self._set(work, client_id, xero_user, version, holder, changes)

    def _set(
        self, work: Work, client_id: str, xero_user: str, version: int, holder: str, changes: dict[str, Any]
    ) -> bool:
        """Compare-and-set under the lease: who lost it to another may not overwrite that one's newer pair."""
        mine = update(Token).where(
            *_token_row(client_id, xero_user), col(Token.version) == version, col(Token.lease) == holder
        )
        free = {"lease": None, "lease_until": None}
        return bool(work.session.exec(mine.values(**free | changes)).rowcount)


@contextmanager
def _told_as_trouble() -> Iterator[None]:
    """A secret that does not open takes no login away: everything waits until ENCRYPTION_KEYS are mended."""
    try:
        yield
    except Unopenable as lost:
        message = str(lost)
    else:
        return
    raise Trouble("not_sent", message, wait=_WITHOUT_KEY_SECONDS)


def keep_first_pair(work: Work, vault: Vault, client_id: str, xero_user: str, pair: TokenPair) -> None:
    """Keep the pair of a fresh login, over whatever was there."""
    fresh = _fresh(work, vault, pair)
    row = {"client_id": client_id, "xero_user": xero_user, "version": 1, **fresh}
    over = {**dict.fromkeys(fresh, "excluded"), "version": col(Token.version) + 1}
    statements.upsert(work, Token, [row], over, returning=["version"])


def forgive(work: Work, client_id: str, problems: tuple[str, ...]) -> None:
    """The app was mended: pairs that were refused for these problems, or are in doubt, may be tried again."""
    mended = update(Token).where(col(Token.client_id) == client_id, col(Token.problem).in_((*problems, "")))
    work.session.exec(mended.values(problem="", resting_until=None, refusals=0, refused_since=None))


def unrefreshed_since(work: Work, moment: datetime) -> list[Token]:
    """Pairs still good and in use by an enabled company that nobody has refreshed since."""
    return _in_use(work, col(Token.refreshed_at) < moment)


def in_doubt(work: Work) -> list[Token]:
    """Pairs that the token service refused, which is not proven to be for good."""
    return _in_use(work, col(Token.refusals) > 0)


def cut_off(work: Work) -> list[Token]:
    """Pairs whose refresh began and never ended: its worker died, and the old one is good for 30 minutes only."""
    return _in_use(work, col(Token.lease_until) < work.now)


def _in_use(work: Work, so: ColumnElement[bool]) -> list[Token]:
    """Good pairs of enabled companies, of which this is so; those that wait longest first."""
    used = (
        select(CompanyConnection.company)
        .join(CompanyApp, col(CompanyApp.company) == col(CompanyConnection.company))
        .where(
            CompanyConnection.client_id == Token.client_id,
            CompanyConnection.xero_user == Token.xero_user,
            CompanyConnection.state != "disconnected",
            CompanyApp.state == "enabled",
        )
    )
    asked = select(Token).where(so, Token.problem == "", used.exists())
    return list(work.session.exec(asked.order_by(col(Token.refreshed_at))))


def _fresh(work: Work, vault: Vault, pair: TokenPair) -> dict[str, Any]:
    return {
        "pair": vault.seal(pair.to_json()),
        "expires_at": work.now + timedelta(seconds=pair.expires_in),
        "refreshed_at": work.now,
        "problem": "",
        "resting_until": None,
        "refusals": 0,
        "refused_since": None,
        "lease": None,
        "lease_until": None,
    }


def _token_row(client_id: str, xero_user: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Token.client_id) == client_id, col(Token.xero_user) == xero_user
