"""Lanes: where a company's exports go."""

from typing import NamedTuple


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
