"""Lanes: where a company's exports go."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

DEFAULT_TARGET = "xero"  # the accounting system of a company that names none


class Lane(NamedTuple):
    """One company and the organisation (tenant) it exports to."""

    company: str
    tenant: str

    @property
    def key(self) -> str:
        """The lane in one word, for queues and logs."""
        return f"{self.company}/{self.tenant}"

    @classmethod
    def of(cls, key: str) -> "Lane":
        """The lane whose `key` this is."""
        company, _, tenant = key.partition("/")
        return cls(company, tenant)


@dataclass(frozen=True)
class Organisation:
    """Where a lane leads: the organisation, and whose login (app, user) opens it, made `since` when.

    `target` is the name of its accounting system; `refused_taxes` is true where tax rates are known that an account
    there did not take.
    """

    lane: Lane
    name: str
    short_code: str
    base_currency: str
    client_id: str
    xero_user: str
    since: datetime | None = None
    target: str = DEFAULT_TARGET
    refused_taxes: bool = False
