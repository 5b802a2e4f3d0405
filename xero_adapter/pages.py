"""Xero's settings out of its JSON; pure. An entry that cannot be read is left out (SPEC, facts §5).

Xero's contacts read from raw JSON; pure (facts §5).
What an organisation offers to choose from, read from raw JSON; pure (facts §8).
The files of an invoice, and what Xero says against one; pure (facts §8).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from events.accounting_target import ChoiceKind, ContactPage, ListedChoice, ListedContact, ListedFile
from events.contacts import ContactProblem, NotAContact
from events.settings import Books, LedgerAccount, Part, SoldItem, TaxRate
from xero_adapter.answers import messages
from xero_adapter.json_values import day, number_of

Entry = Mapping[str, Any]
_SECTIONS = ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
_CLASSES = {"ASSET": "assets", "EQUITY": "equity", "EXPENSE": "expenses", "LIABILITY": "liabilities"}


def count(document: Any) -> int:
    """How many entries the whole list has, of which one page was asked for."""
    pagination = document.get("pagination") if isinstance(document, dict) else None
    counted = pagination.get("itemCount") if isinstance(pagination, dict) else None
    return counted if isinstance(counted, int) else len(list(_entries(document, "Invoices")))


def _organisation(document: Any) -> Books:
    one = next(_entries(document, "Organisations"), {})
    return Books(
        period_lock=_day(one.get("PeriodLockDate")),
        year_lock=_day(one.get("EndOfYearLockDate")),
        plan=_text(one, "Class"),
        base_currency=_text(one, "BaseCurrency") or None,
    )


def _actions(document: Any) -> Books:
    listed = _entries(document, "Actions")
    return Books(allowed=frozenset(_text(one, "Name") for one in listed if one.get("Status") == "ALLOWED"))


def _accounts(document: Any) -> Books:
    return Books(accounts={_text(one, "Code"): _account(one) for one in _entries(document, "Accounts")})


def _account(one: Entry) -> LedgerAccount:
    return LedgerAccount(
        code=_text(one, "Code"),
        name=_text(one, "Name"),
        active=one.get("Status", "ACTIVE") == "ACTIVE",
        for_sales=one.get("Type") != "BANK" and not one.get("SystemAccount"),
        section=_CLASSES.get(_text(one, "Class"), "revenue"),
        tax_type=_text(one, "TaxType"),
    )


def _tax_rates(document: Any) -> Books:
    return Books(tax_rates={_text(one, "TaxType"): _tax_rate(one) for one in _entries(document, "TaxRates")})


def _tax_rate(one: Entry) -> TaxRate:
    return TaxRate(
        code=_text(one, "TaxType"),
        name=_text(one, "Name"),
        percent=_number(one.get("EffectiveRate")),
        active=one.get("Status", "ACTIVE") == "ACTIVE",
        sections=frozenset(name.lower() for name in _SECTIONS if one.get(f"CanApplyTo{name}", True)),
    )


def _currencies(document: Any) -> Books:
    return Books(currencies=frozenset(_text(one, "Code") for one in _entries(document, "Currencies")))


def _tracking(document: Any) -> Books:
    active = (one for one in _entries(document, "TrackingCategories") if one.get("Status", "ACTIVE") == "ACTIVE")
    return Books(tracking={_text(one, "Name"): _options(one) for one in active})


def _options(category: Entry) -> frozenset[str]:
    options = _entries(category, "Options")
    return frozenset(_text(one, "Name") for one in options if one.get("Status", "ACTIVE") == "ACTIVE")


def _items(document: Any) -> Books:
    return Books(items={_text(one, "Code"): _item(one) for one in _entries(document, "Items")})


def _item(one: Entry) -> SoldItem:
    sales = one.get("SalesDetails")
    brought = sales if isinstance(sales, dict) else {}
    return SoldItem(
        code=_text(one, "Code"),
        account=_text(brought, "AccountCode"),
        price=_number(brought.get("UnitPrice")),
        tax_type=_text(brought, "TaxType"),
    )


# Per part: the SDK's method, and how its answer is read.
READERS: Mapping[Part, tuple[str, Callable[[Any], Books]]] = {
    "organisation": ("get_organisations", _organisation),
    "actions": ("get_organisation_actions", _actions),
    "accounts": ("get_accounts", _accounts),
    "tax_rates": ("get_tax_rates", _tax_rates),
    "currencies": ("get_currencies", _currencies),
    "tracking": ("get_tracking_categories", _tracking),
    "items": ("get_items", _items),
}


def files(document: Any) -> list[ListedFile] | None:
    """The files of an invoice in a list of them (SPEC:20505); None where this is no such list."""
    if not isinstance(document, dict) or not isinstance(document.get("Attachments"), list):
        return None
    listed = _entries(document, "Attachments")
    sizes = ((one, one.get("ContentLength")) for one in listed)
    return [
        ListedFile(_text(one, "AttachmentID"), _text(one, "FileName"), int(size))
        for one, size in sizes
        if isinstance(size, int | Decimal)
    ]


def words_of_refusal(document: Any) -> list[str]:
    """What Xero says against a file: the validation errors of its elements, else the message of the whole."""
    found = [
        _text(told, "Message") for one in _entries(document, "Elements") for told in _entries(one, "ValidationErrors")
    ]
    whole = _text(document, "Message") if isinstance(document, dict) else ""
    return [one for one in found if one] or ([whole] if whole else [])


def _entries(document: Any, name: str) -> Iterator[Entry]:
    listed = document.get(name) if isinstance(document, dict) else None
    yield from (one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(day(value))
    except ValueError:
        return None


def _number(value: Any) -> Decimal:
    found = number_of(str(value if value is not None else 0))
    return found if found.is_finite() else Decimal(0)


CONTACTS_PAGE = 1000  # the longest page Xero gives (facts §4.1)


def contacts_by_id(document: Any) -> Mapping[str, ListedContact]:
    """The contacts of a list answer, by id in lower case; what has no id is left out."""
    return {one.id: one for one in map(_listed_contact, _elements(document)) if one.id}


def contacts_page(document: Any) -> ContactPage:
    """A page of contacts; a full one may have more behind it."""
    listed = _elements(document)
    return ContactPage([one for one in map(_listed_contact, listed) if one.id], more=len(listed) >= CONTACTS_PAGE)


def created_contacts(document: Any, numbers: Sequence[str]) -> Mapping[str, ListedContact | NotAContact]:
    """What became of each contact of a create, by our number: made, or refused in Xero's words.

    Left out is what the answer does not name, or says two things about; one alone may come back without its number.
    """
    said: dict[str, list[ListedContact | NotAContact]] = {}
    for one in [*_elements(document), *_entries(document, "Elements")]:
        number = _text(one, "ContactNumber") or (numbers[0] if len(numbers) == 1 else "")
        if outcome := _outcome_of_create(one):
            said.setdefault(number, []).append(outcome)
    return {number: said[number][0] for number in numbers if len(said.get(number, ())) == 1}


def _outcome_of_create(one: Entry) -> ListedContact | NotAContact | None:
    told = [message.text for message in messages(one)]
    if told:
        taken = any("already assigned to another contact" in text for text in told)
        problem = ContactProblem.NAME_TAKEN if taken else ContactProblem.NOT_CREATED
        return NotAContact(problem, {"name": _text(one, "Name"), "said": " ".join(told)})
    made = _listed_contact(one)
    return made if made.id.strip("0-") else None


def is_contact_list(document: Any, name: str) -> bool:
    """Whether this is Xero's list of that name at all, not some other JSON."""
    return isinstance(document, dict) and isinstance(document.get(name), list)


