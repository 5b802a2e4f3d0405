"""Every event we send, under its wire name."""

from collections.abc import Mapping

from events.attention import XeroExportAttentionNeeded
from events.audit import AuditChecked
from events.companies import CompanySettingsRejected, CompanySettingsUpdated
from events.connections import (
    XeroConnectionConnected,
    XeroConnectionDisconnected,
    XeroConnectionLoginExpiring,
    XeroConnectionNeedsLogin,
)
from events.contacts import ClientXeroContactRejected, ClientXeroContactUpdated
from events.drift import InvoiceExportDriftFound
from events.export import InvoiceExportFailed, InvoiceExportSucceeded
from events.preview import InvoiceExportPreviewed
from events.requests import InvoiceExportCompleted, InvoiceExportDeferred, InvoiceExportProgressed
from events.snapshot import Event

OUTGOING: Mapping[str, type[Event]] = {
    model.TYPE: model
    for model in (
        InvoiceExportSucceeded,
        InvoiceExportFailed,
        InvoiceExportDeferred,
        InvoiceExportProgressed,
        InvoiceExportCompleted,
        InvoiceExportPreviewed,
        InvoiceExportDriftFound,
        ClientXeroContactUpdated,
        ClientXeroContactRejected,
        CompanySettingsUpdated,
        CompanySettingsRejected,
        XeroConnectionConnected,
        XeroConnectionNeedsLogin,
        XeroConnectionLoginExpiring,
        XeroConnectionDisconnected,
        XeroExportAttentionNeeded,
        AuditChecked,
    )
}
