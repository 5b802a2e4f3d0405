"""Token pairs at rest, by (app, Xero user): tokens belong to these, not to an organisation (xero/facts.md §7.2)."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, update

from store.connections import app_secret
from store.tables import Token
from store.unit_of_work import Store, Work
from store.vault import Vault


class TokenBox:
    """The box `xero_adapter.auth` takes tokens from and puts them back into."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def load(self, client_id: str, xero_user: str) -> tuple[dict[str, Any], datetime, int] | None:
        """The pair, when its access token expires, and its version; None before the first login."""
        with self._store.read() as work:
            row = work.session.get(Token, (client_id, xero_user))
            if row is None:
                return None
            pair: dict[str, Any] = json.loads(self._vault.open(row.pair))
            return pair, row.expires_at, row.version

    def secret_of(self, client_id: str) -> str | None:
        """The app's client secret."""
        with self._store.read() as work:
            return app_secret(work, self._vault, client_id)

    def lease(self, client_id: str, xero_user: str, holder: str, seconds: float) -> bool:
        """Take the right to refresh this pair, for everybody, for a while."""
        with self._store.write() as work:
            free = or_(col(Token.lease_until).is_(None), col(Token.lease_until) < work.now)
            took = update(Token).where(col(Token.client_id) == client_id, col(Token.xero_user) == xero_user, free)
            result = work.session.exec(took.values(lease=holder, lease_until=work.after(seconds)))
            return bool(result.rowcount)

    def save(self, client_id: str, xero_user: str, pair: dict[str, Any], *, version: int) -> bool:
        """Keep a new pair if nobody saved one since `version`; ends the lease."""
        with self._store.write() as work:
            mine = (
                col(Token.client_id) == client_id,
                col(Token.xero_user) == xero_user,
                col(Token.version) == version,
            )
            result = work.session.exec(
                update(Token)
                .where(*mine)
                .values(
                    pair=self._vault.seal(json.dumps(pair)),
                    expires_at=work.now + timedelta(seconds=float(pair["expires_in"])),
                    version=version + 1,
                    lease=None,
                    lease_until=None,
                    refreshed_at=work.now,
                )
            )
            return bool(result.rowcount)


def keep_first_pair(work: Work, vault: Vault, client_id: str, xero_user: str, pair: dict[str, Any]) -> None:
    """Keep the pair of a fresh login, over whatever was there."""
    known = work.session.get(Token, (client_id, xero_user))
    work.session.merge(
        Token(
            client_id=client_id,
            xero_user=xero_user,
            pair=vault.seal(json.dumps(pair)),
            expires_at=work.now + timedelta(seconds=float(pair["expires_in"])),
            version=known.version + 1 if known else 1,
            refreshed_at=work.now,
        )
    )
    work.session.flush()