def _elements(document: Any) -> list[dict[str, Any]]:
    listed = document["Contacts"] if is_contact_list(document, "Contacts") else []
    return [one for one in listed if isinstance(one, dict)]


def _listed_contact(said: Mapping[str, Any]) -> ListedContact:
    return ListedContact(
        id=_text(said, "ContactID").lower(),
        name=_text(said, "Name"),
        status=_text(said, "ContactStatus").upper() or "ACTIVE",
        merged_into=_text(said, "MergedToContactID").lower(),
        number=_text(said, "ContactNumber") or _text(said, "AccountNumber"),
        email=_text(said, "EmailAddress"),
    )


Said = Mapping[str, Any]


def _account_choice(said: Said) -> ListedChoice:
    """An account; bank and system accounts and archived ones cannot stand on a line, revenue is offered first."""
    usable = said.get("Status", "ACTIVE") == "ACTIVE" and said.get("Type") != "BANK" and not said.get("SystemAccount")
    return ListedChoice(_text(said, "Code"), _text(said, "Name"), usable=usable, first=said.get("Class") == "REVENUE")


def _tax_rate_choice(said: Said) -> ListedChoice:
    """A tax rate; only an active one that can apply to revenue is of use."""
    usable = said.get("Status", "ACTIVE") == "ACTIVE" and said.get("CanApplyToRevenue") is not False
    return ListedChoice(_text(said, "TaxType"), _text(said, "Name"), usable=usable)


def _tracking_choice(said: Said) -> ListedChoice:
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
    "accounts": ("get_accounts", "Accounts", _account_choice),
    "tax_rates": ("get_tax_rates", "TaxRates", _tax_rate_choice),
    "tracking": ("get_tracking_categories", "TrackingCategories", _tracking_choice),
    "branding_themes": ("get_branding_themes", "BrandingThemes", _theme),
}


def choices_in(kind: ChoiceKind, document: Any) -> Sequence[ListedChoice]:
    """The choices of this kind in an answer; what has no code cannot be chosen and is left out."""
    _, listed, choice = ENDPOINTS[kind]
    found = [choice(one) for one in document[listed] if isinstance(one, dict)]
    return [one for one in found if one.code]
