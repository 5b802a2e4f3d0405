"""A file is fetched from the signed address that a host named, within the wall that webhooks go through as well.

No address of our own network, no more bytes than an invoice's files may have, an end to each fetch.
"""

from urllib.parse import urljoin

import httpcore

from events.attachments import AttachmentProblem
from worker.decisions import addresses
from worker.delivery.webhook_post import Private, Wire

_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_MOST_REDIRECTS = 3
_LONGEST_ADDRESS = 4000  # a signed one has a long query
_AT_ONCE = 32
_GONE_FOR_GOOD = (400, 401, 403, 404, 405, 410)  # a signed address says so when it is over
_REDIRECTS = (301, 302, 303, 307, 308)


class NotFetched(Exception):
    """Nothing usable came; `lasting`: it never will from this address. `said` goes on in the problem's sentence."""

    def __init__(self, problem: AttachmentProblem, said: str, *, lasting: bool = True) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.said = said
        self.lasting = lasting


class Fetcher:
    """Fetches files; safe to share between threads. Redirects are followed, each address checked anew."""

    def __init__(self, *, private: bool, seconds: float = _SECONDS) -> None:
        self._private = private
        self._seconds = seconds
        self._wire = Wire(private=private)
        self._pool = httpcore.ConnectionPool(
            httpcore.default_ssl_context(),
            network_backend=self._wire,
            max_connections=_AT_ONCE,
            max_keepalive_connections=0,  # what a server says too much is no other file's beginning
        )

    def stop(self) -> None:
        """Whatever is being fetched breaks off, and nothing is fetched any more."""
        self._wire.break_off()

    def fetch(self, url: str, most: int) -> bytes:
        """The file, of at most so many bytes. Raises NotFetched."""
        self._wire.ends_in(self._seconds)
        for _ in range(_MOST_REDIRECTS + 1):
            wrong = addresses.objection(url, private=self._private, longest=_LONGEST_ADDRESS)
            if wrong:
                raise NotFetched(AttachmentProblem.LINK_NOT_ALLOWED, wrong)
            found = self._answer(url, most)
            if isinstance(found, bytes):
                return found
            url = _joined(url, found)
        raise NotFetched(AttachmentProblem.LINK_REFUSED, "its link leads on and on")

    def _answer(self, url: str, most: int) -> bytes | str:
        """What is there, or where it leads."""
        try:
            return self._download(url, most)
        except Private as inside:
            allows = "nothing allows it" if addresses.is_metadata(str(inside)) else addresses.ALLOWS
            sentence = f"leads to the private address {inside}; {allows}"
            raise NotFetched(AttachmentProblem.LINK_NOT_ALLOWED, sentence) from None
        except (httpcore.TimeoutException, TimeoutError):
            raise _not_now(f"it did not come within {self._seconds:g} seconds") from None
        except httpcore.ConnectError as refused:
            bad = "the certificate there is not valid" if "CERTIFICATE" in str(refused) else "it cannot be reached"
            raise _not_now(bad) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as lost:
            raise _not_now(f"the connection broke off ({type(lost).__name__})") from None

    def _download(self, url: str, most: int) -> bytes | str:
        times = {"connect": _CONNECT_SECONDS, "read": None, "write": None, "pool": self._seconds}
        headers = [("user-agent", "crewcard-xero"), ("accept", "*/*"), ("accept-encoding", "identity")]
        with self._pool.stream("GET", url, headers=headers, extensions={"timeout": times}) as reply:
            said = {name.lower(): value.decode("latin-1") for name, value in reply.headers}
            if reply.status in _REDIRECTS and said.get(b"location"):
                return said[b"location"]
            if reply.status != 200:
                sentence = f"CrewCard answered {reply.status}"
                if reply.status in _GONE_FOR_GOOD:
                    raise NotFetched(AttachmentProblem.LINK_REFUSED, sentence)
                raise _not_now(sentence)
            if said.get(b"content-encoding", "identity") != "identity":
                raise NotFetched(AttachmentProblem.LINK_REFUSED, "it came packed, and not as it is")
            body = bytearray()
            for part in reply.iter_stream():
                body += part
                if len(body) > most:
                    raise NotFetched(AttachmentProblem.TOO_LARGE, "")
            whole = said.get(b"content-length", "")
            if whole.isdigit() and int(whole) != len(body):
                raise _not_now("it broke off before it was whole")
            return bytes(body)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise NotFetched(AttachmentProblem.LINK_NOT_ALLOWED, "leads on to no address") from None


def _not_now(sentence: str) -> NotFetched:
    return NotFetched(AttachmentProblem.NOT_FETCHED, sentence, lasting=False)
