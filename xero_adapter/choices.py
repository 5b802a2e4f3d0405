"""What an organisation offers to choose from, read from raw JSON; pure (facts §8)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from events.accounting_target import ChoiceKind, ListedChoice

Said = Mapping[str, Any]


def _account(said: Said) -> ListedChoice:
    """An account; bank and system accounts and archived ones cannot stand on a line, revenue is offered first."""
    usable = said.get("Status", "ACTIVE") == "ACTIVE" and said.get("Type") != "BANK" and not said.get("SystemAccount")
    return ListedChoice(_text(said, "Code"), _text(said, "Name"), usable=usable, first=said.get("Class") == "REVENUE")


def _tax_rate(said: Said) -> ListedChoice:
    """A tax rate; only an active one that can apply to revenue is of use."""
    usable = said.get("Status", "ACTIVE") == "ACTIVE" and said.get("CanApplyToRevenue") is not False
    return ListedChoice(_text(said, "TaxType"), _text(said, "Name"), usable=usable)


def _tracking(said: Said) -> ListedChoice:
    """A tracking category with its active options."""
    listed = said.get("Options")
    options = tuple(
        _text(one, "Name")
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("Status", "ACTIVE") == "ACTIVE"
    )
    name = _text(said, "Name")
    return ListedChoice(name, name, usable=said.get("Status", "ACTIVE") == "ACTIVE", options=options)


def _theme(said: Said) -> ListedChoice:
    return ListedChoice(_text(said, "BrandingThemeID"), _text(said, "Name"))


# Per kind: the SDK's method, the list in its answer, and how an element is read.
ENDPOINTS: Mapping[ChoiceKind, tuple[str, str, Callable[[Said], ListedChoice]]] = {
    "accounts": ("get_accounts", "Accounts", _account),
    "tax_rates": ("get_tax_rates", "TaxRates", _tax_rate),
    "tracking": ("get_tracking_categories", "TrackingCategories", _tracking),
    "branding_themes": ("get_branding_themes", "BrandingThemes", _theme),
}


def choices_in(kind: ChoiceKind, document: Any) -> Sequence[ListedChoice]:
    """The choices of this kind in an answer; what has no code cannot be chosen and is left out."""
    _, listed, choice = ENDPOINTS[kind]
    found = [choice(one) for one in document[listed] if isinstance(one, dict)]
    return [one for one in found if one.code]


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
