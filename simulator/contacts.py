"""Contacts: created, what an inline contact does to them, and how Xero shows them (facts §5)."""

from simulator import rules
from simulator.context import Context
from simulator.wire import Json
from simulator.world import NOTHING, Contact, Organisation, new_id, wire_moment


def create(context: Context, said: Json) -> Json:
    """Create one contact, or say why not; it creates and never changes one (SPEC:3778)."""
    wrong = list(rules.of_new_contact(context, said))
    if wrong:
        told = [{"Message": text} for text in wrong]
        echo = {**said, "ContactID": NOTHING, "HasValidationErrors": True, "ValidationErrors": told}
        return {**echo, "StatusAttributeString": "ERROR"}
    made = Contact(
        new_id(),
        said["Name"],
        email=said.get("EmailAddress", ""),
        number=said.get("ContactNumber", ""),
        tax_number=said.get("TaxNumber", ""),
        addresses=said.get("Addresses", []),
        persons=said.get("ContactPersons", []),
        updated=context.now,
    )
    context.organisation.contacts[made.id] = made
    return {**in_full(made, merge=True), "StatusAttributeString": "OK"}


def resolve(context: Context, said: Json) -> Contact:
    """The contact of an accepted invoice: found and changed by what was sent beside its id, or created."""
    contact = rules.contact_of(context, said)
    if contact is None:
        contact = Contact(new_id(), said["Name"], updated=context.now)
        context.organisation.contacts[contact.id] = contact
    if set(said) - {"ContactID"}:
        contact.name = said.get("Name") or contact.name
        contact.number = said.get("ContactNumber") or contact.number
        contact.email = said.get("EmailAddress", contact.email)
        contact.persons = said.get("ContactPersons", [])  # the ones left out are deleted
        contact.updated = context.now
    return contact


def winner(organisation: Organisation, contact_id: str) -> Contact | None:
    """The contact, or the one it was merged into."""
    seen: set[str] = set()
    found = organisation.contacts.get(contact_id)
    while found and found.merged_to in organisation.contacts and found.id not in seen:
        seen.add(found.id)
        found = organisation.contacts[found.merged_to]
    return found


def on_invoice(contact: Contact) -> Json:
    """A contact as an invoice carries it. Its TaxNumberType is one the document does not know (facts §11.9)."""
    shown: Json = {
        "ContactID": contact.id,
        "ContactStatus": contact.status,
        "Name": contact.name,
        "EmailAddress": contact.email,
        "BankAccountDetails": "",
        "Addresses": contact.addresses or [{"AddressType": "STREET"}, {"AddressType": "POBOX"}],
        "Phones": [{"PhoneType": kind, "PhoneNumber": ""} for kind in ("DEFAULT", "DDI", "FAX", "MOBILE")],
        "UpdatedDateUTC": wire_moment(contact.updated),
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": True,
        "ContactPersons": contact.persons,
        "HasValidationErrors": False,
    }
    if contact.number:
        shown["ContactNumber"] = contact.number
    if contact.tax_number:
        shown["TaxNumber"] = contact.tax_number
    if contact.tax_number_type:
        shown["TaxNumberType"] = f"TAXNUMBERTYPE/{contact.tax_number_type}"
    return shown


def summary(contact: Contact) -> Json:
    """A contact in a list of invoices."""
    return {"ContactID": contact.id, "Name": contact.name, "Addresses": [], "Phones": [], "ContactGroups": []}


def in_full(contact: Contact, *, merge: bool) -> Json:
    """A contact of the Contacts endpoint; who it was merged into only where `merge` says so (facts §5)."""
    shown = on_invoice(contact)
    shown |= {"HasAttachments": False, "SalesTrackingCategories": [], "PurchasesTrackingCategories": []}
    if merge and contact.merged_to:
        shown["MergedToContactID"] = contact.merged_to
    return shown


def in_short(contact: Contact, *, merge: bool) -> Json:
    """The same with summaryOnly: without addresses, groups, persons, IsCustomer (facts §5)."""
    left_out = ("Addresses", "Phones", "ContactGroups", "ContactPersons", "IsCustomer", "IsSupplier")
    full = in_full(contact, merge=merge)
    return {name: value for name, value in full.items() if name not in left_out}
