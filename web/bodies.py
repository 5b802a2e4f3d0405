"""Bodies of requests: held in memory only as far as they may be, and taken as what they say they are."""

from collections.abc import Mapping

from fastapi import Request

from web.problems import Refused

MOST_BYTES = 20_000_000
JSON_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")


async def whole(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises Refused (413) before more than `most` bytes are held."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise Refused(413, "Body too large", [f"body: at most {most:,} bytes are accepted"])
        chunks.append(chunk)
    return b"".join(chunks)


def must_be_json(headers: Mapping[str, str]) -> None:
    """Raises Refused (415) for a body that says it is something else; one that says nothing is read as JSON."""
    kind, _, parameters = headers.get("content-type", JSON_TYPES[0]).partition(";")
    if kind.strip().lower() not in JSON_TYPES:
        raise Refused(415, "Unsupported media type", [f"content-type: must be one of {', '.join(JSON_TYPES)}"])
    charset = parameters.lower().replace('"', "").replace(" ", "").partition("charset=")[2] or "utf-8"
    if charset.partition(";")[0] not in ("utf-8", "utf8"):
        raise Refused(415, "Unsupported media type", ["content-type: the charset must be utf-8"])
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Unsupported media type", ["content-encoding: bodies are taken as they are, unpacked"])
