"""Addresses: our mark on an invoice, deep links into Xero, contact ids out of what people paste; pure.

Which contact a person means by what they pasted; pure (facts §5.1).
"""

import functools
import re
import unicodedata
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from events.accounting_target import Pasted
from events.contacts import ContactProblem, NotAContact

_HEX = "0-9a-fA-F"
_GUID = re.compile(
    rf"(?<![{_HEX}])(?<![{_HEX}]-)"
    rf"([{_HEX}]{{8}})-?([{_HEX}]{{4}})-?([{_HEX}]{{4}})-?([{_HEX}]{{4}})-?([{_HEX}]{{12}})"
    rf"(?![{_HEX}])(?!-[{_HEX}])"
)
_SHORT_CODE = re.compile(r"(?:/app/|shortcode=)(![^/&?#\s]+)", re.IGNORECASE)
_PAGES = (
    ("a bank transaction", re.compile(r"bank\s*transaction|/bank/", re.IGNORECASE)),
    ("a bill", re.compile(r"accountspayable|/bills?/", re.IGNORECASE)),
    ("a quote", re.compile(r"/quotes?/|quoteid=", re.IGNORECASE)),
    ("an invoice", re.compile(r"invoic|accountsreceivable", re.IGNORECASE)),
)
_CONTACTS = re.compile(r"/contacts?\b", re.IGNORECASE)
_ADDRESS = re.compile(r"https?:[/\\]+[^\s<>\"]+", re.IGNORECASE)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_XERO_SITE = "xero.com"
_NOTHING = "00000000-0000-0000-0000-000000000000"
_SHOWN = 60  # characters of a pasted text that a sentence repeats
_DECODINGS = 3  # an address passed on twice is encoded twice


def parse_pasted(text: str) -> Pasted:
    """The contact, its id in lower case, and the organisation's short code where the text has one.

    Raises NotAContact, which says what was pasted instead.
    """
    plain = _plain(text)
    for page, pattern in _PAGES:
        if pattern.search(plain):
            raise NotAContact(ContactProblem.NOT_OF_A_CONTACT, {"page": page})
    for address in _ADDRESS.findall(plain):
        site = _site(address.replace("\\", "/"))
        if site and site != _XERO_SITE and not site.endswith(f".{_XERO_SITE}"):
            raise NotAContact(ContactProblem.NOT_XEROS, {"site": site})
    found = _ids(plain) or _ids(re.sub(r"\s+", "", plain))  # an address may have been broken over two lines
    if not found:
        raise NotAContact(*_what_instead(plain))
    if len(set(found)) > 1:
        raise NotAContact(ContactProblem.SEVERAL)
    code = _SHORT_CODE.search(plain)
    return Pasted(found[0], code[1] if code else "")


def _plain(text: str) -> str:
    """The text decoded, without what cannot be seen, with every dash a hyphen."""
    for _ in range(_DECODINGS):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    folded = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return "".join(sign for sign in folded if sign.isspace() or sign.isprintable()).strip()


def _ids(text: str) -> list[str]:
    found = ["-".join(parts).lower() for parts in _GUID.findall(text)]
    return [one for one in found if one != _NOTHING]


def _site(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _what_instead(plain: str) -> tuple[ContactProblem, dict[str, str]]:
    if _XERO_SITE in plain.lower() and _CONTACTS.search(plain):
        return ContactProblem.LIST_OF_CONTACTS, {}
    if _XERO_SITE in plain.lower():
        return ContactProblem.NOT_OF_A_CONTACT, {"page": "another page"}
    line = " ".join(plain.split())
    shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
    return ContactProblem.NO_ID, {"pasted": shown}


MARK, GENERATION = "crewcard", "crewcard-raised"
_MOST_DIGITS = 9  # of a generation: nobody raises an invoice anew more often
_XERO = re.compile("xero", re.IGNORECASE)


def mark(base: str, company: str, invoice: str, generation: int = 1) -> str:
    """The invoice's Url in Xero, naming company and invoice id; of one that was raised anew, its generation too.

    Xero refuses addresses that contain "xero" (facts §8, Url): an address that would is written
    with that x percent-encoded, or not used at all when the host name has it.
    """
    owner = company.replace("%", "%25").replace("/", "%2F")  # the first slash is the one between the two
    address = f"{base}{'&' if '?' in base else '?'}{MARK}={quote(f'{owner}/{invoice}', safe='')}"
    if generation > 1:
        address += f"&{GENERATION}={generation}"
    return _XERO.sub(lambda found: f"%{ord(found[0][0]):02X}{found[0][1:]}", address)


def marked(url: str | None) -> tuple[str, str] | None:
    """Company and invoice id that a Url names, or None when it carries no mark of ours."""
    owner, _, invoice = unquote_plus(next(iter(_own_fields(url)), "")).partition("/")
    return (unquote(owner), invoice) if owner and invoice else None


def generation(url: str | None) -> int:
    """The generation that a Url names; the first where it does not say."""
    said = next((field for field in _own_fields(url)[1:] if field.startswith(f"{GENERATION}=")), "")
    number = said.partition("=")[2]
    return max(1, int(number)) if number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS else 1


def _own_fields(url: str | None) -> list[str]:
    """Our part of a Url's query: what the mark says, then the fields behind it; nothing where there is no mark.

    Ours stands last: whatever stands before it is part of the host's own link.
    """
    fields = unquote_x((url or "").partition("#")[0].partition("?")[2]).split("&")
    last = max((place for place, field in enumerate(fields) if field.startswith(f"{MARK}=")), default=None)
    return [] if last is None else [fields[last].removeprefix(f"{MARK}="), *fields[last + 1 :]]


def unquote_x(query: str) -> str:
    """The query with an encoded x read as an x, so that a mark can be found by name."""
    return query.replace("%58", "X").replace("%78", "x")


def usable_base(link: str | None, fallback: str) -> str:
    """The host's own link to the invoice, unless Xero would refuse its host name."""
    if link and not _XERO.search(urlsplit(link).netloc) and "#" not in link:
        return link
    return fallback


def deep_link(short_code: str, invoice_id: str) -> str:
    """The page of an invoice in Xero (facts §8, deep links)."""
    return f"https://go.xero.com/app/{quote(short_code, safe='!')}/invoicing/view/{invoice_id}"


def credit_note_link(short_code: str, credit_note_id: str) -> str:
    """The page of a credit note in Xero (facts §8.1); in the organisation last used there where no code is known."""
    page = f"/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={credit_note_id}"
    if not short_code:
        return f"https://go.xero.com{page}"
    into = f"https://go.xero.com/organisationlogin/default.aspx?shortcode={quote(short_code, safe='!')}"
    return f"{into}&redirecturl={page}"


def contact_link(short_code: str, contact_id: str) -> str:
    """The page of a contact in Xero (facts §5.1); of the organisation last used there where the code is not known."""
    if not short_code:
        return f"https://go.xero.com/Contacts/View/{contact_id}"
    return f"https://go.xero.com/app/{quote(short_code, safe='!')}/contacts/contact/{contact_id}"


@functools.lru_cache(maxsize=4096)
def contact_id(text: str) -> str | None:
    """The contact id in what was kept or pasted, lower case; None when there is none (facts §5.1)."""
    try:
        return parse_pasted(text).contact_id
    except NotAContact:
        return None
