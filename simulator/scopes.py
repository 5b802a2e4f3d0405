"""Scopes: the granular ones of today, the broad ones of old, and what each endpoint asks for (facts §7.1)."""

from collections.abc import Iterable

from simulator.refusals import UNMODELLED

OPENID = frozenset({"openid", "profile", "email", "offline_access"})
BROAD = frozenset({"accounting.transactions", "accounting.transactions.read", "accounting.reports.read"})
SHARED = frozenset(
    f"accounting.{what}"
    for what in ("contacts", "contacts.read", "settings", "settings.read", "attachments", "attachments.read")
)
GRANULAR = SHARED | {
    f"accounting.{what}{read}"
    for what in ("invoices", "payments", "banktransactions", "manualjournals")
    for read in ("", ".read")
}
# Other parts of Xero, which an app may ask for beside ours (facts §7.1, SPEC:19732). Of the reports, aged to
# trialbalance are attested, the rest likely. What they open is not modelled.
_REPORTS = (
    "aged", "balancesheet", "profitandloss", "trialbalance", "tenninetynine",
    "banksummary", "budgetsummary", "executivesummary", "taxreports",
)  # fmt: skip
_PARTS = (
    "accounting.budgets", "accounting.journals", "assets", "files", "paymentservices", "projects",
    *(f"payroll.{what}" for what in ("employees", "payruns", "payslip", "settings", "timesheets")),
)  # fmt: skip
ELSEWHERE = frozenset(
    [f"accounting.reports.{report}.read" for report in _REPORTS]
    + [f"{part}{read}" for part in _PARTS for read in ("", ".read")]
)
KNOWN = OPENID | BROAD | GRANULAR | ELSEWHERE
DEFAULT = ("offline_access", "accounting.invoices", "accounting.contacts.read", "accounting.settings.read")

# An endpoint needs one of the scopes named for it; a write needs the one without `.read`.
_NEEDED = {
    "invoices": ("accounting.invoices", "accounting.transactions"),
    "creditnotes": ("accounting.invoices", "accounting.transactions"),
    "contacts": ("accounting.contacts",),
    "attachments": ("accounting.attachments",),
    "items": ("accounting.settings", "accounting.invoices", "accounting.transactions"),
}
_SETTINGS = ("accounting.settings",)


def allows(scopes: Iterable[str], endpoint: str, *, writes: bool) -> bool:
    """Whether a token with these scopes may read, or write, at an endpoint (`invoices`)."""
    if endpoint in UNMODELLED:
        return True  # it is told what is not here, whatever its scope
    held = set(scopes)
    needed = _NEEDED.get(endpoint, _SETTINGS)
    return any(scope in held or (not writes and f"{scope}.read" in held) for scope in needed)


def refused(asked: Iterable[str], *, broad_allowed: bool) -> list[str]:
    """The scopes an app may not ask for: unknown ones, and the broad ones of an app made since 2 March 2026."""
    return sorted(scope for scope in asked if scope not in KNOWN or (scope in BROAD and not broad_allowed))
