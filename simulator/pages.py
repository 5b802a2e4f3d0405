"""The organisation's settings as Xero's read-only endpoints show them."""

from datetime import UTC, datetime

from simulator.context import Context
from simulator.wire import Json
from simulator.world import lasting_id, wire_date, wire_moment

# Xero's own names for time zones; the few we use.
_ZONES = {
    "UTC": "UTC",
    "America/New_York": "EASTERNSTANDARDTIME",
    "America/Los_Angeles": "PACIFICSTANDARDTIME",
    "Australia/Sydney": "AUSEASTERNSTANDARDTIME",
    "Europe/London": "GMTSTANDARDTIME",
    "Pacific/Auckland": "NEWZEALANDSTANDARDTIME",
}
_VERSIONS = {"AU": "AU", "NZ": "NZ", "GB": "UK", "US": "US"}
_CLASSES = {
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "OTHERINCOME": "REVENUE",
    "BANK": "ASSET",
    "SYSTEM": "LIABILITY",
}
_ACTIONS = {
    "CreateApprovedInvoice": ("ADVISER", "STANDARD"),
    "CreateDraftInvoice": ("ADVISER", "STANDARD", "INVOICEONLY"),
    "CreateApprovedBill": ("ADVISER", "STANDARD"),
    "CreateDraftBill": ("ADVISER", "STANDARD", "INVOICEONLY"),
    "CreateInvoicePayment": ("ADVISER", "STANDARD"),
    "AttachFilesIntoInvoice": ("ADVISER", "STANDARD"),
}
# What every organisation here has alike.
_ALIKE: Json = {
    "PaysTax": True,
    "OrganisationType": "COMPANY",
    "OrganisationEntityType": "COMPANY",
    "IsDemoCompany": False,
    "OrganisationStatus": "ACTIVE",
    "FinancialYearEndDay": 31,
    "FinancialYearEndMonth": 12,
    "SalesTaxBasis": "ACCRUALS",
    "SalesTaxPeriod": "MONTHLY",
    "DefaultSalesTax": "Tax Exclusive",
    "DefaultPurchasesTax": "Tax Exclusive",
    "Edition": "BUSINESS",
    "Addresses": [],
    "Phones": [],
    "ExternalLinks": [],
    "PaymentTerms": {},
}
_FOUNDED = datetime(2020, 1, 1, tzinfo=UTC)
WRITERS = ("ADVISER", "STANDARD", "INVOICEONLY")


def organisation(context: Context) -> list[Json]:
    """The organisation itself; lock dates only where there are any."""
    books = context.organisation
    shown: Json = {
        **_ALIKE,
        "OrganisationID": books.tenant,
        "Name": books.name,
        "LegalName": books.name,
        "Version": _VERSIONS.get(books.country, "GLOBAL"),
        "BaseCurrency": books.base_currency,
        "CountryCode": books.country,
        "CreatedDateUTC": wire_moment(_FOUNDED),
        "Timezone": _ZONES.get(books.timezone, "UTC"),
        "ShortCode": books.short_code,
        "Class": "STARTER" if books.approvals_per_month is not None else "STANDARD",
    }
    locks = {"PeriodLockDate": books.period_lock, "EndOfYearLockDate": books.year_lock}
    return [shown | {name: wire_date(day) for name, day in locks.items() if day}]


def actions(context: Context, role: str) -> list[Json]:
    """What the connected user may do (facts §7.3)."""
    allowed = {name: role in roles for name, roles in _ACTIONS.items()}
    allowed["UseMulticurrency"] = bool(context.organisation.currencies)
    return [{"Name": name, "Status": "ALLOWED" if yes else "NOT-ALLOWED"} for name, yes in allowed.items()]


def accounts(context: Context) -> list[Json]:
    """The chart of accounts. A system account is shown as the revenue account type it stands in for."""
    return [
        {
            "AccountID": one.id,
            "Code": one.code,
            "Name": one.name,
            "Status": one.status,
            "Type": "CURRLIAB" if one.kind == "SYSTEM" else one.kind,
            "Class": _CLASSES.get(one.kind, "REVENUE"),
            "TaxType": one.tax_type,
            "EnablePaymentsToAccount": False,
            "ShowInExpenseClaims": False,
            "BankAccountType": "BANK" if one.kind == "BANK" else "",
            "HasAttachments": False,
            "UpdatedDateUTC": wire_moment(one.updated),
            **({"SystemAccount": "DEBTORS"} if one.kind == "SYSTEM" else {}),
        }
        for one in context.organisation.accounts.values()
    ]


def tax_rates(context: Context) -> list[Json]:
    """The tax rates, each of one component."""
    return [
        {
            "Name": one.name or one.code,
            "TaxType": one.code,
            "Status": one.status,
            "ReportTaxType": "OUTPUT" if one.for_revenue else "INPUT",
            "CanApplyToAssets": True,
            "CanApplyToEquity": True,
            "CanApplyToExpenses": one.for_expenses,
            "CanApplyToLiabilities": True,
            "CanApplyToRevenue": one.for_revenue,
            "DisplayTaxRate": float(one.rate),
            "EffectiveRate": float(one.rate),
            "TaxComponents": [
                {
                    "Name": one.name or one.code,
                    "Rate": float(one.rate),
                    "IsCompound": False,
                    "IsNonRecoverable": False,
                }
            ],
        }
        for one in context.organisation.tax_rates.values()
    ]


def currencies(context: Context) -> list[Json]:
    """The currencies the organisation is subscribed to, its own first."""
    codes = dict.fromkeys([context.organisation.base_currency, *context.organisation.currencies])
    return [{"Code": code, "Description": code} for code in codes]


def tracking(context: Context) -> list[Json]:
    """The tracking categories with their options, archived ones too."""
    return [
        {
            "Name": one.name,
            "Status": one.status,
            "TrackingCategoryID": one.id,
            "Options": [
                {"TrackingOptionID": option.id, "Name": option.name, "Status": option.status}
                for option in one.options
            ],
        }
        for one in context.organisation.tracking.values()
    ]


def items(context: Context) -> list[Json]:
    """The items with the price, account and tax they bring."""
    return [
        {
            "ItemID": lasting_id(context.organisation.tenant, "item", one.code),
            "Code": one.code,
            "Name": one.name or one.code,
            "IsSold": True,
            "IsPurchased": False,
            "IsTrackedAsInventory": False,
            "UpdatedDateUTC": wire_moment(one.updated),
            "SalesDetails": {
                **({"UnitPrice": float(one.price)} if one.price else {}),
                **({"AccountCode": one.account} if one.account else {}),
                **({"TaxType": one.tax_type} if one.tax_type else {}),
            },
        }
        for one in context.organisation.items.values()
    ]


def themes(context: Context) -> list[Json]:
    """The branding themes; every organisation has the standard one."""
    own = context.organisation
    named = {"Standard": own.standard_theme} | {
        one.name: one.id for one in own.themes.values() if one.status == "ACTIVE"
    }
    created = wire_moment(_FOUNDED)
    return [
        {"BrandingThemeID": identity, "Name": name, "SortOrder": place, "Type": "INVOICE", "CreatedDateUTC": created}
        for place, (name, identity) in enumerate(named.items())
    ]
