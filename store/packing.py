"""Texts that are kept packed: deflated beside words that most of them hold, and written in base64; pure.

A packed text is `~`, the letter of its words, its length in bytes (8 digits), and what was deflated. What begins
otherwise is the text itself: nothing that is kept here begins with `~`, and old rows stay as they are.
"""

import base64
import functools
import zlib
from typing import Any

MARK = "~"
SIZE_FROM, SIZE_DIGITS = 3, 8  # where a packed text says its length, counted from 1 as SQL does
_SHORTEST = 64
_LEVEL, _WINDOW, _MEMORY = 6, 13, 6  # 8 KB are looked back upon: each text costs some microseconds and 40 KB

# What rows packed before hold on to: words are never changed. Other ones get another letter, which is then written.
# What is likeliest stands last. No one's data is in them.
WORDS = {
    "a": (
        b'"specversion":"1.0","id":"","source":"crewcard-xero","type":"invoice.export.failed","subject":"","time":"2026-'
        b'","datacontenttype":"application/json","causationid":"","data":{"company":"","request":"","invoice":"",'
        b'"number":"","sequence":1,"marker":"exported","requested_by":{"id":"","name":""},"outcome":"created",'
        b'"xero_invoice_id":"","totals":{"currency":"NZD","subtotal":"","tax":"","total":""},'
        b'"deep_link":"https://go.xero.com/app/!/invoicing/view/","exported_at":"2026-","verified":true,'
        b'"differences":[],"drift":null,"checked_at":"2026-","generation":1,"document":"invoice","client":""'
        b'"notification":{"level":"error","title":"","message":""},"reason":"","cause":"","who":"clerk","how":"",'
        b'{"id":"","revision":0,"number":"","job":"","client":{"id":"","name":"","xero_contact_id":""},'
        b'"xero_invoice_id":"","date":"2026-01-","due_date":"2026-02-","expected_payment_date":"2026-","currency":"NZD",'
        b'"currency":"AUD","currency":"USD","currency":"EUR","currency":"GBP","currency_rate":"","amounts_are":'
        b'"inclusive","amounts_are":"exclusive","reference":"","link":"https://","sent_to_contact":true,"lines":['
        b'{"description":"","kind":"labour","quantity":"1","unit_amount":"00.00","account_code":"200","tax_type":'
        b'"OUTPUT2","discount_rate":"10","discount_amount":"","item_code":"","tracking":[{"category":"","option":""}]},'
        b'{"description":"","quantity":"1","unit_amount":"0.00","tracking":[]}],"totals":{"subtotal":"","tax":"",'
        b'"total":"00"}}'
        b'{"contact_name":"","updated":"2026-01-01T00:00:00.000000Z","lines":[{"id":"","description":"","quantity":"1",'
        b'"unit_amount":"0.00","discount":"","account":"200","tax_type":"OUTPUT2","item":"","tracking":"","amount":"00"},'
        b'{"id":"","description":"","quantity":"7.5","unit_amount":"0.00","discount":"","account":"200","tax_type":"'
        b'OUTPUT","item":"","tracking":"","amount":".50"}],"contact":"","number":"","reference":"","date":"2026-01-",'
        b'"due_date":"2026-02-","expected_payment_date":null,"currency":"NZD","currency_rate":"1","amounts":"Inclusive",'
        b'"amounts":"Exclusive","status":"AUTHORISED","branding_theme":null,"link":"https://","sent_to_contact":null,'
        b'"subtotal":"","tax":"","total":""}'
        b'{"totals":{"currency":"NZD","subtotal":"","tax":"","total":""},"status":"AUTHORISED","updated":"2026-01-01T'
        b'00:00:00.000000+00:00","differences":[],"differing":[],"warnings":[],"cleaned":[],"compared":["contact",'
        b'"number","reference","date","due date","expected payment date","currency","currency rate","amounts",'
        b'"status","link","number of lines","description of lines","quantity of lines","unit amount of lines",'
        b'"discount of lines","account of lines","tax rate of lines","item of lines","tracking of lines",'
        b'"amount of lines","sum of CrewCard\'s lines","CrewCard\'s totals"],'
        b'"not_compared":["CrewCard\'s own totals: it sent none"],'
        b'"compared_at":"2026-01-01T00:00:00.000000+00:00"}'
    ),
}
_NEWEST = "a"


def packed(text: str) -> str:
    """The text as it is kept: packed, or as it is where that is no shorter."""
    if len(text) < _SHORTEST and not text.startswith(MARK):
        return text
    plain = text.encode()
    if len(plain) >= 10**SIZE_DIGITS:
        return text
    found = f"{MARK}{_NEWEST}{len(plain):0{SIZE_DIGITS}}{base64.b64encode(_deflated(plain)).decode()}"
    return found if len(found) < len(plain) or text.startswith(MARK) else text


def unpacked(kept: str | None) -> str | None:
    """The text that was kept. Raises KeyError where it was packed with words that this version does not know."""
    if not kept or not kept.startswith(MARK):
        return kept
    return _inflated(base64.b64decode(kept[2 + SIZE_DIGITS :]), kept[1]).decode()


def packed_bytes(plain: bytes) -> bytes:
    """The same for a body: the mark and the letter, and what was deflated."""
    return f"{MARK}{_NEWEST}".encode() + _deflated(plain)


def unpacked_bytes(kept: bytes | None) -> bytes | None:
    """The body that was kept. Raises KeyError where it was packed with words that this version does not know."""
    return _inflated(kept[2:], chr(kept[1])) if kept and kept.startswith(MARK.encode()) else kept


def _deflated(plain: bytes) -> bytes:
    beginning = _primed().copy()
    deflated: bytes = beginning.compress(plain) + beginning.flush()
    return deflated


@functools.cache
def _primed() -> Any:
    """What has read the words already: to have them read for each text would cost more than the text."""
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW, _MEMORY, zdict=WORDS[_NEWEST])


def _inflated(deflated: bytes, letter: str) -> bytes:
    reading = zlib.decompressobj(-zlib.MAX_WBITS, zdict=WORDS[letter])
    return reading.decompress(deflated) + reading.flush()
