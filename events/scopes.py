"""What a host's key may be used for, and which of it each event needs."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from events.companies import CompanySettingsChanged
from events.contacts import ClientXeroContactUpdateRequested
from events.export import InvoiceExportRequested
from events.orders import (
    InvoiceExportCancelRequested,
    InvoiceExportRaiseAnewRequested,
    InvoiceExportReplayRequested,
)
from events.preview import InvoiceExportPreviewRequested


class Scope(StrEnum):
    """What a key may be used for. `events:write` is of older keys and means what `FORMER` says."""

    EXPORTS = "exports"
    ORDERS = "orders"
    CONTACTS = "contacts"
    SETTINGS = "settings"
    PREVIEWS = "previews"
    READS = "reads"
    FEED = "feed"
    LOGINS = "logins"
    EVENTS = "events:write"


FORMER: Mapping[Scope, frozenset[Scope]] = {
    Scope.EVENTS: frozenset({Scope.EXPORTS, Scope.ORDERS, Scope.CONTACTS, Scope.SETTINGS})
}
OF_EVENT: Mapping[str, Scope] = {
    InvoiceExportRequested.TYPE: Scope.EXPORTS,
    InvoiceExportCancelRequested.TYPE: Scope.ORDERS,
    InvoiceExportReplayRequested.TYPE: Scope.ORDERS,
    InvoiceExportRaiseAnewRequested.TYPE: Scope.ORDERS,
    ClientXeroContactUpdateRequested.TYPE: Scope.CONTACTS,
    CompanySettingsChanged.TYPE: Scope.SETTINGS,
    InvoiceExportPreviewRequested.TYPE: Scope.PREVIEWS,
}
OF_EVENTS = tuple(scope for scope in Scope if scope in OF_EVENT.values())


def whole(scopes: Collection[str]) -> frozenset[Scope]:
    """These scopes, a former one as what it means today; a name that is none opens nothing."""
    known = {Scope(name) for name in scopes if name in tuple(Scope)}
    return frozenset().union(*(FORMER.get(scope, {scope}) for scope in known))
