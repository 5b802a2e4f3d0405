"""Which contact a person means by what they pasted; pure (facts §5.1)."""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from events.accounting_target import Pasted
from events.contact_problems import ContactProblem, NotAContact

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
_XERO = "xero.com"
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
        if site and site != _XERO and not site.endswith(f".{_XERO}"):
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
    if _XERO in plain.lower() and _CONTACTS.search(plain):
        return ContactProblem.LIST_OF_CONTACTS, {}
    if _XERO in plain.lower():
        return ContactProblem.NOT_OF_A_CONTACT, {"page": "another page"}
    line = " ".join(plain.split())
    shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
    return ContactProblem.NO_ID, {"pasted": shown}
