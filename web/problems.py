"""Refusals a host's developer can act on: problem+json with sentences (RFC 9457)."""

from collections.abc import Mapping, Sequence

from fastapi.responses import JSONResponse


class Refused(Exception):
    """A door says no: `status`, a title, and sentences that each name the field they are about."""

    def __init__(
        self, status: int, title: str, problems: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.problems = list(problems)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The problem document; in an array it carries its headers too."""
        said = {"type": "about:blank", "title": self.title, "status": self.status, "problems": self.problems}
        wait = self.headers.get("Retry-After")
        return {**said, "retry_after": int(wait)} if wait else said

    def response(self) -> JSONResponse:
        """The problem as an HTTP answer."""
        return JSONResponse(self.body(), self.status, self.headers, media_type="application/problem+json")
