"""The lists of an organisation's settings and what can be asked of each; nothing is passed over (facts §11.11)."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator import pages, search, where
from simulator.context import Context
from simulator.wire import Json, Request

_FILTERS = frozenset({"where", "order"})


@dataclass(frozen=True)
class Listing:
    """One list: its name, the type of its elements, their fields, by which of them one is read, what may be asked."""

    name: str
    kind: str
    page: Callable[[Context], list[Json]]
    fields: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    parameters: frozenset[str] = _FILTERS
    dated: bool = False


LISTINGS = {
    "organisation": Listing("Organisations", "Organisation", pages.organisation, parameters=frozenset()),
    "accounts": Listing(
        "Accounts",
        "Account",
        pages.accounts,
        frozenset({
            "AccountID", "Code", "Name", "Status", "Type", "Class", "TaxType", "EnablePaymentsToAccount",
            "ShowInExpenseClaims", "BankAccountType", "SystemAccount", "HasAttachments", "UpdatedDateUTC",
        }),
        ("AccountID",),
        dated=True,
    ),
    "taxrates": Listing(
        "TaxRates",
        "TaxRate",
        pages.tax_rates,
        frozenset({
            "Name", "TaxType", "Status", "ReportTaxType", "CanApplyToAssets", "CanApplyToEquity",
            "CanApplyToExpenses", "CanApplyToLiabilities", "CanApplyToRevenue", "DisplayTaxRate", "EffectiveRate",
        }),
        ("TaxType",),
        _FILTERS | {"taxtype"},  # of older SDKs; Xero's document has it no more
    ),
    "currencies": Listing("Currencies", "Currency", pages.currencies, frozenset({"Code", "Description"})),
    "items": Listing(
        "Items",
        "Item",
        pages.items,
        frozenset({
            "ItemID", "Code", "Name", "IsSold", "IsPurchased", "IsTrackedAsInventory", "UpdatedDateUTC",
            "SalesDetails.UnitPrice", "SalesDetails.AccountCode", "SalesDetails.TaxType",
        }),
        ("ItemID", "Code"),
        _FILTERS | {"unitdp"},
        dated=True,
    ),
    "brandingthemes": Listing(
        "BrandingThemes", "BrandingTheme", pages.themes, keys=("BrandingThemeID",), parameters=frozenset()
    ),
    "trackingcategories": Listing(
        "TrackingCategories",
        "TrackingCategory",
        pages.tracking,
        frozenset({"Name", "Status", "TrackingCategoryID"}),
        ("TrackingCategoryID",),
        _FILTERS | {"includearchived"},
    ),
}  # fmt: skip


def listed(context: Context, request: Request, listing: Listing) -> list[Json]:
    """The elements that are asked for. Raises where.Unparsable, also for a parameter that the list does not have;
    search.BadHeader.
    """
    where.check_parameters(request, listing.name, listing.parameters)
    since = search.since(request) if listing.dated else None
    wanted = request.asked.get("taxtype")
    found = [
        one
        for one in listing.page(context)
        if (
            "includearchived" not in listing.parameters
            or request.says("includeArchived")
            or one["Status"] == "ACTIVE"
        )
        and (wanted is None or one["TaxType"] == wanted)
        and (since is None or search.updated(one) > since)
    ]
    return where.chosen(found, request, listing.kind, listing.fields)


def one_of(context: Context, listing: Listing, name: str) -> list[Json]:
    """The element with an id, or a code where it has one; none, or this one."""
    found = listing.page(context)
    return [one for one in found if name.casefold() in [str(one[key]).casefold() for key in listing.keys]][:1]
