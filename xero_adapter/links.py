"""Addresses: our mark on an invoice, deep links into Xero, contact ids out of what people paste; pure."""

import functools
import re
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from events.contact_problems import NotAContact
from xero_adapter import pasted

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


def contact_link(short_code: str, contact_id: str) -> str:
    """The page of a contact in Xero (facts §5.1); of the organisation last used there where the code is not known."""
    if not short_code:
        return f"https://go.xero.com/Contacts/View/{contact_id}"
    return f"https://go.xero.com/app/{quote(short_code, safe='!')}/contacts/contact/{contact_id}"


@functools.lru_cache(maxsize=4096)
def contact_id(text: str) -> str | None:
    """The contact id in what was kept or pasted, lower case; None when there is none (facts §5.1)."""
    try:
        return pasted.parse_pasted(text).contact_id
    except NotAContact:
        return None
