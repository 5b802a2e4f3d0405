"""How the events that ask for a change are filed, by their wire name."""

from collections.abc import Callable, Mapping

from events.companies import CompanySettingsChanged
from events.contacts import ClientXeroContactUpdateRequested
from worker.contacts import changing_settings, mapping_contacts
from worker.decisions.receipts import Receipt

MOVES: Mapping[str, Callable[..., Receipt]] = {
    ClientXeroContactUpdateRequested.TYPE: mapping_contacts.file,
    CompanySettingsChanged.TYPE: changing_settings.file,
}
