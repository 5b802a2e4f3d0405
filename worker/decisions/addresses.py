"""Where webhooks may go; pure. A host's endpoint must not be a way into our own network (SSRF)."""

import ipaddress
from urllib.parse import urlsplit

ALLOWS = "WEBHOOK_PRIVATE_ADDRESSES=true allows it"
# Not out on the internet, by IANA's registries of special purposes; and what a cloud keeps for itself.
_NOT_OUTSIDE = [
    ipaddress.ip_network(one)
    for one in (
        *(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
        ),
        *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out; NAT64 and site-local lie beside it
# Where a cloud hands its machines their credentials: nobody's endpoint, in whatever network.
_METADATA = frozenset(
    ipaddress.ip_address(one)
    for one in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "192.0.0.192",
        "168.63.129.16",
        "100.100.100.200",
    )
) | {
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("fd00:ec2::23"),
    ipaddress.ip_address("fd20:ce::254"),
}
# Mapped, compatible and translated addresses, and NAT64's two prefixes: the last 32 bits are IPv4's.
_WRAP_AT_THE_END = [
    ipaddress.ip_network(one)
    for one in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is out on the internet; a wrapped one is not, unless mapped."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if isinstance(found, ipaddress.IPv6Address) and found not in _UNICAST:
        return False
    return found.is_global and not any(found in one for one in _NOT_OUTSIDE if one.version == found.version)


def is_metadata(address: str) -> bool:
    """Whether a cloud's credentials are handed out there, which no setting allows."""
    return _unwrapped(address) in _METADATA


def _unwrapped(address: str) -> Address:
    """The IPv4 address that goes over the wire in the end, where an IPv6 one wraps it; else the address itself."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    if any(found in network for network in _WRAP_AT_THE_END):
        return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.sixtofour or (found.teredo[1] if found.teredo else found)


def objection(url: str, *, private: bool) -> str | None:
    """What is wrong with the address of an endpoint, as a sentence, or None. Its name is resolved at each call."""
    if len(url) > 1000 or not url.isascii() or not url.isprintable() or " " in url:
        return "must be an address of at most 1,000 plain ASCII characters (a name with others in its xn-- form)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an address like https://app.example.com/callback.php"
    if parts.scheme not in ("https", "http") or not host:
        return "must be an address like https://app.example.com/callback.php"
    if parts.username or parts.password:
        return "must not hold a user or password: deliveries are signed instead"
    if parts.scheme == "http" and not private:
        return f"must begin with https://; within your own network {ALLOWS}"
    return _of_bare_address(host, private=private)


def _of_bare_address(host: str, *, private: bool) -> str | None:
    try:
        public = is_public(host)
    except ValueError:
        return None  # a name
    if is_metadata(host):
        return f"{host} is where a cloud keeps credentials; nothing allows it"
    return None if public or private else f"{host} is a private address; {ALLOWS}"
