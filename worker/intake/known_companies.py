"""What is kept of the companies that events are about, looked up once for all of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from events.accounting_target import Lane
from events.codec import Envelope, Unreadable
from events.export import InvoiceExportRequested
from events.settings import CompanySettings
from events.snapshot import Incoming
from store import companies, connections, pauses
from store.openings import Key
from store.tables import CompanyConnection
from store.unit_of_work import Work
from worker.decisions.backpressure import TooMuch
from worker.intake.parsed_event import InvoiceContent
from worker.intake.request_plan import Filing
from worker.tools import Tools
from worker.waiting import login_block, pausing
from worker.waiting.login_block import Waits


@dataclass(frozen=True)
class KnownCompanies:
    """Settings and connections by company; a company that was never set up is in neither.

    `taken` counts the invoices that nobody objected to.
    """

    settings: Mapping[str, CompanySettings]
    connections: Mapping[str, CompanyConnection]
    taken: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(cls, work: Work, ids: Collection[str]) -> "KnownCompanies":
        """Those of these companies that are known."""
        return cls(companies.settings_of_each(work, ids), connections.of_each(work, ids))

    def lane(self, company: str) -> Lane:
        """Where the company's exports go; no organisation yet before its first login."""
        connection = self.connections.get(company)
        return Lane(company, connection.tenant if connection else connections.NOT_YET)

    def objection(self, work: Work, tools: Tools, asked: Incoming) -> Unreadable | TooMuch | None:
        """Why this is not filed at all, or None."""
        if asked.company not in self.settings:
            return Unreadable(f"data.company: there is no company “{asked.company}” here")
        if isinstance(asked, InvoiceExportRequested):
            return self._too_much(work, tools, asked)
        return None

    def _too_much(self, work: Work, tools: Tools, asked: InvoiceExportRequested) -> TooMuch | None:
        most, taken = tools.settings.most_pending, self.taken[asked.company]
        too_much = tools.room.objection(work, asked, most, tools.elapsed(), taken=taken)
        if too_much is None:
            self.taken[asked.company] += len(asked.invoices)
        return too_much

    def filing(
        self,
        envelope: Envelope,
        asked: InvoiceExportRequested,
        said: Mapping[str, InvoiceContent] | None = None,
        caused_by: str | None = None,
        *,
        raising: bool = False,
    ) -> Filing:
        """A request of one of these companies, on its way into the tables."""
        prefix = self.settings[asked.company].number_prefix or ""
        return Filing(asked, envelope, self.lane(asked.company), prefix, caused_by, raising=raising, said=said or {})

    def waits(self, work: Work, filings: Sequence[Filing]) -> Mapping[Key, Waits | None]:
        """What the requests wait for whose company is not connected. Who waits, for that or a pause, is told so."""
        held = pauses.holding(work, sorted({one.asked.company for one in filings}))
        for company, request in (one.key for one in filings if one.asked.company in held):
            pausing.tell_newcomer(work, company, request)
        return {
            one.key: login_block.at_intake(work, self.connections.get(one.asked.company), *one.key) for one in filings
        }
