"""Bodies of requests, held in memory only as far as they may be."""

from fastapi import Request

from web.problems import Refused

MOST_BYTES = 20_000_000


async def whole(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises Refused (413) before more than `most` bytes are held."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise Refused(413, "Body too large", [f"body: at most {most:,} bytes are accepted"])
        chunks.append(chunk)
    return b"".join(chunks)
