"""Which network addresses belong to one customer of a provider, and are counted as one; pure."""

import ipaddress
from functools import lru_cache

_V6_NETWORK = 64  # one customer of a provider has that many bits to himself


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The address as it is counted: of IPv6 its network of 64 bits; what is no address as it stands."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address or "?"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _V6_NETWORK), strict=False))
    return str(found)
